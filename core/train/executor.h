// Executor: runs a pass over the units as the plan says: for each visit, for each lane, then exchange, then hand down. It enqueues; it
// waits for the end of the visit before last (so that it never runs far ahead), for a free ring entry, for the update of a piece whose
// weights are to be sent up, and for what the host reads: losses that an objective weighs, what routers chose, the end of the pass.
#ifndef HORIZON_LM_CORE_TRAIN_EXECUTOR_H_
#define HORIZON_LM_CORE_TRAIN_EXECUTOR_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/device/device.h"
#include "core/plan/plan.h"
#include "core/store/store.h"
#include "core/stream/trace.h"
#include "core/train/device_group.h"
#include "core/train/interrupt.h"
#include "core/train/lane.h"
#include "core/train/pass.h"
#include "core/train/routed_experts.h"
#include "core/train/router_terms.h"
#include "core/train/step_batch.h"
#include "core/train/updater.h"

namespace hlm {

class Executor {
 public:
  // `devices`: as many as the plan has.
  Executor(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, std::span<Device* const> devices,
           ParameterStore& store, Updater& updater, Trace& trace, Interrupt& interrupt, ProcessGroup* group);

  // What a backward pass does with its gradients: see Updater::Sweep.
  struct Gradients {
    bool first = true;                                                  // nothing has been accumulated since the last update
    int64_t step = 0, sums_before = 0;                                  // key the rounding of sums
    std::optional<UpdateStep> update;                                   // timing `backward`
    const std::vector<std::vector<int64_t>>* expert_updates = nullptr;  // RoutedStep::updates before this step
  };

  // Forward, loss and backward over all sweeps; gradients are on their way to the updater when it returns. The loss of the
  // predicted tokens, without the routers' share. `weigh`: the weights of the losses are not the tokens', but what it makes of the losses,
  // and the loss is for the one who weighs to tell.
  double ForwardBackward(const Pass& pass, const Gradients& gradients, const Weigh* weigh = nullptr);
  // Forward and loss, as above.
  double Forward(const Pass& pass);
  // Forward without a loss, for what the routers of a whole batch choose: a pass over the same batch is then `counted`.
  void CountLoads(const Pass& pass);
  // Of the last pass.
  const RouterTotals& routers() const { return routers_.totals(); }
  bool counts_ahead() const { return routers_.counts_ahead(); }
  // By place in the step, after a pass has returned: what it was asked for.
  const float* Losses() const { return batch_.At(batch_.layout().losses); }
  const float* Entropies() const { return batch_.At(batch_.layout().entropies); }
  const float* Best() const { return batch_.At(batch_.layout().best); }
  // Forward and the logits at `places` (rising), [places, vocab].
  void Logits(const Pass& pass, std::span<const int64_t> places, float* logits);

  // Waits for all streams and forgets what the slots hold; throws nothing. After an error or a cancel.
  void Abandon() noexcept;
  void OpenRings();  // after an error that closed them

  struct Counters {
    MoveCounters moves;
    double update_wait_seconds = 0, ring_wait_seconds = 0;
    int64_t ring_waits = 0;
    size_t ring_bytes = 0, arena_bytes = 0;
    size_t batch_bytes = 0, block_input_bytes = 0;  // on the host
    size_t load_bytes = 0;                          // of what routers tell
  };
  Counters counters() const;  // of all lanes together

 private:
  double Run(const Pass& pass, const Gradients* gradients, const Lane::HeadJob& head);
  static bool Alone(const Pass& pass);
  void Look(const Pass& pass);  // throws where the call is asked to end, and may
  void Begin(const Pass& pass);
  void Compute(const Pass& pass, int64_t v, bool has_rows, const Lane::HeadJob& head);
  void HearRouters(const Pass& pass, const Visit& visit, const Gradients* gradients, bool updating);
  void Finish(const Pass& pass, bool updating);
  RouterTerms::GatherBytes GatherBytes() const;
  // `made`: on the lanes; else the visit's gradients are zero.
  void HandDown(const Pass& pass, const Visit& visit, const Gradients& gradients, bool made);
  void LearnChoice(const Pass& pass, const Visit& visit);
  void LearnChoices(const Pass& pass, int64_t sweep);
  void GateUpdates(const Pass& pass);

  const ModelSpec& spec_;
  const Plan& plan_;
  Device& device_;  // the first
  Updater& updater_;
  Interrupt& interrupt_;
  ProcessGroup* const process_group_;  // null: this process is alone
  StepBatch batch_;
  DeviceGroup::Lanes lanes_;
  DeviceGroup group_;
  RouterTerms routers_;
  RoutedExperts experts_;
  RoutedStepPtr routed_;  // of the step that is updating
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_EXECUTOR_H_
