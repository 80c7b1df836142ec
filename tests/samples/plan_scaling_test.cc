// horizon plan --scaling: what more devices and machines bring.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

nlohmann::json Scaling(const Words& more) {
  const Result result = Horizon(With({"plan", "--scaling", "--preset", "qwen2.5-7b", "--seq-len", "1024", "--machine",
                                      "samples/machines/h200x8-560g.json", "--device", "cuda:0-7", "--json"},
                                     more));
  EXPECT_EQ(result.status, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

TEST(PlanScalingTest, GrownStepsOfANodeGoOnAndOneStepDoesNot) {
  const auto scaling = Scaling({"--batch-size", "16"});
  std::vector<int64_t> devices;
  double first = 0;
  for (const auto& row : scaling.at("rows")) {
    devices.push_back(row.at("devices"));
    EXPECT_EQ(row.at("processes"), 1);
    const auto& grown = row.at("grown");
    EXPECT_EQ(grown.at("rows"), 16 * devices.back());
    const double rate = grown.at("tokens_per_second");
    if (first == 0) first = rate;
    EXPECT_GT(rate, 0.8 * first * static_cast<double>(devices.back())) << row;
    EXPECT_EQ(grown.at("route"), devices.back() == 1 ? "" : "peer") << row;
  }
  EXPECT_EQ(devices, (std::vector<int64_t>{1, 2, 4, 8}));
  // 16 Ki tokens feed fewer than eight.
  EXPECT_LT(scaling.at("most_devices_that_help"), 8);
}

TEST(PlanScalingTest, MachinesShareTheStates) {
  const auto scaling = Scaling({"--batch-size", "128", "--processes", "16"});
  int64_t before = 0;
  int64_t machines = 0;
  for (const auto& row : scaling.at("rows")) {
    if (row.at("devices") != 8) continue;
    machines = row.at("processes");
    const int64_t host = row.at("grown").at("host_bytes");
    if (before > 0) {
      EXPECT_LT(host, before) << row;
    }
    before = host;
  }
  EXPECT_EQ(machines, 16);
  const Result table = Horizon({"plan", "--scaling", "--preset", "qwen2.5-7b", "--seq-len", "1024", "--machine",
                                "samples/machines/h200x8-560g.json", "--device", "cuda:0-7", "--batch-size", "128"});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_NE(table.out.find("route peer"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("All 8 devices help a step of 128 rows."), std::string::npos) << table.out;
  // A number that is no power of two is a row as well.
  const auto asked = Scaling({"--batch-size", "96", "--processes", "3"});
  EXPECT_EQ(asked.at("rows").back().at("processes"), 3);
  EXPECT_FALSE(asked.at("rows").back().at("step").contains("why_not")) << asked.at("rows").back();
}

}  // namespace
}  // namespace horizon_test
