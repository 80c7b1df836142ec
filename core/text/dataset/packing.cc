#include "core/text/dataset/packing.h"

#include <algorithm>
#include <bit>

#include "core/base/error.h"

namespace hlm::dataset {
namespace {

// A set of numbers below a bound that finds the least member at or above a number: bits, and above each level the bits of which
// of its words are not zero.
class NumberSet {
 public:
  explicit NumberSet(int64_t bound) {
    for (size_t words = static_cast<size_t>(bound); words > 1 || levels_.empty();) {
      words = (words + 63) / 64;
      levels_.emplace_back(words);
    }
  }
  void Insert(int64_t number) {
    size_t n = static_cast<size_t>(number);
    for (std::vector<uint64_t>& level : levels_) {
      level[n / 64] |= uint64_t{1} << (n % 64);
      n /= 64;
    }
  }
  void Remove(int64_t number) {
    size_t n = static_cast<size_t>(number);
    for (std::vector<uint64_t>& level : levels_) {
      level[n / 64] &= ~(uint64_t{1} << (n % 64));
      if (level[n / 64] != 0) return;
      n /= 64;
    }
  }
  // -1 where there is none.
  int64_t AtLeast(int64_t number) const {
    size_t n = static_cast<size_t>(number);
    for (size_t up = 0; up < levels_.size(); ++up) {
      if (n / 64 >= levels_[up].size()) return -1;
      const uint64_t word = levels_[up][n / 64] & (~uint64_t{0} << (n % 64));
      if (word != 0) {
        n = n / 64 * 64 + static_cast<size_t>(std::countr_zero(word));
        while (up > 0) {
          --up;
          n = n * 64 + static_cast<size_t>(std::countr_zero(levels_[up][n]));
        }
        return static_cast<int64_t>(n);
      }
      n = n / 64 + 1;
    }
    return -1;
  }

 private:
  std::vector<std::vector<uint64_t>> levels_;
};

// Indices by falling length, equal ones in their order. Counting: lengths are small numbers.
std::vector<int64_t> ByFallingLength(std::span<const int64_t> lengths, int64_t capacity) {
  std::vector<int64_t> starts(static_cast<size_t>(capacity) + 2);
  for (const int64_t length : lengths) ++starts[static_cast<size_t>(capacity - length) + 1];
  for (size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  std::vector<int64_t> order(lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) {
    order[static_cast<size_t>(starts[static_cast<size_t>(capacity - lengths[i])]++)] = static_cast<int64_t>(i);
  }
  return order;
}

}  // namespace

Rows PackBestFit(std::span<const int64_t> lengths, int64_t capacity) {
  HLM_CHECK(capacity > 0, "capacity ", capacity);
  for (const int64_t length : lengths) HLM_CHECK(length > 0 && length <= capacity, "length ", length, " of ", capacity);

  // Rows of equal space queue up, the oldest first; queues are lists through next_row.
  struct Queue {
    int64_t first = -1, last = -1;
  };
  std::vector<Queue> by_space(static_cast<size_t>(capacity) + 1);
  NumberSet spaces(capacity + 1);
  std::vector<int64_t> next_row, row_of(lengths.size()), count;

  for (const int64_t item : ByFallingLength(lengths, capacity)) {
    const int64_t length = lengths[static_cast<size_t>(item)];
    int64_t space = spaces.AtLeast(length), row;
    if (space < 0) {
      row = static_cast<int64_t>(next_row.size());
      space = capacity;
      next_row.push_back(-1);
      count.push_back(0);
    } else {
      Queue& queue = by_space[static_cast<size_t>(space)];
      row = queue.first;
      queue.first = next_row[static_cast<size_t>(row)];
      if (queue.first < 0) {
        queue.last = -1;
        spaces.Remove(space);
      }
    }
    row_of[static_cast<size_t>(item)] = row;
    ++count[static_cast<size_t>(row)];
    const int64_t left = space - length;
    if (left == 0) continue;  // full: it need not queue
    Queue& queue = by_space[static_cast<size_t>(left)];
    next_row[static_cast<size_t>(row)] = -1;
    if (queue.last < 0) {
      queue.first = row;
      spaces.Insert(left);
    } else {
      next_row[static_cast<size_t>(queue.last)] = row;
    }
    queue.last = row;
  }

  // Within a row items stand in their own order: it costs nothing, and a file that is not shuffled is read in order.
  Rows rows;
  rows.offsets.reserve(count.size() + 1);
  for (const int64_t n : count) rows.offsets.push_back(rows.offsets.back() + n);
  rows.items.resize(lengths.size());
  std::vector<int64_t> filled(rows.offsets.begin(), rows.offsets.end() - 1);
  for (size_t i = 0; i < lengths.size(); ++i) {
    rows.items[static_cast<size_t>(filled[static_cast<size_t>(row_of[i])]++)] = static_cast<int64_t>(i);
  }
  return rows;
}

Rows OneEach(int64_t items) {
  Rows rows;
  rows.offsets.reserve(static_cast<size_t>(items) + 1);
  rows.items.reserve(static_cast<size_t>(items));
  for (int64_t i = 0; i < items; ++i) {
    rows.items.push_back(i);
    rows.offsets.push_back(i + 1);
  }
  return rows;
}

}  // namespace hlm::dataset
