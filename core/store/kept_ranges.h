// KeptRanges: the elements of a model that some array is kept for, where it is not kept for all: those ranges lie one behind the other.
//
//   all elements   | . . . [ a b c ) . . [ d e ) . |
//   the array      | a b c d e |
#ifndef HORIZON_LM_CORE_STORE_KEPT_RANGES_H_
#define HORIZON_LM_CORE_STORE_KEPT_RANGES_H_

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "core/base/error.h"

namespace hlm {

class KeptRanges {
 public:
  KeptRanges() = default;  // everything is kept, at its own place

  // From now on only what is added, in order: elements [begin, end), whose first lies at `at`.
  void Add(int64_t begin, int64_t end, int64_t at) {
    all_ = false;
    ranges_.push_back({begin, end, at});
  }
  void AddNothing() { all_ = false; }

  // Where an element, which must be kept, lies.
  int64_t PlaceOf(int64_t element) const {
    if (all_) return element;
    const auto behind =
        std::upper_bound(ranges_.begin(), ranges_.end(), element, [](int64_t e, const Range& range) { return e < range.begin; });
    HLM_CHECK(behind != ranges_.begin() && element < std::prev(behind)->end, "element ", element,
              " has no states here: it is frozen, or another process's");
    return std::prev(behind)->at + element - std::prev(behind)->begin;
  }

  // work(first, count, kept) for each run of elements [begin, end) that are kept, or are not.
  template <class Work>
  void EachRun(int64_t begin, int64_t end, const Work& work) const {
    if (all_) return work(begin, end - begin, true);
    auto range = std::upper_bound(ranges_.begin(), ranges_.end(), begin, [](int64_t e, const Range& r) { return e < r.end; });
    for (; range != ranges_.end() && begin < end; ++range) {
      if (begin < range->begin) work(begin, std::min(end, range->begin) - begin, false);
      const int64_t from = std::max(begin, range->begin), to = std::min(end, range->end);
      if (from < to) work(from, to - from, true);
      begin = std::max(from, to);
    }
    if (begin < end) work(begin, end - begin, false);
  }

 private:
  struct Range {
    int64_t begin, end, at;
  };
  bool all_ = true;
  std::vector<Range> ranges_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STORE_KEPT_RANGES_H_
