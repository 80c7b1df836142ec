// RankShares: what of a range that comes down as one belongs to which process (core/plan/owned.h), as this process sees it.
#ifndef HORIZON_LM_CORE_TRAIN_RANK_SHARES_H_
#define HORIZON_LM_CORE_TRAIN_RANK_SHARES_H_

#include <cstdint>
#include <vector>

#include "core/group/group.h"
#include "core/plan/owned.h"
#include "core/plan/plan.h"

namespace hlm {

struct RankShares {
  const Plan& plan;
  const ProcessGroup* group;  // null: this process is alone

  int64_t rank() const { return group != nullptr ? group->rank() : 0; }
  PartPlan Own(const PartPlan& entry) const { return OwnedOf(plan, entry, rank()); }

  // Where the shares of all ranks begin, and the entry's end, counted in bytes or elements of so many from its own beginning.
  std::vector<size_t> Starts(const PartPlan& entry, size_t bytes) const {
    std::vector<size_t> starts;
    for (int64_t r = 0; r < group->size(); ++r)
      starts.push_back(static_cast<size_t>(OwnedOf(plan, entry, r).begin - entry.begin) * bytes);
    starts.push_back(static_cast<size_t>(entry.end - entry.begin) * bytes);
    return starts;
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_RANK_SHARES_H_
