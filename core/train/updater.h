// Updater: the optimizer beside the device. It takes gradients out of the ring, adds them up, takes their norm, and updates
// the store, piece by piece, on threads of its own.
//
//   queue   | take 7.0 | take 7.1 | take 6.0 | ... | update 0 | update 1 | ... |     jobs, oldest first; pieces and their parts
//
//   ring entry --add--> gradient store --update--> weights, remainders, moments of the piece: a new version
//
// One coordinator thread works through a queue in order, each job spread over the pool:
//   take a part of a gradient:  ring -> gradient store (first time copied, then added), with its squared norm in the same pass
//   update a piece:             gradient -> weights and moments, a new version of the piece
// With several processes a part's gradient is summed over them before it enters the store, on the coordinator thread. Where states are
// sharded over them (core/plan/owned.h) each gets the sum of its own share, updates that, and the updated weights go to all others.
// With timing `backward` the two are one job, behind a gate that knows whether the loss is finite.
#ifndef HORIZON_LM_CORE_TRAIN_UPDATER_H_
#define HORIZON_LM_CORE_TRAIN_UPDATER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/device/device.h"
#include "core/device/hand_over.h"
#include "core/group/group.h"
#include "core/plan/owned.h"
#include "core/plan/plan.h"
#include "core/store/store.h"
#include "core/stream/ring.h"
#include "core/stream/trace.h"
#include "core/train/routed_step.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

class Updater {
 public:
  Updater(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, Device& device, ParameterStore& store,
          const OptimizerOptions& optimizer, HostPool& pool, Trace& trace, std::function<void(int64_t piece)> before_update,
          ProcessGroup* group);
  ~Updater();

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
  void WaitUpdated(int64_t piece);  // until no update of the piece is pending
  void WaitIdle();                  // until the queue is empty; throws the first error since the last Reset
  // Forgets an error of the gradient side. An error inside an update is kept: the weights are then of two steps.
  void Reset();
  bool failed_update() const { return update_error_ != nullptr; }

  // After WaitIdle: the squared norm of the gradient as it stands, chunks summed in unit order. Where states are sharded each rank has the
  // norms of its own chunks, as bytes, and must have taken everybody's before.
  double SquaredNorm() const;
  std::string OwnNorms() const;
  void TakeNorms(const std::vector<std::string>& of_ranks);
  void RecomputeNorms(int64_t piece);  // after the gradient was written from outside

  bool gate_open() const { return gate_open_; }
  int64_t skipped_parts() const { return skipped_parts_; }  // of the last sweep that updated
  int64_t deferred() const { return deferred_; }            // updates of pieces that were left for later
  double busy_seconds() const { return busy_seconds_; }

 private:
  struct Segment {  // of a slab: elements that decay alike
    int64_t begin, end;
    bool decays;
  };
  struct Job {
    std::function<void()> work;
    bool is_update = false;
    bool always = false;  // runs after an error too
    int64_t piece = -1;   // that is no longer pending afterwards
    HandOver handed;
  };
  void Enqueue(Job job);
  void Run();
  void FillZero(std::byte* data, int64_t bytes);
  void SumOverProcesses(float* gradient, int64_t n);
  void Add(float* to, const float* from, size_t count);
  void GiveUp(const std::exception_ptr& error) noexcept;
  float* SumOwn(float* gradient, const PartPlan& entry);
  bool AgreeFinite(bool finite);
  bool AddToTree(const GradientLease& lease, const PartPlan& part, int64_t term, float* gradient);
  // Of elements that come down as one, or of a whole piece where everything is owned. `gradient`: of what is owned of them.
  // `step`: null for what is owed alone.
  void Update(int64_t piece, const PartPlan& part, const std::byte* gradient, const UpdateStep* step, const RoutedStep* routed);
  void UpdatePiece(int64_t piece, const UpdateStep& step, const RoutedStep* routed);
  void PayOwed(int64_t piece);
  PartPlan OwnedOf(const PartPlan& entry) const { return hlm::OwnedOf(plan_, entry, group_ != nullptr ? group_->rank() : 0); }
  std::vector<size_t> Shares(const PartPlan& entry, size_t bytes) const;
  void MoveBias(int64_t unit, const PartPlan& part, const StateLease& states, const UpdateStep& step, const RoutedStep& routed);
  static std::vector<Segment> CutSegments(const UnitSpec& unit, int64_t number, const TrainedSet& trained);

  const Plan& plan_;
  ParameterStore& store_;
  OptimizerOptions optimizer_;
  HostPool& pool_;
  Trace& trace_;
  std::function<void(int64_t piece)> before_update_;  // the piece's bytes are about to change
  RaceChecker* checker_;
  ProcessGroup* const group_;                   // null: this process is alone
  std::vector<float> received_;                 // another process's gradient of a part
  std::vector<std::vector<Segment>> segments_;  // [units]
  std::vector<UnitExperts> experts_;            // [units]
  std::vector<PieceExperts> piece_experts_;     // [pieces]
  std::vector<int64_t> order_;                  // of units in a forward pass
  std::vector<std::vector<UpdateStep>> owed_;   // [pieces] in order; the coordinator's

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool busy_ = false, stop_ = false;
  std::vector<int64_t> pending_;  // [pieces] updates not done yet
  HandOver done_;
  std::exception_ptr error_, update_error_;

  bool gate_open_ = true;  // written by the coordinator
  int64_t skipped_parts_ = 0, deferred_ = 0;
  double busy_seconds_ = 0;
  std::thread thread_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_UPDATER_H_
