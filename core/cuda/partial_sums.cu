#include "core/cuda/partial_sums.h"

#include "core/cuda/check.h"
#include "core/cuda/vec.cuh"

namespace hlm::cuda {
namespace {

// A block has 32 columns and 32 threads for each: thread y adds parts y, y + 32, ..., then the 32 sums are added in order.
constexpr int kThreadsPerColumn = 32;
constexpr int kAhead = 8;  // loads in flight

__global__ void __launch_bounds__(kWarp* kThreadsPerColumn) AddPartialSumsKernel(PartialSums args) {
  __shared__ float sums[kThreadsPerColumn][kWarp];
  const int64_t column = int64_t{blockIdx.x} * kWarp + threadIdx.x;
  const bool inside = column < args.width;
  float sum = 0;
  for (int64_t part = threadIdx.y; part < args.parts; part += kThreadsPerColumn * kAhead) {
    float values[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int64_t p = part + k * kThreadsPerColumn;
      values[k] = inside && p < args.parts ? args.partials[p * args.width + column] : 0.0f;
    }
#pragma unroll
    for (int k = 0; k < kAhead; ++k) sum += values[k];
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || !inside) return;
  float total = 0;
#pragma unroll
  for (int y = 0; y < kThreadsPerColumn; ++y) total += sums[y][threadIdx.x];
  float* to = column < args.split ? args.first + column : args.second + (column - args.split);
  *to = args.accumulate ? *to + total : total;
}

}  // namespace

void AddPartialSums(cudaStream_t stream, const PartialSums& args) {
  AddPartialSumsKernel<<<GridSize(CeilDiv(args.width, kWarp)), dim3(kWarp, kThreadsPerColumn), 0, stream>>>(args);
  CheckLaunch("AddPartialSums");
}

}  // namespace hlm::cuda
