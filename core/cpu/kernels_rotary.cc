// Query and key heads in place: optional RMS norm over the head, then the rotary embedding (Su et al. 2021, eq. 34), in the form
// that pairs element d with d + head_dim / 2.
#include <vector>

#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/kernels_rotary.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "core/cpu/norm-inl.h"
#include "core/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

// to = from rotated by the angles whose cosines and sines are given, or back by them. In place is fine.
template <bool kBack, class From, class To>
HWY_INLINE void Rotate(const From* from, const float* cosines, const float* sines, int64_t half, To* to) {
  ForLanes(
      half, HLM_LANES {
        const Floats a = Load(from + i, n), b = Load(from + half + i, n);
        const Floats c = Load(cosines + i, n), s = Load(sines + i, n);
        const Floats as = hn::Mul(a, s), bs = hn::Mul(b, s);
        Store(kBack ? hn::MulAdd(a, c, bs) : hn::MulSub(a, c, bs), to + i, n);
        Store(kBack ? hn::MulSub(b, c, as) : hn::MulAdd(b, c, as), to + half + i, n);
      });
}

template <class T>
void RotaryTokensOf(const QkRotaryArgs& args, int64_t begin, int64_t end) {
  const int64_t dim = args.head_dim, half = dim / 2, turned = args.heads + args.kv_heads;
  const int64_t stride = (turned + args.kv_heads) * dim;
  std::vector<T> normed(static_cast<size_t>(dim));
  for (int64_t t = begin; t < end; ++t) {
    const float* cosines = args.table + static_cast<int64_t>(args.positions[t]) * dim;
    const float* sines = cosines + half;
    T* token = static_cast<T*>(args.qkv) + t * stride;
    if (args.q_norm == nullptr) {
      for (int64_t h = 0; h < turned; ++h) Rotate<false>(token + h * dim, cosines, sines, half, token + h * dim);
      continue;
    }
    std::memcpy(static_cast<T*>(args.qk_raw) + t * turned * dim, token, static_cast<size_t>(turned * dim) * sizeof(T));
    for (int64_t h = 0; h < turned; ++h) {
      const T* w = static_cast<const T*>(h < args.heads ? args.q_norm : args.k_norm);
      args.qk_rstd[t * turned + h] = NormRow(token + h * dim, w, dim, args.epsilon, normed.data());
      Rotate<false>(normed.data(), cosines, sines, half, token + h * dim);
    }
  }
}
void RotaryTokens(const QkRotaryArgs& args, int64_t begin, int64_t end) {
  args.type == DType::kF32 ? RotaryTokensOf<float>(args, begin, end) : RotaryTokensOf<bf16_t>(args, begin, end);
}

// parts [2 head_dim]: sums over these tokens for dq_norm, then dk_norm; null where there is no norm.
template <class T>
void RotaryBackwardTokensOf(const QkRotaryBackwardArgs& args, int64_t begin, int64_t end, float* parts) {
  const int64_t dim = args.head_dim, half = dim / 2, turned = args.heads + args.kv_heads;
  const int64_t stride = (turned + args.kv_heads) * dim;
  std::vector<float> turned_back(static_cast<size_t>(dim));
  if (parts != nullptr) std::memset(parts, 0, static_cast<size_t>(2 * dim) * sizeof(float));
  for (int64_t t = begin; t < end; ++t) {
    const float* cosines = args.table + static_cast<int64_t>(args.positions[t]) * dim;
    const float* sines = cosines + half;
    T* token = static_cast<T*>(args.dqkv) + t * stride;
    for (int64_t h = 0; h < turned; ++h) {
      T* head = token + h * dim;
      if (args.q_norm == nullptr) {
        Rotate<true>(head, cosines, sines, half, head);
        continue;
      }
      float* g = turned_back.data();
      Rotate<true>(head, cosines, sines, half, g);
      const bool query = h < args.heads;
      const T* w = static_cast<const T*>(query ? args.q_norm : args.k_norm);
      const T* raw = static_cast<const T*>(args.qk_raw) + (t * turned + h) * dim;
      const float rstd = args.qk_rstd[t * turned + h];
      const float slope = NormBackwardSums(raw, g, w, dim, rstd, parts + (query ? 0 : dim));
      NormBackwardRow(raw, g, w, dim, rstd, slope, static_cast<const T*>(nullptr), head);
    }
  }
}
void RotaryBackwardTokens(const QkRotaryBackwardArgs& args, int64_t begin, int64_t end, float* parts) {
  args.type == DType::kF32 ? RotaryBackwardTokensOf<float>(args, begin, end, parts)
                           : RotaryBackwardTokensOf<bf16_t>(args, begin, end, parts);
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm {

HWY_EXPORT(RotaryTokens);
HWY_EXPORT(RotaryBackwardTokens);

void QkRotaryKernel(const QkRotaryArgs& args) {
  ParallelBlocks(args.tokens, RowsPerBlock((args.heads + args.kv_heads) * args.head_dim), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(RotaryTokens)(args, begin, end);
  });
}

size_t QkRotaryBackwardFloats(int64_t tokens, int64_t head_dim) {
  return static_cast<size_t>(MostPartialBlocks(tokens) * 2 * head_dim);
}

void QkRotaryBackwardKernel(const QkRotaryBackwardArgs& args, float* partials) {
  const bool norm = args.q_norm != nullptr;
  const int64_t block = PartialBlockRows(args.tokens), width = 2 * args.head_dim;
  ParallelBlocks(args.tokens, block, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(RotaryBackwardTokens)(args, begin, end, norm ? partials + begin / block * width : nullptr);
  });
  if (!norm) return;
  const int64_t blocks = CeilDiv(args.tokens, block);
  for (int64_t d = 0; d < width; ++d) {
    float sum = 0;
    for (int64_t b = 0; b < blocks; ++b) sum += partials[b * width + d];
    float* to = d < args.head_dim ? args.dq_norm + d : args.dk_norm + (d - args.head_dim);
    *to = args.accumulate ? *to + sum : sum;
  }
}

}  // namespace hlm
#endif  // HWY_ONCE
