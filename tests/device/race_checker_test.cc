#include "core/device/race_checker.h"

#include <gtest/gtest.h>

#include <thread>

namespace hlm {
namespace {

constexpr size_t kBytes = 4096;

class RaceCheckerTest : public testing::Test {
 protected:
  RaceChecker checker_;
  const int up_ = checker_.NewParticipant("up");
  const int compute_ = checker_.NewParticipant("compute");
  const int down_ = checker_.NewParticipant("down");
  char memory_[4 * kBytes] = {};
};

TEST_F(RaceCheckerTest, FindsAReadThatDoesNotWaitForTheWrite) {
  checker_.Access(up_, memory_, kBytes, true, "copy");
  checker_.Access(compute_, memory_, kBytes, false, "x");
  ASSERT_EQ(checker_.reports().size(), 1u);
  EXPECT_EQ(checker_.reports()[0], "compute reads 'x' (4096 bytes) after up wrote 'copy' there, with no order between them");
}

TEST_F(RaceCheckerTest, FindsAWriteThatDoesNotWaitForTheRead) {
  checker_.Access(compute_, memory_, kBytes, false, "x");
  checker_.Access(up_, memory_ + kBytes - 1, kBytes, true, "copy");
  ASSERT_EQ(checker_.reports().size(), 1u);
  EXPECT_EQ(checker_.reports()[0], "up writes 'copy' (1 bytes) after compute read 'x' there, with no order between them");
}

TEST_F(RaceCheckerTest, AcceptsWhatAnEventOrders) {
  checker_.Access(up_, memory_, kBytes, true, "copy");
  const Clock sent = checker_.Release(up_);
  checker_.Acquire(compute_, sent);
  checker_.Access(compute_, memory_, kBytes, false, "x");
  checker_.Acquire(up_, checker_.Release(compute_));
  checker_.Access(up_, memory_, kBytes, true, "next copy");
  EXPECT_TRUE(checker_.reports().empty());
}

TEST_F(RaceCheckerTest, AcceptsAnOrderThroughAThirdParticipant) {
  checker_.Access(up_, memory_, kBytes, true, "copy");
  checker_.Acquire(compute_, checker_.Release(up_));
  checker_.Acquire(down_, checker_.Release(compute_));
  checker_.Access(down_, memory_, kBytes, false, "copy");
  EXPECT_TRUE(checker_.reports().empty());
}

TEST_F(RaceCheckerTest, AnEventCoversOnlyWhatCameBeforeItsRecord) {
  const Clock early = checker_.Release(up_);
  checker_.Access(up_, memory_, kBytes, true, "copy");
  checker_.Acquire(compute_, early);
  checker_.Access(compute_, memory_, kBytes, false, "x");
  EXPECT_EQ(checker_.reports().size(), 1u);
}

TEST_F(RaceCheckerTest, ReadersDoNotConflictAndEachIsRemembered) {
  checker_.Access(up_, memory_, kBytes, false, "a");
  checker_.Access(compute_, memory_, kBytes, false, "b");
  EXPECT_TRUE(checker_.reports().empty());
  checker_.Acquire(down_, checker_.Release(compute_));  // covers one of the two
  checker_.Access(down_, memory_, kBytes, true, "c");
  ASSERT_EQ(checker_.reports().size(), 1u);
  EXPECT_NE(checker_.reports()[0].find("after up read 'a'"), std::string::npos);
}

TEST_F(RaceCheckerTest, NeighboursAndGapsAreApart) {
  checker_.Access(up_, memory_, kBytes, true, "first");
  checker_.Access(up_, memory_ + 2 * kBytes, kBytes, true, "third");
  checker_.Access(compute_, memory_ + kBytes, kBytes, true, "second");
  checker_.Access(compute_, memory_ + 3 * kBytes, kBytes, true, "fourth");
  EXPECT_TRUE(checker_.reports().empty());
  checker_.Access(down_, memory_ + 1, 4 * kBytes - 2, false, "all");
  EXPECT_EQ(checker_.reports().size(), 4u);
}

TEST_F(RaceCheckerTest, ASplitRangeKeepsItsPastOnBothSides) {
  checker_.Access(up_, memory_, 4 * kBytes, true, "slab");
  checker_.Acquire(compute_, checker_.Release(up_));
  checker_.Access(compute_, memory_ + kBytes, kBytes, true, "middle");
  checker_.Access(down_, memory_, kBytes, false, "left");
  checker_.Access(down_, memory_ + 3 * kBytes, kBytes, false, "right");
  ASSERT_EQ(checker_.reports().size(), 2u);
  for (const std::string& report : checker_.reports()) EXPECT_NE(report.find("up wrote 'slab'"), std::string::npos) << report;
}

TEST_F(RaceCheckerTest, FreedMemoryHasNoPast) {
  checker_.Access(up_, memory_, 2 * kBytes, true, "old");
  checker_.Forget(memory_, kBytes);
  checker_.Access(compute_, memory_, kBytes, true, "new");
  EXPECT_TRUE(checker_.reports().empty());
  checker_.Access(compute_, memory_ + kBytes, kBytes, true, "not freed");
  EXPECT_EQ(checker_.reports().size(), 1u);
}

TEST_F(RaceCheckerTest, TheSameKindOfConflictIsReportedOnce) {
  for (size_t i = 0; i < 10; ++i) {
    checker_.Access(up_, memory_ + i, 1, true, "copy");
    checker_.Access(compute_, memory_ + i, 1, false, "x");
  }
  EXPECT_EQ(checker_.reports().size(), 1u);
}

TEST_F(RaceCheckerTest, HostThreadsAreParticipantsAndHandOverByClock) {
  const int main = checker_.ThisThread();
  EXPECT_EQ(main, checker_.ThisThread());
  checker_.Access(main, memory_, kBytes, true, "fill");
  const Clock given = checker_.Release(main);
  std::thread([&] {
    const int worker = checker_.ThisThread();
    EXPECT_NE(worker, main);
    checker_.Acquire(worker, given);
    checker_.Access(worker, memory_, kBytes, true, "update");
  }).join();
  EXPECT_TRUE(checker_.reports().empty());
  checker_.Access(main, memory_, kBytes, false, "read back without asking");
  EXPECT_EQ(checker_.reports().size(), 1u);
}

TEST(RaceCheckersTest, AThreadHasANumberInEachChecker) {
  for (int round = 0; round < 3; ++round) {
    RaceChecker checker;  // may lie where the last one was
    checker.NewParticipant("stream");
    EXPECT_EQ(checker.ThisThread(), 1);
    EXPECT_TRUE(checker.reports().empty());
  }
}

}  // namespace
}  // namespace hlm
