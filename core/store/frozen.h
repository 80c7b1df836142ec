// FrozenCopies: weights as they once were. Nothing is copied when they are kept: a piece's bytes are, the first time they are about to
// change. Room for as many copies as the plan says is taken at the start.
#ifndef HORIZON_LM_CORE_STORE_FROZEN_H_
#define HORIZON_LM_CORE_STORE_FROZEN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/device/device.h"
#include "core/plan/plan.h"
#include "core/store/store.h"
#include "cpu_optim/host_pool.h"

namespace hlm {

class FrozenCopies;

// One kept state of the weights, until it is destroyed. It may outlive the store, but is of no use then.
class FrozenWeights {
 public:
  ~FrozenWeights();
  FrozenWeights(const FrozenWeights&) = delete;
  FrozenWeights& operator=(const FrozenWeights&) = delete;

  // The piece as it was. No update of it may be pending; valid until the next one begins.
  WeightLease Weights(int64_t piece) const;
  int64_t version(int64_t piece) const;
  bool Of(const FrozenCopies& copies) const;

 private:
  friend class FrozenCopies;
  struct Place {
    bool used = false;
    std::vector<int64_t> versions;  // [pieces] when they were kept
    std::vector<char> copied;       // [pieces]
  };
  struct Books {
    std::mutex mutex;
    const FrozenCopies* owner = nullptr;  // null once it is gone
    std::vector<Place> places;
  };
  FrozenWeights(std::shared_ptr<Books> books, size_t place) : books_(std::move(books)), place_(place) {}
  std::shared_ptr<Books> books_;
  size_t place_;
};

class FrozenCopies {
 public:
  FrozenCopies(const Plan& plan, const ParameterStore& store, Device& device, HostPool& pool);
  ~FrozenCopies();

  // The weights as they are; no update may be pending. RESOURCE_EXHAUSTED where all places are taken.
  std::unique_ptr<FrozenWeights> Keep();

  // Called before the first byte of a piece changes, by the thread that owns the pool then. Throws nothing of its own.
  void BeforeChange(int64_t piece);

  int64_t bytes() const { return static_cast<int64_t>(memory_.bytes()); }
  int64_t copied_bytes() const;  // by BeforeChange, since the beginning

 private:
  friend class FrozenWeights;
  std::byte* At(size_t place, int64_t piece) const;
  size_t BytesOf(int64_t piece) const;

  const ParameterStore& store_;
  HostPool& pool_;
  RaceChecker* checker_;
  Buffer memory_;
  int64_t copy_bytes_;  // of one copy
  int64_t copied_bytes_ = 0;
  std::shared_ptr<FrozenWeights::Books> books_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STORE_FROZEN_H_
