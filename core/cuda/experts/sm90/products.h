// Products by expert on Hopper's tensor cores, in bf16 with fp32 sums: CUTLASS's grouped kernels, whose lists of problems a kernel of
// ours writes from the offsets of the experts.
//
// A tile of a result is one block's, with its terms in their order: the bits depend on the shape alone, not on how many blocks run.
#ifndef HORIZON_LM_CORE_CUDA_EXPERTS_SM90_PRODUCTS_H_
#define HORIZON_LM_CORE_CUDA_EXPERTS_SM90_PRODUCTS_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/experts.h"

namespace hlm::cuda::sm90 {

// Whether the calling thread's GPU has these tensor cores, and the call the types and alignments that they take.
bool Takes(const GroupedLinearArgs& args);
bool Takes(const GroupedLinearBackwardInputArgs& args);
bool Takes(const GroupedLinearBackwardWeightArgs& args);

// Scratch for a range of so many experts, whatever the GPU.
size_t Bytes(int64_t experts);

void Forward(cudaStream_t stream, const GroupedLinearArgs& args, void* scratch);
void BackwardInput(cudaStream_t stream, const GroupedLinearBackwardInputArgs& args, void* scratch);
// Of experts that have rows; dw alone.
void BackwardWeight(cudaStream_t stream, const GroupedLinearBackwardWeightArgs& args, void* scratch);

}  // namespace hlm::cuda::sm90

#endif  // HORIZON_LM_CORE_CUDA_EXPERTS_SM90_PRODUCTS_H_
