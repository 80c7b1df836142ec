// Executor: runs a pass over the units as the plan says. It enqueues work on three streams and orders them by events; the
// only things it waits for itself are the end of the visit before last (so that it never runs far ahead), a free ring entry, and
// the update of a unit whose weights are to be sent up.
#ifndef HORIZON_LM_CORE_TRAIN_EXECUTOR_H_
#define HORIZON_LM_CORE_TRAIN_EXECUTOR_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/device/device.h"
#include "core/layers/embedding.h"
#include "core/layers/head.h"
#include "core/plan/plan.h"
#include "core/store/store.h"
#include "core/stream/ring.h"
#include "core/stream/slots.h"
#include "core/train/buffers.h"
#include "core/train/interrupt.h"
#include "core/train/pass.h"
#include "core/train/red_zones.h"
#include "core/train/trace.h"
#include "core/train/updater.h"

namespace hlm {

struct MoveCounters {
  int64_t up_bytes = 0, down_bytes = 0;
  int64_t uploads = 0, reused = 0;  // weights that came up, and that were still there
  double update_wait_seconds = 0;   // the host waited for an update before it could send weights
};

class Executor {
 public:
  Executor(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, Device& device, ParameterStore& store, Updater& updater,
           GradientRing* ring, Trace& trace, Interrupt& interrupt);

  // What a backward pass does with its gradients: see Updater::Sweep.
  struct Gradients {
    bool first = true;                  // nothing has been accumulated since the last update
    int64_t step = 0, sweeps_before = 0;  // key the rounding of sums
    std::optional<UpdateStep> update;    // timing `backward`
  };

  // Losses on their way through the host: the head's first pass over a sweep makes these, by place in the sweep ...
  struct SweepLosses {
    int64_t sweep = 0;
    const float* losses = nullptr;     // negative log-likelihoods
    const float* entropies = nullptr;  // null where the pass does not weigh them
    float* weights = nullptr;          // ... and the host answers with these, all of them, before the second pass
    float* entropy_weights = nullptr;  // null with entropies
  };
  using Weigh = std::function<double(const SweepLosses&)>;  // its share of the loss

  // Forward, loss and backward over all sweeps; gradients are on their way to the updater when it returns. The loss. `weigh`: the
  // weights of the losses are not the tokens', but what it makes of the losses.
  double ForwardBackward(const Pass& pass, const Gradients& gradients, const Weigh* weigh = nullptr);
  // Forward and loss.
  double Forward(const Pass& pass);
  // By place in the step, after a pass has returned: what it was asked for.
  const float* Losses() const { return OnHost(batch_layout_.losses); }
  const float* Entropies() const { return OnHost(batch_layout_.entropies); }
  const float* Best() const { return OnHost(batch_layout_.best); }
  // Forward and the logits at `places` (rising), [places, vocab].
  void Logits(const Pass& pass, std::span<const int64_t> places, float* logits);

  // Waits for all streams and forgets what the slots hold; throws nothing. After an error or a cancel.
  void Abandon() noexcept;

  const MoveCounters& counters() const { return counters_; }
  size_t device_arena_bytes() const { return arena_.bytes(); }
  size_t host_bytes() const { return host_batch_.bytes() + host_block_inputs_.bytes(); }

 private:
  using HeadWork = std::function<void(const HeadWeights&, int64_t micro_batch, const MicroView&)>;
  double Run(const Pass& pass, const Gradients* gradients, const HeadWork* head_work, const Weigh* weigh);

  void SendBatchUp(const Pass& pass);
  void SendWeightsUp(const Pass& pass, int64_t after_visit);
  void SendTablesUp();
  BlockRun RunOf(const MicroView& micro, const SlabView& weights, int64_t token);
  void Embed(const Pass& pass, const Visit& visit, const SlabView& weights);
  void BlockForward(const Pass& pass, const Visit& visit, const SlabView& weights);
  void Head(const Pass& pass, const Visit& visit, const HeadWeights& weights, const HeadWork* work);
  double WeighLosses(const Pass& pass, const Visit& visit, const HeadWeights& weights, const Weigh& weigh);
  void BlockBackward(const Pass& pass, const Visit& visit, const SlabView& weights);
  void EmbedBackward(const Pass& pass, const Visit& visit, const SlabView& weights);
  void SendLossesDown(const Pass& pass, const Visit& visit, Event& done);
  void SendGradientDown(const Pass& pass, const Visit& visit, const Gradients& gradients);
  void SendPieceDown(int64_t number, const Updater::Sweep& sweep);
  void ClearPadding(int64_t unit);
  float* AccumulatorOf(int64_t unit) const;
  float* At(int64_t unit, int64_t offset) const { return offset < 0 ? nullptr : AccumulatorOf(unit) + offset; }
  HeadWeights WeightsOfHead(const std::vector<SlotTicket>& tickets) const;
  SlabView WeightsOf(const Visit& visit, const std::vector<SlotTicket>& tickets) const;
  WeightLease Lease(const Pass& pass, int64_t piece) const { return pass.weights != nullptr ? pass.weights->Lease(piece) : store_.Lease(piece); }
  float* OnHost(int64_t offset) const { return reinterpret_cast<float*>(host_batch_.data() + offset); }

  // Block inputs that wait in host memory (block_inputs.cc). A boundary is the input of the block of that number.
  bool WaitsOnHost(const Pass& pass, int64_t boundary) const;
  void BeforeBlockInput(const Pass& pass, int64_t boundary);           // before compute writes it
  void MoveBlockInputs(const Pass& pass, const Visit& visit, Event& done);  // after the visit: save one, fetch one
  void AwaitBlockInput(const Pass& pass, int64_t boundary);            // before the backward pass reads it
  std::byte* HostBlockInput(int64_t boundary) const;

  template <class Work>  // work(micro-batch index, view, first token in the sweep)
  void EachMicroBatch(const Pass& pass, int64_t sweep, const Work& work) {
    for (int64_t m = pass.sweep_starts[sweep]; m < pass.sweep_starts[sweep + 1]; ++m) {
      work(m, pass.View(m, buffers_.Batch(), host_batch_.data(), batch_layout_),
           pass.micro_batches[static_cast<size_t>(m)].first_token - pass.SweepToken(sweep));
    }
  }
  bool FirstOfSweep(const Pass& pass, int64_t sweep, int64_t micro_batch) const { return micro_batch == pass.sweep_starts[sweep]; }

  const ModelSpec& spec_;
  const ModelLayout& layout_;
  const Plan& plan_;
  Device& device_;
  ParameterStore& store_;
  Updater& updater_;
  GradientRing* ring_;
  Trace& trace_;
  Interrupt& interrupt_;

  Buffer arena_, host_batch_, host_block_inputs_;
  BatchLayout batch_layout_;
  DeviceBuffers buffers_;
  // What goes up while this is made stands before the streams, whose ends wait for their copies.
  RedZones red_zones_;
  std::vector<std::vector<float>> tables_;
  std::unique_ptr<Stream> compute_, up_, down_;
  SlotPool slots_;
  HeadTemplate head_;

  // Events, by what they say.
  static constexpr int64_t kDone = 4;
  std::array<std::unique_ptr<Event>, kDone> visit_done_;  // visit v is done: v % kDone
  std::unique_ptr<Event> losses_made_, losses_down_, logits_made_, logits_down_;
  std::vector<std::unique_ptr<Event>> staged_, staging_free_;          // by place in the staging buffers
  std::array<std::unique_ptr<Event>, 3> input_saved_, input_fetched_;  // by place
  int64_t staging_next_ = 0;
  MoveCounters counters_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_EXECUTOR_H_
