// The update in plain loops, written from the formulas in cpu_optim/optimizer.h: in float, in the order of operations that the
// fused loop promises, and in double.
#ifndef HORIZON_LM_TESTS_CPU_OPTIM_UPDATE_REFERENCE_H_
#define HORIZON_LM_TESTS_CPU_OPTIM_UPDATE_REFERENCE_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "cpu_optim/moment_code.h"
#include "cpu_optim/optimizer.h"
#include "cpu_optim/stochastic_rounding.h"
#include "cpu_optim/update_random.h"
#include "tests/cpu_optim/test_data.h"

namespace hlm {

enum class MasterForm { kF32, kSplit, kBf16 };

struct Form {
  Algorithm algorithm;
  MasterForm master;
  StateType states;
  DType gradient;
};
inline std::string NameOf(const Form& f) {
  constexpr const char* kMasters[] = {"F32", "Split", "Bf16"};
  return std::string(Name(f.algorithm)) + "Master" + kMasters[static_cast<int>(f.master)] + "States" + Name(f.states) +
         "Gradient" + Name(f.gradient);
}
inline std::vector<Form> AllForms() {
  std::vector<Form> forms;
  for (const Algorithm a : {Algorithm::kAdamW, Algorithm::kAdam, Algorithm::kSgd, Algorithm::kLion}) {
    for (const MasterForm m : {MasterForm::kF32, MasterForm::kSplit, MasterForm::kBf16}) {
      for (const StateType s : {StateType::kF32, StateType::kBF16, StateType::kInt8}) {
        for (const DType g : {DType::kF32, DType::kBF16}) forms.push_back({a, m, s, g});
      }
    }
  }
  return forms;
}

// Arrays of one form. `shift` puts every array that many elements off its alignment.
struct UpdateState {
  UpdateState(const Form& f, const std::vector<float>& weights, int shift = 0)
      : form(f),
        n(static_cast<int64_t>(weights.size())),
        shift(shift),
        weight(n + shift),
        hi(n + shift),
        lo(n + shift),
        first(StateBytes(f.states, n + shift)),
        second(first.size()),
        first_scales(StateScales(f.states, n)),
        second_scales(first_scales.size()),
        gradient32(n + shift),
        gradient16(n + shift) {
    for (int64_t i = 0; i < n; ++i) {
      weight[i + shift] = weights[i];
      const SplitWeight split = SplitMaster(weights[i]);
      hi[i + shift] = form.master == MasterForm::kSplit ? split.hi : FloatToBf16(weights[i]);
      lo[i + shift] = split.lo;
    }
  }
  void SetGradient(const std::vector<float>& g) {
    for (int64_t i = 0; i < n; ++i) {
      gradient32[i + shift] = g[i];
      gradient16[i + shift] = FloatToBf16(g[i]);
    }
  }
  UpdateArrays Arrays(bool decay, int64_t first_index, int64_t begin, int64_t count) {
    UpdateArrays a;
    a.n = count;
    const int64_t at = begin + shift;
    if (form.master == MasterForm::kF32) a.master.weight = weight.data() + at;
    if (form.master != MasterForm::kF32) a.master.hi = hi.data() + at;
    if (form.master == MasterForm::kSplit) a.master.lo = lo.data() + at;
    a.states = form.states;
    const bool scaled = form.states == StateType::kInt8;
    a.first = {first.data() + StateBytes(form.states, at), scaled ? first_scales.data() + begin / kStateBlock : nullptr};
    if (MomentCount(form.algorithm) == 2) {
      a.second = {second.data() + StateBytes(form.states, at), scaled ? second_scales.data() + begin / kStateBlock : nullptr};
    }
    a.gradient = form.gradient == DType::kF32 ? static_cast<const void*>(gradient32.data() + at) : gradient16.data() + at;
    a.gradient_type = form.gradient;
    a.decay = decay;
    a.first_index = first_index + begin;
    return a;
  }
  UpdateArrays Arrays(bool decay = true, int64_t first_index = 0) { return Arrays(decay, first_index, 0, n); }

  std::vector<float> Weights() const {
    std::vector<float> out(n);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = i + shift;
      out[i] = form.master == MasterForm::kF32     ? weight[at]
               : form.master == MasterForm::kSplit ? JoinMaster(hi[at], lo[at])
                                                   : Bf16ToFloat(hi[at]);
    }
    return out;
  }
  std::vector<float> Moments(bool of_second) const {
    std::vector<float> out(n);
    const auto& from = of_second ? second : first;
    const auto& scales = of_second ? second_scales : first_scales;
    DecodeMoment(form.states, of_second, n,
                 {const_cast<std::byte*>(from.data()) + StateBytes(form.states, shift), const_cast<float*>(scales.data())},
                 out.data());
    return out;
  }
  float Gradient(int64_t i) const {
    return form.gradient == DType::kF32 ? gradient32[i + shift] : Bf16ToFloat(gradient16[i + shift]);
  }

  Form form;
  int64_t n;
  int shift;
  std::vector<float> weight;
  std::vector<bf16_t> hi;
  std::vector<uint16_t> lo;
  std::vector<std::byte> first, second;
  std::vector<float> first_scales, second_scales, gradient32;
  std::vector<bf16_t> gradient16;
};

// Every byte of two states.
inline ::testing::AssertionResult SameState(const UpdateState& a, const UpdateState& b) {
  const auto same = [](const auto& x, const auto& y) {
    return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(x[0])) == 0);
  };
  if (a.form.master == MasterForm::kF32 && !same(a.weight, b.weight)) return SameBits(a.weight, b.weight) << " (weights)";
  if (a.form.master != MasterForm::kF32 && !same(a.hi, b.hi)) return SameBits(a.hi, b.hi) << " (bf16 weights)";
  if (a.form.master == MasterForm::kSplit && !same(a.lo, b.lo)) return SameBits(a.lo, b.lo) << " (remainders)";
  if (!same(a.first_scales, b.first_scales)) return SameBits(a.first_scales, b.first_scales) << " (scales of first moments)";
  if (!same(a.second_scales, b.second_scales)) return SameBits(a.second_scales, b.second_scales) << " (scales of second moments)";
  if (!same(a.first, b.first)) return ::testing::AssertionFailure() << "first moments differ";
  if (!same(a.second, b.second)) return ::testing::AssertionFailure() << "second moments differ";
  return ::testing::AssertionSuccess();
}

// One element in T, from the formulas.
template <class T>
struct ElementStep {
  T gradient_scale, keep, added_decay, beta1, beta2, gain1, gain2, inverse_root, eps, negative_rate;

  ElementStep(const OptimizerOptions& o, const UpdateStep& s, bool decay)
      : gradient_scale(static_cast<T>(s.gradient_scale)),
        beta1(static_cast<T>(o.beta1)),
        beta2(static_cast<T>(o.beta2)),
        gain1(static_cast<T>(1 - o.beta1)),
        gain2(static_cast<T>(1 - o.beta2)),
        inverse_root(static_cast<T>(1 / std::sqrt(1 - std::pow(o.beta2, static_cast<double>(s.step))))),
        eps(static_cast<T>(o.eps)) {
    const bool decoupled = o.algorithm == Algorithm::kAdamW || o.algorithm == Algorithm::kLion;
    keep = static_cast<T>(decay && decoupled ? 1 - s.lr * o.weight_decay : 1);
    added_decay = static_cast<T>(decay && !decoupled ? o.weight_decay : 0);
    negative_rate =
        static_cast<T>(MomentCount(o.algorithm) == 2 ? -s.lr / (1 - std::pow(o.beta1, static_cast<double>(s.step))) : -s.lr);
  }
  void operator()(Algorithm algorithm, T g, T& w, T& m, T& v) const {
    g = gradient_scale * g;
    switch (algorithm) {
      case Algorithm::kAdamW:
        w = keep * w;
        break;
      case Algorithm::kAdam:
      case Algorithm::kSgd:
        g = g + added_decay * w;
        break;
      case Algorithm::kLion: {
        const T mean = beta1 * m + gain1 * g;
        w = keep * w + (mean > 0 ? negative_rate : mean < 0 ? -negative_rate : mean);
        m = beta2 * m + gain2 * g;
        return;
      }
    }
    if (algorithm == Algorithm::kSgd) {
      m = beta1 * m + g;
      w = w + negative_rate * m;
      return;
    }
    m = beta1 * m + gain1 * g;
    v = beta2 * v + gain2 * (g * g);
    w = w + negative_rate * (m / (std::sqrt(v) * inverse_root + eps));
  }
};

inline float CanonicalNan(float x) { return std::isnan(x) ? std::bit_cast<float>(0x7fc00000u) : x; }

// The whole update as plain code in float: what the fused loop must equal bit for bit.
inline void PlainUpdate(const OptimizerOptions& options, const UpdateStep& step, UpdateState& s, bool decay,
                        int64_t first_index) {
  const ElementStep<float> element(options, step, decay);
  const bool two = MomentCount(options.algorithm) == 2;
  std::vector<float> w = s.Weights(), m = s.Moments(false), v = two ? s.Moments(true) : m;
  for (int64_t i = 0; i < s.n; ++i) {
    element(options.algorithm, s.Gradient(i), w[i], m[i], v[i]);
    w[i] = CanonicalNan(w[i]), m[i] = CanonicalNan(m[i]), v[i] = CanonicalNan(v[i]);
  }
  for (int64_t i = 0; i < s.n; ++i) {
    const int64_t index = first_index + i, at = i + s.shift;
    const UpdateRandom random = RandomOfUpdate(MakeBlockRandomKey(step.key, static_cast<uint64_t>(index / kStateBlock)),
                                               static_cast<uint32_t>(index % kStateBlock));
    if (s.form.master == MasterForm::kF32) s.weight[at] = w[i];
    if (s.form.master == MasterForm::kSplit) s.hi[at] = SplitMaster(w[i]).hi, s.lo[at] = SplitMaster(w[i]).lo;
    if (s.form.master == MasterForm::kBf16) s.hi[at] = RoundStochastically(w[i], random.weight);
    for (const bool of_second : {false, true}) {
      if (of_second && !two) continue;
      const float x = of_second ? v[i] : m[i];
      const uint16_t bits = of_second ? random.second_moment : random.first_moment;
      std::byte* const to = (of_second ? s.second : s.first).data() + StateBytes(s.form.states, at);
      if (s.form.states == StateType::kF32) std::memcpy(to, &x, sizeof x);
      if (s.form.states == StateType::kBF16) {
        const bf16_t rounded = RoundStochastically(x, bits);
        std::memcpy(to, &rounded, sizeof rounded);
      }
      if (s.form.states != StateType::kInt8) continue;
      const auto& values = of_second ? v : m;
      float& scale = (of_second ? s.second_scales : s.first_scales)[i / kStateBlock];
      if (i % kStateBlock == 0) {
        float largest = 0;
        for (int64_t k = i; k < std::min(i + kStateBlock, s.n); ++k) {
          if (!(std::abs(values[k]) <= largest)) largest = std::isnan(largest) ? largest : std::abs(values[k]);
        }
        scale = StoredScale(largest, of_second ? kLeastSecondScale : kLeastFirstScale);
      }
      const float threshold = Threshold(bits);
      if (!(scale > 0)) {
        *to = std::byte{0};
      } else {
        *to = static_cast<std::byte>(of_second ? EncodeSecond(x, scale, threshold)
                                               : static_cast<uint8_t>(EncodeFirst(x, scale, threshold)));
      }
    }
  }
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_CPU_OPTIM_UPDATE_REFERENCE_H_
