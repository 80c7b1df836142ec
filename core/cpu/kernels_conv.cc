// Causal convolutions of channels, forward and backward, in one pass over the tokens.
//
// The work is cut into units: a section of tokens of a few channels. A unit keeps the last `taps` tokens in a ring, and sees as
// many tokens before its own (and, backward, behind them) as the convolution reaches. Sums of weight gradients are made section
// by section and then added in order.
#include <array>

#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/kernels_conv.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "core/cpu/simd-inl.h"
#include "hwy/contrib/math/math-inl.h"
// clang-format on

#ifndef HORIZON_LM_CORE_CPU_KERNELS_CONV_ONCE
#define HORIZON_LM_CORE_CPU_KERNELS_CONV_ONCE
namespace hlm {

inline constexpr int64_t kConvChannels = 64;  // of a unit; a multiple of any vector

struct ConvUnit {
  int64_t begin, end;      // tokens
  int64_t channel, width;  // channels
};

// Rows of the unit's channels, one a token of the ring.
class ConvRing {
 public:
  explicit ConvRing(int64_t taps) : taps_(taps) {}
  float* at(int64_t token) { return rows_[static_cast<size_t>(token % taps_)].data(); }
  void Clear(int64_t token) { rows_[static_cast<size_t>(token % taps_)].fill(0); }

 private:
  int64_t taps_;
  alignas(64) std::array<std::array<float, kConvChannels>, kMostConvTaps> rows_{};
};

}  // namespace hlm
#endif

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

// Exp(NaN) is 0 in Highway: a NaN gives 1, and every use multiplies by x, which keeps it.
HWY_INLINE Floats ConvSigmoid(Floats x) {
  const Floats one = Set(1.0f);
  return hn::Div(one, hn::Add(one, hn::Exp(kFloats, hn::Min(Set(100.0f), hn::Neg(x)))));
}

// What both passes read, as floats: the gated input of a token, the weights by tap, and z.
template <class T, class Args>
class ConvInput {
 public:
  ConvInput(const Args& args, const ConvUnit& unit)
      : args_(args), unit_(unit), x_(args.x, 1, args.channels), before_(args.before, 1, args.channels), ring_(args.taps) {
    const T* w = static_cast<const T*>(args.w) + unit.channel * args.taps;
    for (int64_t c = 0; c < unit.width; ++c) {
      for (int64_t j = 0; j < args.taps; ++j) w_[static_cast<size_t>(j)][static_cast<size_t>(c)] = ToFloat(w[c * args.taps + j]);
    }
    if (args.bias == nullptr) return;
    for (int64_t c = 0; c < unit.width; ++c)
      bias_[static_cast<size_t>(c)] = ToFloat(static_cast<const T*>(args.bias)[unit.channel + c]);
  }
  const T* x(int64_t token) const { return x_.at(token, 0) + unit_.channel; }
  const T* before(int64_t token) const { return before_ ? before_.at(token, 0) + unit_.channel : nullptr; }
  const float* tap(int64_t back) const { return w_[static_cast<size_t>(args_.taps - 1 - back)].data(); }
  float* u(int64_t token) { return ring_.at(token); }
  // How many tokens before it the convolution of a token reaches.
  int64_t Reach(int64_t token) const { return std::min<int64_t>(args_.taps - 1, args_.positions[token]); }

  void Take(int64_t token) {
    const T *from = x(token), *by = before(token);
    float* to = ring_.at(token);
    ForLanes(
        unit_.width, HLM_LANES {
          const Floats value = Load(from + i, n);
          Store(by == nullptr ? value : hn::Mul(value, Load(by + i, n)), to + i);
        });
  }
  void Convolve(int64_t token, float* z) {
    const int64_t reach = Reach(token);
    ForLanes(
        unit_.width, HLM_LANES {
          (void)n;
          Floats sum = Load(bias_.data() + i);
          for (int64_t back = reach; back >= 0; --back) sum = hn::MulAdd(Load(tap(back) + i), Load(u(token - back) + i), sum);
          Store(sum, z + i);
        });
  }

 private:
  const Args& args_;
  const ConvUnit unit_;
  const ReadLines<T> x_, before_;
  ConvRing ring_;
  alignas(64) std::array<std::array<float, kConvChannels>, kMostConvTaps> w_{};
  alignas(64) std::array<float, kConvChannels> bias_{};
};

template <class T, bool kSilu>
void ConvForward(const CausalConvArgs& args, const ConvUnit& unit) {
  ConvInput<T, CausalConvArgs> input(args, unit);
  const ReadLines<T> after(args.after, 1, args.channels);
  const WrittenLines<T> y(args.y, 1, args.channels);
  alignas(64) std::array<float, kConvChannels> z{};
  for (int64_t t = unit.begin - input.Reach(unit.begin); t < unit.end; ++t) {
    input.Take(t);
    if (t < unit.begin) continue;
    input.Convolve(t, z.data());
    const T* by = after ? after.at(t, 0) + unit.channel : nullptr;
    T* to = y.at(t, 0) + unit.channel;
    ForLanes(
        unit.width, HLM_LANES {
          Floats value = Load(z.data() + i);
          if constexpr (kSilu) value = hn::Mul(value, ConvSigmoid(value));
          Store(by == nullptr ? value : hn::Mul(value, Load(by + i, n)), to + i, n);
        });
  }
}
void ConvForwardUnit(const CausalConvArgs& args, const ConvUnit& unit) {
  ForType(args.type, [&]<class T>() { args.silu ? ConvForward<T, true>(args, unit) : ConvForward<T, false>(args, unit); });
}

// `sums` [taps + 1, channels]: of this section: the gradients of the weights by distance from the newest token, then of the bias.
template <class T, bool kSilu>
void ConvBackward(const CausalConvBackwardArgs& args, const ConvUnit& unit, float* sums) {
  ConvInput<T, CausalConvBackwardArgs> input(args, unit);
  const ReadLines<T> after(args.after, 1, args.channels), dy(args.dy, 1, args.channels);
  const WrittenLines<T> dx(args.dx, 1, args.channels), dbefore(args.dbefore, 1, args.channels),
      dafter(args.dafter, 1, args.channels);
  ConvRing du(args.taps);
  alignas(64) std::array<float, kConvChannels> z{}, dz{};
  const int64_t last = args.taps - 1;
  const auto sum = [&](int64_t row) { return sums + row * args.channels + unit.channel; };
  for (int64_t row = 0; row <= args.taps; ++row) std::fill_n(sum(row), unit.width, 0.0f);

  for (int64_t t = unit.begin - input.Reach(unit.begin); t < unit.end + last; ++t) {
    // Tokens behind the section count for its du alone: those of the same document.
    if (t < args.tokens && (t < unit.end || args.positions[t] >= t - unit.end + 1)) {
      input.Take(t);
      if (t >= unit.begin) {
        const bool own = t < unit.end;
        if (own) du.Clear(t);
        input.Convolve(t, z.data());
        const T *by = after ? after.at(t, 0) + unit.channel : nullptr, *d = dy.at(t, 0) + unit.channel;
        T* to = after && own ? dafter.at(t, 0) + unit.channel : nullptr;
        ForLanes(
            unit.width, HLM_LANES {
              const Floats value = Load(z.data() + i), slope_in = Load(d + i, n);
              Floats f = value, slope = Set(1.0f);
              if constexpr (kSilu) {
                const Floats s = ConvSigmoid(value), one = Set(1.0f);
                f = hn::Mul(value, s);
                slope = hn::Mul(s, hn::MulAdd(value, hn::Sub(one, s), one));
              }
              if (to != nullptr) Store(hn::Mul(slope_in, f), to + i, n);
              const Floats inner = by == nullptr ? slope_in : hn::Mul(slope_in, Load(by + i, n));
              Store(hn::Mul(inner, slope), dz.data() + i);
            });
        for (int64_t back = input.Reach(t); back >= 0; --back) {
          const int64_t source = t - back;
          const float *w = input.tap(back), *u = input.u(source);
          float* own_sum = own ? sum(back) : nullptr;
          float* to_u = source >= unit.begin && source < unit.end ? du.at(source) : nullptr;
          ForLanes(
              unit.width, HLM_LANES {
                const Floats slope = Load(dz.data() + i);
                if (own_sum != nullptr) Store(hn::MulAdd(slope, Load(u + i), Load(own_sum + i, n)), own_sum + i, n);
                if (to_u != nullptr) Store(hn::MulAdd(slope, Load(w + i), Load(to_u + i)), to_u + i);
              });
        }
        if (own) {
          float* bias = sum(args.taps);
          ForLanes(
              unit.width, HLM_LANES { Store(hn::Add(Load(dz.data() + i), Load(bias + i, n)), bias + i, n); });
        }
      }
    }
    const int64_t done = t - last;  // nobody adds to its du any more
    if (done < unit.begin || done >= unit.end) continue;
    const T *x = input.x(done), *by = input.before(done);
    const float* slope = du.at(done);
    T* to = dx.at(done, 0) + unit.channel;
    T* to_before = by != nullptr ? dbefore.at(done, 0) + unit.channel : nullptr;
    ForLanes(
        unit.width, HLM_LANES {
          const Floats d = Load(slope + i);
          Store(by == nullptr ? d : hn::Mul(d, Load(by + i, n)), to + i, n);
          if (by != nullptr) Store(hn::Mul(d, Load(x + i, n)), to_before + i, n);
        });
  }
}
void ConvBackwardUnit(const CausalConvBackwardArgs& args, const ConvUnit& unit, float* sums) {
  ForType(args.type,
          [&]<class T>() { args.silu ? ConvBackward<T, true>(args, unit, sums) : ConvBackward<T, false>(args, unit, sums); });
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm {

HWY_EXPORT(ConvForwardUnit);
HWY_EXPORT(ConvBackwardUnit);

namespace {

// work(unit, section) for all units of `tokens` tokens in sections of `rows`.
template <class Work>
void ForConvUnits(int64_t tokens, int64_t channels, int64_t rows, const Work& work) {
  const int64_t across = CeilDiv(channels, kConvChannels), sections = CeilDiv(tokens, rows);
  ParallelBlocks(sections * across, 1, [&](int64_t number, int64_t) {
    const int64_t section = number / across, channel = number % across * kConvChannels;
    work(ConvUnit{section * rows, std::min(tokens, (section + 1) * rows), channel, std::min(kConvChannels, channels - channel)},
         section);
  });
}

}  // namespace

void CausalConvKernel(const CausalConvArgs& args) {
  ForConvUnits(args.tokens, args.channels, PartialBlockRows(args.tokens), [&](const ConvUnit& unit, int64_t) {
    HWY_DYNAMIC_DISPATCH(ConvForwardUnit)(args, unit);
  });
}

size_t CausalConvBackwardFloats(const CausalConvBackwardArgs& args) {
  return static_cast<size_t>(MostPartialBlocks(args.tokens) * (args.taps + 1) * args.channels);
}

void CausalConvBackwardKernel(const CausalConvBackwardArgs& args, float* partials) {
  const int64_t rows = PartialBlockRows(args.tokens), sections = CeilDiv(args.tokens, rows),
                each = (args.taps + 1) * args.channels;
  ForConvUnits(args.tokens, args.channels, rows, [&](const ConvUnit& unit, int64_t section) {
    HWY_DYNAMIC_DISPATCH(ConvBackwardUnit)(args, unit, partials + section * each);
  });
  const auto total = [&](int64_t row, int64_t channel) {
    float sum = 0;
    for (int64_t section = 0; section < sections; ++section) sum += partials[section * each + row * args.channels + channel];
    return sum;
  };
  const auto give = [&](float sum, float* to) { *to = args.accumulate ? *to + sum : sum; };
  ParallelBlocks(args.channels, RowsPerBlock(sections * (args.taps + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      for (int64_t back = 0; back < args.taps; ++back) give(total(back, c), args.dw + c * args.taps + args.taps - 1 - back);
      if (args.bias != nullptr) give(total(args.taps, c), args.dbias + c);
    }
  });
}

}  // namespace hlm
#endif  // HWY_ONCE
