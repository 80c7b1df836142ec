#include "core/train/schedule.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/base/error.h"

namespace hlm {
namespace {

TEST(LearningRate, WarmsUpThenHolds) {
  const ScheduleOptions o{.lr = 8, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(LearningRate(o, 1), 2);
  EXPECT_DOUBLE_EQ(LearningRate(o, 4), 8);
  EXPECT_DOUBLE_EQ(LearningRate(o, 1000), 8);
}

TEST(LearningRate, FallsToTheShareAtTheLastStepAndStaysThere) {
  for (const Schedule schedule : {Schedule::kLinear, Schedule::kCosine}) {
    const ScheduleOptions o{.lr = 10, .schedule = schedule, .warmup_steps = 2, .total_steps = 12, .min_lr_ratio = 0.1};
    EXPECT_DOUBLE_EQ(LearningRate(o, 2), 10);
    EXPECT_NEAR(LearningRate(o, 7), 5.5, 1e-12);  // half way: the middle of 10 and 1 for both
    EXPECT_NEAR(LearningRate(o, 12), 1, 1e-12);
    EXPECT_NEAR(LearningRate(o, 99), 1, 1e-12);
  }
}

TEST(CheckSchedule, RefusesByName) {
  EXPECT_THROW(CheckSchedule({.lr = -1}), Error);
  EXPECT_THROW(CheckSchedule({.lr = std::numeric_limits<double>::infinity()}), Error);
  EXPECT_THROW(CheckSchedule({.warmup_steps = -1}), Error);
  EXPECT_THROW(CheckSchedule({.total_steps = -1}), Error);
  EXPECT_THROW(CheckSchedule({.schedule = Schedule::kLinear}), Error);
  EXPECT_THROW(CheckSchedule({.min_lr_ratio = 1.5}), Error);
}

}  // namespace
}  // namespace hlm
