// The progress line of runs whose limits are known.
#include "samples/horizon/run/progress.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "samples/horizon/run/run_log.h"

namespace horizon {
namespace {

// A plan for 1,000 tokens: 2 s of arithmetic, 1 s of memory.
const Json kPlan = {{"step_tokens", 1000}, {"prediction", {{"flops_seconds", 2.0}, {"moves_seconds", 1.0}}}};

// What is shown of a run of three steps of which these took so long, the first of them `step`.
std::vector<std::string> Shown(int64_t step, const std::vector<StepWork>& works, bool rated = true) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
  {
    Progress progress(out.get(), 3);
    ProgressRunLog log(progress);
    RunStart start;
    start.plan = kPlan;
    start.rated = rated;
    log.Begin(start);
    for (const StepWork& work : works) log.Step({{"step", step++}, {"loss", 2.5}, {"tokens", 400}, {"skipped", false}}, work);
  }
  std::rewind(out.get());
  std::vector<std::string> lines;
  char line[256];
  while (std::fgets(line, sizeof(line), out.get()) != nullptr) lines.push_back(line);
  return lines;
}

using Lines = std::vector<std::string>;

TEST(ProgressTest, TheShareIsOfWhateverTakesLonger) {
  EXPECT_EQ(Shown(1, {{4, 1000}}), Lines{"step 1/3  loss 2.5000  100 tokens/s  50% of the limit  8.0 s left\n"}) << "arithmetic";
  EXPECT_EQ(Shown(1, {{4, 800}}), Lines{"step 1/3  loss 2.5000  100 tokens/s  40% of the limit  8.0 s left\n"})
      << "of fewer tokens";
  EXPECT_EQ(Shown(1, {{4, 100}}), Lines{"step 1/3  loss 2.5000  100 tokens/s  25% of the limit  8.0 s left\n"}) << "memory";
  EXPECT_EQ(Shown(1, {{4, 100}}, false), Lines{"step 1/3  loss 2.5000  100 tokens/s  8.0 s left\n"}) << "rates were not measured";
}

TEST(ProgressTest, TheFirstStepOfARunLeavesTheMean) {
  EXPECT_EQ(Shown(1, {{9, 100}, {4, 100}, {1, 100}}),
            (Lines{"step 1/3  loss 2.5000  44 tokens/s  11% of the limit  18.0 s left\n",
                   "step 3/3  loss 2.5000  160 tokens/s  40% of the limit\n"}));
}

TEST(ProgressTest, NotANumberHasNoSign) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
  Progress progress(out.get(), 2);
  ProgressRunLog log(progress);
  log.Step({{"step", 1}, {"loss", -std::numeric_limits<double>::quiet_NaN()}, {"tokens", 4}, {"skipped", false}}, {1, 4});
  std::rewind(out.get());
  char line[256] = "";
  EXPECT_NE(std::fgets(line, sizeof(line), out.get()), nullptr);
  EXPECT_EQ(std::string(line).substr(0, 18), "step 1/2  loss nan");
}

TEST(ProgressTest, ARunThatGoesOnHasAFirstStepAsWell) {
  EXPECT_EQ(Shown(2, {{4, 100}}), Lines{"step 2/3  loss 2.5000  100 tokens/s  25% of the limit  4.0 s left\n"});
}

}  // namespace
}  // namespace horizon
