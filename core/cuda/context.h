// What the streams, events and operations of one GPU share.
#ifndef HORIZON_LM_CORE_CUDA_CONTEXT_H_
#define HORIZON_LM_CORE_CUDA_CONTEXT_H_

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/cuda/check.h"
#include "core/device/plugin.h"
#include "core/device/race_checker.h"

namespace hlm::cuda {

struct Context {
  Context(int index, const PluginDeviceOptions& options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Makes this GPU the calling thread's: streams and launches belong to one.
  void Activate() const { Check(cudaSetDevice(index), "cudaSetDevice"); }

  // Microseconds on the host's steady clock at which `event` was reached; it must have been.
  double Microseconds(cudaEvent_t event) const;

  const int index;
  const PluginDeviceOptions options;
  const size_t shared_bytes;             // that this GPU lends a block
  std::shared_ptr<RaceChecker> checker;  // or null; one for all devices of a run
  std::atomic<int64_t> work_count{0};    // operations enqueued so far, for fail_work

 private:
  cudaEvent_t base_ = nullptr;  // reached at base_microseconds_
  double base_microseconds_ = 0;
};

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_CONTEXT_H_
