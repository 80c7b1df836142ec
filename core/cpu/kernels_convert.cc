// Moves between types, with what goes along for free: casts, blocks of matrices, the epilogue of a product, column sums.
#include "core/cpu/kernels.h"
#include "core/cpu/parallel.h"
#include "core/cpu/views.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/kernels_convert.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "core/cpu/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace hlm {
namespace HWY_NAMESPACE {

template <class X, class Y>
HWY_INLINE void CopyRow(const X* x, Y* y, int64_t count) {
  if constexpr (sizeof(X) == sizeof(Y)) {
    std::memmove(y, x, static_cast<size_t>(count) * sizeof(X));
  } else {
    ForLanes(
        count, HLM_LANES { Store(Load(x + i, n), y + i, n); });
  }
}

// Rows [begin, end) of y = x, dense or strided.
void CastRows(DType x_type, const void* x, int64_t x_stride, DType y_type, void* y, int64_t y_stride, int64_t cols, int64_t begin,
              int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const auto* xf = static_cast<const float*>(x) + r * x_stride;
    const auto* xb = static_cast<const bf16_t*>(x) + r * x_stride;
    auto* yf = static_cast<float*>(y) + r * y_stride;
    auto* yb = static_cast<bf16_t*>(y) + r * y_stride;
    if (x_type == DType::kF32) {
      y_type == DType::kF32 ? CopyRow(xf, yf, cols) : CopyRow(xf, yb, cols);
    } else {
      y_type == DType::kF32 ? CopyRow(xb, yf, cols) : CopyRow(xb, yb, cols);
    }
  }
}

template <class B, class Y>
void EpilogueRowsOf(const EpilogueArgs& args, int64_t begin, int64_t end) {
  const B* bias = static_cast<const B*>(args.bias);
  for (int64_t r = begin; r < end; ++r) {
    const float* sums = args.sums == nullptr ? nullptr : args.sums + r * args.cols;
    const Y* addend = args.addend == nullptr ? nullptr : static_cast<const Y*>(args.addend) + r * args.stride;
    Y* y = static_cast<Y*>(args.y) + r * args.stride;
    ForLanes(
        args.cols, HLM_LANES {
          Floats value = sums == nullptr ? Zero() : Load(sums + i, n);
          if (bias != nullptr) value = hn::Add(value, Load(bias + i, n));
          if (addend != nullptr) value = hn::Add(value, Load(addend + i, n));
          Store(value, y + i, n);
        });
  }
}
void EpilogueRows(const EpilogueArgs& args, int64_t begin, int64_t end) {
  if (args.bias_type == DType::kF32) {
    args.y_type == DType::kF32 ? EpilogueRowsOf<float, float>(args, begin, end) : EpilogueRowsOf<float, bf16_t>(args, begin, end);
  } else {
    args.y_type == DType::kF32 ? EpilogueRowsOf<bf16_t, float>(args, begin, end)
                               : EpilogueRowsOf<bf16_t, bf16_t>(args, begin, end);
  }
}

// Columns [begin, end), in strips that stay in the nearest cache. Two levels of sums: rows of a block, then blocks.
constexpr int64_t kStrip = 256;

template <class T>
void ColumnSumsOf(const T* x, int64_t rows, int64_t stride, int64_t begin, int64_t end, bool accumulate, float* sums) {
  for (int64_t at = begin; at < end; at += kStrip) {
    const int64_t cols = HWY_MIN(kStrip, end - at);
    HWY_ALIGN float total[kStrip] = {};
    for (int64_t row = 0; row < rows; row += kPartialRows) {
      HWY_ALIGN float part[kStrip] = {};
      for (int64_t r = row; r < HWY_MIN(rows, row + kPartialRows); ++r) {
        const T* from = x + r * stride + at;
        ForLanes(
            cols, HLM_LANES { Store(hn::Add(Load(part + i, n), Load(from + i, n)), part + i, n); });
      }
      ForLanes(
          cols, HLM_LANES { Store(hn::Add(Load(total + i, n), Load(part + i, n)), total + i, n); });
    }
    float* to = sums + at;
    for (int64_t c = 0; c < cols; ++c) to[c] = accumulate ? to[c] + total[c] : total[c];
  }
}
void ColumnSums(DType type, const void* x, int64_t rows, int64_t stride, int64_t begin, int64_t end, bool accumulate,
                float* sums) {
  type == DType::kF32 ? ColumnSumsOf(static_cast<const float*>(x), rows, stride, begin, end, accumulate, sums)
                      : ColumnSumsOf(static_cast<const bf16_t*>(x), rows, stride, begin, end, accumulate, sums);
}

// Columns [begin, end) of dtable[ids[t]] += dy[t], token after token.
template <class T>
void EmbeddingBackwardColumnsOf(const EmbeddingBackwardArgs& args, int64_t begin, int64_t end) {
  const Floats scale = Set(args.scale);
  for (int64_t t = 0; t < args.tokens; ++t) {
    if (args.ids[t] == args.skip) continue;
    const T* from = static_cast<const T*>(args.dy) + t * args.width + begin;
    float* to = args.dtable + static_cast<int64_t>(args.ids[t]) * args.width + begin;
    ForLanes(
        end - begin, HLM_LANES { Store(hn::MulAdd(Load(from + i, n), scale, Load(to + i, n)), to + i, n); });
  }
}
void EmbeddingBackwardColumns(const EmbeddingBackwardArgs& args, int64_t begin, int64_t end) {
  args.type == DType::kF32 ? EmbeddingBackwardColumnsOf<float>(args, begin, end)
                           : EmbeddingBackwardColumnsOf<bf16_t>(args, begin, end);
}

}  // namespace HWY_NAMESPACE
}  // namespace hlm
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hlm {

HWY_EXPORT(CastRows);
HWY_EXPORT(EpilogueRows);
HWY_EXPORT(ColumnSums);
HWY_EXPORT(EmbeddingBackwardColumns);

void CastKernel(const CastArgs& args) {
  // As rows of a block each, the last one apart, so that the blocks are shared out over the team.
  const int64_t cols = kElementsPerBlock, rows = args.n / cols, rest = args.n % cols;
  if (rows > 0) {
    ParallelBlocks(rows, 1, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(CastRows)(args.x_type, args.x, cols, args.y_type, args.y, cols, cols, begin, end);
    });
  }
  if (rest > 0) {
    const void* x = static_cast<const char*>(args.x) + static_cast<size_t>(rows * cols) * SizeOf(args.x_type);
    void* y = static_cast<char*>(args.y) + static_cast<size_t>(rows * cols) * SizeOf(args.y_type);
    HWY_DYNAMIC_DISPATCH(CastRows)(args.x_type, x, rest, args.y_type, y, rest, rest, 0, 1);
  }
}

void WidenBlock(const bf16_t* from, int64_t from_stride, int64_t rows, int64_t cols, float* to) {
  ParallelBlocks(rows, RowsPerBlock(cols), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(CastRows)(DType::kBF16, from, from_stride, DType::kF32, to, cols, cols, begin, end);
  });
}

void GatherBlock(DType type, const void* from, int64_t from_stride, int64_t rows, int64_t cols, float* to) {
  HWY_DYNAMIC_DISPATCH(CastRows)(type, from, from_stride, DType::kF32, to, cols, cols, 0, rows);
}

void ScatterBlock(const float* from, int64_t rows, int64_t cols, DType type, void* to, int64_t to_stride) {
  HWY_DYNAMIC_DISPATCH(CastRows)(DType::kF32, from, cols, type, to, to_stride, cols, 0, rows);
}

void EpilogueKernel(const EpilogueArgs& args) {
  ParallelBlocks(args.rows, RowsPerBlock(args.cols), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(EpilogueRows)(args, begin, end);
  });
}

void ColumnSumsKernel(DType type, const void* x, int64_t rows, int64_t cols, bool accumulate, float* sums) {
  ParallelBlocks(cols, RowsPerBlock(rows) > 64 ? RowsPerBlock(rows) : 64, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(ColumnSums)(type, x, rows, cols, begin, end, accumulate, sums);
  });
}

namespace {

void ScaledEmbedding(const EmbeddingArgs& args) {
  ForType(args.type, [&]<class T>() {
    const auto *table = static_cast<const T*>(args.table), *addend = static_cast<const T*>(args.addend);
    ParallelBlocks(args.tokens, RowsPerBlock(args.width), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t i = 0; i < args.width; ++i) {
          const float value = args.scale * ToFloat(table[args.ids[t] * args.width + i]);
          const int64_t at = t * args.width + i;
          static_cast<T*>(args.y)[at] = FromFloat<T>(addend == nullptr ? value : value + ToFloat(addend[at]));
        }
      }
    });
  });
}

}  // namespace

void EmbeddingKernel(const EmbeddingArgs& args) {
  if (args.scale != 1 || args.addend != nullptr) return ScaledEmbedding(args);
  const size_t bytes = static_cast<size_t>(args.width) * SizeOf(args.type);
  ParallelBlocks(args.tokens, RowsPerBlock(args.width), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      std::memcpy(static_cast<char*>(args.y) + static_cast<size_t>(t) * bytes,
                  static_cast<const char*>(args.table) + static_cast<size_t>(args.ids[t]) * bytes, bytes);
    }
  });
}

void EmbeddingBackwardKernel(const EmbeddingBackwardArgs& args) {
  ParallelBlocks(args.width, RowsPerBlock(args.tokens) > 64 ? RowsPerBlock(args.tokens) : 64, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(EmbeddingBackwardColumns)(args, begin, end);
  });
}

std::string SimdTarget() {
  const int64_t best = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(best & -best);  // the lowest bit is the best target
}

}  // namespace hlm
#endif  // HWY_ONCE
