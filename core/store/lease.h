// Leases: the only way to the store's bytes. A lease is for one piece and lasts as long as the object. Many may read a piece at once,
// one alone may change it; who breaks that is an error of the engine and found at once. Work on a device that reads under a lease is
// enqueued when the lease ends, and events order whoever changes the bytes behind it.
#ifndef HORIZON_LM_CORE_STORE_LEASE_H_
#define HORIZON_LM_CORE_STORE_LEASE_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "core/plan/pieces.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

class ParameterStore;

enum class LeaseKind { kRead, kChange };

// Who holds what of one kind of memory.
class LeaseBook {
 public:
  explicit LeaseBook(const PieceList& pieces);
  void Begin(int64_t piece, LeaseKind kind);  // INTERNAL where it contradicts a lease that is held
  void End(int64_t piece, LeaseKind kind) noexcept;

 private:
  const PieceList& pieces_;
  std::mutex mutex_;
  std::vector<int64_t> readers_;  // [pieces]; -1: one that changes it
};

class Lease {
 public:
  Lease() = default;
  Lease(LeaseBook& book, int64_t piece, LeaseKind kind) : book_(&book), piece_(piece), kind_(kind) { book.Begin(piece, kind); }
  Lease(Lease&& other) noexcept { *this = std::move(other); }
  Lease& operator=(Lease&& other) noexcept {
    std::swap(book_, other.book_);
    std::swap(piece_, other.piece_);
    std::swap(kind_, other.kind_);
    return *this;
  }
  ~Lease() {
    if (book_ != nullptr) book_->End(piece_, kind_);
  }
  int64_t piece() const { return piece_; }
  LeaseKind kind() const { return kind_; }

 private:
  LeaseBook* book_ = nullptr;
  int64_t piece_ = -1;
  LeaseKind kind_ = LeaseKind::kRead;
};

// The weights of a piece as they are to be sent up.
struct WeightLease {
  Lease lease;          // none where they are a copy that nobody changes
  int64_t version = 0;  // rises with each update of the piece
  const std::byte* data = nullptr;
  size_t bytes = 0;
};

// Masters and moments of a piece. Elements count from the start of the unit's slab, and lie in the piece. Where tensors are frozen or
// states sharded over processes, elements must train and be owned, but for weights, which are kept everywhere.
class StateLease {
 public:
  StateLease(const ParameterStore& store, int64_t piece, LeaseKind kind);
  const PiecePlan& piece() const;
  MasterArray Master(int64_t begin) const;
  const std::byte* Weights(int64_t begin) const;
  std::byte* WeightsToChange(int64_t begin) const;
  // Null where the plan has none. `begin`: a multiple of kStateBlock for 8-bit moments.
  MomentArray FirstMoments(int64_t begin) const;
  MomentArray SecondMoments(int64_t begin) const;

  // The fp32 master; of what has none here, the weight.
  void ReadMaster(int64_t begin, int64_t n, float* out) const;
  void WriteMaster(int64_t begin, int64_t n, const float* values) const;

  void Commit();  // what was changed is a new version of the weights

 private:
  int64_t Element(int64_t begin) const;  // in the order of the store; checked
  const ParameterStore* store_;
  Lease lease_;
};

// Sums of gradients of a piece, and of their squares by chunk.
class GradientLease {
 public:
  GradientLease(const ParameterStore& store, int64_t piece, LeaseKind kind);
  std::byte* Sums(int64_t begin) const;                // null without a gradient store
  float* Partial(int64_t level, int64_t begin) const;  // of 2^level reduction groups
  double* Norms(int64_t begin) const;                  // the chunk sum of element `begin`, a multiple of kGradientChunk

 private:
  const ParameterStore* store_;
  Lease lease_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STORE_LEASE_H_
