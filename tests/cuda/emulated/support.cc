// What the emulated kernels call beside themselves, in plain loops.
#include "tests/cuda/emulated/block.h"

#include <algorithm>

#include "core/cuda/partial_sums.h"
#include "core/cuda/views/chunks.cuh"

// Nothing can fail here.
extern "C" cudaError_t cudaGetLastError() { return cudaSuccess; }

namespace hlm::cuda {

void Check(cudaError_t, const char*) {}

int64_t CountChunks(const Documents& documents) {
  int64_t chunks = 0;
  for (int64_t d = 0; d < documents.count; ++d) {
    chunks += CeilDiv(int64_t{documents.host_offsets[d + 1]} - documents.host_offsets[d], int64_t{kChunk});
  }
  return chunks;
}

void ListChunks(cudaStream_t, const Documents& documents, ChunkPlace* table, int* firsts) {
  int at = 0;
  for (int64_t d = 0; d < documents.count; ++d) {
    const int first = documents.host_offsets[d], last = documents.host_offsets[d + 1];
    firsts[d] = at;
    for (int token = first; token < last; token += kChunk) {
      table[at++] = {token, std::min(kChunk, last - token), token > first ? 1 : 0, token + kChunk < last ? 1 : 0};
    }
  }
  firsts[documents.count] = at;
}

void AddPartialSums(cudaStream_t, const PartialSums& a) {
  for (int64_t c = 0; c < a.width; ++c) {
    float& to = c < a.split ? a.first[c] : a.second[c - a.split];
    float sum = a.accumulate ? to : 0.0f;
    for (int64_t p = 0; p < a.parts; ++p) sum += a.partials[p * a.width + c];
    to = sum;
  }
}

}  // namespace hlm::cuda
