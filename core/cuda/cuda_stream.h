// Streams and events of a GPU.
#ifndef HORIZON_LM_CORE_CUDA_CUDA_STREAM_H_
#define HORIZON_LM_CORE_CUDA_CUDA_STREAM_H_

#include <cuda_runtime_api.h>

#include <memory>
#include <mutex>
#include <string>

#include "core/cuda/context.h"
#include "core/device/device.h"
#include "core/device/stream_clock.h"

namespace hlm::cuda {

class CudaEvent final : public Event {
 public:
  explicit CudaEvent(std::shared_ptr<Context> context);
  ~CudaEvent() override;
  void Synchronize() override;
  cudaEvent_t get() const { return event_; }

  // The newest record's clock, for the race checker.
  void set_clock(Clock clock);
  Clock clock() const;

 private:
  const std::shared_ptr<Context> context_;
  cudaEvent_t event_ = nullptr;
  mutable std::mutex mutex_;
  Clock clock_;
};

class CudaStream final : public Stream {
 public:
  CudaStream(std::shared_ptr<Context> context, const std::string& name);
  ~CudaStream() override;
  void Record(Event& event) override;
  void Wait(Event& event, const char* why) override;
  void Copy(void* to, const void* from, size_t bytes) override;
  void FillZero(void* to, size_t bytes) override;
  void Call(std::function<void()> work) override;
  std::shared_ptr<TimeStamp> Stamp() override;
  void Synchronize() override;

  // The stream for a library call or a launch that touches this, on the calling thread; counts it, and fails it where a test
  // asked for that.
  cudaStream_t Enqueue(const AccessList& accesses);
  cudaStream_t get() const { return stream_; }

 private:
  const std::shared_ptr<Context> context_;
  StreamClock clock_;
  cudaStream_t stream_ = nullptr;
};

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_CUDA_STREAM_H_
