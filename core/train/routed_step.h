// RoutedStep: what a step's choices mean for its updates. Experts that no token chose may be left alone, each expert then counting its own
// updates; and the bias for the choice moves by how the choices fell (Wang et al. 2024, auxiliary-loss-free balancing).
#ifndef HORIZON_LM_CORE_TRAIN_ROUTED_STEP_H_
#define HORIZON_LM_CORE_TRAIN_ROUTED_STEP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/model/layout.h"
#include "core/model/spec.h"
#include "core/plan/pieces.h"
#include "core/plan/routers.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

// By router, in the order of layers, and expert. Shared by the jobs of one step, and never changed.
struct RoutedStep {
  std::vector<std::vector<double>> choices;   // of all tokens of the step
  std::vector<std::vector<int64_t>> updates;  // of each expert before this step; empty unless the unrouted are skipped
  bool defers = false;                        // updates of experts without a gradient may wait
};
using RoutedStepPtr = std::shared_ptr<const RoutedStep>;

// Where a unit has experts, and the bias for their choice.
class UnitExperts {
 public:
  UnitExperts() = default;
  // `router`: the number of the unit's router, -1 where it has none.
  UnitExperts(const Declaration& declaration, int64_t router);

  // work(begin, end, step) for elements [begin, end) of the slab, in order: what an update changes, and the step that it is to each run.
  using Work = std::function<void(int64_t begin, int64_t end, const UpdateStep& step)>;
  void EachUpdated(const RoutedStep* routed, const UpdateStep& step, int64_t begin, int64_t end, const Work& work) const;

  // By how much an expert got more than the mean, for elements [begin, end) of the slab that are of the bias: work(first element, values).
  void EachBias(const RoutedStep& routed, int64_t begin, int64_t end,
                const std::function<void(int64_t at, const std::vector<float>& excess)>& work) const;

 private:
  int64_t router_ = -1;
  std::vector<int64_t> begins_;  // [experts + 1] elements of the slab
  int64_t bias_ = -1;
};

// The experts that a piece consists of; of a piece that holds something else, or less, none.
struct PieceExperts {
  int64_t router = -1, first = 0, count = 0;
  // Whether no token of the step chose any of them.
  bool Unrouted(const RoutedStep& step) const;
};
std::vector<PieceExperts> FindPieceExperts(const ModelSpec& spec, const ModelLayout& layout, const PieceList& pieces);

// For the units of a layout.
std::vector<UnitExperts> FindExperts(const ModelSpec& spec, const ModelLayout& layout);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_ROUTED_STEP_H_
