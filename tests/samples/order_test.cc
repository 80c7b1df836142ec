#include "samples/horizon/data/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace horizon {
namespace {

std::vector<int64_t> Epoch(RowOrder& order, int64_t epoch) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < order.batches_per_epoch(); ++i) {
    const auto batch = order.Batch(epoch * order.batches_per_epoch() + i);
    rows.insert(rows.end(), batch.begin(), batch.end());
  }
  return rows;
}

std::vector<int64_t> Identity(int64_t n) {
  std::vector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TEST(OrderTest, EachEpochIsANewPermutation) {
  RowOrder order(100, 8, 1, true);
  const std::vector<int64_t> first = Epoch(order, 0), second = Epoch(order, 1);
  EXPECT_TRUE(std::is_permutation(first.begin(), first.end(), Identity(100).begin()));
  EXPECT_TRUE(std::is_permutation(second.begin(), second.end(), Identity(100).begin()));
  EXPECT_NE(first, Identity(100));
  EXPECT_NE(first, second);
}

TEST(OrderTest, DependsOnSeedAndEpochAlone) {
  RowOrder straight(50, 7, 3, true), jumping(50, 7, 3, true), other(50, 7, 4, true), other_batch(50, 3, 3, true);
  Epoch(straight, 0);
  Epoch(straight, 1);
  EXPECT_EQ(Epoch(jumping, 2), Epoch(straight, 2));
  EXPECT_EQ(Epoch(other_batch, 2), Epoch(straight, 2));
  EXPECT_NE(Epoch(other, 2), Epoch(straight, 2));
}

TEST(OrderTest, TheLastBatchOfAnEpochMayBeSmaller) {
  RowOrder order(5, 2, 0, false);
  EXPECT_EQ(order.batches_per_epoch(), 3);
  EXPECT_EQ(order.Batch(2).size(), 1u);
  EXPECT_EQ(order.Batch(2)[0], 4);
  EXPECT_EQ(order.Batch(3)[0], 0) << "the next epoch begins with the file's first row";
  EXPECT_EQ(Epoch(order, 0), Identity(5));
  RowOrder wide(3, 8, 0, false);
  EXPECT_EQ(wide.Batch(0).size(), 3u);
  EXPECT_EQ(wide.batches_per_epoch(), 1);
}

// Every row is as likely at every place: a chi-square test with 9 degrees of freedom for each place; 33.7 is passed once in
// 10,000.
TEST(OrderTest, ShufflesEvenly) {
  constexpr int kRows = 10, kTrials = 5000;
  std::vector<std::vector<int>> counts(kRows, std::vector<int>(kRows, 0));
  for (int seed = 0; seed < kTrials; ++seed) {
    RowOrder order(kRows, kRows, seed, true);
    const auto rows = order.Batch(0);
    for (int place = 0; place < kRows; ++place)
      ++counts[static_cast<size_t>(place)][static_cast<size_t>(rows[static_cast<size_t>(place)])];
  }
  for (const std::vector<int>& place : counts) {
    double chi_square = 0;
    for (const int count : place) chi_square += std::pow(count - kTrials / kRows, 2) / (kTrials / kRows);
    EXPECT_LT(chi_square, 33.7);
  }
}

// The order is part of what a seed means, so it may never change by accident.
TEST(OrderTest, IsTheSameOnEveryMachine) {
  RowOrder order(8, 8, 42, true);
  const auto rows = order.Batch(0);
  EXPECT_EQ(std::vector<int64_t>(rows.begin(), rows.end()), (std::vector<int64_t>{7, 4, 3, 1, 5, 0, 2, 6}));
}

TEST(RandomTest, UniformLiesInTheUnitInterval) {
  double sum = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    const double u = RandomUniform(-5, 2, i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);  // 5 standard deviations
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_LT(RandomBelow(1, 0, i, 7), 7u);
  EXPECT_EQ(RandomBelow(1, 0, 0, 1), 0u);
}

}  // namespace
}  // namespace horizon
