#include "core/train/gradient_sums.h"

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
bool GradientSums::AddTerm(const GradientLease& lease, const PartPlan& part, int64_t term, float* gradient,
                           std::vector<const float*>* earlier) const {
  const int64_t terms = plan_.TermsOnHost();
  const bool all = term + 1 == terms;
  const uint64_t waiting = static_cast<uint64_t>(term);  // bit l: a sum of 2^l terms
  const int64_t levels = all ? std::bit_width(waiting) : std::countr_one(waiting), n = part.end - part.begin;
  earlier->clear();
  for (int64_t level = 0; level < levels; ++level) {
    if ((waiting >> level & 1) != 0) earlier->push_back(lease.Partial(level, part.begin));
  }
  // Each pass over a gradient is one over the host's memory: the last is left to who takes the sum into the store.
  const bool read_with_terms = plan_.gradient_store && group_ == nullptr;
  if (all && read_with_terms) return true;
  if (!all || !earlier->empty()) AddTerms(pool_, n, *earlier, gradient, all ? gradient : lease.Partial(levels, part.begin));
  earlier->clear();
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
  const auto add = [this](float* to, const float* from, size_t count) {
    AddTerms(pool_, static_cast<int64_t>(count), {&from, 1}, to, to);
  };
  if (plan_.sharded) return group_->SumOwnByTree(ProcessGroup::kGradients, gradient, shares.Starts(part, 1), received(), add);
  group_->SumByTree(ProcessGroup::kGradients, gradient, received(), static_cast<size_t>(n), add);
  return gradient;
}

bool GradientSums::AgreeFinite(bool finite) const {
  if (!plan_.sharded) return finite;
  for (const std::string& one : group_->AllGather(ProcessGroup::kGradients, finite ? "" : "no")) finite = finite && one.empty();
  return finite;
}

}  // namespace hlm
