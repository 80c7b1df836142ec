#include "core/text/dataset/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace hlm::dataset {
namespace {

using Places = std::vector<std::pair<int32_t, int64_t>>;

Places Epoch(const Order& order, int64_t epoch) {
  Places places;
  for (const Order::Place& place : order.Epoch(epoch)) places.push_back({place.source, place.unit});
  return places;
}

TEST(Order, WithoutShufflingSourcesFollowEachOther) {
  EXPECT_EQ(Epoch(Order({2, 0, 1}, {-1, -1, -1}, false, 5), 3), (Places{{0, 0}, {0, 1}, {2, 0}}));
}

TEST(Order, AnEpochHasEveryUnitOnceInAnOrderOfItsOwn) {
  const Order order({300, 200}, {-1, -1}, true, 7);
  const Places first = Epoch(order, 0), second = Epoch(order, 1);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, Epoch(Order({300, 200}, {-1, -1}, true, 7), 0));  // the seed says all
  EXPECT_NE(first, Epoch(Order({300, 200}, {-1, -1}, true, 8), 0));
  for (const Places& epoch : {first, second}) {
    EXPECT_EQ(epoch.size(), 500u);
    EXPECT_EQ(std::set(epoch.begin(), epoch.end()).size(), 500u);
  }
}

// Each place of a permutation takes each value equally often: chi-square with 49 degrees of freedom below its 99.99 %
// quantile, 98.
TEST(Order, PermutationsAreUniform) {
  constexpr int kValues = 8, kDraws = 8000;
  std::vector<int> counts(kValues * kValues);
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::vector<int64_t> order = Permutation(kValues, 3, "test", draw);
    for (int place = 0; place < kValues; ++place)
      ++counts[static_cast<size_t>(place * kValues + order[static_cast<size_t>(place)])];
  }
  const double expected = static_cast<double>(kDraws) / kValues;
  double chi = 0;
  for (const int count : counts) chi += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi, 98);
}

TEST(Order, WeightsAreSharesExactly) {
  const Order order({1000, 100, 10}, {1, 2, 1}, true, 1);
  EXPECT_EQ(order.units_per_epoch(), 1110);
  EXPECT_EQ(std::vector<int64_t>(order.shares().begin(), order.shares().end()), (std::vector<int64_t>{278, 555, 277}));
  std::map<std::pair<int32_t, int64_t>, int> seen;
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    std::vector<int64_t> counts(3);
    for (const auto& place : Epoch(order, epoch)) {
      ++counts[static_cast<size_t>(place.first)];
      ++seen[place];
    }
    EXPECT_EQ(counts, (std::vector<int64_t>{278, 555, 277}));
  }
  // 4 epochs: 1112 of 1000, 2220 of 100, 1108 of 10. None is seen more than once more than another of its source.
  std::vector<std::pair<int, int>> range(3, {1 << 30, 0});
  std::vector<int> different(3);
  for (const auto& [place, times] : seen) {
    auto& [least, most] = range[static_cast<size_t>(place.first)];
    least = std::min(least, times);
    most = std::max(most, times);
    ++different[static_cast<size_t>(place.first)];
  }
  EXPECT_EQ(different, (std::vector<int>{1000, 100, 10}));
  EXPECT_EQ(range, (std::vector<std::pair<int, int>>{{1, 2}, {22, 23}, {110, 111}}));
}

// Any stretch of a shuffled mixture has the shares, as draws without putting back: within five standard deviations.
TEST(Order, MixturesAreEven) {
  const Order order({50'000, 50'000}, {3, 1}, true, 11);
  const Places epoch = Epoch(order, 0);
  for (size_t begin = 0; begin + 1000 <= epoch.size(); begin += 1000) {
    const auto first = std::count_if(epoch.begin() + static_cast<std::ptrdiff_t>(begin),
                                     epoch.begin() + static_cast<std::ptrdiff_t>(begin) + 1000,
                                     [](const auto& place) { return place.first == 0; });
    EXPECT_NEAR(static_cast<double>(first), 750, 5 * std::sqrt(1000 * 0.75 * 0.25));
  }
  // Without shuffling a mixture is even to one unit.
  const Places plain = Epoch(Order({600, 400}, {3, 1}, false, 0), 0);
  int64_t taken = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    taken += plain[i].first == 0;
    EXPECT_NEAR(static_cast<double>(taken), 0.75 * static_cast<double>(i + 1), 1.0);
  }
}

TEST(Order, EvaluationDependsOnARecordAlone) {
  std::vector<uint64_t> identities;
  for (uint64_t i = 0; i < 10'000; ++i) identities.push_back(i * 0x9E3779B97F4A7C15u);
  int64_t in = 0;
  for (const uint64_t identity : identities) in += InEvaluation(identity, 0.1, 3);
  EXPECT_NEAR(static_cast<double>(in), 1000, 5 * 30);
  // A larger fraction takes more, and none that was in goes out.
  for (const uint64_t identity : identities) EXPECT_LE(InEvaluation(identity, 0.1, 3), InEvaluation(identity, 0.2, 3));
  const std::vector<uint8_t> some = EvaluationRecords(identities, 50, 3);
  EXPECT_EQ(std::count(some.begin(), some.end(), 1), 50);
  // The same records, in another order: the same ones.
  std::vector<uint64_t> reversed(identities.rbegin(), identities.rend());
  std::vector<uint8_t> again = EvaluationRecords(reversed, 50, 3);
  std::reverse(again.begin(), again.end());
  EXPECT_EQ(some, again);
  EXPECT_NE(some, EvaluationRecords(identities, 50, 4));
  EXPECT_EQ(EvaluationRecords({}, 5, 0).size(), 0u);
}

}  // namespace
}  // namespace hlm::dataset
