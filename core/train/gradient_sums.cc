#include "core/train/gradient_sums.h"

#include <algorithm>
#include <bit>
#include <string>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {

GradientSums::GradientSums(const Plan& plan, Device& device, HostPool& pool, ProcessGroup* group)
    : plan_(plan),
      pool_(pool),
      group_(group),
      received_(group != nullptr && plan.host.exchange > 0 ? device.AllocateHost(static_cast<size_t>(plan.host.exchange))
                                                           : Buffer()) {}

// The tree over terms, as a binary counter: a term is added to the sums of 1, 2, 4 ... terms that wait for it, and waits itself where its
// neighbour has not come. The last one has none to wait for: it is added to whatever waits.
bool GradientSums::AddTerm(const GradientLease& lease, const PartPlan& part, int64_t term, float* gradient) const {
  const int64_t terms = plan_.TermsOnHost();
  if (terms == 1) return true;
  const bool all = term + 1 == terms;
  const uint64_t waiting = static_cast<uint64_t>(term);  // bit l: a sum of 2^l terms
  const int64_t levels = all ? std::bit_width(waiting) : std::countr_one(waiting), n = part.end - part.begin;
  pool_.ParallelFor(CeilDiv(n, kNormChunk), [&](int64_t chunk) {
    const int64_t begin = chunk * kNormChunk, end = std::min(begin + kNormChunk, n);
    for (int64_t level = 0; level < levels; ++level) {
      if ((waiting >> level & 1) == 0) continue;
      const float* earlier = lease.Partial(level, part.begin);
      for (int64_t i = begin; i < end; ++i) gradient[i] = earlier[i] + gradient[i];
    }
    if (!all) std::copy(gradient + begin, gradient + end, lease.Partial(levels, part.begin) + begin);
  });
  return all;
}

float* GradientSums::OverRanks(float* gradient, const PartPlan& part) {
  if (group_ == nullptr) return gradient;
  const RankShares shares{plan_, group_};
  const int64_t n = part.end - part.begin, others = group_->size() - 1;
  const PartPlan own = shares.Own(part);
  const int64_t room = (plan_.sharded ? own.end - own.begin : CeilDiv(n, group_->size())) * others;
  HLM_CHECK(room * 4 <= static_cast<int64_t>(received_.bytes()), room, " elements of others and room for ", received_.bytes(),
            " bytes");
  const auto add = [this](float* to, const float* from, size_t count) { Add(to, from, count); };
  if (plan_.sharded) return group_->SumOwnByTree(ProcessGroup::kGradients, gradient, shares.Starts(part, 1), received(), add);
  group_->SumByTree(ProcessGroup::kGradients, gradient, received(), static_cast<size_t>(n), add);
  return gradient;
}

bool GradientSums::AgreeFinite(bool finite) const {
  if (!plan_.sharded) return finite;
  for (const std::string& one : group_->AllGather(ProcessGroup::kGradients, finite ? "" : "no")) finite = finite && one.empty();
  return finite;
}

void GradientSums::Add(float* to, const float* from, size_t count) const {
  const int64_t end = static_cast<int64_t>(count);
  pool_.ParallelFor(CeilDiv(end, kNormChunk), [&](int64_t chunk) {
    const int64_t stop = std::min((chunk + 1) * kNormChunk, end);
    for (int64_t i = chunk * kNormChunk; i < stop; ++i) to[i] += from[i];
  });
}

}  // namespace hlm
