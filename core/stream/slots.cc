#include "core/stream/slots.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/error.h"

namespace hlm {

struct Slot {
  std::byte* data = nullptr;
  int64_t offset = 0, bytes = 0;
  bool in_use = false;
  int64_t piece = -1;  // -1: what it holds is forgotten, but its last user may not be done
  int64_t version = -1;
  Lease lease;
  std::unique_ptr<Event> loaded;    // on the up stream
  std::unique_ptr<Event> released;  // on the compute stream
  std::unique_ptr<Event> gathered;  // on the peers' stream; null before the first time
  bool shared = false;              // what was loaded is a shard: the slot is full once it is gathered
  std::vector<Event*> readers;      // `gathered` of those that copy shards: other devices' slots and this one
};

SlotPool::SlotPool(Device& device, std::byte* space, int64_t bytes) : device_(device), space_(space), bytes_(bytes) {}
SlotPool::~SlotPool() = default;

std::unique_ptr<Slot> SlotPool::MakeSlot() {
  if (!spare_.empty()) {
    std::unique_ptr<Slot> slot = std::move(spare_.back());
    spare_.pop_back();
    return slot;
  }
  auto slot = std::make_unique<Slot>();
  slot->loaded = device_.CreateEvent();
  slot->released = device_.CreateEvent();
  return slot;
}

int64_t SlotPool::Load(Stream& up, const SlotUse& use, WeightLease weights, const PiecePlan& piece,
                       const std::function<void()>& copy_begins, const Shard& shard) {
  HLM_CHECK(use.offset >= 0 && use.offset + use.bytes <= bytes_, "piece ", piece.name, " at ", use.offset, " of a space of ",
            bytes_, " bytes");
  HLM_CHECK(static_cast<int64_t>(weights.bytes) <= use.bytes, "piece ", piece.name, " has ", weights.bytes, " bytes, the slot ",
            use.bytes);
  const auto overlaps = [&](const std::unique_ptr<Slot>& other) {
    return other->offset < use.offset + use.bytes && use.offset < other->offset + other->bytes;
  };
  for (const auto& other : slots_) {
    if (!overlaps(other)) continue;
    HLM_CHECK(!other->in_use, "the slot of piece ", other->piece, " is in use and ", piece.name, " would overwrite it");
    other->piece = -1;
    // Once the stream has waited, everything that it copies later is behind the last user too: the rest of the slot's bytes are free.
    up.Wait(*other->released, "the slot's last user is done");
    for (Event* reader : other->readers) up.Wait(*reader, "the shard is gathered");
  }
  // What held the piece before is not read any more, even where its bytes are not taken yet.
  for (const auto& other : slots_) {
    if (other->piece != use.piece) continue;
    HLM_CHECK(!other->in_use, "piece ", piece.name, " is in use and sent up again");
    other->piece = -1;
  }
  std::unique_ptr<Slot> slot = MakeSlot();
  slots_.reserve(slots_.size() + 1);
  spare_.reserve(spare_.size() + slots_.size());
  const auto kept = std::stable_partition(slots_.begin(), slots_.end(), [&](const auto& other) { return !overlaps(other); });
  std::move(kept, slots_.end(), std::back_inserter(spare_));
  slots_.erase(kept, slots_.end());
  slot->data = space_ + use.offset;
  slot->offset = use.offset;
  slot->bytes = use.bytes;
  slot->piece = -1;  // until all of it is on its way
  slot->lease = Lease();
  slot->shared = shard.count > 1;
  slot->readers.clear();
  Slot& added = *slot;
  slots_.push_back(std::move(slot));
  copy_begins();
  int64_t copied = 0;
  for (const PartPlan& whole : piece.parts) {
    const PartPlan part = shard.Of(whole);
    const int64_t begin = piece.ByteOf(part.begin), bytes = piece.ByteOf(part.end) - begin;
    up.Copy(added.data + begin, weights.data + begin, static_cast<size_t>(bytes));
    copied += bytes;
  }
  up.Record(*added.loaded);
  added.piece = use.piece;
  added.version = weights.version;
  added.lease = std::move(weights.lease);
  return copied;
}

int64_t SlotPool::Gather(Stream& peers, const PiecePlan& piece, int64_t number, std::span<SlotPool* const> pools,
                         const Shard& shard) {
  Slot& own = Of(number);
  HLM_CHECK(own.shared && static_cast<int64_t>(pools.size()) == shard.count, "piece ", piece.name, " among ", pools.size(),
            " devices");
  if (own.gathered == nullptr) own.gathered = device_.CreateEvent();
  // Behind this device's own load, which has waited for the last users of the slot's bytes.
  peers.Wait(*own.loaded, "the own shard is up");
  int64_t copied = 0;
  for (int64_t i = 0; i < shard.count; ++i) {
    if (i == shard.index) continue;
    Slot& other = pools[static_cast<size_t>(i)]->Of(number);
    peers.Wait(*other.loaded, "the shard is up");
    for (const PartPlan& whole : piece.parts) {
      const PartPlan part = Shard{i, shard.count}.Of(whole);
      const int64_t begin = piece.ByteOf(part.begin), bytes = piece.ByteOf(part.end) - begin;
      peers.Copy(own.data + begin, other.data + begin, static_cast<size_t>(bytes));
      copied += bytes;
    }
    other.readers.push_back(own.gathered.get());
  }
  peers.Record(*own.gathered);
  own.readers.push_back(own.gathered.get());
  return copied;
}

Slot* SlotPool::Find(int64_t piece) const {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) { return slot->piece == piece; });
  return found == slots_.end() ? nullptr : found->get();
}

Slot& SlotPool::Of(int64_t piece) const {
  Slot* slot = Find(piece);
  HLM_CHECK(slot != nullptr, "piece ", piece, " was never sent up, or was overwritten");
  return *slot;
}

bool SlotPool::Holds(const SlotUse& use) const {
  const Slot* slot = Find(use.piece);
  return slot != nullptr && slot->offset == use.offset;
}

void SlotPool::Drop(int64_t piece) {
  Slot* slot = Find(piece);
  if (slot == nullptr) return;
  slot->loaded->Synchronize();
  slot->lease = Lease();
}

SlotTicket SlotPool::Acquire(Stream& compute, const SlotUse& use, int64_t version) {
  Slot& slot = Of(use.piece);
  HLM_CHECK(!slot.in_use, "the slot of piece ", use.piece, " is in use");
  HLM_CHECK(slot.offset == use.offset && slot.version == version, "piece ", use.piece, " lies at ", slot.offset, " in version ",
            slot.version, "; version ", version, " at ", use.offset, " is needed");
  compute.Wait(slot.shared ? *slot.gathered : *slot.loaded, "the slot holds its weights");
  slot.in_use = true;
  SlotTicket ticket;
  ticket.stream_ = &compute;
  ticket.slot_ = &slot;
  ticket.last_ = use.last;
  return ticket;
}

void SlotPool::Forget() noexcept {
  for (const auto& slot : slots_) {
    // The released event stays: the next load still waits for the last user.
    slot->piece = -1;
    slot->version = -1;
    slot->lease = Lease();
  }
}

const std::byte* SlotTicket::weights() const { return slot_->data; }

SlotTicket::~SlotTicket() {
  try {
    Release();
  } catch (...) {  // no memory for one more piece of work: the pass is being given up, and its streams are drained
  }
}

SlotTicket& SlotTicket::operator=(SlotTicket&& other) noexcept {
  // Only ever assigned to while empty: a ticket is made, moved to its holder, and released there.
  std::swap(slot_, other.slot_);
  stream_ = other.stream_;
  last_ = other.last_;
  return *this;
}

void SlotTicket::Release() {
  if (slot_ == nullptr) return;
  Slot& slot = *std::exchange(slot_, nullptr);
  slot.in_use = false;
  if (last_) slot.lease = Lease();
  stream_->Record(*slot.released);
}

}  // namespace hlm
