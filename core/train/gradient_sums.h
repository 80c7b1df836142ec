// GradientSums: the tree in which the gradients of a part are added up in fp32 before they enter the store.
//
//   terms on this host:  reduction groups, or sums that the devices made, one after the other  --AddTerm-->  one gradient
//   processes:           each has the sum of its own, neighbours and a power of two of them     --OverRanks-->  the step's gradient
//
// Where states are sharded over the processes each gets the sum of its own share only. All on the updater's thread.
#ifndef HORIZON_LM_CORE_TRAIN_GRADIENT_SUMS_H_
#define HORIZON_LM_CORE_TRAIN_GRADIENT_SUMS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/device/device.h"
#include "core/group/group.h"
#include "core/plan/plan.h"
#include "core/store/store.h"
#include "core/train/rank_shares.h"
#include "cpu_optim/host_pool.h"

namespace hlm {

class GradientSums {
 public:
  GradientSums(const Plan& plan, Device& device, HostPool& pool, ProcessGroup* group);

  // `gradient`: the part's, of a term of Plan::TermsOnHost; they come in order. True: it is the last, and `earlier` are the sums that are to
  // be added to it where it is read next; none where nothing reads it so that could.
  bool AddTerm(const GradientLease& lease, const PartPlan& part, int64_t term, float* gradient,
               std::vector<const float*>* earlier) const;

  // The sum over the processes, of all of the part or of what this one owns of it; where it lies.
  float* OverRanks(float* gradient, const PartPlan& part);

  // Whether it is so on every rank: what is not finite anywhere keeps its values everywhere.
  bool AgreeFinite(bool finite) const;

  size_t exchange_bytes() const { return received_.bytes(); }

 private:
  float* received() const { return reinterpret_cast<float*>(received_.data()); }

  const Plan& plan_;
  HostPool& pool_;
  ProcessGroup* const group_;  // null: this process is alone
  const Buffer received_;      // other processes' gradients of a part, where a GPU that takes them copies to
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_GRADIENT_SUMS_H_
