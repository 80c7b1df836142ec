// RoutedExperts: which experts of a sweep have rows. A group of experts without any is not visited: it has nothing to compute, its
// weights need not be there, and its gradient is zero. In the forward pass that is known before a group's turn only where it is waited
// for (ExpertsUp::kRouted); in the backward pass it always is.
#ifndef HORIZON_LM_CORE_TRAIN_ROUTED_EXPERTS_H_
#define HORIZON_LM_CORE_TRAIN_ROUTED_EXPERTS_H_

#include <cstdint>
#include <vector>

#include "core/plan/visits.h"

namespace hlm {

class RoutedExperts {
 public:
  explicit RoutedExperts(int64_t layers) : layers_(static_cast<size_t>(layers)) {}

  void Forget();  // a pass begins
  // What the router of a layer chose in a sweep is about to be known: of no lane yet.
  void Begin(int64_t layer, int64_t sweep, int64_t experts);
  // How many choices fell on each expert, in a lane's share.
  void Add(int64_t layer, const float* counts);

  // False only where it is known that no row of the sweep chose an expert of the visit.
  bool HasRows(const Visit& visit) const;

 private:
  struct Layer {
    int64_t sweep = -1;        // which is known
    std::vector<char> routed;  // [experts]
  };
  std::vector<Layer> layers_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_ROUTED_EXPERTS_H_
