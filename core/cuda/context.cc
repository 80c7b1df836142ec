#include "core/cuda/context.h"

#include <chrono>

namespace hlm::cuda {
namespace {

size_t SharedBytesOfBlock(int index) {
  int bytes = 0;
  Check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, index), "cudaDeviceGetAttribute");
  return static_cast<size_t>(bytes);
}

}  // namespace

Context::Context(int index, const PluginDeviceOptions& options)
    : index(index), options(options), shared_bytes(SharedBytesOfBlock(index)) {
  Activate();
  Check(cudaEventCreate(&base_), "cudaEventCreate");
  // The first event pays for what the driver sets up; the second one is on time.
  for (int i = 0; i < 2; ++i) {
    Check(cudaEventRecord(base_, cudaStreamPerThread), "cudaEventRecord");
    Check(cudaEventSynchronize(base_), "cudaEventSynchronize");
    base_microseconds_ = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
}

Context::~Context() {
  if (base_ != nullptr) cudaEventDestroy(base_);
}

double Context::Microseconds(cudaEvent_t event) const {
  float milliseconds = 0;
  Check(cudaEventElapsedTime(&milliseconds, base_, event), "cudaEventElapsedTime");
  return base_microseconds_ + 1e3 * static_cast<double>(milliseconds);
}

}  // namespace hlm::cuda
