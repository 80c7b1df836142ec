#include "core/cuda/check.h"
#include "core/cuda/test_kernels.h"

namespace hlm::cuda {
namespace {

__global__ void Trap() { asm volatile("trap;"); }

__global__ void Delay(int microseconds) {
  for (int i = 0; i < microseconds; ++i) __nanosleep(1000);
}

}  // namespace

void LaunchTrap(cudaStream_t stream) {
  Trap<<<1, 1, 0, stream>>>();
  CheckLaunch("Trap");
}

void LaunchDelay(cudaStream_t stream, int microseconds) {
  Delay<<<1, 1, 0, stream>>>(microseconds);
  CheckLaunch("Delay");
}

}  // namespace hlm::cuda
