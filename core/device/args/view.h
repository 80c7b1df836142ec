// Views: vectors of heads within wider rows, read or written in place.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_VIEW_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_VIEW_H_

#include <cstdint>

namespace hlm {

// Element d of head h of row r is data[r * row + h * head + d]: distances in elements. kDense stands for heads, and rows of
// heads, that follow each other; a head distance of 0 is one vector that all heads of a row share (to read only).
inline constexpr int64_t kDense = -1;
struct View {
  const void* data = nullptr;
  int64_t row = kDense, head = kDense;
};
struct MutableView {
  void* data = nullptr;
  int64_t row = kDense, head = kDense;
  operator View() const { return {data, row, head}; }  // NOLINT(google-explicit-constructor): what can be written can be read
};

// The same with numbers for both distances.
template <class AnyView>
AnyView Resolved(AnyView view, int64_t heads, int64_t width) {
  if (view.head == kDense) view.head = width;
  if (view.row == kDense) view.row = heads * view.head;
  return view;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_VIEW_H_
