#include "core/cuda/views/chunks.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 1024;

// One block: each thread counts the chunks of a run of documents, then writes them behind those of the threads before it.
__global__ void __launch_bounds__(kThreads)
    ListChunksKernel(const int32_t* offsets, int documents, ChunkPlace* table, int* firsts) {
  __shared__ int counts[kThreads];
  const int t = static_cast<int>(threadIdx.x), each = (documents + kThreads - 1) / kThreads;
  const int begin = min(documents, t * each), end = min(documents, begin + each);
  int own = 0;
  for (int d = begin; d < end; ++d) own += (offsets[d + 1] - offsets[d] + kChunk - 1) / kChunk;
  counts[t] = own;
  __syncthreads();
  for (int step = 1; step < kThreads; step *= 2) {
    const int before = t >= step ? counts[t - step] : 0;
    __syncthreads();
    counts[t] += before;
    __syncthreads();
  }
  int at = counts[t] - own;
  for (int d = begin; d < end; ++d) {
    const int first = offsets[d], last = offsets[d + 1];
    firsts[d] = at;
    for (int token = first; token < last; token += kChunk) {
      table[at++] = {token, min(kChunk, last - token), token > first ? 1 : 0, token + kChunk < last ? 1 : 0};
    }
  }
  if (t == kThreads - 1) firsts[documents] = counts[t];
}

}  // namespace

int64_t CountChunks(const Documents& documents) {
  int64_t chunks = 0;
  for (int64_t d = 0; d < documents.count; ++d) {
    chunks += CeilDiv(int64_t{documents.host_offsets[d + 1]} - documents.host_offsets[d], int64_t{kChunk});
  }
  return chunks;
}

void ListChunks(cudaStream_t stream, const Documents& documents, ChunkPlace* table, int* firsts) {
  ListChunksKernel<<<1, kThreads, 0, stream>>>(documents.offsets, static_cast<int>(documents.count), table, firsts);
}

}  // namespace hlm::cuda
