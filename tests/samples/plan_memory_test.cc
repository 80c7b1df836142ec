// horizon plan for memory: other machines, the table of choices, budgets; and the largest models that a machine trains.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

using nlohmann::json;

const char* const kH100 = "samples/machines/h100-80g.json";
const char* const kH200 = "samples/machines/h200-1500g.json";

json Json(const Words& words) {
  const Result result = Horizon(With(words, {"--json"}));
  EXPECT_EQ(result.status, 0) << result.err;
  return result.status == 0 ? json::parse(result.out) : json();
}

Words Plan7B(const Words& more) {
  return With({"plan", "--preset", "qwen2.5-7b", "--machine", kH100, "--batch-size", "16", "--seq-len", "1024"}, more);
}

const Words kNoStore = {"--grad-clip", "0", "--optimizer-timing", "backward", "--sweeps", "1"};

// Exact 12 bytes and 14 with a gradient store; 6.3 and 8.3 with 8-bit moments; 4.3 and 6.3 without the remainder as well.
TEST(PlanMemory, BytesAParameterOf7B) {
  const auto bytes = [](const Words& more) { return Json(Plan7B(more))["bytes_per_parameter"].get<double>(); };
  EXPECT_NEAR(bytes({}), 14, 0.2);
  EXPECT_NEAR(bytes(kNoStore), 12, 0.2);
  const Words int8 = {"--states", "int8"}, smallest = {"--states", "int8", "--master", "none"};
  EXPECT_LE(bytes(int8), 8.3);
  EXPECT_LE(bytes(With(int8, kNoStore)), 6.3);
  EXPECT_LE(bytes(smallest), 6.3);
  EXPECT_LE(bytes(With(smallest, kNoStore)), 4.3);
  EXPECT_GT(bytes(With(smallest, kNoStore)), 4);
}

// 125 GiB of host memory, one sweep, no clipping.
TEST(PlanMemory, TheLargestModelsOf125GiB) {
  struct Model {
    const char* config;
    double parameters;
    Words states;
  };
  const Model models[] = {{"dense-9b", 9e9, {}},
                          {"dense-18b", 18e9, {"--states", "int8"}},
                          {"dense-26b", 26e9, {"--states", "int8", "--master", "none"}}};
  for (const Model& model : models) {
    const Words plan = With({"plan", "--config", std::string("samples/configs/") + model.config + ".json", "--machine", kH100,
                             "--batch-size", "16", "--seq-len", "1024"},
                            With(model.states, kNoStore));
    const json made = Json(plan);
    EXPECT_GE(made["parameters"].get<double>(), model.parameters);
    EXPECT_LT(made["host_bytes"].get<int64_t>(), int64_t{119} << 30) << model.config;
    EXPECT_LT(made["device_bytes"].get<int64_t>(), int64_t{78} << 30) << model.config;
    EXPECT_FALSE(made["gradient_store"].get<bool>());
  }
}

TEST(PlanMemory, ATableFor120BOnAMachineThatIsNotHere) {
  const Words plan = {"plan",      "--config", "samples/configs/dense-120b.json", "--machine", kH200, "--batch-size", "16",
                      "--seq-len", "1024"};
  const json made = Json(With(plan, kNoStore));
  EXPECT_NEAR(made["parameters"].get<double>(), 120e9, 0.5e9);
  EXPECT_EQ(made["machine"], "one H200, 1.5 TB of host memory");
  EXPECT_LE(made["host_bytes"].get<double>(), 1.5e12);
  EXPECT_EQ(made["exactness"], "exact");
  const json rows = Json(With(plan, {"--compare"}));
  EXPECT_EQ(rows.size(), 12u);
  const Result table = Horizon(With(plan, {"--compare"}));
  EXPECT_EQ(table.status, 0) << table.err;
  for (const char* part : {"bytes/p.", "tokens/s", "moments rounded", "weights rounded", "TiB", " no ", "yes"}) {
    EXPECT_NE(table.out.find(part), std::string::npos) << part << "\n" << table.out;
  }
}

TEST(PlanMemory, TheTableHasEveryChoice) {
  const json rows = Json(Plan7B({"--compare"}));
  ASSERT_EQ(rows.size(), 12u);
  double least = 1e9;
  int taken = 0;
  for (const json& row : rows) {
    const std::string states = row["states"], master = row["master"], timing = row["optimizer_timing"];
    const double moments = states == "f32" ? 8 : states == "bf16" ? 4 : 2;
    const double bytes = 2 + (master == "split" ? 2 : 0) + moments + (timing == "backward" ? 0 : 2);
    EXPECT_NEAR(row["bytes_per_parameter"].get<double>(), bytes, 0.2) << row;
    EXPECT_EQ(row["grad_clip"].get<double>(), timing == "backward" ? 0 : 1);
    EXPECT_EQ(row["exactness"], master == "none" ? "weights rounded" : states == "f32" ? "exact" : "moments rounded");
    EXPECT_TRUE(row["fits"].get<bool>());
    EXPECT_GT(row["tokens_per_second"].get<double>(), 1000);
    least = std::min(least, row["tokens_per_second"].get<double>());
    taken += row["taken"].get<bool>();
    // The row is the plan that these options make.
    Words options = {"--states", states, "--master", master, "--optimizer-timing", timing};
    if (timing == "backward") options = With(options, {"--grad-clip", "0"});
    const json plan = Json(Plan7B(options));
    for (const char* key : {"host_bytes", "device_bytes", "sweeps"}) EXPECT_EQ(row[key], plan[key]) << key;
    EXPECT_EQ(row["tokens_per_second"], plan["prediction"]["tokens_per_second"]);
  }
  EXPECT_EQ(least, rows[0]["tokens_per_second"].get<double>()) << "the exact update touches most memory";
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(rows[0]["taken"].get<bool>());
}

TEST(PlanMemory, ABudgetTakesTheRowThatTheTableMarks) {
  for (const char* budget : {"115GiB", "80GiB", "62GiB", "52GiB"}) {
    const json plan = Json(Plan7B({"--budget-host", budget}));
    EXPECT_NE(plan["choice"].get<std::string>().find("fits"), std::string::npos) << plan["choice"];
    const json rows = Json(Plan7B({"--budget-host", budget, "--compare"}));
    const auto taken = std::find_if(rows.begin(), rows.end(), [](const json& row) { return row["taken"].get<bool>(); });
    ASSERT_NE(taken, rows.end()) << budget;
    for (const char* key : {"states", "master", "optimizer_timing", "host_bytes", "device_bytes", "sweeps"}) {
      EXPECT_EQ((*taken)[key], plan[key]) << budget << " " << key;
    }
    for (const json& row : rows) EXPECT_EQ(row.contains("why_not"), !row["fits"].get<bool>());
  }
  const json device = Json(Plan7B({"--budget-device", "30GB"}));
  EXPECT_LE(device["device_bytes"].get<double>(), 30e9);
  EXPECT_EQ(device["states"], "f32");
  EXPECT_GT(Json(Plan7B({}))["device_bytes"].get<double>(), 30e9);
  // What is asked for by name is not chosen.
  EXPECT_EQ(Json(Plan7B({"--budget-host", "115GiB", "--states", "int8"}))["states"], "int8");
  EXPECT_EQ(Json(Plan7B({"--host-limit-bytes", "80GiB", "--states", "auto"}))["states"], "bf16");
  const Result nothing = Horizon(Plan7B({"--budget-host", "20GiB"}));
  EXPECT_EQ(nothing.status, 1);
  ExpectOneErrorLine(nothing, {"none of the states and masters fits", "21474836480"});
}

TEST(PlanMemory, AWrongMachineFileIsNamed) {
  const auto expect = [](const std::string& text, const Words& parts) {
    const std::string path = Scratch("machine.json");
    WriteFile(path, text);
    const Result result = Horizon({"plan", "--preset", "tiny", "--machine", path});
    EXPECT_EQ(result.status, 1) << text;
    ExpectOneErrorLine(result, With(parts, {"machine.json"}));
  };
  expect("", {"empty"});
  expect("{", {"machine file"});
  expect(R"({"gpus": 2})", {"'gpus'", "host_bytes"});
  expect(R"({"cores": 0})", {"cores is 0"});
  EXPECT_EQ(Horizon({"plan", "--preset", "tiny", "--machine", Scratch("not_there.json")}).status, 1);
  EXPECT_EQ(Horizon({"plan", "--preset", "tiny", "--compare", "--purpose", "forward"}).status, 2);
}

// This machine, recorded, serves as a file; and a machine with defaults only is one.
TEST(PlanMemory, AMachineCanBeRecorded) {
  const Result recorded = Horizon({"devices", "--device", "cpu", "--as-machine"});
  ASSERT_EQ(recorded.status, 0) << recorded.err;
  WriteFile(Scratch("this.json"), recorded.out);
  const json here = Json({"plan", "--preset", "tiny", "--device", "cpu"}),
             there = Json({"plan", "--preset", "tiny", "--machine", Scratch("this.json")});
  for (const char* key : {"host_bytes", "device_bytes", "pinned_bytes", "memory", "numerics", "prediction"})
    EXPECT_EQ(here[key], there[key]) << key;
  WriteFile(Scratch("none.json"), "{}");
  EXPECT_EQ(Json({"plan", "--preset", "tiny", "--machine", Scratch("none.json")})["device"], "cuda:0");
}

// A budget on a run: the choice is said, and the run is that of the plan.
TEST(PlanMemory, TrainAndBenchTakeABudget) {
  const Words run = {"--preset",  "tiny", "--device", "cpu", "--batch-size",  "2",
                     "--seq-len", "16",   "--steps",  "1",   "--budget-host", "4GiB"};
  const Result train = Horizon(With({"train", "--data", WriteStream("b.npy", SomeIds(100))}, run));
  EXPECT_EQ(train.status, 0) << train.err;
  EXPECT_NE(train.out.find("states f32, master split"), std::string::npos) << train.out;
  const json bench = Json(With({"bench", "--warm-up", "0"}, run));
  EXPECT_NE(bench["choice"].get<std::string>().find("states f32, master split"), std::string::npos);
  EXPECT_GT(bench["predicted_step_seconds"].get<double>(), 0);
  EXPECT_NEAR(bench["step_over_prediction"].get<double>(),
              bench["step_seconds"].get<double>() / bench["predicted_step_seconds"].get<double>(), 1e-9);
}

}  // namespace
}  // namespace horizon_test
