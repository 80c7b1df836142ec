// The CPU device's streams and events: a stream is a worker thread with a queue; an event is the newest of its records.
#ifndef HORIZON_LM_CORE_CPU_CPU_STREAM_H_
#define HORIZON_LM_CORE_CPU_CPU_STREAM_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "core/cpu/access.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/team_waits.h"
#include "core/device/device.h"
#include "core/device/race_checker.h"
#include "core/device/stream_clock.h"

namespace hlm {

// What the streams, events and operations of one device share.
struct CpuContext {
  CpuDeviceOptions options;
  int threads = 1;  // of a stream's OpenMP team
  std::shared_ptr<TeamWaits> team_waits = TeamWaits::OfThisProcess();
  std::shared_ptr<RaceChecker> checker;  // or null; one for all devices of a run
  std::atomic<int64_t> work_count{0};    // pieces of work enqueued so far, for fail_work
  std::function<bool()> leaves_out;      // Device::LeaveOut; or empty
  std::atomic<int64_t> begun{0};         // operations, for before_operation
};

// One record of an event in a stream. Shared by the queue entries and the event, so that each may end first.
struct EventRecord {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::optional<Error> error;  // of the recording stream when the record was reached
  Clock clock;                 // of the recording stream when the record was enqueued; only with a race checker

  void Signal(const std::optional<Error>& stream_error);
  std::optional<Error> Await();  // blocks until done
};

class CpuEvent final : public Event {
 public:
  explicit CpuEvent(std::shared_ptr<CpuContext> context) : context_(std::move(context)) {}
  void Synchronize() override;

  void set_newest(std::shared_ptr<EventRecord> record);
  std::shared_ptr<EventRecord> newest() const;  // null before the first record

 private:
  const std::shared_ptr<CpuContext> context_;
  mutable std::mutex mutex_;
  std::shared_ptr<EventRecord> newest_;
};

class CpuStream final : public Stream {
 public:
  CpuStream(std::shared_ptr<CpuContext> context, const std::string& name);
  ~CpuStream() override;  // runs what is queued, then ends the thread
  CpuStream(const CpuStream&) = delete;
  CpuStream& operator=(const CpuStream&) = delete;

  void Record(Event& event) override;
  void Wait(Event& event, const char* why) override;
  void Copy(void* to, const void* from, size_t bytes) override;
  void FillZero(void* to, size_t bytes) override;
  void Call(std::function<void()> work) override;
  std::shared_ptr<TimeStamp> Stamp() override;
  void Synchronize() override;

  // The way in for every operation: `run` touches what `accesses` says and nothing else that another stream or thread may touch.
  void Enqueue(AccessList accesses, std::function<void()> run);

 private:
  struct Work {
    AccessList accesses;
    std::function<void()> run;
    bool control = false;  // records and waits: run in a failed stream as well
  };
  void Push(Work work);
  void Loop();
  void Delay();
  std::shared_ptr<EventRecord> EnqueueRecord();

  const std::shared_ptr<CpuContext> context_;
  const std::string name_;
  StreamClock clock_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;
  bool closing_ = false;

  std::optional<Error> error_;  // the first one; touched by the worker only
  uint64_t delays_ = 0;
  std::thread worker_;  // last: it uses all of the above
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_CPU_STREAM_H_
