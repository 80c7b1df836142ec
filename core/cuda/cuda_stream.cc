#include "core/cuda/cuda_stream.h"

#include "core/base/random.h"
#include "core/cuda/test_kernels.h"

namespace hlm::cuda {
namespace {

class CudaTimeStamp final : public TimeStamp {
 public:
  explicit CudaTimeStamp(std::shared_ptr<Context> context) : context_(std::move(context)) {
    Check(cudaEventCreate(&event_), "cudaEventCreate");
  }
  ~CudaTimeStamp() override { cudaEventDestroy(event_); }
  double Microseconds() override { return context_->Microseconds(event_); }
  cudaEvent_t get() const { return event_; }

 private:
  const std::shared_ptr<Context> context_;
  cudaEvent_t event_ = nullptr;
};

}  // namespace

CudaEvent::CudaEvent(std::shared_ptr<Context> context) : context_(std::move(context)) {
  context_->Activate();
  // A waiting thread sleeps: the processors belong to the optimizer.
  Check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | cudaEventBlockingSync), "cudaEventCreateWithFlags");
}
CudaEvent::~CudaEvent() { cudaEventDestroy(event_); }

void CudaEvent::Synchronize() { Check(cudaEventSynchronize(event_), "waiting for the GPU"); }

CudaStream::CudaStream(std::shared_ptr<Context> context) : context_(std::move(context)) {
  context_->Activate();
  Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
}
CudaStream::~CudaStream() {
  cudaStreamSynchronize(stream_);
  cudaStreamDestroy(stream_);
}

void CudaStream::Record(Event& event) {
  context_->Activate();
  Check(cudaEventRecord(static_cast<CudaEvent&>(event).get(), stream_), "cudaEventRecord");
}

void CudaStream::Wait(Event& event, const char* why) {
  if (!context_->options.drop_wait.empty() && context_->options.drop_wait == why) return;
  context_->Activate();
  Check(cudaStreamWaitEvent(stream_, static_cast<CudaEvent&>(event).get(), 0), why);
}

void CudaStream::Copy(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, Enqueue()), "cudaMemcpyAsync");
}

void CudaStream::FillZero(void* to, size_t bytes) {
  if (bytes == 0) return;
  Check(cudaMemsetAsync(to, 0, bytes, Enqueue()), "cudaMemsetAsync");
}

void CudaStream::Call(std::function<void()> work) {
  auto* own = new std::function<void()>(std::move(work));
  const auto run = [](void* data) {
    const std::unique_ptr<std::function<void()>> call(static_cast<std::function<void()>*>(data));
    (*call)();
  };
  const cudaError_t result = cudaLaunchHostFunc(Enqueue(), run, own);
  if (result != cudaSuccess) delete own;
  Check(result, "cudaLaunchHostFunc");
}

std::shared_ptr<TimeStamp> CudaStream::Stamp() {
  context_->Activate();
  auto stamp = std::make_shared<CudaTimeStamp>(context_);
  Check(cudaEventRecord(stamp->get(), stream_), "cudaEventRecord");
  return stamp;
}

void CudaStream::Synchronize() { Check(cudaStreamSynchronize(stream_), "waiting for the GPU"); }

cudaStream_t CudaStream::Enqueue() {
  context_->Activate();
  const PluginDeviceOptions& options = context_->options;
  const int64_t work = context_->work_count.fetch_add(1);
  if (options.delay_seed >= 0) {
    const uint64_t key = RandomKey(options.delay_seed, "delay");
    LaunchDelay(stream_,
                static_cast<int>(RandomBelow(key, static_cast<uint64_t>(work), static_cast<uint64_t>(options.max_delay_us) + 1)));
  }
  if (work == options.fail_work) LaunchTrap(stream_);
  return stream_;
}

}  // namespace hlm::cuda
