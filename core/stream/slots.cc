#include "core/stream/slots.h"

#include <utility>

#include "core/base/error.h"

namespace hlm {

SlotPool::SlotPool(Device& device, const DevicePlan& plan, std::byte* arena) : block_slots_(plan.slots) {
  const auto add = [&](int64_t offset, int64_t bytes) {
    Slot slot;
    slot.data = arena + offset;
    slot.bytes = bytes;
    slot.loaded = device.CreateEvent();
    slot.released = device.CreateEvent();
    slots_.push_back(std::move(slot));
  };
  for (int64_t s = 0; s < plan.slots; ++s) add(plan.arena.block_slots.offset + s * plan.arena.block_slot_bytes, plan.arena.block_slot_bytes);
  add(plan.arena.wide_slot.offset, plan.arena.wide_slot.bytes);
  add(plan.arena.norm_slot.offset, plan.arena.norm_slot.bytes);
}

int64_t SlotPool::Index(const SlotUse& use) const {
  const int64_t base = use.slot_class == SlotClass::kBlock ? 0 : use.slot_class == SlotClass::kWide ? block_slots_ : block_slots_ + 1;
  return base + use.slot;
}

void SlotPool::Load(Stream& up, const SlotUse& use, const WeightLease& lease, const std::vector<PartPlan>& parts, size_t element_bytes,
                    const std::function<void()>& copy_begins) {
  Slot& slot = slots_[Index(use)];
  HLM_CHECK(slot.state != State::kInUse, "slot of unit ", slot.unit, " is in use and unit ", use.unit, " would overwrite it");
  HLM_CHECK(static_cast<int64_t>(lease.bytes) <= slot.bytes, "unit ", use.unit, " has ", lease.bytes, " bytes, the slot ", slot.bytes);
  if (slot.state == State::kLoaded) up.Wait(*slot.released, "the slot's last user is done");
  copy_begins();
  for (const PartPlan& part : parts) {
    const size_t begin = static_cast<size_t>(part.begin) * element_bytes;
    up.Copy(slot.data + begin, lease.data + begin, static_cast<size_t>(part.end - part.begin) * element_bytes);
  }
  up.Record(*slot.loaded);
  slot.state = State::kLoaded;
  slot.unit = use.unit;
  slot.version = lease.version;
}

SlotTicket SlotPool::Acquire(Stream& compute, const SlotUse& use, int64_t version) {
  const int64_t index = Index(use);
  Slot& slot = slots_[index];
  HLM_CHECK(slot.state == State::kLoaded, "unit ", use.unit, " was never sent up, or its slot is in use");
  HLM_CHECK(slot.unit == use.unit && slot.version == version, "the slot holds unit ", slot.unit, " version ", slot.version, "; unit ",
            use.unit, " version ", version, " is needed");
  compute.Wait(*slot.loaded, "the slot holds its weights");
  slot.state = State::kInUse;
  SlotTicket ticket;
  ticket.pool_ = this;
  ticket.stream_ = &compute;
  ticket.index_ = index;
  ticket.weights_ = slot.data;
  return ticket;
}

void SlotPool::Forget() {
  for (Slot& slot : slots_) {
    HLM_CHECK(slot.state != State::kInUse, "slot of unit ", slot.unit, " is in use");
    // The released event stays: the next load still waits for the last user.
    slot.unit = -1;
    slot.version = -1;
  }
}

SlotTicket::~SlotTicket() {
  try {
    Release();
  } catch (...) {  // no memory for one more piece of work: the pass is being given up, and its streams are drained
  }
}

SlotTicket& SlotTicket::operator=(SlotTicket&& other) noexcept {
  // Only ever assigned to while empty: a ticket is made, moved to its holder, and released there.
  std::swap(pool_, other.pool_);
  stream_ = other.stream_;
  index_ = other.index_;
  weights_ = other.weights_;
  return *this;
}

void SlotTicket::Release() {
  if (pool_ == nullptr) return;
  SlotPool::Slot& slot = std::exchange(pool_, nullptr)->slots_[index_];
  slot.state = SlotPool::State::kLoaded;
  stream_->Record(*slot.released);
}

}  // namespace hlm
