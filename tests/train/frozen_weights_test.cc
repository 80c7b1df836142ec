// Weights that are kept while training goes on.
#include <gtest/gtest.h>

#include <vector>

#include "core/base/error.h"
#include "core/device/race_checker.h"
#include "tests/support/code_of.h"
#include "tests/train/losses_rig.h"

namespace hlm {
namespace {

TEST(FrozenWeights, StayWhatTheyWereUnderEveryTiming) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const Timing timing : {Timing::kNextForward, Timing::kBackward, Timing::kSerial}) {
      for (const bool tied : {false, true}) {
        SCOPED_TRACE(StrCat(Name(compute), " ", Name(timing), tied ? " tied" : ""));
        CpuDeviceOptions device;
        device.check_races = true;
        device.delay_seed = 5;
        Rig rig(
            [&](PlanOptions& o) {
              o.compute = compute;
              o.timing = timing;
              o.frozen_copies = 2;
              o.max_part_bytes = 16384;
            },
            1, device, tied);
        Data data(6, 41);
        const auto before = rig.LogProbs(data.batch);
        rig.trainer->Step(data.batch);  // its update may still run when the copy is made
        const auto kept = rig.trainer->KeepWeights();
        const auto at_keep = rig.LogProbs(data.batch);
        EXPECT_FALSE(SameBits(before, at_keep));
        EXPECT_TRUE(SameBits(rig.LogProbs(data.batch, kept.get()), at_keep)) << "before any change";
        const double loss = rig.trainer->Evaluate(data.batch, kept.get()).loss;
        for (int step = 0; step < 3; ++step) {
          rig.trainer->Step(data.batch);
          EXPECT_TRUE(SameBits(rig.LogProbs(data.batch, kept.get()), at_keep)) << step;
        }
        EXPECT_EQ(rig.trainer->Evaluate(data.batch, kept.get()).loss, loss);
        EXPECT_FALSE(SameBits(rig.LogProbs(data.batch), at_keep));
        // A second one, and a place that is free again.
        auto second = rig.trainer->KeepWeights();
        EXPECT_EQ(CodeOf([&] { rig.trainer->KeepWeights(); }), Code::kResourceExhausted);
        const auto then = rig.LogProbs(data.batch);
        rig.WriteOne("model.norm.weight", 0, 5.0f);
        EXPECT_TRUE(SameBits(rig.LogProbs(data.batch, second.get()), then)) << "a weight was written";
        EXPECT_TRUE(SameBits(rig.LogProbs(data.batch, kept.get()), at_keep));
        second.reset();
        second = rig.trainer->KeepWeights();
        EXPECT_FALSE(SameBits(rig.LogProbs(data.batch, second.get()), then));
        for (const std::string& race : rig.trainer->device().race_checker()->reports()) ADD_FAILURE() << race;
        rig.trainer.reset();  // what is kept may outlive it
      }
    }
  }
}

TEST(FrozenWeights, BelongToTheirTrainer) {
  Rig one([](PlanOptions&o) { o.frozen_copies = 1; }), two;
  Data data(2);
  const auto kept = one.trainer->KeepWeights();
  EXPECT_EQ(CodeOf([&] { two.LogProbs(data.batch, kept.get()); }), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf([&] { two.trainer->KeepWeights(); }), Code::kResourceExhausted);
  EXPECT_EQ(one.plan->host.frozen, one.plan->host.weights);
}

}  // namespace
}  // namespace hlm
