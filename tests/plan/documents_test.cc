// docs/plan.md, docs/numerics.md and docs/metrics.md speak of every key that plans, their numerics, machines and metrics of memory write.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/base/error.h"
#include "core/machine/machine_file.h"
#include "core/plan/memory_fields.h"
#include "core/plan/numerics.h"
#include "core/plan/plan.h"
#include "tests/plan/spec_7b.h"

namespace hlm {
namespace {

// Every word that stands in backticks, alone or as the end of a path ("memory.host.weights").
std::set<std::string> WordsInCode(const std::string& path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_FALSE(text.empty()) << path;
  std::set<std::string> words;
  for (size_t at = text.find('`'); at != std::string::npos; at = text.find('`', at + 1)) {
    const size_t end = text.find('`', at + 1);
    if (end == std::string::npos) break;
    const std::string code = text.substr(at + 1, end - at - 1);
    words.insert(code.substr(code.rfind('.') + 1));
    words.insert(code.substr(0, code.find('.')));
    at = end;
  }
  return words;
}

void ExpectNamed(const nlohmann::json& value, const std::set<std::string>& words, const std::set<std::string>& but) {
  for (const auto& [key, inner] : value.items()) {
    if (value.is_object() && !but.contains(key)) {
      EXPECT_TRUE(words.contains(key)) << key;
    }
    if (inner.is_structured() && !but.contains(key)) ExpectNamed(inner, words, but);
  }
}

TEST(Documents, NameEveryKeyOfAPlanAndAMachine) {
  const std::set<std::string> words = WordsInCode("docs/plan.md");
  const ModelSpec spec = Spec7B();
  const MachineSpec machine = ParseMachine(R"({"device": "cuda:0-1", "peer_bytes_per_second": 1e11, "host_bytes": 1e12})");
  PlanOptions o;
  o.batch_size = 64, o.seq_len = 4096, o.snapshot_bytes = 12345;
  o.processes = 2, o.states = StateType::kInt8;
  ExpectNamed(nlohmann::json::parse(PlanJson(MakePlan(spec, MakeLayout(spec), o, machine))), words, {"numerics"});
  ExpectNamed(nlohmann::json::parse(MachineJson(machine)), words, {});
}

struct Keys {
  std::set<std::string> keys;
  void Field(const char* key, int64_t, Pages) { keys.insert(key); }
};

TEST(Documents, NameEverySizeOfHostMemoryInTheMetrics) {
  const std::set<std::string> words = WordsInCode("docs/metrics.md");
  Keys list;
  const HostMemory none;
  VisitFields(list, none);
  for (const std::string& key : list.keys) EXPECT_TRUE(words.contains(key)) << key;
}

TEST(Documents, NameEveryFieldOfNumerics) {
  Numerics n;
  n.reduction_groups = 2;
  n.train_pad_row = true;
  n.router.balance = n.router.z = n.router.bias_rate = 1;
  n.router.scope = BalanceScope::kGroup;
  n.router.unrouted = Unrouted::kSkip;
  const nlohmann::json json = nlohmann::json::parse(NumericsJson(n));
  EXPECT_EQ(json.size(), 21u);
  ExpectNamed(json, WordsInCode("docs/numerics.md"), {"hash"});
}

}  // namespace
}  // namespace hlm
