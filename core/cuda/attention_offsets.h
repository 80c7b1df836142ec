// Small kernels between our layouts and cuDNN's (attention_offsets.cu).
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_OFFSETS_H_
#define HORIZON_LM_CORE_CUDA_ATTENTION_OFFSETS_H_

#include <cuda_runtime_api.h>

#include <cstdint>

namespace hlm::cuda {

// Where the documents of a packed call lie, as cuDNN wants to be told: lengths [documents] in tokens, and ragged offsets
// [documents + 1] in elements from the call's first token, for tensors of `count` distances from token to token.
struct PackedOffsets {
  static constexpr int kMost = 9;  // tensors of one call
  int32_t* lengths = nullptr;
  int count = 0;
  int64_t* to[kMost] = {};
  int64_t row[kMost] = {};
  void Add(int64_t distance, int64_t* list) {
    to[count] = list;
    row[count++] = distance;
  }
};
// `offsets` [documents + 1]: those of the call's documents in the device's array, not from zero.
void FillPackedOffsets(cudaStream_t stream, const int32_t* offsets, int64_t documents, const PackedOffsets& to);

// Some heads' columns of lse [tokens, all heads], and the same numbers as cuDNN's stats: [tokens, heads] where sequence is 0,
// else [tokens / sequence, heads, sequence].
struct StatsCopy {
  int64_t tokens = 0, all_heads = 0, first_head = 0, heads = 0, sequence = 0;
};
void GatherStats(cudaStream_t stream, const StatsCopy& copy, const float* lse, float* stats);
void ScatterStats(cudaStream_t stream, const StatsCopy& copy, const float* stats, float* lse);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_OFFSETS_H_
