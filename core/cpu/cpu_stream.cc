#include "core/cpu/cpu_stream.h"

#include <omp.h>
#include <pthread.h>

#include <chrono>
#include <cstring>
#include <new>
#include <utility>

#include "core/base/random.h"

namespace hlm {
namespace {

// The exception in flight as a value: a copy is thrown by each waiter, so no exception object is shared between threads.
Error CurrentError() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return ResourceExhausted("out of host memory in a device operation");
  } catch (const std::exception& error) {
    return Internal(error.what());
  } catch (...) {
    return Internal("an exception of unknown type in a device operation");
  }
}

class CpuTimeStamp final : public TimeStamp {
 public:
  void Take() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    microseconds_ = std::chrono::duration<double, std::micro>(now).count();
  }
  double Microseconds() override { return microseconds_; }

 private:
  std::atomic<double> microseconds_{0};
};

}  // namespace

void EventRecord::Signal(const std::optional<Error>& stream_error) {
  std::lock_guard lock(mutex);
  error = stream_error;
  done = true;
  changed.notify_all();
}

std::optional<Error> EventRecord::Await() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done; });
  return error;
}

void CpuEvent::set_newest(std::shared_ptr<EventRecord> record) {
  std::lock_guard lock(mutex_);
  newest_ = std::move(record);
}

std::shared_ptr<EventRecord> CpuEvent::newest() const {
  std::lock_guard lock(mutex_);
  return newest_;
}

void CpuEvent::Synchronize() {
  const std::shared_ptr<EventRecord> record = newest();
  if (record == nullptr) return;
  const std::optional<Error> error = record->Await();
  WaitedFor(context_->checker.get(), record->clock);
  if (error.has_value()) throw *error;
}

CpuStream::CpuStream(std::shared_ptr<CpuContext> context, const std::string& name)
    : context_(std::move(context)), name_(name), clock_(context_->checker.get(), name), worker_([this] { Loop(); }) {}

CpuStream::~CpuStream() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_one();
  }
  worker_.join();
}

void CpuStream::Loop() {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  omp_set_num_threads(context_->threads);
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    context_->team_waits->Look(context_->threads);
    Delay();
    if (error_.has_value() && !work.control) continue;
    try {
      ShowToThreadSanitizer(work.accesses);
      work.run();
    } catch (...) {
      if (!error_.has_value()) error_ = CurrentError();
    }
  }
}

void CpuStream::Delay() {
  const CpuDeviceOptions& options = context_->options;
  if (options.delay_seed < 0 || options.max_delay_us <= 0) return;
  const uint64_t key = RandomKey(options.delay_seed, name_);
  const uint64_t us = RandomBelow(key, delays_++, static_cast<uint64_t>(options.max_delay_us) + 1);
  std::this_thread::sleep_for(std::chrono::microseconds(us));
}

void CpuStream::Push(Work work) {
  std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  changed_.notify_one();
}

void CpuStream::Enqueue(AccessList accesses, std::function<void()> run) {
  clock_.Enqueue(accesses);
  const int64_t index = context_->work_count.fetch_add(1);
  if (index == context_->options.fail_work) {
    run = [index, name = name_] { throw Internal("work ", index, " failed in stream ", name, ", as the test asked for"); };
    accesses.clear();
  }
  Push({std::move(accesses), std::move(run), /*control=*/false});
}

std::shared_ptr<EventRecord> CpuStream::EnqueueRecord() {
  auto record = std::make_shared<EventRecord>();
  record->clock = clock_.Record();
  Push({{}, [this, record] { record->Signal(error_); }, /*control=*/true});
  return record;
}

void CpuStream::Record(Event& event) { static_cast<CpuEvent&>(event).set_newest(EnqueueRecord()); }

void CpuStream::Wait(Event& event, const char* why) {
  if (!context_->options.drop_wait.empty() && context_->options.drop_wait == why) return;
  const std::shared_ptr<EventRecord> record = static_cast<CpuEvent&>(event).newest();
  if (record == nullptr) return;
  clock_.Wait(record->clock);
  const auto wait = [record] {
    if (const std::optional<Error> error = record->Await()) throw *error;
  };
  Push({{}, wait, /*control=*/true});
}

void CpuStream::Copy(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  Enqueue({Reads("copy", from, bytes), Writes("copy", to, bytes)}, [=] { std::memcpy(to, from, bytes); });
}

void CpuStream::FillZero(void* to, size_t bytes) {
  if (bytes == 0) return;
  Enqueue({Writes("fill", to, bytes)}, [=] { std::memset(to, 0, bytes); });
}

void CpuStream::Call(std::function<void()> work) { Enqueue({}, std::move(work)); }

std::shared_ptr<TimeStamp> CpuStream::Stamp() {
  auto stamp = std::make_shared<CpuTimeStamp>();
  Call([stamp] { stamp->Take(); });
  return stamp;
}

void CpuStream::Synchronize() {
  const std::shared_ptr<EventRecord> record = EnqueueRecord();
  const std::optional<Error> error = record->Await();
  WaitedFor(context_->checker.get(), record->clock);
  if (error.has_value()) throw *error;
}

}  // namespace hlm
