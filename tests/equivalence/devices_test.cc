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

RunSetup SmallRun(DType compute, bool tied) { return GroupedRun(compute, TinyConfig(tied, true, 4), 10); }

class Devices : public testing::TestWithParam<std::tuple<DType, bool>> {
 protected:
  // 2 and 4, where there are so many.
  static std::vector<int64_t> Several() {
    std::vector<int64_t> numbers;
    for (const int64_t devices : {2, 4}) {
      if (devices <= TestDeviceCount()) numbers.push_back(devices);
    }
    return numbers;
  }
  static std::vector<int64_t> All() {
    std::vector<int64_t> numbers = Several();
    numbers.insert(numbers.begin(), 1);
    return numbers;
  }
  RunSetup Setup() const { return SmallRun(std::get<0>(GetParam()), std::get<1>(GetParam())); }
};

TEST_P(Devices, AnyNumberThatDividesTheGroupsGivesTheSameBits) {
  const RunSetup one = Setup();
  const RunResult expected = Train(one);
  EXPECT_EQ(expected.plan.sweeps, 4);
  for (const double loss : expected.losses) EXPECT_TRUE(std::isfinite(loss));
  for (const int64_t devices : Several()) {
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
  for (const int64_t devices : Several()) {
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
  groups.devices = All().back() >= 2 ? 2 : 1;
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
  for (const int64_t devices : All()) {
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
  for (const int64_t devices : Several()) {
    RunSetup several = one;
    several.devices = devices;
    ExpectSameBits(accumulated, Train(several));
  }
}

// The sums of a step are dealt to the groups each, and added one after the other.
TEST_P(Devices, StepsOfSeveralSumsGiveTheSameBits) {
  for (const int64_t groups : {2, 4}) {
    RunSetup one = Setup();
    one.plan.reduction_groups = groups;
    one.plan.batch_size = 16;
    one.plan.sweeps = 3;
    one.documents = 18;
    const RunResult expected = Train(one);
    EXPECT_EQ(expected.plan.sweeps, 3 * groups);
    EXPECT_EQ(expected.plan.numerics.sweeps, 3);
    for (const int64_t devices : All()) {
      if (devices > groups) continue;
      for (const BlockInputs place : {BlockInputs::kDevice, BlockInputs::kHost}) {
        SCOPED_TRACE(StrCat(devices, " devices, ", groups, " groups"));
        RunSetup several = one;
        several.devices = devices;
        several.device.delay_seed = devices;
        several.plan.activations = Activations::kRecompute;
        several.plan.block_inputs = place;
        several.plan.slots = 2;
        several.plan.ring = 2;
        const RunResult result = Train(several);
        EXPECT_EQ(result.plan.numerics.hash, expected.plan.numerics.hash);
        ExpectSameBits(expected, result);
      }
    }
  }
}

// Short documents leave room in micro-batches: a step of 8 rows in 4 groups comes in up to 15 micro-batches, and where a group has no room
// for its own the step takes another sum. The gradient is the whole step's all the same.
TEST_P(Devices, ManyShortDocumentsNeedNoLargerPlan) {
  RunSetup one = Setup();
  one.plan.batch_size = 8;
  one.plan.seq_len = 12;
  const auto step = [](Trainer& trainer, const Batch&) {
    std::vector<int32_t> ids;
    std::vector<int64_t> offsets = {0};
    for (const int64_t length : {7, 7, 7, 7, 7, 7, 7, 7, 7, 12, 12, 8}) {  // 95 of 96 tokens
      for (int64_t t = 0; t < length; ++t) ids.push_back(static_cast<int32_t>((offsets.back() * 7 + t * 5) % 61));
      offsets.push_back(static_cast<int64_t>(ids.size()));
    }
    Batch batch;
    batch.ids = ids;
    batch.offsets = offsets;
    return trainer.Step(batch);
  };
  one.take_step = step;
  const RunResult expected = Train(one);
  for (const int64_t devices : Several()) {
    RunSetup several = one;
    several.devices = devices;
    ExpectSameBits(expected, Train(several));
  }
  RunSetup whole = one;
  whole.plan.reduction_groups = 1;
  whole.plan.grad_dtype = one.plan.grad_dtype = DType::kF32;
  whole.steps = one.steps = 1;
  const RunResult a = Train(whole), b = Train(one);
  EXPECT_NEAR(a.losses[0], b.losses[0], 1e-12);
  EXPECT_NEAR(a.norms[0], b.norms[0], 1e-5 * a.norms[0]);
}

TEST_P(Devices, ACheckpointGoesOnWithTheSameBitsOnAnotherNumber) {
  const std::string folder = testing::TempDir() + "/devices";
  std::filesystem::remove_all(folder);
  RunSetup first = Setup();
  first.devices = All().back();
  first.steps = 4;
  first.documents = 8;  // a row each: every step fits the groups
  const RunResult whole = Train(first);
  first.after_step = [&](Trainer& trainer, int64_t done) {
    if (done == 2) trainer.Save(folder, {.background = true});
  };
  Train(first);
  for (const int64_t devices : All()) {
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
  if (TestDeviceCount() < 2) GTEST_SKIP() << "one device";
  setup.devices = 2;
  setup.plan.block_inputs = BlockInputs::kHost;
  // Where the devices reach each other the plan would choose between the two, and they differ in what the host adds.
  for (const Route route : {Route::kHost, Route::kPeer}) {
    SCOPED_TRACE(Name(route));
    setup.plan.route = route;
    const RunResult result = Train(setup);
    const auto memory = nlohmann::json::parse(result.metrics)["memory"];
    const Plan& plan = result.plan;
    EXPECT_EQ(memory["device_bytes"], 2 * plan.devices[0].arena.total);
    EXPECT_EQ(memory["ring"], plan.host.ring);
    EXPECT_EQ(memory["partials"], plan.host.partials);
    EXPECT_EQ(memory["batch_and_block_inputs"], plan.host.batch + plan.host.block_inputs);
    // Four groups: the host adds all of them, or the sums of two.
    const int64_t levels = route == Route::kHost ? 2 : 1;
    EXPECT_EQ(plan.host.partials, levels * 4 * plan.host.weights / static_cast<int64_t>(plan.WeightBytes()));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Devices, testing::Combine(testing::Values(DType::kF32, DType::kBF16), testing::Bool()));

TEST(ReductionGroups, WhatDoesNotDivideIsRefused) {
  if (!TestsOnCpu()) GTEST_SKIP() << "any number of devices is the CPU's";
  const auto code = [](int64_t devices, int64_t groups, int64_t sweeps) {
    RunSetup setup = SmallRun(DType::kF32, false);
    setup.devices = devices;
    setup.plan.reduction_groups = groups;
    setup.plan.sweeps = sweeps;
    setup.steps = 0;
    return CodeOf([&] { Train(setup); });
  };
  EXPECT_EQ(code(1, 3, 0), Code::kOk);
  EXPECT_EQ(code(2, 1, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(2, 3, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(1, 16, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(1, 4, 3), Code::kInvalidArgument);  // 8 micro-batches, and 12 groups
  EXPECT_EQ(code(1, 4, 2), Code::kOk);
  EXPECT_EQ(code(2, 4, 0), Code::kOk);
  EXPECT_EQ(code(4, 2, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(3, 0, 0), Code::kInvalidArgument);
}

}  // namespace
}  // namespace hlm
