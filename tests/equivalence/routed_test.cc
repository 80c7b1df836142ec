// Only those experts go up and come down that some row chose. What goes up changes no bit, for every memory option and with several
// devices, however the rows fall; what stays where it is, counters show.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "tests/equivalence/run.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

constexpr int64_t kLayers = 3;

// So few tokens that in most steps some experts have none.
RunSetup SmallRun(bool biased, DType compute) {
  RunSetup setup;
  setup.config = MixtureConfig(biased, kLayers);
  setup.plan.compute = compute;
  setup.plan.batch_size = 4;
  setup.plan.seq_len = 3;
  setup.plan.micro_batch = 1;
  setup.plan.head_chunk = 5;
  setup.plan.max_piece_bytes = int64_t{1} << 40;
  setup.trainer.schedule.lr = 1e-2;
  setup.documents = 2;
  setup.steps = 4;
  return setup;
}

// Each expert a piece of its own.
RunSetup ByExpert(RunSetup setup, ExpertsUp experts) {
  setup.plan.max_piece_bytes = 1;
  setup.plan.experts_up = experts;
  return setup;
}

// All logits are equal: every token chooses the first experts, which get all rows, and no other any.
void ChooseTheFirst(Trainer& trainer) {
  const std::vector<float> zeros(6 * 32);
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    trainer.WriteTensor(StrCat("model.layers.", layer, ".block_sparse_moe.gate.weight"), TensorKind::kWeight, 0, zeros.data(),
                        zeros.size() * sizeof(float));
  }
}

int64_t Counted(const RunResult& result, const char* key) { return nlohmann::json::parse(result.metrics).at(key).get<int64_t>(); }

double ShareUnrouted(const RunResult& result) {
  const nlohmann::json metrics = nlohmann::json::parse(result.metrics);
  double sum = 0;
  for (const auto& layer : metrics.at("experts").at("unrouted")) sum += layer.get<double>();
  return sum;
}

class Routed : public testing::TestWithParam<std::tuple<bool, DType>> {
 protected:
  void SetUp() override {
    if (const std::string refusal = TestsOnCpu() ? "" : Refusal(Setup()); !refusal.empty()) GTEST_SKIP() << refusal;
  }
  RunSetup Setup() const { return SmallRun(std::get<0>(GetParam()), std::get<1>(GetParam())); }
};

TEST_P(Routed, ExpertsAloneGiveTheSameBits) {
  double unrouted = 0;
  RunSetup counted = Setup();
  counted.take_step = [&](Trainer& trainer, const Batch& batch) {
    const StepMetrics metrics = trainer.Step(batch);
    unrouted += metrics.unrouted_experts;
    return metrics;
  };
  const RunResult whole = Train(counted);
  EXPECT_GT(unrouted, 0);
  const std::pair<const char*, std::function<void(PlanOptions&)>> variants[] = {
      {"as_chosen", [](PlanOptions&) {}},
      {"keep", [](PlanOptions& o) { o.activations = Activations::kKeep; }},
      {"recompute_from_host",
       [](PlanOptions& o) { o.activations = Activations::kRecompute, o.block_inputs = BlockInputs::kHost; }},
      {"one_slot", [](PlanOptions& o) { o.slots = 1, o.prefetch = 0; }},
      {"many_slots", [](PlanOptions& o) { o.slots = 40, o.prefetch = 7; }},
      {"pairs", [](PlanOptions& o) { o.max_piece_bytes = 4 * kPieceAlign * static_cast<int64_t>(SizeOf(o.compute)); }},
      {"ring_of_one", [](PlanOptions& o) { o.ring = 1; }},
      {"small_parts", [](PlanOptions& o) { o.max_part_bytes = 16384; }},
      {"serial", [](PlanOptions& o) { o.timing = Timing::kSerial; }},
  };
  int64_t seed = 0;
  for (const ExpertsUp experts : {ExpertsUp::kAll, ExpertsUp::kRouted}) {
    for (const auto& [name, change] : variants) {
      SCOPED_TRACE(testing::Message() << Name(experts) << ", " << name);
      RunSetup setup = ByExpert(Setup(), experts);
      change(setup.plan);
      setup.device.delay_seed = seed++;
      const RunResult result = Train(setup);
      EXPECT_EQ(result.plan.experts_up, experts);
      EXPECT_EQ(result.plan.numerics.hash, whole.plan.numerics.hash);
      ExpectSameBits(whole, result);
    }
  }
}

// Of several sweeps each has rows of its own for an expert, or none: gradients are sums of zeros and others.
TEST_P(Routed, SweepsAndUpdatesInBackwardGiveTheSameBits) {
  for (const int64_t sweeps : {1, 2}) {
    RunSetup setup = Setup();
    setup.plan.grad_clip = 0;
    setup.plan.sweeps = sweeps;
    setup.documents = 2 * sweeps;
    const RunResult whole = Train(setup);
    for (const ExpertsUp experts : {ExpertsUp::kAll, ExpertsUp::kRouted}) {
      for (const int64_t slots : {1, 40}) {
        SCOPED_TRACE(testing::Message() << Name(experts) << ", " << sweeps << " sweeps, " << slots << " slots");
        RunSetup other = ByExpert(setup, experts);
        other.plan.slots = slots;
        other.device.delay_seed = 3;
        ExpectSameBits(whole, Train(other));
        other.plan.timing = Timing::kBackward;
        ExpectSameBits(whole, Train(other));
      }
    }
  }
}

// What is frozen has no gradient, whether its experts have rows or not.
TEST_P(Routed, FrozenExpertsGiveTheSameBits) {
  RunSetup setup = Setup();
  setup.plan.freeze = "model.layers.1.block_sparse_moe.experts.*,model.layers.2.block_sparse_moe.experts.2.*";
  const RunResult whole = Train(setup);
  for (const ExpertsUp experts : {ExpertsUp::kAll, ExpertsUp::kRouted}) {
    SCOPED_TRACE(Name(experts));
    RunSetup other = ByExpert(setup, experts);
    other.device.delay_seed = 2;
    ExpectSameBits(whole, Train(other));
  }
}

TEST_P(Routed, DevicesAndGroupsOfRowsGiveTheSameBits) {
  RunSetup setup = Setup();
  setup.plan.reduction_groups = 2;
  const RunResult whole = Train(setup);
  for (const ExpertsUp experts : {ExpertsUp::kAll, ExpertsUp::kRouted}) {
    SCOPED_TRACE(Name(experts));
    RunSetup other = ByExpert(setup, experts);
    ExpectSameBits(whole, Train(other));
    if (TestDeviceCount() < 2) continue;
    other.devices = 2;
    for (const Route route : {Route::kHost, Route::kPeer}) {
      SCOPED_TRACE(Name(route));
      other.plan.route = route;
      other.device.delay_seed = 1;
      ExpectSameBits(whole, Train(other));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Routed, testing::Combine(testing::Bool(), testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) ? "Sigmoid" : "Softmax") + Name(std::get<1>(info.param));
                         });

// All rows go to two of six experts: the other four neither go up nor come down.
TEST(RoutedExtremes, ExpertsWithoutARowStayWhereTheyAre) {
  RunSetup setup = SmallRun(false, DType::kBF16);
  setup.before_steps = ChooseTheFirst;
  setup.steps = 1;
  const RunResult whole = Train(setup);
  ASSERT_DOUBLE_EQ(ShareUnrouted(whole), kLayers * 4.0 / 6.0);
  setup.plan.slots = 1, setup.plan.prefetch = 0;  // what is read twice goes up twice
  const RunResult all = Train(ByExpert(setup, ExpertsUp::kAll)), routed = Train(ByExpert(setup, ExpertsUp::kRouted));
  ExpectSameBits(whole, all);
  ExpectSameBits(whole, routed);

  const PieceList& pieces = routed.plan.pieces;
  int64_t experts = 0, expert = 0;  // pieces, and the bytes of one
  for (const PiecePlan& piece : pieces.all()) {
    if (piece.unit < 1 || piece.unit > kLayers || piece.begin == 0 || piece.end == routed.plan.units[1].elements) continue;
    ++experts;
    expert = std::max(expert, piece.elements() * 2);
  }
  ASSERT_GE(experts, kLayers * 5);
  // A pass forward and one back. All: every expert up once forward; both: two of six back, and two of six down.
  const int64_t left = kLayers * 4;
  EXPECT_EQ(Counted(all, "weight_uploads") - Counted(routed, "weight_uploads"), left);
  EXPECT_EQ(Counted(all, "up_bytes") - Counted(routed, "up_bytes"), left * expert);
  EXPECT_LT(Counted(all, "down_bytes"), Counted(whole, "down_bytes"));
  // The choice comes down once more for each layer.
  EXPECT_EQ(Counted(routed, "down_bytes") - Counted(all, "down_bytes"), kLayers * 6 * 4);
}

// Experts without a gradient are updated once somebody reads them: a save, a tensor, an evaluation, a token.
TEST(DeferredUpdates, GiveTheSameBitsWhoeverReads) {
  const auto run = [](const RunSetup& setup, int64_t reads) {
    RunSetup own = setup;
    own.steps = 6;
    own.before_steps = ChooseTheFirst;
    own.after_step = [reads](Trainer& trainer, int64_t done) {
      if (reads == 0 || done % reads != 0) return;
      std::vector<float> value(1);
      trainer.ReadTensor("model.layers.1.block_sparse_moe.experts.5.w2.weight", TensorKind::kFirstMoment, 0, value.data(), 4);
    };
    return Train(own);
  };
  for (const StateType states : {StateType::kF32, StateType::kBF16, StateType::kInt8}) {
    for (const bool remainder : {true, false}) {
      SCOPED_TRACE(testing::Message() << Name(states) << (remainder ? "" : ", no remainder"));
      RunSetup setup = SmallRun(false, DType::kBF16);
      setup.plan.states = states;
      setup.plan.remainder = remainder;
      const RunResult whole = run(setup, 0);
      EXPECT_FALSE(whole.plan.DefersUpdates());
      EXPECT_EQ(Counted(whole, "deferred_updates"), 0);
      for (const int64_t reads : {0, 1, 2}) {
        const RunResult result = run(ByExpert(setup, ExpertsUp::kRouted), reads);
        EXPECT_TRUE(result.plan.DefersUpdates());
        EXPECT_GT(Counted(result, "deferred_updates"), kLayers);
        ExpectSameBits(whole, result);
      }
    }
  }
}

// A gradient that the caller wrote is one, whatever the choices say.
TEST(DeferredUpdates, AGradientFromOutsideCounts) {
  const auto run = [](const RunSetup& setup) {
    RunSetup own = setup;
    own.steps = 3;
    own.before_steps = ChooseTheFirst;
    own.take_step = [](Trainer& trainer, const Batch& batch) {
      trainer.Accumulate(batch);
      const std::vector<float> gradient(32 * 24, 0.5f);
      trainer.WriteTensor("model.layers.1.block_sparse_moe.experts.5.w2.weight", TensorKind::kGradient, 0, gradient.data(),
                          gradient.size() * sizeof(float));
      return trainer.Apply();
    };
    return Train(own);
  };
  const RunSetup setup = SmallRun(false, DType::kF32);
  ExpectSameBits(run(setup), run(ByExpert(setup, ExpertsUp::kRouted)));
}

// What is evaluated goes forward alone.
TEST(RoutedExtremes, EvaluationIsTheSame) {
  const auto loss = [](const RunSetup& setup) {
    std::vector<double> losses;
    RunSetup own = setup;
    own.steps = 2;
    own.take_step = [&](Trainer& trainer, const Batch& batch) {
      losses.push_back(trainer.Evaluate(batch).loss);
      return trainer.Step(batch);
    };
    Train(own);
    return losses;
  };
  const RunSetup setup = SmallRun(true, DType::kF32);
  const std::vector<double> whole = loss(setup);
  EXPECT_EQ(whole, loss(ByExpert(setup, ExpertsUp::kRouted)));
  EXPECT_EQ(whole, loss(ByExpert(setup, ExpertsUp::kAll)));
}

RunSetup CheckedRun(ExpertsUp experts, int64_t devices) {
  RunSetup setup = ByExpert(SmallRun(false, DType::kBF16), experts);
  setup.plan.slots = 2, setup.plan.prefetch = 1;
  setup.plan.activations = Activations::kRecompute, setup.plan.block_inputs = BlockInputs::kHost;
  setup.steps = 2;
  setup.devices = devices;
  if (devices > 1) setup.plan.route = Route::kPeer;
  setup.device.check_races = true;
  return setup;
}

TEST(RoutedRaces, None) {
  if (!TestsOnCpu()) GTEST_SKIP() << "the race checker is the CPU's";
  for (const ExpertsUp experts : {ExpertsUp::kAll, ExpertsUp::kRouted}) {
    for (const Timing timing : {Timing::kNextForward, Timing::kBackward}) {
      for (const int64_t devices : {1, 2}) {
        RunSetup setup = CheckedRun(experts, devices);
        setup.plan.timing = timing;
        setup.plan.grad_clip = timing == Timing::kBackward ? 0 : 1;
        for (const std::string& race : Train(setup).races) {
          ADD_FAILURE() << Name(experts) << ", " << Name(timing) << ", " << devices << ": " << race;
        }
      }
    }
  }
}

TEST(RoutedRaces, AMissingWaitIsFound) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "a race on purpose, which ThreadSanitizer reports";
#endif
  if (!TestsOnCpu()) GTEST_SKIP() << "the race checker is the CPU's";
  RunSetup setup = CheckedRun(ExpertsUp::kRouted, 1);
  setup.device.drop_wait = "the routers' loads are made";
  EXPECT_FALSE(Train(setup).races.empty());
}

TEST(RoutedOptions, WhatCannotBeIsRefused) {
  const auto message = [](const RunSetup& setup) {
    try {
      Train(setup);
    } catch (const Error& error) {
      return std::string(error.message());
    }
    return std::string();
  };
  RunSetup setup = SmallRun(false, DType::kF32);
  setup.plan.experts_up = ExpertsUp::kRouted;
  EXPECT_NE(message(setup).find("max_piece_bytes is 1099511627776"), std::string::npos) << message(setup);
  setup.config = TinyConfig(false, false, 2);
  EXPECT_EQ(message(setup), "experts_up is routed and the model has no experts");
  setup.config =
      R"({"model_type": "mixtral", "vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
      "num_key_value_heads": 2, "intermediate_size": 16, "num_local_experts": 1, "num_experts_per_tok": 1})";
  EXPECT_EQ(message(setup), "experts_up is routed and the model's layers have one expert each, which every token takes");
}

}  // namespace
}  // namespace hlm
