// SwiGLU (Shazeer 2020): y = silu(gate) * up, forward and backward.
#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/kernels_swiglu.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "core/cpu/simd-inl.h"
#include "hwy/contrib/math/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

// 1 / (1 + exp(-x)). Highway's Exp is infinite from 89 on but not defined far above 104. Exp(NaN) is 0
// there, so a NaN gives 1: every use multiplies by x, which keeps it.
HWY_INLINE Floats Sigmoid(Floats x) {
  const Floats one = Set(1.0f);
  return hn::Div(one, hn::Add(one, hn::Exp(kFloats, hn::Min(Set(100.0f), hn::Neg(x)))));
}

template <class T>
void SwiGluRowsOf(const SwiGluArgs& args, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const T* gate = static_cast<const T*>(args.gate_up) + r * 2 * args.width;
    const T* up = gate + args.width;
    T* y = static_cast<T*>(args.y) + r * args.width;
    ForLanes(
        args.width, HLM_LANES {
          const Floats g = Load(gate + i, n);
          Store(hn::Mul(hn::Mul(g, Sigmoid(g)), Load(up + i, n)), y + i, n);
        });
  }
}
void SwiGluRows(const SwiGluArgs& args, int64_t begin, int64_t end) {
  args.type == DType::kF32 ? SwiGluRowsOf<float>(args, begin, end) : SwiGluRowsOf<bf16_t>(args, begin, end);
}

template <class T>
void SwiGluBackwardRowsOf(const SwiGluBackwardArgs& args, int64_t begin, int64_t end) {
  const Floats one = Set(1.0f);
  for (int64_t r = begin; r < end; ++r) {
    const T* gate = static_cast<const T*>(args.gate_up) + r * 2 * args.width;
    const T* up = gate + args.width;
    const T* dy = static_cast<const T*>(args.dy) + r * args.width;
    T* dgate = static_cast<T*>(args.dgate_up) + r * 2 * args.width;
    T* dup = dgate + args.width;
    ForLanes(
        args.width, HLM_LANES {
          const Floats g = Load(gate + i, n), u = Load(up + i, n), d = Load(dy + i, n);
          const Floats s = Sigmoid(g);
          // silu'(g) = s (1 + g (1 - s))
          const Floats slope = hn::Mul(s, hn::MulAdd(g, hn::Sub(one, s), one));
          Store(hn::Mul(hn::Mul(d, u), slope), dgate + i, n);
          Store(hn::Mul(d, hn::Mul(g, s)), dup + i, n);
        });
  }
}
void SwiGluBackwardRows(const SwiGluBackwardArgs& args, int64_t begin, int64_t end) {
  args.type == DType::kF32 ? SwiGluBackwardRowsOf<float>(args, begin, end) : SwiGluBackwardRowsOf<bf16_t>(args, begin, end);
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm {

HWY_EXPORT(SwiGluRows);
HWY_EXPORT(SwiGluBackwardRows);

void SwiGluKernel(const SwiGluArgs& args) {
  ParallelRows(args.range, args.tokens, RowsPerBlock(args.width), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwiGluRows)(args, begin, end);
  });
}

void SwiGluBackwardKernel(const SwiGluBackwardArgs& args) {
  ParallelRows(args.range, args.tokens, RowsPerBlock(args.width), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwiGluBackwardRows)(args, begin, end);
  });
}

}  // namespace hlm
#endif  // HWY_ONCE
