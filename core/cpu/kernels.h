// The operations that are not products, in Highway, on the calling thread's OpenMP team. Contracts are those of ops.h.
//
// Sums over rows (dw, dbias) have a fixed order that does not depend on the number of threads. `partials` is scratch whose size
// the function beside it says; that size never falls with the shape.
#ifndef HORIZON_LM_CORE_CPU_KERNELS_H_
#define HORIZON_LM_CORE_CPU_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/device/ops.h"
#include "core/device/same_call.h"

namespace hlm {

void RmsNormKernel(const RmsNormArgs& args);
size_t RmsNormBackwardFloats(int64_t rows, int64_t width);
void RmsNormBackwardKernel(const RmsNormBackwardArgs& args, float* partials);

void NormKernel(const NormArgs& args);
size_t NormBackwardFloats(const NormBackwardArgs& args);
void NormBackwardKernel(const NormBackwardArgs& args, float* partials);

void RotaryKernel(const RotaryArgs& args);
void SumHeadsKernel(const SumHeadsArgs& args);

void QkRotaryKernel(const QkRotaryArgs& args);
size_t QkRotaryBackwardFloats(int64_t tokens, int64_t head_dim);
void QkRotaryBackwardKernel(const QkRotaryBackwardArgs& args, float* partials);

void SwiGluKernel(const SwiGluArgs& args);
void SwiGluBackwardKernel(const SwiGluBackwardArgs& args);

void ActivateKernel(const ActivateArgs& args);
size_t ActivateBackwardFloats(const ActivateBackwardArgs& args);
void ActivateBackwardKernel(const ActivateBackwardArgs& args, float* scratch);
void ClampedGluKernel(const ClampedGluArgs& args);
void ClampedGluBackwardKernel(const ClampedGluBackwardArgs& args);
void GateHeadsKernel(const GateHeadsArgs& args);
void GateHeadsBackwardKernel(const GateHeadsBackwardArgs& args);
void ScaleAddKernel(const ScaleAddArgs& args);

void CausalConvKernel(const CausalConvArgs& args);
size_t CausalConvBackwardFloats(const CausalConvBackwardArgs& args);
void CausalConvBackwardKernel(const CausalConvBackwardArgs& args, float* partials);

void DecayGatesKernel(const DecayGatesArgs& args);
size_t DecayGatesBackwardFloats(const DecayGatesBackwardArgs& args);
void DecayGatesBackwardKernel(const DecayGatesBackwardArgs& args, float* scratch);

size_t CrossEntropyFloats(const CrossEntropyArgs& args, int64_t threads);
void CrossEntropyKernel(const CrossEntropyArgs& args, float* scratch);
void CapLogitsKernel(const CapLogitsArgs& args);

void EmbeddingKernel(const EmbeddingArgs& args);
void EmbeddingBackwardKernel(const EmbeddingBackwardArgs& args);

void RouteKernel(const RouteArgs& args);
void RouteBackwardKernel(const RouteBackwardArgs& args);
void RouteLoadKernel(const RouteLoadArgs& args, float* log_sums);  // [tokens]
void ScaleChoicesKernel(const ScaleChoicesArgs& args);
void ScaleChoicesBackwardKernel(const ScaleChoicesBackwardArgs& args);
void SortChoicesKernel(const SortChoicesArgs& args);
void GatherRowsKernel(const GatherRowsArgs& args);
void CombineRowsKernel(const CombineRowsArgs& args);
void RowDotsKernel(const RowDotsArgs& args);

void CastKernel(const CastArgs& args);

// to[r, c] = from[r, c]: a block of a bf16 matrix as dense floats [rows, cols]. On the team.
void WidenBlock(const bf16_t* from, int64_t from_stride, int64_t rows, int64_t cols, float* to);
// The same on the calling thread only, from either type.
void GatherBlock(DType type, const void* from, int64_t from_stride, int64_t rows, int64_t cols, float* to);
// to[r, c] = from[r, c] rounded to `type`; on the calling thread only.
void ScatterBlock(const float* from, int64_t rows, int64_t cols, DType type, void* to, int64_t to_stride);

// y[r, c] = sums[r, c] (or 0) + bias[c] (or 0) + addend[r, c] (or 0), rounded once to y_type. addend may be y. On the team.
struct EpilogueArgs {
  int64_t rows = 0, cols = 0;
  const float* sums = nullptr;  // [rows, cols], or null
  DType bias_type = DType::kF32;
  const void* bias = nullptr;  // [cols] bias_type, or null
  DType y_type = DType::kF32;
  const void* addend = nullptr;  // [rows, stride] y_type, or null
  void* y = nullptr;             // [rows, stride] y_type
  int64_t stride = 0;            // of addend and y, in elements
};
void EpilogueKernel(const EpilogueArgs& args);

// sums[c] (+)= sum over rows of x[r, c].
void ColumnSumsKernel(DType type, const void* x, int64_t rows, int64_t cols, bool accumulate, float* sums);

// "AVX2" and so on: the instruction set that the kernels use on this processor.
std::string SimdTarget();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_KERNELS_H_
