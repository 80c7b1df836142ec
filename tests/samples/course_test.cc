// What the steps of a run and its held-out losses say of it.
#include "samples/horizon/run/course.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "samples/horizon/run/held_out.h"

namespace horizon {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

hlm_step_metrics Metrics(double loss, int64_t tokens = 5) {
  hlm_step_metrics metrics = {};
  metrics.loss = loss;
  metrics.tokens = tokens;
  metrics.skipped = loss == loss ? 0 : 1;
  return metrics;
}

TEST(Course, GoesOnBehindAnEarlierRun) {
  Course course(4, 10);
  EXPECT_FALSE(course.whole());
  course.Begin(2);
  EXPECT_EQ(course.done(), 2);
  EXPECT_FALSE(course.any());
  course.Add(Metrics(3), 1);
  EXPECT_TRUE(course.any());
  EXPECT_FALSE(course.whole());
  course.Add(Metrics(2), 1);
  EXPECT_TRUE(course.whole());
  EXPECT_EQ(course.Where(), "after step 4 of 4");
  EXPECT_EQ(course.Summary(),
            "trained 2 steps on 10 tokens in 2.0 s (5 tokens/s); loss 3.0000 at the first step, 2.0000 at the last");
  RunEnd end;
  course.Tell(end);
  EXPECT_EQ(end.done, 4);
  EXPECT_EQ(end.tokens, 10);
  EXPECT_EQ(end.seconds, 2);
}

TEST(Course, OneStepIsOne) {
  Course course(1, 10);
  course.Add(Metrics(3), 1);
  EXPECT_EQ(course.Summary().substr(0, 26), "trained 1 step on 5 tokens");
}

TEST(Course, IsHopelessAfterSoManySkippedStepsInARow) {
  Course course(100, 2);
  for (const double loss : {1.0, 1.0, 1.0, 1.0, kNan, 1.0, kNan}) course.Add(Metrics(loss), 1);
  EXPECT_TRUE(course.skipping());
  EXPECT_FALSE(course.hopeless());
  EXPECT_FALSE(course.HasDiverged());
  EXPECT_EQ(course.last_good(), 5);  // what step 6 made of it was found bad by step 7
  course.Add(Metrics(kNan, 0), 1);   // nothing was predicted: it says nothing of the model
  EXPECT_FALSE(course.hopeless());
  course.Add(Metrics(kNan), 1);
  EXPECT_TRUE(course.hopeless());
  EXPECT_TRUE(course.HasDiverged());
}

TEST(Course, OfWhichHalfWasSkippedHasDiverged) {
  Course course(3, 10), unlimited(3, 0);
  for (Course* one : {&course, &unlimited}) {
    one->Begin(1);
    one->Add(Metrics(1), 1);
    EXPECT_FALSE(one->HasDiverged());
    one->Add(Metrics(kNan), 1);
  }
  EXPECT_FALSE(course.hopeless());
  EXPECT_TRUE(course.HasDiverged());
  EXPECT_FALSE(unlimited.HasDiverged());
}

TEST(HeldOut, IsDueBetweenAndAtTheEnd) {
  RunOptions run;
  EXPECT_FALSE(HeldOut(run, true).IsDue(3, false));
  EXPECT_TRUE(HeldOut(run, true).IsDue(3, true));
  run.eval_every = 3;
  EXPECT_TRUE(HeldOut(run, true).IsDue(3, false));
  EXPECT_FALSE(HeldOut(run, true).IsDue(4, false));
  EXPECT_FALSE(HeldOut(run, false).IsDue(3, true));
}

TEST(HeldOut, KnowsTheBestAndGoesOnFromACheckpoint) {
  RunOptions run;
  run.early_stop = 2;
  HeldOut held_out(run, true);
  const auto line = [](double loss) { return Json{{"eval_loss", loss}, {"eval_tokens", 7}}; };
  EXPECT_FALSE(held_out.Evaluated(1, line(kNan)));
  EXPECT_TRUE(held_out.HasNoLoss(1));
  EXPECT_FALSE(held_out.HasNoLoss(2));
  EXPECT_TRUE(held_out.Evaluated(2, line(2)));
  EXPECT_FALSE(held_out.HasNoLoss(2));
  EXPECT_FALSE(held_out.Evaluated(3, line(2)));
  EXPECT_FALSE(held_out.stops());
  Json position = {{"row", 5}};
  held_out.Save(position);
  HeldOut next(run, true);
  next.Take(position);
  EXPECT_EQ(next.evaluated(), 3);
  EXPECT_EQ(next.best_step(), 2);
  EXPECT_EQ(next.best_loss(), 2);
  EXPECT_FALSE(next.Evaluated(4, line(3)));
  EXPECT_TRUE(next.stops());
  EXPECT_FALSE(next.Evaluated(5, {{"eval_tokens", 0}}));  // of no loss there is nothing to say
  EXPECT_FALSE(next.HasNoLoss(5));
}

}  // namespace
}  // namespace horizon
