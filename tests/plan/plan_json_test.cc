// The plan as JSON: an object of which no key stands twice, at any depth.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/plan/plan.h"
#include "tests/plan/spec_7b.h"

namespace hlm {
namespace {

std::string Json() {
  const ModelSpec spec = Spec7B();
  MachineSpec m;
  m.host_bytes = m.device_bytes = int64_t{400} << 30;
  m.threads = 16;
  m.product_flops_f32 = m.product_flops_bf16 = 1e12;
  m.up_bytes_per_second = m.down_bytes_per_second = m.host_bytes_per_second = 54e9;
  m.libraries = "test";
  m.workspace_bytes = [](const Call&, int64_t) { return size_t{64} << 20; };
  PlanOptions o;
  o.batch_size = 4, o.seq_len = 64, o.snapshot_bytes = 12345;
  return PlanJson(MakePlan(spec, MakeLayout(spec), o, m));
}

TEST(PlanJson, HasNoKeyTwice) {
  std::vector<std::set<std::string>> keys;
  std::vector<std::string> twice;
  const auto look = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (event == nlohmann::json::parse_event_t::object_start) keys.emplace_back();
    if (event == nlohmann::json::parse_event_t::object_end) keys.pop_back();
    if (event == nlohmann::json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      twice.push_back(parsed);
    return true;
  };
  const auto plan = nlohmann::json::parse(Json(), look);
  EXPECT_EQ(twice, std::vector<std::string>());
  EXPECT_EQ(plan.at("snapshot_bytes"), 12345);
}

}  // namespace
}  // namespace hlm
