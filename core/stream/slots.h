// SlotPool: the byte ranges of the device arena that hold weights, each a small state machine.
//
//   empty --Load--> loaded --Acquire--> in use --release--> loaded --Load--> ...
//
// Load sends a unit's weights up on the up stream, behind the event that the slot's last user recorded. Acquire makes the
// compute stream wait for them and gives a ticket; the ticket's end records that event. A ticket is the only way to the bytes, and
// every transition is checked: a slot that is overwritten while in use, or used with another unit or version than it holds, is
// an error of the engine and found at once.
#ifndef HORIZON_LM_CORE_STREAM_SLOTS_H_
#define HORIZON_LM_CORE_STREAM_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/device/device.h"
#include "core/plan/plan.h"
#include "core/store/store.h"

namespace hlm {

class SlotPool;

// The right to read a slot's weights in work enqueued on the compute stream while the ticket lives.
class SlotTicket {
 public:
  SlotTicket() = default;
  SlotTicket(SlotTicket&& other) noexcept { *this = std::move(other); }
  SlotTicket& operator=(SlotTicket&& other) noexcept;
  ~SlotTicket();

  const std::byte* weights() const { return weights_; }
  void Release();  // records that the slot is free; the destructor does so too, while an error unwinds the pass

 private:
  friend class SlotPool;
  SlotPool* pool_ = nullptr;
  Stream* stream_ = nullptr;
  int64_t index_ = -1;
  const std::byte* weights_ = nullptr;
};

class SlotPool {
 public:
  SlotPool(Device& device, const DevicePlan& plan, std::byte* arena);

  // Enqueues the copy of the weights into the slot that `use` names, part by part. `copy_begins` is called behind the wait for
  // the slot's last user: a trace shows the copy, not the wait.
  void Load(Stream& up, const SlotUse& use, const WeightLease& lease, const std::vector<PartPlan>& parts, size_t element_bytes,
            const std::function<void()>& copy_begins);

  // The weights of `use`, which must be of `version`; `compute` waits until they are there.
  SlotTicket Acquire(Stream& compute, const SlotUse& use, int64_t version);

  // Forgets what the slots hold: the next pass loads everything anew. No ticket may be alive.
  void Forget();

 private:
  friend class SlotTicket;
  enum class State { kEmpty, kLoaded, kInUse };
  struct Slot {
    std::byte* data = nullptr;
    int64_t bytes = 0;
    State state = State::kEmpty;
    int64_t unit = -1;
    int64_t version = -1;
    std::unique_ptr<Event> loaded;    // on the up stream
    std::unique_ptr<Event> released;  // on the compute stream
  };
  int64_t Index(const SlotUse& use) const;

  std::vector<Slot> slots_;  // blocks, then the wide one, then the norm's
  int64_t block_slots_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STREAM_SLOTS_H_
