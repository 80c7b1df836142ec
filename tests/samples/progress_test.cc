// The progress line of runs whose limits are known.
#include "samples/horizon/progress.h"

#include <gtest/gtest.h>

#include <memory>

#include "samples/horizon/run_log.h"

namespace horizon {
namespace {

// A plan for 1,000 tokens: 2 s of arithmetic, 1 s of host memory, less on the link.
const Json kPlan = {{"step_tokens", 1000},
                    {"prediction", {{"flops_seconds", 2.0}, {"up_seconds", 0.5}, {"down_seconds", 0.25}, {"host_seconds", 1.0}}}};

// What is shown of one step of `tokens` tokens that took four seconds.
std::string Shown(int64_t tokens, bool rated = true) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
  {
    Progress progress(out.get(), 3);
    ProgressRunLog log(progress);
    RunStart start;
    start.plan = kPlan;
    start.rated = rated;
    log.Begin(start);
    log.Step({{"step", 1}, {"loss", 2.5}, {"tokens", 400}, {"skipped", false}}, {.seconds = 4, .tokens = tokens});
  }
  std::rewind(out.get());
  char line[256] = "";
  EXPECT_NE(std::fgets(line, sizeof(line), out.get()), nullptr);
  return line;
}

TEST(ProgressTest, TheShareIsOfWhateverTakesLongest) {
  EXPECT_EQ(Shown(1000), "step 1/3  loss 2.5000  100 tokens/s  50% of the limit  8.0 s left\n") << "arithmetic";
  EXPECT_EQ(Shown(800), "step 1/3  loss 2.5000  100 tokens/s  40% of the limit  8.0 s left\n") << "of fewer tokens";
  EXPECT_EQ(Shown(100), "step 1/3  loss 2.5000  100 tokens/s  25% of the limit  8.0 s left\n") << "the host's memory";
  EXPECT_EQ(Shown(100, false), "step 1/3  loss 2.5000  100 tokens/s  8.0 s left\n") << "a machine that was not measured";
}

}  // namespace
}  // namespace horizon
