// Plans of real mixtures (tests/model/released) on machines of real sizes: they exist, fit, and hold a group of experts on the device where a
// block is too large.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "core/base/error.h"
#include "core/layers/experts.h"
#include "core/model/config.h"
#include "core/model/layout.h"
#include "core/plan/groups.h"
#include "core/plan/plan.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

struct Model {
  ModelConfig config;
  ModelLayout layout;
};
Model Read(const std::string& name) {
  std::ifstream file("tests/model/released/" + name + ".json");
  Model model{ReadConfig({std::istreambuf_iterator<char>(file), {}}), {}};
  model.layout = MakeLayout(model.config.spec, model.config.names);
  return model;
}

MachineSpec Machine(int64_t host, int64_t device) {
  MachineSpec m;
  m.devices = {"cuda:0"};
  m.red_zone_bytes = 0;
  m.device_is_host = false;
  m.host_bytes = host, m.device_bytes = device;
  m.threads = 32;
  m.micro_tokens = 16384;
  m.product_flops_f32 = 50e12, m.product_flops_bf16 = 798e12, m.product_share = 0.85, m.attention_share = 0.4;
  m.up_bytes_per_second = m.down_bytes_per_second = 55.3e9, m.both_bytes_per_second = 101e9;
  m.host_bytes_per_second = 125e9, m.device_bytes_per_second = 4.2e12;
  m.libraries = "test";
  m.workspace_bytes = [](const Call&, int64_t) { return size_t{256} << 20; };
  return m;
}
constexpr int64_t kGiB = int64_t{1} << 30;

PlanOptions Rows(int64_t rows, StateType states) {
  PlanOptions o;
  o.batch_size = rows, o.seq_len = 1024;
  o.states = states;
  return o;
}

struct Case {
  const char* name;
  int64_t parameters;  // as published, in millions
  StateType states;
  int64_t host, device;  // GiB
};

class Mixtures : public testing::TestWithParam<Case> {};

// Host memory is the states'; the device holds no block.
TEST_P(Mixtures, FitByGroup) {
  const Case& c = GetParam();
  const Model model = Read(c.name);
  EXPECT_NEAR(static_cast<double>(model.layout.parameters) / 1e6, static_cast<double>(c.parameters),
              0.005 * static_cast<double>(c.parameters));
  PlanOptions o = Rows(32, c.states);
  o.max_piece_bytes = int64_t{512} << 20;
  const Plan plan = MakePlan(model.config.spec, model.layout, o, Machine(c.host * kGiB, c.device * kGiB));
  const DeviceArena& arena = plan.devices.front().arena;
  EXPECT_GT(arena.between_stages.bytes, 0);
  const int64_t last = model.layout.layers() - 1,
                block = model.layout.units[static_cast<size_t>(model.layout.BlockUnit(last))].elements;
  const std::vector<ExpertGroup> groups = GroupsOf(model.layout, plan.pieces, last);
  EXPECT_GE(groups.size(), 2u);
  EXPECT_EQ(PlanValue(plan, "expert_groups"), static_cast<int64_t>(groups.size()));
  EXPECT_EQ(PlanValue(plan, "max_piece_bytes"), o.max_piece_bytes);
  int64_t experts = 0;
  for (const ExpertGroup& group : groups) experts += group.count;
  EXPECT_EQ(experts, model.layout.block(last).experts()->spec().count);
  // Weights and sums of a whole block, three and one of them, are what it took.
  const int64_t ends = plan.pieces[plan.pieces.size() - 1].elements();
  EXPECT_LE(arena.accumulator.bytes, 4 * std::max(ends, int64_t{1} << 29));
  EXPECT_LT(arena.accumulator.bytes, 4 * block);
  EXPECT_GE(plan.state_bytes, static_cast<int64_t>(c.parameters) * 1000000 * (c.states == StateType::kF32 ? 12 : 6) * 199 / 200);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Mixtures,
                         testing::Values(Case{"gpt-oss-20b", 20915, StateType::kInt8, 251, 24},
                                         Case{"gpt-oss-120b", 116829, StateType::kF32, 1536, 139},
                                         Case{"qwen3-30b-a3b", 30532, StateType::kInt8, 251, 24},
                                         Case{"qwen3-235b-a22b", 235094, StateType::kInt8, 2048, 80},
                                         Case{"deepseek-v3", 671026, StateType::kInt8, 6144, 139}),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char ch) { return std::isalnum(static_cast<unsigned char>(ch)) == 0; }, '_');
                           return name;
                         });

// DeepSeek-V3's block has 23 GB of weights and 45 GB of sums.
TEST(MixturePlans, ABlockThatDoesNotFitIsVisitedByGroupOfItself) {
  const Model model = Read("deepseek-v3");
  const MachineSpec machine = Machine(6144 * kGiB, 80 * kGiB);
  PlanOptions o = Rows(16, StateType::kInt8);
  const Plan plan = MakePlan(model.config.spec, model.layout, o, machine);
  EXPECT_GT(plan.devices.front().arena.between_stages.bytes, 0);
  o.max_piece_bytes = int64_t{1} << 40;
  EXPECT_EQ(CodeOf([&] { MakePlan(model.config.spec, model.layout, o, machine); }), Code::kResourceExhausted);
}

// Where there is room for blocks nothing is gained, and the numerics are the same either way.
TEST(MixturePlans, ABlockThatFitsIsVisitedAsAWhole) {
  const Model model = Read("gpt-oss-20b");
  const MachineSpec machine = Machine(512 * kGiB, 139 * kGiB);
  PlanOptions o = Rows(16, StateType::kInt8);
  const Plan whole = MakePlan(model.config.spec, model.layout, o, machine);
  EXPECT_EQ(whole.devices.front().arena.between_stages.bytes, 0);
  EXPECT_EQ(PlanValue(whole, "expert_groups"), 0);
  o.micro_batch = whole.options.micro_batch, o.sweeps = whole.numerics.sweeps;
  o.max_piece_bytes = int64_t{128} << 20;
  const Plan groups = MakePlan(model.config.spec, model.layout, o, machine);
  EXPECT_GT(groups.devices.front().arena.between_stages.bytes, 0);
  EXPECT_LT(groups.devices.front().arena.slots.bytes, whole.devices.front().arena.slots.bytes);
  EXPECT_EQ(groups.numerics.hash, whole.numerics.hash);
}

// Of a few tokens most experts stay below; of a step's none does. The share of them that has rows is that of a draw.
TEST(MixturePlans, FewTokensBringUpRoutedExpertsAlone) {
  EXPECT_DOUBLE_EQ(ShareRouted(8, 2, 1, 1), 2.0 / 8);
  EXPECT_NEAR(ShareRouted(8, 2, 2, 1), 1 - 6.0 * 5 / (8 * 7), 1e-12);
  EXPECT_NEAR(ShareRouted(8, 2, 1, 3), 1 - 0.75 * 0.75 * 0.75, 1e-12);
  EXPECT_EQ(ShareRouted(8, 8, 1, 1), 1);

  const Model model = Read("gpt-oss-120b");
  const MachineSpec machine = Machine(1536 * kGiB, 139 * kGiB);
  PlanOptions o;
  o.purpose = Purpose::kForward;
  o.batch_size = 1, o.seq_len = 8;
  const Plan few = MakePlan(model.config.spec, model.layout, o, machine);
  EXPECT_EQ(few.experts_up, ExpertsUp::kRouted);
  EXPECT_EQ(PlanValue(few, "expert_groups"), 128);
  o.experts_up = ExpertsUp::kAll;
  const Plan all = MakePlan(model.config.spec, model.layout, o, machine);
  EXPECT_EQ(all.experts_up, ExpertsUp::kAll);
  EXPECT_LT(few.prediction.up_bytes, all.prediction.up_bytes / 2);
  EXPECT_LT(few.prediction.step_seconds, all.prediction.step_seconds);
  EXPECT_EQ(few.numerics.hash, all.numerics.hash);
  o.experts_up.reset();
  o.batch_size = 32, o.seq_len = 1024;
  EXPECT_EQ(MakePlan(model.config.spec, model.layout, o, machine).experts_up, ExpertsUp::kAll);
}

// Counted by hand from the configurations: embedding and head, the core of each layer, and of the experts those that a token chooses.
TEST(MixturePlans, ATokenGoesThroughItsOwnExperts) {
  for (const auto& [name, active] :
       {std::pair{"gpt-oss-20b", int64_t{4187440704}}, std::pair{"gpt-oss-120b", int64_t{5711982912}},
        std::pair{"qwen3-30b-a3b", int64_t{3353032704}}, std::pair{"qwen3-235b-a22b", int64_t{22190763520}},
        std::pair{"deepseek-v3", int64_t{37552297472}}}) {
    const Model model = Read(name);
    EXPECT_EQ(ActiveParameters(model.config.spec, model.layout), active) << name;
  }
}

}  // namespace
}  // namespace hlm
