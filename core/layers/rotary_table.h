// The tables that are made before a run, in double: cosines and sines of the rotary embedding (Su and others 2021, section 3.4.2), and
// the scales of queries by position.
#ifndef HORIZON_LM_CORE_LAYERS_ROTARY_TABLE_H_
#define HORIZON_LM_CORE_LAYERS_ROTARY_TABLE_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/model/spec.h"

namespace hlm {

// [positions, dim]: a row holds the cosines of its dim / 2 angles, then their sines, both times the attention factor; for documents
// of up to `length` tokens.
inline std::vector<float> MakeRotaryTable(const RopeSpec& rope, int64_t positions, int64_t length) {
  const std::vector<double> frequencies = RotaryFrequencies(rope, length);
  const double attention_factor = rope.AttentionFactor(length);
  const int64_t half = rope.dim / 2;
  std::vector<float> table(static_cast<size_t>(positions * rope.dim));
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(p) * frequencies[static_cast<size_t>(i)];
      table[static_cast<size_t>(p * rope.dim + i)] = static_cast<float>(std::cos(angle) * attention_factor);
      table[static_cast<size_t>(p * rope.dim + half + i)] = static_cast<float>(std::sin(angle) * attention_factor);
    }
  }
  return table;
}

// [positions]
inline std::vector<float> MakeTemperatureTable(const TemperatureSpec& temperature, int64_t positions) {
  std::vector<float> table(static_cast<size_t>(positions));
  for (int64_t p = 0; p < positions; ++p) {
    const int64_t steps = (p + temperature.shift) / temperature.span;  // whole ones
    table[static_cast<size_t>(p)] = static_cast<float>(1 + temperature.scale * std::log1p(static_cast<double>(steps)));
  }
  return table;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_ROTARY_TABLE_H_
