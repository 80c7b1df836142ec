// The CUDA device's own kernels: one function an operation of ops.h, enqueued on a stream. Arguments have been checked.
//
// `scratch` is the compute stream's workspace; the functions that name bytes say how much of it a call takes. They are pure,
// never fall when a dimension grows, and do not depend on the GPU: sums are cut into the same pieces everywhere, so the bits
// depend on the shape alone. No float atomics. Pointers of whole tensors are 16-byte aligned, and so is every row: widths are
// multiples of 8 elements, except rows of the vocabulary's length.
#ifndef HORIZON_LM_CORE_CUDA_KERNELS_H_
#define HORIZON_LM_CORE_CUDA_KERNELS_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/all.h"

namespace hlm::cuda {

void RmsNorm(cudaStream_t stream, const RmsNormArgs& args);

size_t RmsNormBackwardBytes(int64_t rows, int64_t width);
void RmsNormBackward(cudaStream_t stream, const RmsNormBackwardArgs& args, void* scratch);

void Norm(cudaStream_t stream, const NormArgs& args);

size_t NormBackwardBytes(const NormBackwardArgs& args);
void NormBackward(cudaStream_t stream, const NormBackwardArgs& args, void* scratch);

void Rotary(cudaStream_t stream, const RotaryArgs& args);
void SumHeads(cudaStream_t stream, const SumHeadsArgs& args);

void QkRotary(cudaStream_t stream, const QkRotaryArgs& args);

size_t QkRotaryBackwardBytes(int64_t tokens, int64_t heads, int64_t kv_heads, int64_t head_dim);  // where there is a norm
void QkRotaryBackward(cudaStream_t stream, const QkRotaryBackwardArgs& args, void* scratch);

void SwiGlu(cudaStream_t stream, const SwiGluArgs& args);
void SwiGluBackward(cudaStream_t stream, const SwiGluBackwardArgs& args);

// For an attention (in bf16) that was made without its sinks: out and lse as they are with them.
void ApplySinks(cudaStream_t stream, const ViewAttentionArgs& args);
size_t SinkGradientBytes(int64_t heads);
void SinkGradients(cudaStream_t stream, const ViewAttentionBackwardArgs& args, void* scratch);

void Activate(cudaStream_t stream, const ActivateArgs& args);

size_t ActivateBackwardBytes(const ActivateBackwardArgs& args);
void ActivateBackward(cudaStream_t stream, const ActivateBackwardArgs& args, void* scratch);

void ClampedGlu(cudaStream_t stream, const ClampedGluArgs& args);
void ClampedGluBackward(cudaStream_t stream, const ClampedGluBackwardArgs& args);
void ScaleAdd(cudaStream_t stream, const ScaleAddArgs& args);
void CapLogits(cudaStream_t stream, const CapLogitsArgs& args);

void CausalConv(cudaStream_t stream, const CausalConvArgs& args);

size_t CausalConvBackwardBytes(const CausalConvBackwardArgs& args);
void CausalConvBackward(cudaStream_t stream, const CausalConvBackwardArgs& args, void* scratch);

void DecayGates(cudaStream_t stream, const DecayGatesArgs& args);

size_t DecayGatesBackwardBytes(const DecayGatesBackwardArgs& args);
void DecayGatesBackward(cudaStream_t stream, const DecayGatesBackwardArgs& args, void* scratch);

// shared: bytes of shared memory that the GPU lends a block (shared_memory.h). The fast kernels need much; where it is not there, slower
// ones are run.
size_t DeltaRuleBytes(const DeltaRuleArgs& args, size_t shared);
void DeltaRule(cudaStream_t stream, const DeltaRuleArgs& args, size_t shared, void* scratch);
size_t DeltaRuleBackwardBytes(const DeltaRuleBackwardArgs& args, size_t shared);
void DeltaRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& args, size_t shared, void* scratch);

size_t StateSpaceBytes(const StateSpaceArgs& args, size_t shared);
void StateSpace(cudaStream_t stream, const StateSpaceArgs& args, size_t shared, void* scratch);
size_t StateSpaceBackwardBytes(const StateSpaceBackwardArgs& args, size_t shared);
void StateSpaceBackward(cudaStream_t stream, const StateSpaceBackwardArgs& args, size_t shared, void* scratch);

// UNIMPLEMENTED for states that the kernels do not take.
void CheckSelectiveScan(int64_t state_dim);
void SelectiveScan(cudaStream_t stream, const SelectiveScanArgs& args);
size_t SelectiveScanBackwardBytes(const SelectiveScanBackwardArgs& args);
void SelectiveScanBackward(cudaStream_t stream, const SelectiveScanBackwardArgs& args, void* scratch);

void GatedRecurrence(cudaStream_t stream, const GatedRecurrenceArgs& args);
size_t GatedRecurrenceBackwardBytes(const GatedRecurrenceBackwardArgs& args);
void GatedRecurrenceBackward(cudaStream_t stream, const GatedRecurrenceBackwardArgs& args, void* scratch);

void BlockLinear(cudaStream_t stream, const BlockLinearArgs& args);
size_t BlockLinearBackwardBytes(const BlockLinearBackwardArgs& args);
void BlockLinearBackward(cudaStream_t stream, const BlockLinearBackwardArgs& args, void* scratch);

void Embedding(cudaStream_t stream, const EmbeddingArgs& args);

size_t EmbeddingBackwardBytes(int64_t tokens, int64_t vocab);
void EmbeddingBackward(cudaStream_t stream, const EmbeddingBackwardArgs& args, void* scratch);

void CrossEntropy(cudaStream_t stream, const CrossEntropyArgs& args);

void Cast(cudaStream_t stream, const CastArgs& args);

// sums[c] (+)= sum over rows of x[r, c]: the gradient of a bias.
size_t ColumnSumsBytes(int64_t rows, int64_t width);
void ColumnSums(cudaStream_t stream, DType type, const void* x, int64_t rows, int64_t width, bool accumulate, float* sums,
                void* scratch);

// y[r, c] += bias[c].
void AddBias(cudaStream_t stream, DType type, const void* bias, int64_t rows, int64_t width, float* y);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_KERNELS_H_
