// Rotary frequencies in float, operation for operation as transformers computes its buffer: checkpoints were trained with these
// values, and the last bit of a frequency, times a position of 100,000, is an angle that shows.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/model/spec.h"

namespace hlm {
namespace {

constexpr double kTwoPi = 2.0 * std::numbers::pi;

// Long wavelengths are stretched by the factor, short ones stay, those between are blended (Llama 3.1's rule).
float Llama3(const RopeSpec& rope, float frequency) {
  const float factor = static_cast<float>(rope.factor);
  const double context = static_cast<double>(rope.original_max_positions);
  const float wavelength = static_cast<float>(kTwoPi) * (1.0f / frequency);
  const float longest_kept = static_cast<float>(context / rope.high_frequency_factor);
  const float shortest_stretched = static_cast<float>(context / rope.low_frequency_factor);
  if (wavelength > shortest_stretched) return frequency / factor;
  if (wavelength < longest_kept || rope.low_frequency_factor == rope.high_frequency_factor) return frequency;
  const float low = static_cast<float>(rope.low_frequency_factor);
  const float range = static_cast<float>(rope.high_frequency_factor - rope.low_frequency_factor);
  const float smooth = ((1.0f / wavelength) * static_cast<float>(context) - low) / range;
  return (1.0f - smooth) * frequency / factor + smooth * frequency;
}

// Between the dimensions that make beta_fast and beta_slow turns within the original context, from kept to stretched (Peng and
// others 2023, YaRN, section 3.2).
struct YarnRamp {
  explicit YarnRamp(const RopeSpec& rope) {
    const double dim = static_cast<double>(rope.FrequencyDim());
    const auto at = [&](double turns) {
      return dim * std::log(static_cast<double>(rope.original_max_positions) / (turns * kTwoPi)) / (2.0 * std::log(rope.theta));
    };
    low = at(rope.beta_fast), high = at(rope.beta_slow);
    if (rope.truncate) low = std::floor(low), high = std::ceil(high);
    low = std::max(low, 0.0), high = std::min(high, dim - 1);
    if (low == high) high += 0.001;
  }
  float Stretched(size_t i) const {
    return std::clamp((static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0f, 1.0f);
  }
  double low, high;
};

// The base of documents of `length` tokens, more than the model was made for (the rule that is known as dynamic NTK scaling).
float DynamicBase(const RopeSpec& rope, int64_t length) {
  const float factor = static_cast<float>(rope.factor), base = static_cast<float>(rope.theta),
              dim = static_cast<float>(rope.FrequencyDim());
  if (length <= rope.original_max_positions) return base;
  const float stretch = factor * static_cast<float>(length) / static_cast<float>(rope.original_max_positions) - (factor - 1);
  return base * std::pow(stretch, dim / (dim - 2));
}

}  // namespace

std::vector<double> RotaryFrequencies(const RopeSpec& rope, int64_t length) {
  using Kind = RopeSpec::Kind;
  const float theta = rope.kind == Kind::kDynamic ? DynamicBase(rope, length) : static_cast<float>(rope.theta);
  const float factor = static_cast<float>(rope.factor);
  const YarnRamp ramp(rope);
  const std::vector<double>& factors = length > rope.original_max_positions ? rope.long_factors : rope.short_factors;
  std::vector<double> frequencies(static_cast<size_t>(rope.dim / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const float power = std::pow(theta, static_cast<float>(2 * i) / static_cast<float>(rope.FrequencyDim()));
    float frequency = 1.0f / power;
    switch (rope.kind) {
      case Kind::kDefault:
      case Kind::kDynamic:
        break;
      case Kind::kLinear:
      case Kind::kProportional:
        frequency /= factor;
        break;
      case Kind::kLlama3:
        frequency = Llama3(rope, frequency);
        break;
      case Kind::kLongRope:
        frequency = 1.0f / (static_cast<float>(factors[i]) * power);
        break;
      case Kind::kYarn: {
        const float kept = 1.0f - ramp.Stretched(i);
        frequency = 1.0f / (factor * power) * (1.0f - kept) + frequency * kept;
        break;
      }
    }
    if (rope.reversed) frequency = -frequency;
    frequencies[i] = static_cast<int64_t>(i) < rope.dim / 2 - rope.still_pairs ? frequency : 0;
  }
  return frequencies;
}

}  // namespace hlm
