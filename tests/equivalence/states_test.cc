// Training with every optimizer and form of states: the same bits for any number of the optimizer's threads, any timing and any
// of its instruction sets; each form learns; moments of every form are read and written by name.
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"
#include "tests/cpu_optim/targets.h"
#include "tests/equivalence/run.h"

namespace hlm {
namespace {

struct Form {
  Algorithm algorithm;
  StateType states;
  bool remainder;
  DType compute = DType::kBF16;
};
void PrintTo(const Form& f, std::ostream* out) {
  *out << Name(f.algorithm) << " " << Name(f.states) << (f.remainder ? "" : " no remainder") << " " << Name(f.compute);
}

RunSetup SetupOf(const Form& form) {
  RunSetup setup;
  setup.config = TinyConfig(false, true, 2);
  setup.plan.compute = form.compute;
  setup.plan.batch_size = 4;
  setup.plan.seq_len = 12;
  setup.plan.optimizer = form.algorithm;
  setup.plan.states = form.states;
  setup.plan.remainder = form.remainder;
  setup.plan.optimizer_threads = 1;
  setup.documents = 4;
  setup.trainer.schedule.lr = form.algorithm == Algorithm::kSgd ? 0.05 : form.algorithm == Algorithm::kLion ? 1e-3 : 4e-3;
  setup.trainer.optimizer.beta2 = form.algorithm == Algorithm::kLion ? 0.99 : 0.95;
  return setup;
}

class States : public ::testing::TestWithParam<Form> {};
INSTANTIATE_TEST_SUITE_P(
    Forms, States,
    ::testing::Values(Form{Algorithm::kAdamW, StateType::kF32, true}, Form{Algorithm::kAdamW, StateType::kBF16, true},
                      Form{Algorithm::kAdamW, StateType::kInt8, true}, Form{Algorithm::kAdamW, StateType::kInt8, false},
                      Form{Algorithm::kAdamW, StateType::kBF16, false}, Form{Algorithm::kAdam, StateType::kBF16, true},
                      Form{Algorithm::kSgd, StateType::kInt8, true}, Form{Algorithm::kLion, StateType::kBF16, false},
                      Form{Algorithm::kAdamW, StateType::kInt8, true, DType::kF32}),
    [](const auto& i) {
      const Form& f = i.param;
      return std::string(Name(f.algorithm)) + "_" + Name(f.states) + (f.remainder ? "" : "_none") + "_" + Name(f.compute);
    });

TEST_P(States, TwentyStepsHaveTheSameBitsForAnyOptimizerThreadsAndTiming) {
  RunSetup setup = SetupOf(GetParam());
  setup.steps = 20;
  const RunResult expected = Train(setup);
  for (const int64_t threads : {2, 3, 5}) {
    setup.plan.optimizer_threads = threads;
    setup.plan.timing = threads == 3 ? Timing::kSerial : Timing::kNextForward;
    setup.plan.max_part_bytes = threads == 5 ? 16384 : 0;
    ExpectSameBits(Train(setup), expected);
  }
  setup.plan.grad_clip = 0;
  const RunResult unclipped = Train(setup);
  setup.plan.timing = Timing::kBackward;
  ExpectSameBits(Train(setup), unclipped);
}

TEST_P(States, TwentyStepsHaveTheSameBitsForAnyInstructionSetOfTheOptimizer) {
  RunSetup setup = SetupOf(GetParam());
  setup.steps = 20;
  const RunResult expected = Train(setup);
  for (const int64_t target : SupportedTargets()) {
    setup.take_step = [target](Trainer& trainer, const Batch& batch) {
      trainer.Accumulate(batch);
      const WithTarget with(target);  // of the update only: the device has kernels of its own
      const StepMetrics metrics = trainer.Apply();
      trainer.Finish();
      return metrics;
    };
    SCOPED_TRACE(hwy::TargetName(target));
    ExpectSameBits(Train(setup), expected);
  }
}

TEST_P(States, Learn) {
  RunSetup setup = SetupOf(GetParam());
  setup.steps = 60;
  setup.same_data = true;
  const RunResult run = Train(setup);
  for (const double loss : run.losses) ASSERT_TRUE(std::isfinite(loss));
  EXPECT_LT(run.losses.back(), 0.75 * run.losses.front());
  if (GetParam().algorithm != Algorithm::kAdamW) return;
  // Beside exact states: sixty steps of learning by heart, whose loss is within the noise that 2^-8 or a few percent of each
  // moment make.
  RunSetup exact = setup;
  exact.plan.states = StateType::kF32;
  exact.plan.remainder = true;
  const double reference = Train(exact).losses.back();
  EXPECT_NEAR(run.losses.back(), reference, 0.1 * run.losses.front());
}

TEST(StatesByName, AreReadAndWrittenInAnySlice) {
  for (const StateType states : {StateType::kF32, StateType::kBF16, StateType::kInt8}) {
    RunSetup setup = SetupOf({Algorithm::kAdamW, states, true});
    setup.after_steps = [&](Trainer& trainer) {
      // q, k and v are one matrix without padding: k's 16 x 32 values begin and end inside blocks of q's and v's neighbours.
      const std::string name = "model.layers.1.self_attn.k_proj.weight", neighbour = "model.layers.1.self_attn.v_proj.weight";
      constexpr size_t kCount = 16 * 32;
      for (const TensorKind kind : {TensorKind::kFirstMoment, TensorKind::kSecondMoment}) {
        std::vector<float> whole(kCount), beside(kCount), part(100);
        trainer.ReadTensor(name, kind, 0, whole.data(), kCount * 4);
        trainer.ReadTensor(neighbour, kind, 0, beside.data(), kCount * 4);
        ASSERT_NE(whole, std::vector<float>(kCount, 0.0f));
        for (const size_t first : {size_t{0}, size_t{1}, size_t{77}, size_t{255}, size_t{256}, kCount - 100}) {
          trainer.ReadTensor(name, kind, first * 4, part.data(), 400);
          ASSERT_EQ(part, std::vector<float>(whole.begin() + static_cast<int64_t>(first),
                                             whole.begin() + static_cast<int64_t>(first) + 100))
              << first;
        }
        // What was read writes back without a change, to it or to its neighbours.
        trainer.WriteTensor(name, kind, 77 * 4, whole.data() + 77, 300 * 4);
        std::vector<float> again(kCount);
        trainer.ReadTensor(name, kind, 0, again.data(), kCount * 4);
        EXPECT_EQ(again, whole);
        // New values: near in their storage, and what lies beside them stays within the new step of the block.
        float largest = 0;
        for (const float x : whole) largest = std::max(largest, std::abs(x));
        std::vector<float> values(20);
        for (size_t i = 0; i < values.size(); ++i) values[i] = 2 * largest * static_cast<float>(i + 1) / 20;
        trainer.WriteTensor(name, kind, 300 * 4, values.data(), 20 * 4);
        trainer.ReadTensor(name, kind, 0, again.data(), kCount * 4);
        const double relative = states == StateType::kF32 ? 0 : states == StateType::kBF16 ? 0x1p-8 : 0.06;
        for (size_t i = 0; i < 20; ++i) EXPECT_NEAR(again[300 + i], values[i], relative * values[i]);
        for (size_t i = 0; i < kCount; ++i) {
          if (i >= 300 && i < 320) continue;
          // Half a step of a scale that grew twofold: 1/127 of the root of scale and value, and what is left at zero.
          ASSERT_NEAR(
              again[i], whole[i],
              states == StateType::kInt8 ? 4 * std::sqrt(std::abs(whole[i]) * 2 * largest) / 127 + 2 * largest / 127 / 127 : 0)
              << i;
        }
        std::vector<float> beside_again(kCount);
        trainer.ReadTensor(neighbour, kind, 0, beside_again.data(), kCount * 4);
        EXPECT_EQ(beside_again, beside);
      }
    };
    Train(setup);
  }
}

TEST(StatesByName, ASecondMomentThatIsNotThereIsSaid) {
  for (const Algorithm algorithm : {Algorithm::kSgd, Algorithm::kLion}) {
    RunSetup setup = SetupOf({algorithm, StateType::kInt8, true});
    setup.after_steps = [&](Trainer& trainer) {
      float value = 0;
      try {
        trainer.ReadTensor("model.norm.weight", TensorKind::kSecondMoment, 0, &value, 4);
        ADD_FAILURE() << "no error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::kFailedPrecondition);
        EXPECT_NE(error.message().find(Name(algorithm)), std::string::npos) << error.message();
      }
      EXPECT_THROW(trainer.WriteTensor("model.norm.weight", TensorKind::kSecondMoment, 0, &value, 4), Error);
      trainer.ReadTensor("model.norm.weight", TensorKind::kFirstMoment, 0, &value, 4);
      EXPECT_NE(value, 0);
    };
    Train(setup);
  }
}

}  // namespace
}  // namespace hlm
