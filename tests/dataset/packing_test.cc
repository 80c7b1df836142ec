#include "core/text/dataset/packing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace hlm::dataset {
namespace {

std::vector<int64_t> Lengths(uint32_t seed, size_t n, int64_t capacity, bool skewed) {
  std::mt19937 random(seed);
  std::lognormal_distribution<double> log_normal(4.5, 1.0);
  std::vector<int64_t> lengths(n);
  for (int64_t& length : lengths) {
    const double drawn =
        skewed ? log_normal(random) : std::uniform_real_distribution<double>(1, static_cast<double>(capacity) + 1)(random);
    length = std::clamp<int64_t>(static_cast<int64_t>(drawn), 1, capacity);
  }
  return lengths;
}

// The rule, word for word, in quadratic time.
std::vector<std::vector<int64_t>> PlainBestFit(const std::vector<int64_t>& lengths, int64_t capacity) {
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<int64_t>> rows;
  std::vector<int64_t> space;
  std::vector<int64_t> since;  // when the row's space became what it is: the oldest of equal ones is taken
  int64_t now = 0;
  for (const int64_t item : order) {
    int64_t best = -1;
    for (size_t r = 0; r < rows.size(); ++r) {
      if (space[r] < lengths[item]) continue;
      if (best < 0 || space[r] < space[best] || (space[r] == space[best] && since[r] < since[best]))
        best = static_cast<int64_t>(r);
    }
    if (best < 0) {
      best = static_cast<int64_t>(rows.size());
      rows.emplace_back();
      space.push_back(capacity);
      since.push_back(0);
    }
    rows[best].push_back(item);
    space[best] -= lengths[item];
    since[best] = ++now;
  }
  for (auto& row : rows) std::sort(row.begin(), row.end());
  return rows;
}

int64_t NextFitRows(const std::vector<int64_t>& lengths, int64_t capacity) {
  int64_t rows = 0, space = 0;
  for (const int64_t length : lengths) {
    if (length > space) {
      ++rows;
      space = capacity;
    }
    space -= length;
  }
  return rows;
}

TEST(Packing, IsTheRuleItself) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const int64_t capacity = std::vector<int64_t>{1, 5, 63, 64, 65, 200, 4096, 5000}[seed % 8];
    const auto lengths = Lengths(seed, 300, capacity, seed % 2 == 0);
    const auto plain = PlainBestFit(lengths, capacity);
    const Rows rows = PackBestFit(lengths, capacity);
    ASSERT_EQ(rows.size(), static_cast<int64_t>(plain.size())) << seed;
    for (int64_t r = 0; r < rows.size(); ++r) {
      ASSERT_EQ(std::vector<int64_t>(rows[r].begin(), rows[r].end()), plain[static_cast<size_t>(r)])
          << "row " << r << " seed " << seed;
    }
  }
}

TEST(Packing, EveryItemOnceAndNoRowOverItsCapacity) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const int64_t capacity = 1 + static_cast<int64_t>(seed) * 137;
    const auto lengths = Lengths(seed, 5000, capacity, seed % 2 == 0);
    const Rows rows = PackBestFit(lengths, capacity);
    std::vector<int> seen(lengths.size());
    for (int64_t r = 0; r < rows.size(); ++r) {
      int64_t tokens = 0;
      ASSERT_FALSE(rows[r].empty());
      for (const int64_t item : rows[r]) {
        ++seen[static_cast<size_t>(item)];
        tokens += lengths[static_cast<size_t>(item)];
      }
      ASSERT_LE(tokens, capacity);
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<int64_t>(seen.size()));
  }
}

TEST(Packing, FewerRowsThanNextFitAndWithinTheProvenBound) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const int64_t capacity = 1024;
    const auto lengths = Lengths(seed, 20'000, capacity, seed % 2 == 0);
    const int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
    const int64_t half = std::count_if(lengths.begin(), lengths.end(), [&](int64_t l) { return 2 * l > capacity; });
    const int64_t least = std::max((tokens + capacity - 1) / capacity, half);  // no packing has fewer rows
    const int64_t rows = PackBestFit(lengths, capacity).size();
    EXPECT_LE(rows, NextFitRows(lengths, capacity));
    EXPECT_LE(9 * rows, 11 * least + 6) << seed;
    if (seed % 2 == 0) {
      EXPECT_GE(static_cast<double>(tokens) / static_cast<double>(rows * capacity), 0.99) << seed;
    }
  }
}

TEST(Packing, NothingIsNoRow) {
  EXPECT_EQ(PackBestFit({}, 10).size(), 0);
  EXPECT_EQ(OneEach(0).size(), 0);
  const Rows rows = OneEach(3);
  ASSERT_EQ(rows.size(), 3);
  EXPECT_EQ(rows[2][0], 2);
}

}  // namespace
}  // namespace hlm::dataset
