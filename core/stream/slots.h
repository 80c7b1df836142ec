// SlotPool: the bytes of the device arena that hold weights. A slot is a byte range while it holds a piece, a small state machine:
//
//   Load --> loaded --Acquire--> in use --release--> loaded --> overwritten by a Load whose bytes overlap
//
// Load sends a piece's weights up on the up stream, behind the events that the last users of those bytes recorded. Acquire makes the
// compute stream wait for them and gives a ticket; the ticket's end records that event. A ticket is the only way to the bytes, and
// every transition is checked: bytes that are overwritten while in use, or used for another piece or version than they hold, are
// an error of the engine and found at once. A slot holds the lease of the weights until their last use is enqueued. Which bytes a
// piece takes, the plan has said (core/plan/visits.h).
#ifndef HORIZON_LM_CORE_STREAM_SLOTS_H_
#define HORIZON_LM_CORE_STREAM_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/device/device.h"
#include "core/plan/plan.h"
#include "core/store/store.h"

namespace hlm {

class SlotPool;
struct Slot;

// The right to read a slot's weights in work enqueued on the compute stream while the ticket lives.
class SlotTicket {
 public:
  SlotTicket() = default;
  SlotTicket(SlotTicket&& other) noexcept { *this = std::move(other); }
  SlotTicket& operator=(SlotTicket&& other) noexcept;
  ~SlotTicket();

  const std::byte* weights() const;
  void Release();  // records that the slot is free; the destructor does so too, while an error unwinds the pass

 private:
  friend class SlotPool;
  Stream* stream_ = nullptr;
  Slot* slot_ = nullptr;
  bool last_ = false;
};

class SlotPool {
 public:
  SlotPool(Device& device, std::byte* space, int64_t bytes);
  ~SlotPool();

  // Enqueues the copy of the weights into the bytes that `use` names, part by part, of each this device's shard; returns the bytes.
  // `copy_begins` is called behind the wait for the last users of those bytes: a trace shows the copy, not the wait.
  int64_t Load(Stream& up, const SlotUse& use, WeightLease weights, const PiecePlan& piece,
               const std::function<void()>& copy_begins, const Shard& shard = {});

  // The other shards of what was loaded as one, from the slots of the other devices, which have loaded theirs: pools[i] the `i`th shard.
  // `shard`: this device's. Returns the bytes.
  int64_t Gather(Stream& peers, const PiecePlan& piece, int64_t number, std::span<SlotPool* const> pools, const Shard& shard);

  // The weights of `use`, which must be of `version`; `compute` waits until they are there.
  SlotTicket Acquire(Stream& compute, const SlotUse& use, int64_t version);

  // Whether the weights of `use` were loaded in this pass and are still there.
  bool Holds(const SlotUse& use) const;
  // The last use of a piece is none after all: gives its lease back, once what was sent up has been read.
  void Drop(int64_t piece);

  // Forgets what the slots hold: the next pass loads everything anew. No ticket is alive.
  void Forget() noexcept;

 private:
  std::unique_ptr<Slot> MakeSlot();
  Slot* Find(int64_t piece) const;  // null: it is not there
  Slot& Of(int64_t piece) const;

  Device& device_;
  std::byte* space_;
  int64_t bytes_;
  std::vector<std::unique_ptr<Slot>> slots_;  // no two overlap
  std::vector<std::unique_ptr<Slot>> spare_;  // their events are used again
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STREAM_SLOTS_H_
