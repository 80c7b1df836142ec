// RMS norm, forward and backward (Zhang and Sennrich 2019, eq. 4), a row at a time.
#include <cmath>

#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/kernels_norm.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "core/cpu/norm-inl.h"
#include "core/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

template <class T>
void NormRowsOf(const RmsNormArgs& args, int64_t begin, int64_t end) {
  const T* w = static_cast<const T*>(args.w);
  for (int64_t r = begin; r < end; ++r) {
    const T* x = static_cast<const T*>(args.x) + r * args.width;
    args.rstd[r] = NormRow(x, w, args.width, args.epsilon, static_cast<T*>(args.y) + r * args.width);
  }
}
void NormRows(const RmsNormArgs& args, int64_t begin, int64_t end) {
  args.type == DType::kF32 ? NormRowsOf<float>(args, begin, end) : NormRowsOf<bf16_t>(args, begin, end);
}

// dw_part [width] gets the sum over these rows.
template <class T>
void NormBackwardRowsOf(const RmsNormBackwardArgs& args, int64_t begin, int64_t end, float* dw_part) {
  const int64_t width = args.width;
  const T* w = static_cast<const T*>(args.w);
  std::memset(dw_part, 0, static_cast<size_t>(width) * sizeof(float));
  for (int64_t r = begin; r < end; ++r) {
    const T* x = static_cast<const T*>(args.x) + r * width;
    const T* dy = static_cast<const T*>(args.dy) + r * width;
    const T* residual = args.residual == nullptr ? nullptr : static_cast<const T*>(args.residual) + r * width;
    const float slope = NormBackwardSums(x, dy, w, width, args.rstd[r], dw_part);
    NormBackwardRow(x, dy, w, width, args.rstd[r], slope, residual, static_cast<T*>(args.dx) + r * width);
  }
}
void NormBackwardRows(const RmsNormBackwardArgs& args, int64_t begin, int64_t end, float* dw_part) {
  args.type == DType::kF32 ? NormBackwardRowsOf<float>(args, begin, end, dw_part)
                           : NormBackwardRowsOf<bf16_t>(args, begin, end, dw_part);
}

// dw[c] (+)= sum over blocks, in order, of partials[block, c].
void AddPartials(const float* partials, int64_t blocks, int64_t stride, int64_t begin, int64_t end, bool accumulate, float* dw) {
  ForLanes(
      end - begin, HLM_LANES {
        Floats sum = Zero();
        for (int64_t b = 0; b < blocks; ++b) sum = hn::Add(sum, Load(partials + b * stride + begin + i, n));
        if (accumulate) sum = hn::Add(Load(dw + begin + i, n), sum);
        Store(sum, dw + begin + i, n);
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm {

HWY_EXPORT(NormRows);
HWY_EXPORT(NormBackwardRows);
HWY_EXPORT(AddPartials);

void RmsNormKernel(const RmsNormArgs& args) {
  ParallelBlocks(args.rows, RowsPerBlock(args.width), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(NormRows)(args, begin, end);
  });
}

size_t RmsNormBackwardFloats(int64_t rows, int64_t width) { return static_cast<size_t>(MostPartialBlocks(rows) * width); }

void RmsNormBackwardKernel(const RmsNormBackwardArgs& args, float* partials) {
  const int64_t block = PartialBlockRows(args.rows);
  ParallelBlocks(args.rows, block, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(NormBackwardRows)(args, begin, end, partials + begin / block * args.width);
  });
  const int64_t blocks = CeilDiv(args.rows, block);
  ParallelBlocks(args.width, RowsPerBlock(blocks), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AddPartials)(partials, blocks, args.width, begin, end, args.accumulate, args.dw);
  });
}

}  // namespace hlm
#endif  // HWY_ONCE
