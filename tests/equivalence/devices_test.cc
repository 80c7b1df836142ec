// The order of summation belongs to the run, not to the machine: for a number of reduction groups, any number of devices that divides it
// gives the same bits.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "tests/equivalence/run.h"
#include "tests/support/code_of.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

RunSetup SmallRun(DType compute, bool tied) {
  RunSetup setup;
  setup.config = TinyConfig(tied, true, 4);
  setup.plan.compute = compute;
  setup.plan.batch_size = 8;
  setup.plan.seq_len = 12;
  setup.plan.micro_batch = 1;
  setup.plan.reduction_groups = 4;
  setup.plan.head_chunk = 5;
  setup.trainer.schedule.lr = 1e-2;
  setup.documents = 10;
  return setup;
}

class Devices : public testing::TestWithParam<std::tuple<DType, bool>> {
 protected:
  void SetUp() override {
    if (!TestsOnCpu()) GTEST_SKIP() << "several devices are the CPU's";
  }
  RunSetup Setup() const { return SmallRun(std::get<0>(GetParam()), std::get<1>(GetParam())); }
};

TEST_P(Devices, AnyNumberThatDividesTheGroupsGivesTheSameBits) {
  const RunSetup one = Setup();
  const RunResult expected = Train(one);
  EXPECT_EQ(expected.plan.sweeps, 4);
  for (const double loss : expected.losses) EXPECT_TRUE(std::isfinite(loss));
  for (const int64_t devices : {2, 4}) {
    for (const Timing timing : {Timing::kNextForward, Timing::kSerial}) {
      SCOPED_TRACE(StrCat(devices, " devices, ", Name(timing)));
      RunSetup several = Setup();
      several.devices = devices;
      several.plan.timing = timing;
      several.device.delay_seed = devices * 10;
      const RunResult result = Train(several);
      EXPECT_EQ(result.plan.devices.size(), static_cast<size_t>(devices));
      EXPECT_EQ(result.plan.sweeps, 4 / devices);
      EXPECT_EQ(result.plan.numerics.hash, expected.plan.numerics.hash);
      ExpectSameBits(expected, result);
    }
  }
}

// A batch with fewer micro-batches than groups leaves some of them without a row.
TEST_P(Devices, GroupsMayBeEmpty) {
  RunSetup one = Setup();
  one.plan.micro_batch = 2;
  one.documents = 3;
  const RunResult expected = Train(one);
  for (const int64_t devices : {2, 4}) {
    RunSetup several = one;
    several.devices = devices;
    ExpectSameBits(expected, Train(several));
  }
}

// Against a step that is not divided: the same sums in another order.
TEST_P(Devices, TheGradientIsThatOfTheWholeStep) {
  RunSetup whole = Setup(), groups = Setup();
  whole.plan.reduction_groups = 1;
  whole.plan.grad_dtype = groups.plan.grad_dtype = DType::kF32;
  whole.steps = groups.steps = 1;
  groups.devices = 2;
  const RunResult a = Train(whole), b = Train(groups);
  EXPECT_NE(a.plan.numerics.hash, b.plan.numerics.hash);
  const bool f32 = whole.plan.compute == DType::kF32;
  // Losses do not depend on the order; a norm is a sum of squares of sums of some thousand terms.
  EXPECT_NEAR(a.losses[0], b.losses[0], 1e-12);
  EXPECT_NEAR(a.norms[0], b.norms[0], (f32 ? 1e-6 : 1e-5) * a.norms[0]);
}

TEST_P(Devices, SeveralAccumulationsAndUpdatesInBackwardGiveTheSameBits) {
  RunSetup one = Setup();
  one.plan.grad_clip = 0;
  const RunResult expected = Train(one);
  for (const int64_t devices : {1, 2, 4}) {
    RunSetup several = one;
    several.devices = devices;
    several.plan.timing = Timing::kBackward;
    ExpectSameBits(expected, Train(several));
  }
  const auto twice = [](Trainer& trainer, const Batch& batch) {
    trainer.Accumulate(batch);
    trainer.Accumulate(batch);
    return trainer.Apply();
  };
  one.take_step = twice;
  const RunResult accumulated = Train(one);
  for (const int64_t devices : {2, 4}) {
    RunSetup several = one;
    several.devices = devices;
    ExpectSameBits(accumulated, Train(several));
  }
}

TEST_P(Devices, ACheckpointGoesOnWithTheSameBitsOnAnotherNumber) {
  const std::string folder = testing::TempDir() + "/devices";
  std::filesystem::remove_all(folder);
  RunSetup first = Setup();
  first.devices = 4;
  first.steps = 4;
  first.documents = 8;  // a row each: every step fits the groups
  const RunResult whole = Train(first);
  first.after_step = [&](Trainer& trainer, int64_t done) {
    if (done == 2) trainer.Save(folder, {.background = true});
  };
  Train(first);
  for (const int64_t devices : {1, 2, 4}) {
    RunSetup rest = Setup();
    rest.devices = devices;
    rest.first_step = 2, rest.steps = 4;
    rest.documents = first.documents;
    rest.before_steps = [&](Trainer& trainer) { trainer.Resume(folder, false); };
    const RunResult tail = Train(rest);
    RunResult expected = whole;
    expected.losses.erase(expected.losses.begin(), expected.losses.begin() + 2);
    expected.norms.erase(expected.norms.begin(), expected.norms.begin() + 2);
    ExpectSameBits(expected, tail);
  }
}

TEST_P(Devices, TheirMemoryIsThePlans) {
  RunSetup setup = Setup();
  setup.devices = 2;
  setup.plan.block_inputs = BlockInputs::kHost;
  const RunResult result = Train(setup);
  const auto memory = nlohmann::json::parse(result.metrics)["memory"];
  const Plan& plan = result.plan;
  EXPECT_EQ(memory["device_bytes"], 2 * plan.devices[0].arena.total);
  EXPECT_EQ(memory["ring"], plan.host.ring);
  EXPECT_EQ(memory["partials"], plan.host.partials);
  EXPECT_EQ(memory["batch_and_block_inputs"], plan.host.batch + plan.host.block_inputs);
  EXPECT_EQ(plan.host.partials, 2 * 4 * plan.host.weights / static_cast<int64_t>(plan.WeightBytes()));
}

INSTANTIATE_TEST_SUITE_P(All, Devices, testing::Combine(testing::Values(DType::kF32, DType::kBF16), testing::Bool()));

TEST(ReductionGroups, WhatDoesNotDivideIsRefused) {
  const auto code = [](int64_t devices, int64_t groups, int64_t sweeps) {
    RunSetup setup = SmallRun(DType::kF32, false);
    setup.devices = devices;
    setup.plan.reduction_groups = groups;
    setup.plan.sweeps = sweeps;
    setup.steps = 0;
    return CodeOf([&] { Train(setup); });
  };
  EXPECT_EQ(code(1, 3, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(2, 1, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(1, 16, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(1, 4, 2), Code::kUnimplemented);
  EXPECT_EQ(code(2, 4, 0), Code::kOk);
  EXPECT_EQ(code(3, 0, 0), Code::kInvalidArgument);
}

}  // namespace
}  // namespace hlm
