// The activations and their slopes, as functions of one number.
#ifndef HORIZON_LM_CORE_CPU_ACTIVATIONS_H_
#define HORIZON_LM_CORE_CPU_ACTIVATIONS_H_

#include <algorithm>
#include <cmath>

#include "core/device/args/activation.h"

namespace hlm {

inline float SigmoidOf(float x) { return 1.0f / (1.0f + std::exp(-x)); }
inline float Softplus(float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }

struct ActNumbers {  // xIELU's, out of their weights, the limit of a clip and the factor of a scale
  float p = 0, n = 0, beta = 0, epsilon = 0, limit = 0, factor = 1;
};

struct ValueAndSlope {
  float value, slope;
};

// kWhat is a constant of the loop around the call, so that the choice is not made for each element.
template <ActFunction kWhat>
ValueAndSlope Activated(float x, const ActNumbers& numbers) {
  if constexpr (kWhat == ActFunction::kSilu) {
    const float s = SigmoidOf(x);
    return {x * s, s * (1 + x * (1 - s))};
  } else if constexpr (kWhat == ActFunction::kSigmoid) {
    const float s = SigmoidOf(x);
    return {s, s * (1 - s)};
  } else if constexpr (kWhat == ActFunction::kGelu) {
    constexpr float kRootHalf = 0.70710678f, kRootTwoPi = 0.39894228f;  // 1 / sqrt(2), 1 / sqrt(2 pi)
    const float below = 0.5f * (1 + std::erf(x * kRootHalf));
    return {x * below, below + x * kRootTwoPi * std::exp(-0.5f * x * x)};
  } else if constexpr (kWhat == ActFunction::kGeluTanh) {
    constexpr float kRoot = 0.79788456f, kCubic = 0.044715f;  // sqrt(2 / pi)
    const float t = std::tanh(kRoot * (x + kCubic * x * x * x));
    return {0.5f * x * (1 + t), 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * kRoot * (1 + 3 * kCubic * x * x)};
  } else if constexpr (kWhat == ActFunction::kRelu) {
    return {x < 0 ? 0 : x, x > 0 ? 1.0f : 0.0f};  // a NaN stays one
  } else if constexpr (kWhat == ActFunction::kReluSquared) {
    const float positive = x < 0 ? 0 : x;
    return {positive * positive, 2 * positive};
  } else if constexpr (kWhat == ActFunction::kClip) {
    const float limit = numbers.limit;
    return {x > limit ? limit : x < -limit ? -limit : x, x < limit && x > -limit ? 1.0f : 0.0f};  // a NaN stays one
  } else if constexpr (kWhat == ActFunction::kScale) {
    return {numbers.factor * x, numbers.factor};
  } else {
    static_assert(kWhat == ActFunction::kXielu);
    if (x > 0) return {numbers.p * x * x + numbers.beta * x, 2 * numbers.p * x + numbers.beta};
    const float least = x < numbers.epsilon ? x : numbers.epsilon;
    return {(std::expm1(least) - x) * numbers.n + numbers.beta * x,
            ((x < numbers.epsilon ? std::exp(x) : 0.0f) - 1) * numbers.n + numbers.beta};
  }
}

// body.template operator()<kWhat>() for a kind.
template <class Body>
void ForActivation(ActFunction kind, const Body& body) {
  switch (kind) {
    case ActFunction::kSilu:
      return body.template operator()<ActFunction::kSilu>();
    case ActFunction::kSigmoid:
      return body.template operator()<ActFunction::kSigmoid>();
    case ActFunction::kGelu:
      return body.template operator()<ActFunction::kGelu>();
    case ActFunction::kGeluTanh:
      return body.template operator()<ActFunction::kGeluTanh>();
    case ActFunction::kRelu:
      return body.template operator()<ActFunction::kRelu>();
    case ActFunction::kReluSquared:
      return body.template operator()<ActFunction::kReluSquared>();
    case ActFunction::kClip:
      return body.template operator()<ActFunction::kClip>();
    case ActFunction::kScale:
      return body.template operator()<ActFunction::kScale>();
    case ActFunction::kXielu:
      return body.template operator()<ActFunction::kXielu>();
  }
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_ACTIVATIONS_H_
