// PieceUpdates: what an update does to a piece: AdamW or another rule over its bytes of the slab, expert by expert where they count their own
// updates, and the rule for the bias of routers. A piece has a new version afterwards.
//
//   gradient, master, moments of what this process owns  --rule-->  master, moments  --to all others, where sharded-->  weights
//
// Experts that no token chose have a gradient of zero. Their updates may be owed: the scalars are kept, and all are made up in one
// pass over the piece, before anything reads its weights or moments. All on the updater's thread.
#ifndef HORIZON_LM_CORE_TRAIN_PIECE_UPDATES_H_
#define HORIZON_LM_CORE_TRAIN_PIECE_UPDATES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/device/device.h"
#include "core/group/group.h"
#include "core/plan/plan.h"
#include "core/store/store.h"
#include "core/stream/trace.h"
#include "core/train/rank_shares.h"
#include "core/train/routed_step.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

class PieceUpdates {
 public:
  // `before`: a piece's bytes are about to change.
  PieceUpdates(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, RaceChecker* checker, ParameterStore& store,
               const OptimizerOptions& optimizer, HostPool& pool, Trace& trace, std::function<void(int64_t piece)> before,
               ProcessGroup* group);

  // Of a whole piece, by the gradient in the store; or owed, where nothing of it was chosen.
  void UpdatePiece(int64_t piece, const UpdateStep& step, const RoutedStep* routed);
  // Of elements that come down as one. `gradient`: of what is owned of them. `step`: null for what is owed alone.
  void Update(int64_t piece, const PartPlan& part, const std::byte* gradient, const UpdateStep* step, const RoutedStep* routed);

  bool MayOwe(int64_t piece) const;
  void PayOwed(int64_t piece);
  int64_t deferred() const { return deferred_; }  // updates of pieces that were left for later

 private:
  struct Segment {  // of a slab: elements that decay alike
    int64_t begin, end;
    bool decays;
  };
  struct Unit {
    std::vector<Segment> segments;
    UnitExperts experts;
  };
  static std::vector<Segment> CutSegments(const UnitSpec& unit, int64_t number, const TrainedSet& trained);
  void MoveBias(int64_t unit, const PartPlan& part, const StateLease& states, const UpdateStep& step, const RoutedStep& routed);

  const Plan& plan_;
  ParameterStore& store_;
  const OptimizerOptions optimizer_;
  HostPool& pool_;
  Trace& trace_;
  RaceChecker* const checker_;
  const std::function<void(int64_t piece)> before_;
  ProcessGroup* const group_;                  // null: this process is alone
  std::vector<Unit> units_;                    // [units]
  std::vector<PieceExperts> experts_;          // [pieces]
  std::vector<std::vector<UpdateStep>> owed_;  // [pieces] in order
  int64_t deferred_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_PIECE_UPDATES_H_
