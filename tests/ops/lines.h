// Views of tests: dense, or in the middle of wider rows, with the values of a dense array.
#ifndef HORIZON_LM_TESTS_OPS_LINES_H_
#define HORIZON_LM_TESTS_OPS_LINES_H_

#include "tests/ops/op_case.h"

namespace hlm::ops_test {

// [rows, heads, width], by `how`: kTight: dense. kWide: rows are wider, the heads begin at an offset. kApart: heads lie apart
// too.
enum class Lay : int8_t { kTight, kWide, kApart };

class Placed {
 public:
  Placed(size_t rows, size_t heads, size_t width, Lay how) : rows_(rows), heads_(heads), width_(width) {
    if (how == Lay::kTight) {
      head_ = width, row_ = heads * width;
    } else {
      head_ = how == Lay::kApart ? width + 8 : width;
      offset_ = 8;
      row_ = heads * head_ + 24;
    }
  }
  size_t elements() const { return rows_ * row_; }
  // Values of a dense array in their places; elsewhere numbers that nobody may read or change.
  Doubles Spread(const Doubles& dense, double elsewhere = 77) const {
    Doubles all(elements(), elsewhere);
    ForAll([&](size_t i, size_t at) { all[at] = dense[i]; });
    return all;
  }
  Doubles Gather(const Doubles& all) const {
    Doubles dense(rows_ * heads_ * width_);
    ForAll([&](size_t i, size_t at) { dense[i] = all[at]; });
    return dense;
  }
  void* At(const DeviceArray& array) const { return static_cast<char*>(array.data()) + offset_ * SizeOf(array.type()); }
  View Read(const DeviceArray& array) const { return {At(array), static_cast<int64_t>(row_), static_cast<int64_t>(head_)}; }
  MutableView Write(const DeviceArray& array) const {
    return {At(array), static_cast<int64_t>(row_), static_cast<int64_t>(head_)};
  }
  // A view's values as a dense array of their own, for whoever compares.
  DeviceArray* Dense(Rig& rig, const DeviceArray& array) const { return &rig.Put(array.type(), Gather(array.Get())); }

 private:
  template <class Body>
  void ForAll(const Body& body) const {
    for (size_t r = 0; r < rows_; ++r) {
      for (size_t h = 0; h < heads_; ++h) {
        for (size_t i = 0; i < width_; ++i) body((r * heads_ + h) * width_ + i, r * row_ + offset_ + h * head_ + i);
      }
    }
  }
  size_t rows_, heads_, width_, row_ = 0, head_ = 0, offset_ = 0;
};

inline const char* Name(Lay how) { return how == Lay::kTight ? "tight" : how == Lay::kWide ? "wide" : "apart"; }

}  // namespace hlm::ops_test

#endif  // HORIZON_LM_TESTS_OPS_LINES_H_
