// GradientRing: pinned host buffers on the way from the device to the optimizer.
//
//   free --Acquire--> filling --(copy down, event)--> consumed by the optimizer --ticket's end--> free
//
// A full ring blocks the producer: that is the back pressure that keeps host memory bounded, and the metrics show it.
#ifndef HORIZON_LM_CORE_STREAM_RING_H_
#define HORIZON_LM_CORE_STREAM_RING_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "core/device/device.h"
#include "core/device/hand_over.h"

namespace hlm {

class GradientRing;

// One entry of the ring. Its holder alone may fill, read and free it.
class RingTicket {
 public:
  RingTicket() = default;
  RingTicket(RingTicket&& other) noexcept { *this = std::move(other); }
  RingTicket& operator=(RingTicket&& other) noexcept;
  ~RingTicket() { Release(); }

  bool valid() const { return ring_ != nullptr; }
  std::byte* data() const;
  Event& filled() const;  // recorded behind the copy into the entry
  void Release() noexcept;

 private:
  friend class GradientRing;
  GradientRing* ring_ = nullptr;
  size_t index_ = 0;
};

class GradientRing {
 public:
  GradientRing(Device& device, int64_t entries, int64_t entry_bytes);

  // Blocks while all entries are taken. Throws the cause given to Close.
  RingTicket Acquire();

  // Wakes who waits and fails every Acquire with the first cause given, until Open.
  void Close(std::exception_ptr cause);
  void Open();

  size_t bytes() const { return memory_.bytes(); }
  int64_t waits() const { return waits_; }  // Acquires that had to wait
  double wait_seconds() const { return wait_seconds_; }

 private:
  friend class RingTicket;
  struct Entry {
    std::byte* data = nullptr;
    bool taken = false;
    std::unique_ptr<Event> filled;
    HandOver freed;
  };
  RaceChecker* checker_;
  Buffer memory_;
  std::vector<Entry> entries_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::exception_ptr closed_;  // why
  int64_t waits_ = 0;
  double wait_seconds_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STREAM_RING_H_
