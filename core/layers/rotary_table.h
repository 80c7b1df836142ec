// The cosines and sines of the rotary embedding (Su and others 2021, section 3.4.2), computed in double.
#ifndef HORIZON_LM_CORE_LAYERS_ROTARY_TABLE_H_
#define HORIZON_LM_CORE_LAYERS_ROTARY_TABLE_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/model/spec.h"

namespace hlm {

// [positions, head_dim]: a row holds the cosines of its head_dim / 2 angles, then their sines.
inline std::vector<float> MakeRotaryTable(const ModelSpec& spec, int64_t positions) {
  const std::vector<double> frequencies = RotaryFrequencies(spec);
  const int64_t half = spec.head_dim / 2;
  std::vector<float> table(static_cast<size_t>(positions * spec.head_dim));
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(p) * frequencies[static_cast<size_t>(i)];
      table[static_cast<size_t>(p * spec.head_dim + i)] = static_cast<float>(std::cos(angle));
      table[static_cast<size_t>(p * spec.head_dim + half + i)] = static_cast<float>(std::sin(angle));
    }
  }
  return table;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_ROTARY_TABLE_H_
