// How threads of teams wait: what is read, when they are put to sleep, and that libgomp then does not spin.
#include "core/cpu/team_waits.h"

#include <gtest/gtest.h>
#include <omp.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace hlm {
namespace {

// The processor time that a thread of a team spends at a barrier, to which the other comes 200 ms later.
double SecondsOfProcessorWhileWaiting() {
  double waited = 0;
#pragma omp parallel num_threads(2)
  {
#pragma omp barrier
    const auto clock = [] {
      timespec now{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
    };
    const double before = clock();
    if (omp_get_thread_num() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(200));
#pragma omp barrier
    if (omp_get_thread_num() == 1) waited = clock() - before;
  }
  return waited;
}

ProcessorTime Time(int processors, double everybody, double own) { return {processors, everybody, own}; }

TEST(TeamWaitsTest, AsleepWhereOthersTakeTheProcessorsAndSpinningAgainAfterASecondOfCalm) {
  TeamWaits waits;
  waits.Decide(2, Time(2, 100, 50), 0.1);
  waits.Decide(2, Time(2, 100.2, 50.2), 0.1);  // the process alone
  EXPECT_FALSE(waits.asleep());
  waits.Decide(2, Time(2, 100.4, 50.3), 0.1);  // another takes one of the two
  EXPECT_TRUE(waits.asleep());
  for (int look = 1; look <= 9; ++look) {
    waits.Decide(2, Time(2, 100.4 + 0.2 * look, 50.3 + 0.2 * look), 0.1);
    EXPECT_TRUE(waits.asleep()) << look;
  }
  waits.Decide(2, Time(2, 102.4, 52.3), 0.1);
  EXPECT_FALSE(waits.asleep());
}

TEST(TeamWaitsTest, SpinningWhereTheTeamHasProcessorsOfItsOwn) {
  TeamWaits waits;
  waits.Decide(4, Time(16, 100, 50), 0.1);
  waits.Decide(4, Time(16, 101.2, 50.4), 0.1);  // others take eight of sixteen
  EXPECT_FALSE(waits.asleep());
  waits.Decide(12, Time(16, 102.4, 50.8), 0.1);
  EXPECT_TRUE(waits.asleep());
}

TEST(TeamWaitsTest, DecidesNothingOnTimesThatAreNotKnown) {
  TeamWaits waits;
  waits.Decide(2, Time(0, 0, 0), 0.1);
  waits.Decide(2, Time(2, 100, 0), 0.1);
  waits.Decide(2, Time(2, 200, 0), 0);
  EXPECT_FALSE(waits.asleep());
}

TEST(TeamWaitsTest, AWaitingThreadSpinsOnlyWhileItIsNotToldOtherwise) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr)
    GTEST_SKIP() << "the policy is given";
  if (omp_get_num_procs() < 2) GTEST_SKIP() << "a team of two is too many for one processor: libgomp never spins here";
  TeamWaits waits;
  EXPECT_GT(SecondsOfProcessorWhileWaiting(), 5e-4);  // 300,000 turns
  waits.Decide(2, Time(2, 100, 50), 0.1);
  waits.Decide(2, Time(2, 100.2, 50), 0.1);
  ASSERT_TRUE(waits.asleep());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // until the idle team is there
  EXPECT_LT(SecondsOfProcessorWhileWaiting(), 3e-4);            // 100 turns and a sleep
  for (int look = 1; look <= 10; ++look) waits.Decide(2, Time(2, 100.2, 50), 0.1);
  ASSERT_FALSE(waits.asleep());
  EXPECT_GT(SecondsOfProcessorWhileWaiting(), 5e-4);
}

TEST(TeamWaitsTest, OneForTheProcess) {
  const auto first = TeamWaits::OfThisProcess();
  EXPECT_EQ(TeamWaits::OfThisProcess(), first);
}

TEST(ProcessorTimeTest, CountsTheAllowedProcessorsAndAllButIdleTime) {
  const std::string path = testing::TempDir() + "/stat";
  // Processor 4000 is none of this machine's.
  std::ofstream(path)
      << "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 200 300 5000 6000 10 20 30 7 7\ncpu4000 1 1 1 1 1 1 1 1 0 0\nintr 5\n";
  const ProcessorTime time = ReadProcessorTime(path);
  if (time.processors == 1) {  // else this process may not use processor 0
    EXPECT_NEAR(time.everybody * static_cast<double>(sysconf(_SC_CLK_TCK)), 660, 1e-6);
  }
  std::ofstream(path) << "cpu0 100 what\n";
  EXPECT_EQ(ReadProcessorTime(path).processors, 0);
  EXPECT_EQ(ReadProcessorTime(path + ".absent").processors, 0);
}

TEST(ProcessorTimeTest, OfThisMachineGoesOn) {
  const ProcessorTime before = ReadProcessorTime();
  EXPECT_GE(before.processors, 1);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  std::atomic<int> turns = 0;
  while (std::chrono::steady_clock::now() < end) ++turns;
  const ProcessorTime after = ReadProcessorTime();
  EXPECT_GT(after.own, before.own);
  EXPECT_GT(after.everybody, before.everybody);
}

}  // namespace
}  // namespace hlm
