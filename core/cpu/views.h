// Elements of views as floats, for the plain loops of operations that are read and written head by head.
#ifndef HORIZON_LM_CORE_CPU_VIEWS_H_
#define HORIZON_LM_CORE_CPU_VIEWS_H_

#include <cmath>
#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/args/view.h"

namespace hlm {

inline float ToFloat(float x) { return x; }
inline float ToFloat(bf16_t x) { return Bf16ToFloat(x); }
template <class T>
T FromFloat(float x) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return x;
  } else {
    return FloatToBf16(x);
  }
}
// As it would be read back.
template <class T>
float Rounded(float x) {
  return ToFloat(FromFloat<T>(x));
}

// c(scale x) of CrossEntropyArgs.
inline float CappedLogit(float x, float scale, float cap) {
  const float z = scale * x;
  return cap > 0 ? cap * std::tanh(z / cap) : z;
}

// Number `i` of an array of either type.
inline float HeadNumber(DType type, const void* data, int64_t i) {
  return type == DType::kF32 ? static_cast<const float*>(data)[i] : Bf16ToFloat(static_cast<const bf16_t*>(data)[i]);
}

template <class T>
struct ReadLines {  // null data: no lines
  ReadLines(const View& view, int64_t heads, int64_t width) : view(Resolved(view, heads, width)) {}
  const T* at(int64_t row, int64_t head) const { return static_cast<const T*>(view.data) + row * view.row + head * view.head; }
  explicit operator bool() const { return view.data != nullptr; }
  View view;
};
template <class T>
struct WrittenLines {
  WrittenLines(const MutableView& to, int64_t heads, int64_t width)
      : data(static_cast<T*>(to.data)), view(Resolved(to, heads, width)) {}
  T* at(int64_t row, int64_t head) const { return data + row * view.row + head * view.head; }
  explicit operator bool() const { return data != nullptr; }
  T* data;
  View view;
};

// body.template operator()<T>() for the type of the call.
template <class Body>
auto ForType(DType type, const Body& body) {
  return type == DType::kF32 ? body.template operator()<float>() : body.template operator()<bf16_t>();
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_VIEWS_H_
