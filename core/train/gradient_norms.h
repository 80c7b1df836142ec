// GradientNorms: the squared norm of a step's gradient, from those of its chunks, which the store keeps beside the sums.
#ifndef HORIZON_LM_CORE_TRAIN_GRADIENT_NORMS_H_
#define HORIZON_LM_CORE_TRAIN_GRADIENT_NORMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/plan/plan.h"
#include "core/store/store.h"
#include "core/train/rank_shares.h"
#include "cpu_optim/host_pool.h"

namespace hlm {

// Nothing may be adding to the gradient meanwhile (Updater::WaitIdle).
class GradientNorms {
 public:
  GradientNorms(const RankShares& shares, ParameterStore& store, HostPool& pool)
      : plan_(shares.plan), shares_(shares), store_(store), pool_(pool) {}

  double Squared() const;  // chunks summed in unit order

  // Where states are sharded each rank has the norms of its own chunks, as bytes, and must have taken everybody's before Squared.
  std::string Own() const;
  void Take(const std::vector<std::string>& of_ranks);

  void Recompute(int64_t piece);  // after the gradient was written from outside

 private:
  const Plan& plan_;
  const RankShares shares_;
  ParameterStore& store_;
  HostPool& pool_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_GRADIENT_NORMS_H_
