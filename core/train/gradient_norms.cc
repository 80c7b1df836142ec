#include "core/train/gradient_norms.h"

#include <cstring>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/plan/owned.h"

namespace hlm {
namespace {

// work(piece, first element, chunks) for each range of a rank.
template <class Work>
void EachNorms(const Plan& plan, int64_t rank, const Work& work) {
  for (int64_t piece = 0; piece < plan.pieces.size(); ++piece) {
    EachOwned(plan, plan.pieces[piece], rank, [&](const PartPlan& range) {
      work(piece, range.begin, static_cast<size_t>(CeilDiv(range.end - range.begin, kGradientChunk)));
    });
  }
}

}  // namespace

double GradientNorms::Squared() const {
  double sum = 0;
  for (int64_t piece = 0; piece < plan_.pieces.size(); ++piece) {
    const PiecePlan& p = plan_.pieces[piece];
    const GradientLease lease = store_.Gradients(piece, LeaseKind::kRead);
    const double* norms = lease.Norms(p.begin);
    for (int64_t chunk = 0; chunk < CeilDiv(p.elements(), kGradientChunk); ++chunk) sum += norms[chunk];
  }
  return sum;
}

void GradientNorms::Recompute(int64_t piece) {
  const PiecePlan& p = plan_.pieces[piece];
  const GradientLease lease = store_.Gradients(piece, LeaseKind::kChange);
  const auto recompute = [&](const PartPlan& range) {
    SquaredNorms(pool_, range.end - range.begin, lease.Sums(range.begin), store_.gradient_type(), lease.Norms(range.begin));
  };
  if (plan_.OwnsAll()) return recompute({p.begin, p.end});
  EachOwned(plan_, p, shares_.rank(), recompute);
}

std::string GradientNorms::Own() const {
  std::string bytes;
  EachNorms(plan_, shares_.rank(), [&](int64_t piece, int64_t begin, size_t chunks) {
    const GradientLease lease = store_.Gradients(piece, LeaseKind::kRead);
    bytes.append(reinterpret_cast<const char*>(lease.Norms(begin)), chunks * sizeof(double));
  });
  return bytes;
}

void GradientNorms::Take(const std::vector<std::string>& of_ranks) {
  for (size_t rank = 0; rank < of_ranks.size(); ++rank) {
    const std::string& bytes = of_ranks[rank];
    size_t at = 0;
    EachNorms(plan_, static_cast<int64_t>(rank), [&](int64_t piece, int64_t begin, size_t chunks) {
      HLM_CHECK(bytes.size() - at >= chunks * sizeof(double), bytes.size(), " bytes of norms of rank ", rank);
      const GradientLease lease = store_.Gradients(piece, LeaseKind::kChange);
      std::memcpy(lease.Norms(begin), bytes.data() + at, chunks * sizeof(double));
      at += chunks * sizeof(double);
    });
  }
}

}  // namespace hlm
