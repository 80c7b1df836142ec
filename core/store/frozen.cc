#include "core/store/frozen.h"

#include <algorithm>
#include <cstring>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/device/hand_over.h"

namespace hlm {

FrozenWeights::~FrozenWeights() {
  const std::lock_guard lock(books_->mutex);
  books_->places[place_].used = false;
}

bool FrozenWeights::Of(const FrozenCopies& copies) const {
  const std::lock_guard lock(books_->mutex);
  return books_->owner == &copies;
}

WeightLease FrozenWeights::Lease(int64_t unit) const {
  const std::lock_guard lock(books_->mutex);
  HLM_CHECK(books_->owner != nullptr, "frozen weights of a trainer that is gone");
  const Place& place = books_->places[place_];
  WeightLease lease = books_->owner->store_.Lease(unit);
  if (place.copied[static_cast<size_t>(unit)] != 0) lease.data = books_->owner->At(place_, unit);
  lease.version = place.versions[static_cast<size_t>(unit)];
  return lease;
}

FrozenCopies::FrozenCopies(const Plan& plan, const ParameterStore& store, Device& device, HostPool& pool)
    : store_(store),
      pool_(pool),
      checker_(device.race_checker()),
      memory_(device.AllocateHost(static_cast<size_t>(plan.host.frozen))),
      copy_bytes_(plan.host.weights),
      books_(std::make_shared<FrozenWeights::Books>()) {
  books_->owner = this;
  books_->places.resize(static_cast<size_t>(plan.options.frozen_copies));
  for (FrozenWeights::Place& place : books_->places) {
    place.versions.resize(static_cast<size_t>(store.units()));
    place.copied.resize(static_cast<size_t>(store.units()));
  }
}

FrozenCopies::~FrozenCopies() {
  const std::lock_guard lock(books_->mutex);
  books_->owner = nullptr;
}

std::byte* FrozenCopies::At(size_t place, int64_t unit) const {
  return memory_.data() + static_cast<int64_t>(place) * copy_bytes_ + store_.FirstElement(unit) * static_cast<int64_t>(SizeOf(store_.weight_type()));
}

std::unique_ptr<FrozenWeights> FrozenCopies::Keep() {
  const std::lock_guard lock(books_->mutex);
  auto& places = books_->places;
  const auto free = std::find_if(places.begin(), places.end(), [](const FrozenWeights::Place& p) { return !p.used; });
  if (free == places.end()) {
    throw ResourceExhausted("the plan has room for ", places.size(), " frozen copies of the weights and all are in use: plan with frozen_copies ",
                            places.size() + 1, ", or destroy one");
  }
  std::unique_ptr<FrozenWeights> kept(new FrozenWeights(books_, static_cast<size_t>(free - places.begin())));
  for (int64_t unit = 0; unit < store_.units(); ++unit) free->versions[static_cast<size_t>(unit)] = store_.version(unit);
  std::fill(free->copied.begin(), free->copied.end(), char{0});
  free->used = true;
  return kept;
}

void FrozenCopies::BeforeChange(int64_t unit) {
  constexpr int64_t kPiece = int64_t{1} << 20;
  const std::lock_guard lock(books_->mutex);
  const int64_t bytes = store_.Elements(unit) * static_cast<int64_t>(SizeOf(store_.weight_type()));
  for (size_t p = 0; p < books_->places.size(); ++p) {
    FrozenWeights::Place& place = books_->places[p];
    char& copied = place.copied[static_cast<size_t>(unit)];
    if (!place.used || copied != 0) continue;
    const std::byte* from = store_.Weights(unit, 0);
    std::byte* to = At(p, unit);
    DeclareAccess(checker_, from, static_cast<size_t>(bytes), false, "weights that are kept");
    DeclareAccess(checker_, to, static_cast<size_t>(bytes), true, "frozen copy");
    pool_.ParallelFor(CeilDiv(bytes, kPiece), [&](int64_t piece) {
      const int64_t begin = piece * kPiece;
      std::memcpy(to + begin, from + begin, static_cast<size_t>(std::min(kPiece, bytes - begin)));
    });
    copied = 1;
    copied_bytes_ += bytes;
  }
}

int64_t FrozenCopies::copied_bytes() const {
  const std::lock_guard lock(books_->mutex);
  return copied_bytes_;
}

}  // namespace hlm
