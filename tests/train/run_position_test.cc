// How far a run is, and whether its trainer can go on.
#include "core/train/run_position.h"

#include <gtest/gtest.h>

#include <string>

#include "core/train/health.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

TEST(RunPosition, CountsStepsAndUpdates) {
  RunPosition position(ModelSpec{}, Plan{}, {.lr = 8, .warmup_steps = 4});
  EXPECT_DOUBLE_EQ(position.NextRate(), 2);
  position.Advance(true, {});
  EXPECT_EQ(position.steps(), 1);
  EXPECT_EQ(position.updates(), 0);
  EXPECT_DOUBLE_EQ(position.NextRate(), 4) << "a skipped step counts for the schedule";
  EXPECT_EQ(position.NextUpdate(4, 0.5).step, 1) << "and not for the bias correction";
  position.Advance(false, {});
  position.SetRate(0.25);
  EXPECT_EQ(position.Text(), "step 2 with 1 updates and lr 0.25");
  position.SetRate(-1);
  EXPECT_DOUBLE_EQ(position.NextRate(), 6);
}

TEST(RunPosition, GoesThroughACheckpoint) {
  RunPosition position(ModelSpec{}, Plan{}, {.lr = 8});
  for (const bool skipped : {false, true, false}) position.Advance(skipped, {});
  CheckpointInfo info;
  position.Save(info);
  EXPECT_EQ(info.step, 3);
  EXPECT_EQ(info.updates, 2);
  EXPECT_FALSE(info.fixed_lr);
  position.SetRate(0);
  position.Save(info);
  EXPECT_EQ(info.fixed_lr, 0.0);
  RunPosition next(ModelSpec{}, Plan{}, {.lr = 8});
  Manifest manifest;
  manifest.step = info.step;
  manifest.updates = info.updates;
  manifest.fixed_lr = info.fixed_lr;
  next.Resume(manifest);
  EXPECT_EQ(next.Text(), position.Text());
  manifest.fixed_lr.reset();
  next.Resume(manifest);
  EXPECT_DOUBLE_EQ(next.NextRate(), 8);
}

TEST(Health, KeepsTheFirstFailureAndStillReadsAWholeState) {
  Health health;
  health.CheckAlive();
  health.CheckWhole();
  health.Fail(Error(Code::kInternal, "first"));
  health.Fail(Error(Code::kUnavailable, "second"));
  std::string message;
  EXPECT_EQ(CodeOf([&] { health.CheckAlive(); }, &message), Code::kInternal);
  EXPECT_EQ(message, "first");
  health.CheckWhole();
  health.Tear();
  EXPECT_EQ(CodeOf([&] { health.CheckWhole(); }, &message), Code::kFailedPrecondition);
  EXPECT_NE(message.find("two steps: first"), std::string::npos) << message;
}

TEST(Health, AHalfResumedStateIsOfNoUseUntilAnotherResume) {
  Health health;
  health.ResumeBegins();
  EXPECT_EQ(CodeOf([&] { health.CheckAlive(); }), Code::kFailedPrecondition);
  EXPECT_EQ(CodeOf([&] { health.CheckWhole(); }), Code::kFailedPrecondition);
  health.CheckFailure();
  health.ResumeEnds();
  health.CheckAlive();
  health.CheckWhole();
}

}  // namespace
}  // namespace hlm
