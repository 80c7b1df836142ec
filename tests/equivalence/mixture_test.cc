// A mixture of experts with all that its routers add to the loss and to updates: memory options, pieces and devices change no
// bit, a checkpoint goes on with the same ones, and no way in which tokens fall is out of the ordinary.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/equivalence/run.h"
#include "tests/support/code_of.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

struct Case {
  const char* name;
  bool biased;
  DType compute;
  BalanceScope scope;
  Unrouted unrouted;
  int64_t sweeps;
};

RunSetup SmallRun(const Case& c) {
  RunSetup setup;
  setup.config = MixtureConfig(c.biased, 4);
  setup.plan.compute = c.compute;
  setup.plan.batch_size = 6;
  setup.plan.seq_len = 12;
  setup.plan.micro_batch = 1;
  setup.plan.sweeps = c.sweeps;
  setup.plan.head_chunk = 5;
  setup.plan.balance = 0.05, setup.plan.router_z = 0.01, setup.plan.bias_rate = c.biased ? 0.01 : 0;
  setup.plan.balance_scope = c.scope;
  setup.plan.unrouted = c.unrouted;
  setup.trainer.schedule.lr = 1e-2;
  return setup;
}

class Mixture : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!TestsOnCpu()) GTEST_SKIP() << "experts are the CPU's";
  }
  RunSetup Setup() const { return SmallRun(GetParam()); }
};

// What is evaluated is the loss of the predicted tokens, whatever routers add to a step's; the same bits on any number of devices.
TEST_P(Mixture, EvaluationHasNoShareOfTheRouters) {
  const auto losses = [](RunSetup setup) {
    std::vector<double> all;
    setup.steps = 1;
    setup.take_step = [&](Trainer& trainer, const Batch& batch) {
      all.push_back(trainer.Evaluate(batch).loss);
      return trainer.Step(batch);
    };
    Train(setup);
    return all;
  };
  RunSetup setup = Setup();
  setup.plan.sweeps = 0;
  setup.plan.reduction_groups = 4;
  setup.documents = 10, setup.plan.batch_size = 10;
  const std::vector<double> with = losses(setup);
  setup.devices = 2;
  EXPECT_EQ(losses(setup), with);
  setup.devices = 1;
  setup.plan.balance = setup.plan.router_z = 0;
  EXPECT_EQ(losses(setup), with);
}

TEST_P(Mixture, MemoryOptionsNeverChangeABit) {
  const RunResult expected = Train(Setup());
  for (const double loss : expected.losses) EXPECT_TRUE(std::isfinite(loss));
  EXPECT_NE(expected.losses.front(), expected.losses.back());
  const std::pair<const char*, std::function<void(PlanOptions&)>> variants[] = {
      {"the_same_again", [](PlanOptions&) {}},
      {"keep", [](PlanOptions& o) { o.activations = Activations::kKeep; }},
      {"keep_cheap", [](PlanOptions& o) { o.activations = Activations::kKeepCheap; }},
      {"recompute_from_host",
       [](PlanOptions& o) { o.activations = Activations::kRecompute, o.block_inputs = BlockInputs::kHost; }},
      {"one_slot", [](PlanOptions& o) { o.slots = 1, o.prefetch = 0; }},
      {"many_slots", [](PlanOptions& o) { o.slots = 9, o.prefetch = 2; }},
      {"ring_of_one", [](PlanOptions& o) { o.ring = 1; }},
      {"small_parts", [](PlanOptions& o) { o.max_part_bytes = 16384; }},
      {"three_optimizer_threads", [](PlanOptions& o) { o.optimizer_threads = 3; }},
      {"serial", [](PlanOptions& o) { o.timing = Timing::kSerial; }},
      {"a_piece_for_each_expert", [](PlanOptions& o) { o.max_piece_bytes = 1; }},
      {"a_piece_for_two", [](PlanOptions& o) { o.max_piece_bytes = 2 * kPieceAlign * static_cast<int64_t>(SizeOf(o.compute)); }},
      {"pieces_and_parts", [](PlanOptions& o) { o.max_piece_bytes = 1, o.max_part_bytes = 16384, o.slots = 1, o.prefetch = 0; }},
  };
  int64_t seed = 0;
  for (const auto& [name, change] : variants) {
    SCOPED_TRACE(name);
    RunSetup setup = Setup();
    change(setup.plan);
    setup.device.delay_seed = seed++;
    ExpectSameBits(expected, Train(setup));
  }
}

TEST_P(Mixture, UpdatesInBackwardGiveTheSameBits) {
  RunSetup setup = Setup();
  setup.plan.grad_clip = 0;
  const RunResult expected = Train(setup);
  for (const int64_t piece : {0, 1}) {
    RunSetup other = setup;
    other.plan.timing = Timing::kBackward;
    other.plan.max_piece_bytes = piece;
    other.device.delay_seed = 7;
    ExpectSameBits(expected, Train(other));
  }
}

TEST_P(Mixture, AnyNumberOfDevicesThatDividesTheGroupsGivesTheSameBits) {
  RunSetup setup = Setup();
  setup.plan.sweeps = 0;
  setup.plan.reduction_groups = 4;
  setup.documents = 10, setup.plan.batch_size = 10;
  const RunResult expected = Train(setup);
  for (const int64_t devices : {2, 4}) {
    SCOPED_TRACE(devices);
    RunSetup several = setup;
    several.devices = devices;
    several.device.delay_seed = devices;
    ExpectSameBits(expected, Train(several));
  }
}

TEST_P(Mixture, ACheckpointGoesOnWithTheSameBits) {
  const std::string folder = testing::TempDir() + "/mixture_" + GetParam().name;
  std::filesystem::remove_all(folder);
  RunSetup whole = Setup();
  whole.steps = 5;
  const RunResult expected = Train(whole);
  RunSetup first = Setup(), second = Setup();
  first.steps = 2;
  first.after_steps = [&](Trainer& trainer) { trainer.Save(folder, {.background = false}); };
  Train(first);
  second.first_step = 2, second.steps = 5;
  second.plan.max_piece_bytes = 1;
  second.before_steps = [&](Trainer& trainer) { trainer.Resume(folder, false); };
  const RunResult resumed = Train(second);
  EXPECT_EQ(resumed.losses.back(), expected.losses.back());
  EXPECT_EQ(resumed.state, expected.state);
}

INSTANTIATE_TEST_SUITE_P(
    All, Mixture,
    testing::Values(Case{"f32_step", false, DType::kF32, BalanceScope::kStep, Unrouted::kZero, 1},
                    Case{"f32_step_in_sweeps_skip", true, DType::kF32, BalanceScope::kStep, Unrouted::kSkip, 2},
                    Case{"bf16_sequence_skip", true, DType::kBF16, BalanceScope::kSequence, Unrouted::kSkip, 2},
                    Case{"bf16_group", false, DType::kBF16, BalanceScope::kGroup, Unrouted::kSkip, 1}),
    [](const auto& info) { return info.param.name; });

// A step's loss has one value however it is cut: into sweeps, for a step as the scope, and for groups of one.
TEST(MixtureScope, SweepsDoNotChangeTheLossOfAStep) {
  for (const BalanceScope scope : {BalanceScope::kStep, BalanceScope::kGroup, BalanceScope::kSequence}) {
    RunSetup setup = SmallRun({"", true, DType::kF32, scope, Unrouted::kZero, 1});
    setup.steps = 1;
    std::vector<double> aux;
    setup.take_step = [&](Trainer& trainer, const Batch& batch) {
      const StepMetrics metrics = trainer.Step(batch);
      aux.push_back(metrics.aux_loss);
      return metrics;
    };
    const RunResult one = Train(setup);
    setup.plan.sweeps = 3;
    const RunResult three = Train(setup);
    EXPECT_NEAR(aux[0], aux[1], 1e-6 * aux[0]) << Name(scope);
    EXPECT_NEAR(one.losses[0], three.losses[0], 1e-6 * one.losses[0]) << Name(scope);
    EXPECT_NEAR(one.norms[0], three.norms[0], 1e-5 * one.norms[0]) << Name(scope);
  }
}

// A router of each kind, in four layers of 32.
struct Router {
  const char* name;
  const char* weight;  // below a layer
  int64_t experts, chosen;
  std::string config;
};

std::string RouterConfig(const std::string& own) {
  return StrCat(
      R"({"hidden_size": 32, "intermediate_size": 24, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 61,
      "max_position_embeddings": 128, "initializer_range": 0.2, "hidden_act": "silu", "tie_word_embeddings": false, "pad_token_id": null, )",
      own, "}");
}

const std::string kLatent =
    R"("num_key_value_heads": 4, "q_lora_rank": null, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4,
    "v_head_dim": 8, "moe_intermediate_size": 16, "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 3, "n_group": 2,
    "topk_group": 1, "first_k_dense_replace": 0)";

const std::vector<Router>& Routers() {
  static const std::vector<Router> routers = {
      {"Softmax", "block_sparse_moe.gate.weight", 6, 2, MixtureConfig(false, 4)},
      {"SigmoidsWithABias", "block_sparse_moe.gate.weight", 8, 3, MixtureConfig(true, 4)},
      {"SoftmaxOfChosen", "mlp.router.weight", 6, 2,
       RouterConfig(
           R"("model_type": "gpt_oss", "num_key_value_heads": 2, "head_dim": 8, "num_local_experts": 6, "num_experts_per_tok": 2,
           "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}, "sliding_window": 5)")},
      {"SparseMixer", "block_sparse_moe.gate.weight", 6, 2,
       RouterConfig(R"("model_type": "phimoe", "num_key_value_heads": 2, "num_local_experts": 6, "num_experts_per_tok": 2)")},
      {"SigmoidsInGroups", "mlp.gate.weight", 8, 3, RouterConfig(R"("model_type": "deepseek_v3", )" + kLatent)},
      {"SoftmaxInGroups", "mlp.gate.weight", 8, 3,
       RouterConfig(R"("model_type": "deepseek_v2", "topk_method": "group_limited_greedy", )" + kLatent)},
      {"SigmoidOnTheInput", "feed_forward.router.weight", 4, 1,
       RouterConfig(
           R"("model_type": "llama4_text", "num_key_value_heads": 2, "head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 1,
           "intermediate_size_mlp": 24)")},
      {"BehindANorm", "router.proj.weight", 6, 2,
       RouterConfig(
           R"("model_type": "gemma4_text", "num_key_value_heads": 2, "head_dim": 8, "global_head_dim": 8, "enable_moe_block": true,
           "num_experts": 6, "top_k_experts": 2, "moe_intermediate_size": 16, "hidden_size_per_layer_input": 0, "sliding_window": 5)")}};
  return routers;
}

// Routing by weights that are set.
class Falls : public testing::TestWithParam<Router> {
 protected:
  void SetUp() override {
    if (!TestsOnCpu()) GTEST_SKIP() << "experts are the CPU's";
  }
  int64_t experts() const { return GetParam().experts; }
  int64_t chosen() const { return GetParam().chosen; }
  // Trains three steps twice; `set` changes the routers first. The tokens of each expert in the last step, by layer.
  std::vector<std::vector<int64_t>> Run(const std::function<void(Trainer&)>& set, RunSetup setup) {
    setup.before_steps = set;
    const RunResult once = Train(setup), again = Train(setup);
    ExpectSameBits(once, again);
    for (const double loss : once.losses) EXPECT_TRUE(std::isfinite(loss));
    for (const float value : once.state) EXPECT_TRUE(std::isfinite(value));
    return nlohmann::json::parse(once.metrics).at("experts").at("tokens");
  }
  RunSetup Setup() const {
    RunSetup setup = SmallRun({"", false, DType::kF32, BalanceScope::kStep, Unrouted::kSkip, 1});
    setup.config = GetParam().config;
    return setup;
  }
  void Set(Trainer& trainer, const std::vector<float>& router) const {
    for (int layer = 0; layer < 4; ++layer) {
      const std::string name = StrCat("model.layers.", layer, ".", GetParam().weight);
      trainer.WriteTensor(name, TensorKind::kWeight, 0, router.data(), router.size() * sizeof(float));
    }
  }
};

// Equal logits: the experts with the lowest numbers get all tokens, the others none.
TEST_P(Falls, TiesGoToTheFirstExperts) {
  RunSetup setup = Setup();
  setup.steps = 1;
  const auto set = [&](Trainer& trainer) { Set(trainer, std::vector<float>(static_cast<size_t>(experts() * 32), 0.0f)); };
  for (const std::vector<int64_t>& layer : Run(set, setup)) {
    ASSERT_EQ(layer.size(), static_cast<size_t>(experts()));
    for (int64_t e = 0; e < experts(); ++e) EXPECT_EQ(layer[static_cast<size_t>(e)] > 0, e < chosen()) << e;
  }
}

TEST_P(Falls, OneTokenAlone) {
  RunSetup setup = Setup();
  setup.take_step = [](Trainer& trainer, const Batch&) {
    const std::vector<int32_t> ids = {7, 9};
    const std::vector<int64_t> offsets = {0, 1, 2};  // two documents of one token: nothing is predicted
    const std::vector<int64_t> one = {0, 2};
    Batch batch;
    batch.ids = ids, batch.offsets = offsets;
    EXPECT_TRUE(trainer.Step(batch).skipped);
    batch.offsets = one;
    return trainer.Step(batch);
  };
  const auto tokens = Run([](Trainer&) {}, setup);
  for (const std::vector<int64_t>& layer : tokens)
    EXPECT_EQ(std::accumulate(layer.begin(), layer.end(), int64_t{0}), 2 * chosen());
}

INSTANTIATE_TEST_SUITE_P(Routers, Falls, testing::ValuesIn(Routers()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(MixtureOptions, WhatAModelHasNoPlaceForIsRefused) {
  const auto code = [](const std::string& config, const std::function<void(PlanOptions&)>& change) {
    RunSetup setup;
    setup.config = config;
    change(setup.plan);
    return CodeOf([&] { Train(setup); });
  };
  const std::string dense = TinyConfig(false, true, 2);
  EXPECT_EQ(code(dense, [](PlanOptions& o) { o.balance = 0.1; }), Code::kInvalidArgument);
  EXPECT_EQ(code(dense, [](PlanOptions& o) { o.router_z = 0.1; }), Code::kInvalidArgument);
  EXPECT_EQ(code(dense, [](PlanOptions& o) { o.unrouted = Unrouted::kSkip; }), Code::kInvalidArgument);
  const std::string mixture = MixtureConfig(false, 2);
  EXPECT_EQ(code(mixture, [](PlanOptions& o) { o.bias_rate = 0.1; }), Code::kInvalidArgument);
  EXPECT_EQ(code(mixture, [](PlanOptions& o) { o.balance = std::nan(""); }), Code::kInvalidArgument);
  EXPECT_EQ(code(mixture, [](PlanOptions& o) { o.router_z = -1; }), Code::kInvalidArgument);
  EXPECT_EQ(code(mixture, [](PlanOptions& o) { o.balance = HUGE_VAL; }), Code::kInvalidArgument);
}

}  // namespace
}  // namespace hlm
