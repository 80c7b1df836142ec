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

void CudaEvent::Synchronize() {
  Check(cudaEventSynchronize(event_), "waiting for the GPU");
  WaitedFor(context_->checker.get(), clock());
}

void CudaEvent::set_clock(Clock clock) {
  std::lock_guard lock(mutex_);
  clock_ = std::move(clock);
}
Clock CudaEvent::clock() const {
  std::lock_guard lock(mutex_);
  return clock_;
}

CudaStream::CudaStream(std::shared_ptr<Context> context, const std::string& name)
    : context_(std::move(context)), clock_(context_->checker.get(), name) {
  context_->Activate();
  Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
}
CudaStream::~CudaStream() {
  cudaStreamSynchronize(stream_);
  cudaStreamDestroy(stream_);
}

void CudaStream::Record(Event& event) {
  context_->Activate();
  auto& cuda_event = static_cast<CudaEvent&>(event);
  Check(cudaEventRecord(cuda_event.get(), stream_), "cudaEventRecord");
  cuda_event.set_clock(clock_.Record());
}

void CudaStream::Wait(Event& event, const char* why) {
  if (!context_->options.drop_wait.empty() && context_->options.drop_wait == why) return;
  context_->Activate();
  const auto& cuda_event = static_cast<CudaEvent&>(event);
  Check(cudaStreamWaitEvent(stream_, cuda_event.get(), 0), why);
  clock_.Wait(cuda_event.clock());
}

void CudaStream::Copy(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, Enqueue({Reads("copy", from, bytes), Writes("copy", to, bytes)})),
        "cudaMemcpyAsync");
}

void CudaStream::FillZero(void* to, size_t bytes) {
  if (bytes == 0) return;
  Check(cudaMemsetAsync(to, 0, bytes, Enqueue({Writes("fill", to, bytes)})), "cudaMemsetAsync");
}

void CudaStream::Call(std::function<void()> work) {
  auto* own = new std::function<void()>(std::move(work));
  const auto run = [](void* data) {
    const std::unique_ptr<std::function<void()>> call(static_cast<std::function<void()>*>(data));
    (*call)();
  };
  const cudaError_t result = cudaLaunchHostFunc(Enqueue({}), run, own);
  if (result != cudaSuccess) delete own;
  Check(result, "cudaLaunchHostFunc");
}

std::shared_ptr<TimeStamp> CudaStream::Stamp() {
  context_->Activate();
  auto stamp = std::make_shared<CudaTimeStamp>(context_);
  Check(cudaEventRecord(stamp->get(), stream_), "cudaEventRecord");
  return stamp;
}

void CudaStream::Synchronize() {
  Check(cudaStreamSynchronize(stream_), "waiting for the GPU");
  WaitedFor(context_->checker.get(), clock_.Record());
}

cudaStream_t CudaStream::Enqueue(const AccessList& accesses) {
  clock_.Enqueue(accesses);
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
