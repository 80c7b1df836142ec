// Sums over the threads of one block.
#ifndef HORIZON_LM_CORE_CUDA_EXPERTS_BLOCK_SUMS_CUH_
#define HORIZON_LM_CORE_CUDA_EXPERTS_BLOCK_SUMS_CUH_

namespace hlm::cuda {

// The sum of the values of the threads before this one; sums[kThreads - 1] is that of all. All of the block's kThreads take part.
template <int kThreads>
__device__ int BlockSumBefore(int value, int (&sums)[kThreads]) {
  const int t = static_cast<int>(threadIdx.x);
  sums[t] = value;
  __syncthreads();
  for (int step = 1; step < kThreads; step *= 2) {
    const int before = t >= step ? sums[t - step] : 0;
    __syncthreads();
    sums[t] += before;
    __syncthreads();
  }
  return sums[t] - value;
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_EXPERTS_BLOCK_SUMS_CUH_
