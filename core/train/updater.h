// Updater: the optimizer beside the device. It takes gradients out of the ring, adds them up, takes their norm, and updates
// the store, piece by piece, on threads of its own.
//
//   queue   | take 7.0 | take 7.1 | take 6.0 | ... | update 0 | update 1 | ... |     (UpdateQueue: one thread, oldest first)
//
//   ring entry --GradientSums--> gradient store --PieceUpdates--> weights, remainders, moments of the piece: a new version
//                                      |
//                                GradientNorms: the norm that clipping and the metrics want
//
//   take a part of a gradient:  ring -> gradient store (first time copied, then added), with its squared norm in the same pass
//   update a piece:             gradient -> weights and moments
// With timing `backward` the two are one job, behind a gate that knows whether the loss is finite. Each job is spread over the pool.
#ifndef HORIZON_LM_CORE_TRAIN_UPDATER_H_
#define HORIZON_LM_CORE_TRAIN_UPDATER_H_

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <vector>

#include "core/device/device.h"
#include "core/group/group.h"
#include "core/plan/plan.h"
#include "core/store/store.h"
#include "core/stream/ring.h"
#include "core/stream/trace.h"
#include "core/train/gradient_norms.h"
#include "core/train/gradient_sums.h"
#include "core/train/piece_updates.h"
#include "core/train/routed_step.h"
#include "core/train/update_queue.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

class Updater {
 public:
  Updater(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, Device& device, ParameterStore& store,
          const OptimizerOptions& optimizer, HostPool& pool, Trace& trace, std::function<void(int64_t piece)> before_update,
          ProcessGroup* group);

  // What happens to the gradients of one sweep.
  struct Sweep {
    bool first = true;                 // copied into the store; false: added
    uint64_t key = 0;                  // of the stochastic rounding of sums in bf16
    std::optional<UpdateStep> update;  // timing `backward`, last sweep: update at once
    int64_t turn = 0;                  // of the lanes among the reduction groups of a sum
    RoutedStepPtr routed;              // with update, of a mixture
    bool zero = false;                 // nothing came down: the gradient is zero
  };

  // All enqueue and return. `ring` is closed when the updater fails, so that nothing waits for ever.
  // `term`: of the tree in which the host adds gradients (Plan::TermsOnHost), whose terms come in order: a reduction group, or the sum of
  // those that the devices added.
  void TakeGradient(GradientRing& ring, int64_t piece, const PartPlan& part, const Sweep& sweep, int64_t term, RingTicket ticket);
  // Later updates of timing `backward` run only if `finite` says true; it is called once all of `ready` have been reached.
  void GateUpdates(std::vector<Event*> ready, std::function<bool()> finite);
  void UpdateAll(const UpdateStep& step, const RoutedStepPtr& routed);  // every piece, in forward order
  // Calls `work` once everything enqueued so far is done, with the error of an update that failed, or none.
  void AfterUpdates(std::function<void(std::exception_ptr failed_update)> work);

  // Updates of experts without a gradient may be owed; they are made up before anything reads their weights or moments: of one piece, which
  // WaitUpdated then waits for, or of all.
  void MakeUp(int64_t piece);
  void MakeUpAll();
  void WaitUpdated(int64_t piece) { queue_.WaitForPiece(piece); }  // until no update of the piece is pending
  void WaitIdle() { queue_.WaitIdle(); }  // until nothing is queued; throws the first error since the last Reset
  // Forgets an error of the gradient side. An error inside an update is kept: the weights are then of two steps.
  void Reset() { queue_.Forget(); }
  bool failed_update() const { return queue_.update_error() != nullptr; }

  GradientNorms& norms() { return norms_; }  // after WaitIdle

  bool gate_open() const { return gate_open_; }
  int64_t skipped_parts() const { return skipped_parts_; }  // of the last sweep that updated
  int64_t deferred() const { return updates_.deferred(); }  // updates of pieces that were left for later
  double busy_seconds() const { return queue_.busy_seconds(); }
  size_t exchange_bytes() const { return sums_.exchange_bytes(); }  // for what other processes send

 private:
  void Take(GradientRing& ring, int64_t piece, const PartPlan& part, const Sweep& sweep, int64_t term, RingTicket& entry);
  void FillZero(std::byte* data, int64_t bytes);

  const Plan& plan_;
  ParameterStore& store_;
  HostPool& pool_;
  Trace& trace_;
  RaceChecker* const checker_;
  const RankShares shares_;
  const std::vector<int64_t> order_;  // of units in a forward pass
  GradientSums sums_;
  GradientNorms norms_;
  PieceUpdates updates_;
  bool gate_open_ = true;  // written by the queue's thread
  int64_t skipped_parts_ = 0;
  UpdateQueue queue_;  // the last: what is queued ends before the rest goes
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_UPDATER_H_
