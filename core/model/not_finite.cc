#include "core/model/not_finite.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hlm {

int64_t FirstNotFinite(const float* values, int64_t n) {
  constexpr uint32_t kExponent = 0x7f800000u;
  const auto not_finite = [](float value) { return (std::bit_cast<uint32_t>(value) & kExponent) == kExponent; };
  bool any = false;
  for (int64_t i = 0; i < n; ++i) any |= not_finite(values[i]);
  if (!any) return n;
  return std::find_if(values, values + n, not_finite) - values;
}

const char* NotFiniteName(float value) { return std::isnan(value) ? "NaN" : value > 0 ? "infinity" : "-infinity"; }

}  // namespace hlm
