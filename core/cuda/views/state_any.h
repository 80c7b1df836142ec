// Mamba-2's state space for any sizes: all in fp32 from one chunk to the next, by one block a document and head, and backward a
// document and group. What the kernels for the usual sizes do not take; slow beside them.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_STATE_ANY_H_
#define HORIZON_LM_CORE_CUDA_VIEWS_STATE_ANY_H_

#include <cuda_runtime_api.h>

#include <cstddef>

#include "core/device/args/recurrence.h"

namespace hlm::cuda {

size_t StateAnyBytes(const StateSpaceArgs& args);
void StateAnySpace(cudaStream_t stream, const StateSpaceArgs& args, void* scratch);
size_t StateAnyBackwardBytes(const StateSpaceBackwardArgs& args);
void StateAnySpaceBackward(cudaStream_t stream, const StateSpaceBackwardArgs& args, void* scratch);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_STATE_ANY_H_
