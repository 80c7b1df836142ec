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

WeightLease FrozenWeights::Weights(int64_t piece) const {
  const std::lock_guard lock(books_->mutex);
  HLM_CHECK(books_->owner != nullptr, "frozen weights of a trainer that is gone");
  const Place& place = books_->places[place_];
  const FrozenCopies& copies = *books_->owner;
  if (place.copied[static_cast<size_t>(piece)] == 0) return copies.store_.Weights(piece);
  return {{}, place.versions[static_cast<size_t>(piece)], copies.At(place_, piece), copies.BytesOf(piece)};
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
    place.versions.resize(static_cast<size_t>(store.pieces().size()));
    place.copied.resize(static_cast<size_t>(store.pieces().size()));
  }
}

FrozenCopies::~FrozenCopies() {
  const std::lock_guard lock(books_->mutex);
  books_->owner = nullptr;
}

std::byte* FrozenCopies::At(size_t place, int64_t piece) const {
  const PiecePlan& p = store_.pieces()[piece];
  return memory_.data() + static_cast<int64_t>(place) * copy_bytes_ +
         (store_.FirstElement(p.unit) + p.begin) * static_cast<int64_t>(SizeOf(store_.weight_type()));
}

size_t FrozenCopies::BytesOf(int64_t piece) const { return static_cast<size_t>(store_.pieces()[piece].bytes()); }

int64_t FrozenWeights::version(int64_t piece) const {
  const std::lock_guard lock(books_->mutex);
  return books_->places[place_].versions[static_cast<size_t>(piece)];
}

std::unique_ptr<FrozenWeights> FrozenCopies::Keep() {
  const std::lock_guard lock(books_->mutex);
  auto& places = books_->places;
  const auto free = std::find_if(places.begin(), places.end(), [](const FrozenWeights::Place& p) { return !p.used; });
  if (free == places.end()) {
    throw ResourceExhausted("the plan has room for ", places.size(),
                            " frozen copies of the weights and all are in use: plan with frozen_copies ", places.size() + 1,
                            ", or destroy one");
  }
  std::unique_ptr<FrozenWeights> kept(new FrozenWeights(books_, static_cast<size_t>(free - places.begin())));
  for (int64_t p = 0; p < store_.pieces().size(); ++p) free->versions[static_cast<size_t>(p)] = store_.version(p);
  std::fill(free->copied.begin(), free->copied.end(), char{0});
  free->used = true;
  return kept;
}

void FrozenCopies::BeforeChange(int64_t piece) {
  constexpr int64_t kItem = int64_t{1} << 20;  // bytes that one thread copies at a time
  const std::lock_guard lock(books_->mutex);
  const WeightLease lease = store_.Weights(piece);
  const int64_t bytes = static_cast<int64_t>(lease.bytes);
  for (size_t p = 0; p < books_->places.size(); ++p) {
    FrozenWeights::Place& place = books_->places[p];
    char& copied = place.copied[static_cast<size_t>(piece)];
    if (!place.used || copied != 0) continue;
    const std::byte* from = lease.data;
    std::byte* to = At(p, piece);
    DeclareAccess(checker_, from, static_cast<size_t>(bytes), false, "weights that are kept");
    DeclareAccess(checker_, to, static_cast<size_t>(bytes), true, "frozen copy");
    pool_.ParallelFor(CeilDiv(bytes, kItem), [&](int64_t item) {
      const int64_t begin = item * kItem;
      std::memcpy(to + begin, from + begin, static_cast<size_t>(std::min(kItem, bytes - begin)));
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
