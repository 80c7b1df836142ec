// What a device is: memory, streams, events, copies, and a list of operations (ops.h).
//
// A stream is an order of work and nothing else orders work: what one stream produced may be used on another only after an
// event was recorded behind the producer and waited for in front of the consumer. The CPU device keeps to this as strictly as a
// GPU: its streams are threads, so a missing event is a real race.
#ifndef HORIZON_LM_CORE_DEVICE_DEVICE_H_
#define HORIZON_LM_CORE_DEVICE_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace hlm {

class Ops;
class RaceChecker;

// A marker in a stream. It may be recorded again after it has been waited for; a wait means the newest record before it.
class Event {
 public:
  virtual ~Event() = default;
  // Blocks the calling thread until the newest record has been reached. Throws the stream's first error.
  virtual void Synchronize() = 0;
};

// The moment at which a stream reached a point.
class TimeStamp {
 public:
  virtual ~TimeStamp() = default;
  // Microseconds on the host's steady clock; the stream must have been synchronized past the point.
  virtual double Microseconds() = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;

  virtual void Record(Event& event) = 0;
  // Work enqueued on this stream after the call starts after the event's newest record. `why` names the dependency
  // ("slot holds its weights"): tests leave out one name at a time and expect the race checker to see it.
  virtual void Wait(Event& event, const char* why) = 0;

  // Asynchronous byte moves. Ranges must stay valid until the work is done and must not overlap.
  virtual void Copy(void* to, const void* from, size_t bytes) = 0;
  virtual void FillZero(void* to, size_t bytes) = 0;

  // Runs `work` in stream order on a host thread; must not call the device.
  virtual void Call(std::function<void()> work) = 0;

  // Takes the time when the work enqueued so far is done.
  virtual std::shared_ptr<TimeStamp> Stamp() = 0;

  // Blocks until all work enqueued so far is done; throws the stream's first error.
  virtual void Synchronize() = 0;
};

// Memory owned by the holder; frees itself.
class Buffer {
 public:
  Buffer() = default;
  Buffer(void* data, size_t bytes, std::function<void(void*, size_t)> release)
      : data_(data), bytes_(bytes), release_(std::move(release)) {}
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(release_, other.release_);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr && release_) release_(data_, bytes_);
  }
  std::byte* data() const { return static_cast<std::byte*>(data_); }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
  std::function<void(void*, size_t)> release_;
};

struct DeviceInfo {
  std::string name;          // "cpu", "cuda:0"
  std::string description;   // for people
  int64_t memory_bytes = 0;  // what arenas may take
  int memory_node = -1;      // of the host, beside which it is attached; -1: the host has one, or does not say
};

// Bytes taken from a device now, and the most at any time; equal to the Plan's arenas.
struct DeviceUsage {
  size_t device_bytes = 0;
  size_t host_bytes = 0;  // pinned where the device pins
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const DeviceInfo& info() const = 0;

  // Zeroed, 256-byte aligned. Throws RESOURCE_EXHAUSTED with the bytes asked for. Buffers must not outlive the device.
  virtual Buffer Allocate(size_t bytes) = 0;
  // Host memory that copies may use directly: pinned on a GPU, plain huge-page-advised memory on the CPU. Zeroed, 4096-byte aligned.
  virtual Buffer AllocateHost(size_t bytes) = 0;
  virtual DeviceUsage usage() const = 0;

  virtual std::unique_ptr<Stream> CreateStream(const std::string& name) = 0;
  virtual std::unique_ptr<Event> CreateEvent() = 0;

  // The operations, on one stream's behalf at a time (the compute stream).
  virtual Ops& ops() = 0;

  // Follows who may touch which bytes (race_checker.h); nullptr unless switched on for a test.
  virtual RaceChecker* race_checker() { return nullptr; }

  // Before streams are made: operations that are enqueued but have not begun are left out where `asked` says so, from any thread, when their
  // turn comes. A device that cannot take back what is enqueued runs them.
  virtual void LeaveOut(std::function<bool()> /*asked*/) {}
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_DEVICE_H_
