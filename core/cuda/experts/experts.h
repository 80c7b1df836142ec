// The CUDA device's operations of mixtures of experts, as kernels.h has the others: enqueued on a stream, arguments checked,
// scratch of the workspace.
//
// Nothing here waits for the host: how many rows an expert has is read on the device, and grids are as large as any fall of the
// rows may need.
#ifndef HORIZON_LM_CORE_CUDA_EXPERTS_EXPERTS_H_
#define HORIZON_LM_CORE_CUDA_EXPERTS_EXPERTS_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/all.h"

namespace hlm::cuda {

// What a warp keeps of a token's experts fits in shared memory.
inline constexpr int64_t kMostExperts = 4096;

void Route(cudaStream_t stream, const RouteArgs& args);
void RouteBackward(cudaStream_t stream, const RouteBackwardArgs& args);

size_t RouteLoadBytes(const RouteLoadArgs& args);
void RouteLoad(cudaStream_t stream, const RouteLoadArgs& args, void* scratch);

size_t SortChoicesBytes(const SortChoicesArgs& args);
void SortChoices(cudaStream_t stream, const SortChoicesArgs& args, void* scratch);

void GatherRows(cudaStream_t stream, const GatherRowsArgs& args);
void CombineRows(cudaStream_t stream, const CombineRowsArgs& args);
void RowDots(cudaStream_t stream, const RowDotsArgs& args);

size_t GroupedLinearBytes(const GroupedLinearArgs& args);
void GroupedLinear(cudaStream_t stream, const GroupedLinearArgs& args, void* scratch);
size_t GroupedLinearBytes(const GroupedLinearBackwardInputArgs& args);
void GroupedLinearBackwardInput(cudaStream_t stream, const GroupedLinearBackwardInputArgs& args, void* scratch);
size_t GroupedLinearBytes(const GroupedLinearBackwardWeightArgs& args);
void GroupedLinearBackwardWeight(cudaStream_t stream, const GroupedLinearBackwardWeightArgs& args, void* scratch);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_EXPERTS_EXPERTS_H_
