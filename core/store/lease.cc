#include "core/store/lease.h"

#include <cstring>

#include "core/base/error.h"
#include "core/store/store.h"
#include "cpu_optim/kernels.h"

namespace hlm {
namespace {

// A piece without elements (a norm that has no weights) begins where it ends.
bool Within(const PiecePlan& piece, int64_t begin) {
  return begin >= piece.begin && (begin < piece.end || piece.elements() == 0);
}

}  // namespace

LeaseBook::LeaseBook(const PieceList& pieces) : pieces_(pieces), readers_(static_cast<size_t>(pieces.size()), 0) {}

void LeaseBook::Begin(int64_t piece, LeaseKind kind) {
  const std::lock_guard lock(mutex_);
  int64_t& readers = readers_[static_cast<size_t>(piece)];
  HLM_CHECK(readers >= 0, pieces_[piece].name, " is being changed and is wanted elsewhere");
  HLM_CHECK(kind == LeaseKind::kRead || readers == 0, pieces_[piece].name, " is to be changed and ", readers, " read it");
  readers = kind == LeaseKind::kRead ? readers + 1 : -1;
}

void LeaseBook::End(int64_t piece, LeaseKind kind) noexcept {
  const std::lock_guard lock(mutex_);
  int64_t& readers = readers_[static_cast<size_t>(piece)];
  readers = kind == LeaseKind::kRead ? readers - 1 : 0;
}

StateLease::StateLease(const ParameterStore& store, int64_t piece, LeaseKind kind)
    : store_(&store), lease_(*store.books_.states, piece, kind) {}

const PiecePlan& StateLease::piece() const { return store_->pieces_[lease_.piece()]; }

int64_t StateLease::Element(int64_t begin) const {
  const PiecePlan& p = piece();
  HLM_CHECK(Within(p, begin), "element ", begin, " of ", p.name, " from ", p.begin, " to ", p.end);
  return store_->FirstElement(p.unit) + begin;
}

MasterArray StateLease::Master(int64_t begin) const { return store_->Master(Element(begin)); }
const std::byte* StateLease::Weights(int64_t begin) const { return store_->WeightBytes(Element(begin)); }
std::byte* StateLease::WeightsToChange(int64_t begin) const {
  HLM_CHECK(lease_.kind() == LeaseKind::kChange, piece().name);
  return store_->WeightBytes(Element(begin));
}
MomentArray StateLease::FirstMoments(int64_t begin) const { return store_->FirstMoments(Element(begin)); }
MomentArray StateLease::SecondMoments(int64_t begin) const { return store_->SecondMoments(Element(begin)); }

void StateLease::ReadMaster(int64_t begin, int64_t n, float* out) const {
  if (n == 0) return;
  const int64_t first = Element(begin);
  const std::byte* weights = store_->WeightBytes(first);
  if (store_->weight_type() == DType::kF32) {
    std::memcpy(out, weights, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  const bf16_t* hi = reinterpret_cast<const bf16_t*>(weights);
  store_->owned_.EachRun(first, first + n, [&](int64_t at, int64_t count, bool owned) {
    const uint16_t* lo = owned ? store_->Master(at).lo : nullptr;
    if (lo != nullptr) {
      kernels::JoinMasters(hi + (at - first), lo, count, out + (at - first));
    } else {
      kernels::WidenBf16(hi + (at - first), count, out + (at - first));
    }
  });
}

void StateLease::WriteMaster(int64_t begin, int64_t n, const float* values) const {
  HLM_CHECK(lease_.kind() == LeaseKind::kChange, piece().name);
  if (n == 0) return;
  const int64_t first = Element(begin);
  std::byte* weights = store_->WeightBytes(first);
  if (store_->weight_type() == DType::kF32) {
    std::memcpy(weights, values, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  bf16_t* hi = reinterpret_cast<bf16_t*>(weights);
  // Without a remainder the streamed weight is all there is: nearest even then, as everywhere else.
  const bool splits = store_->arrays_.remainders.data() != nullptr;
  for (int64_t i = 0; i < n; ++i) hi[i] = splits ? SplitMaster(values[i]).hi : FloatToBf16(values[i]);
  store_->owned_.EachRun(first, first + n, [&](int64_t at, int64_t count, bool owned) {
    uint16_t* lo = splits && owned ? store_->Master(at).lo : nullptr;
    for (int64_t i = 0; lo != nullptr && i < count; ++i) lo[i] = SplitMaster(values[at - first + i]).lo;
  });
}

void StateLease::Commit() {
  HLM_CHECK(lease_.kind() == LeaseKind::kChange, piece().name);
  ++store_->versions_[static_cast<size_t>(lease_.piece())];
}

GradientLease::GradientLease(const ParameterStore& store, int64_t piece, LeaseKind kind)
    : store_(&store), lease_(*store.books_.gradients, piece, kind) {}

std::byte* GradientLease::Sums(int64_t begin) const {
  const PiecePlan& p = store_->pieces_[lease_.piece()];
  HLM_CHECK(Within(p, begin), "element ", begin, " of ", p.name);
  return store_->GradientBytes(store_->FirstElement(p.unit) + begin);
}

float* GradientLease::Partial(int64_t level, int64_t begin) const {
  const PiecePlan& p = store_->pieces_[lease_.piece()];
  return store_->PartialOf(level, store_->FirstElement(p.unit) + begin);
}

double* GradientLease::Norms(int64_t begin) const {
  const PiecePlan& p = store_->pieces_[lease_.piece()];
  HLM_CHECK(Within(p, begin) && begin % kGradientChunk == 0, "element ", begin, " of ", p.name);
  return store_->NormOf(p.unit, begin);
}

}  // namespace hlm
