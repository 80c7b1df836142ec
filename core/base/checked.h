// Arithmetic on sizes that come from files and options: overflow is an error, never a wrap.
#ifndef HORIZON_LM_CORE_BASE_CHECKED_H_
#define HORIZON_LM_CORE_BASE_CHECKED_H_

#include <cstdint>

#include "core/base/error.h"

namespace hlm {

inline int64_t CheckedMul(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) throw OutOfRange(a, " * ", b, " does not fit in 63 bits");
  return result;
}
inline int64_t CheckedAdd(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) throw OutOfRange(a, " + ", b, " does not fit in 63 bits");
  return result;
}

inline constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline constexpr int64_t RoundUp(int64_t a, int64_t multiple) { return CeilDiv(a, multiple) * multiple; }

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_CHECKED_H_
