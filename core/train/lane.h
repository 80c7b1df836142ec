// Lane: all that belongs to one device: its arena and slots, streams, ring and staging, block inputs, its copy of the batch. It does
// the work of visits for its share of a pass's micro-batches; which visit is next, and what lanes have to do with each other, the
// executor and the group say.
//
//   memory    where all of it lies on the device (lane_memory.h)
//   streams   up, compute and down, and what they tell each other (lane_streams.h)
//   parts     block inputs that wait, the way of gradients, what routers tell
#ifndef HORIZON_LM_CORE_TRAIN_LANE_H_
#define HORIZON_LM_CORE_TRAIN_LANE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/device/device.h"
#include "core/layers/run.h"
#include "core/plan/plan.h"
#include "core/stream/ring.h"
#include "core/stream/slots.h"
#include "core/train/block_inputs.h"
#include "core/train/buffers.h"
#include "core/train/gradient_path.h"
#include "core/train/lane_context.h"
#include "core/train/lane_memory.h"
#include "core/train/lane_streams.h"
#include "core/train/pass.h"
#include "core/train/router_loads.h"
#include "core/train/step_batch.h"
#include "core/train/sweep_losses.h"

namespace hlm {

// What an exchange among lanes uses of one.
struct LaneEnds {
  Device& device;
  Stream& compute;
  Stream& down;
  SlotPool& slots;
  const DeviceBuffers& buffers;
  GradientRing* ring;
  MoveCounters& counters;
};

class Lane {
 public:
  // `batch`: the host's side of every lane's.
  Lane(const LaneContext& context, Device& device, StepBatch& batch);

  // What the head does with a micro-batch, where it is not losses and gradients.
  using HeadWork = std::function<void(Lane& lane, const BlockRun&, int64_t micro_batch)>;
  struct HeadJob {
    const HeadWork* work = nullptr;  // null: losses and gradients
    const Weigh* weigh = nullptr;    // null: the losses' weights are the batch's
  };

  // A pass begins: what the slots hold is forgotten, the batch goes up.
  void Begin(const Pass& pass);
  // The weights of `use` into its slot, of each part this shard.
  void Load(const SlotUse& use, WeightLease weights, const Shard& shard = {});
  // Waits until the visit before last is done, so that nothing runs far ahead.
  void KeepPace(int64_t visit);
  // Everything of a visit but its weights' way up and its gradients' way down. `versions`: of the weights that it reads.
  void Run(const Pass& pass, int64_t visit, std::span<const int64_t> versions, const HeadJob& job);
  // A visit of experts that have no rows.
  void Skip(const Pass& pass, int64_t visit);
  // A piece's gradient, behind the visit that made it, part by part: take(part, ring entry).
  void SendDown(int64_t piece, const GradientPath::Take& take) {
    gradients_.Send(context_.plan.pieces[piece], memory_.buffers.Accumulator(piece), *streams_.compute, *streams_.down, take);
  }
  void SendZero(int64_t piece, const GradientPath::Take& take) { gradients_.SendZero(context_.plan.pieces[piece], take); }
  // Until the pass's last visit is done and its losses are down.
  void Finish(const Pass& pass);

  LaneEnds ends() { return {device_, *streams_.compute, *streams_.down, memory_.slots, memory_.buffers, ring(), counters_}; }
  Event& losses_down() { return *streams_.losses_down; }
  // What routers tell; and what they are told, before the backward pass.
  RouterLoads& loads() { return loads_; }
  void SendChoicesDown(const Pass& pass, const Visit& visit) {
    loads_.SendChoicesDown(visit.layer, pass.cut.ShareOf(visit.sweep, context_.lane), *streams_.compute, *streams_.down);
  }
  void SendCosts(std::span<const float> costs) { loads_.SendCosts(costs, *streams_.compute); }
  // Work of the head: losses without a gradient; logits at places, a run of neighbours at a time.
  void Loss(const BlockRun& run) { context_.layout.head->Loss(run); }
  void Logits(const BlockRun& run, int64_t row, int64_t rows, float* to);

  // Waits for all streams and forgets what the slots hold; throws nothing.
  void Abandon() noexcept;

  GradientRing* ring() { return gradients_.ring(); }  // null where the plan has no gradients
  const MoveCounters& counters() const { return counters_; }
  size_t arena_bytes() const { return memory_.arena.bytes(); }
  size_t block_input_bytes() const { return block_inputs_.bytes(); }
  size_t load_bytes() const { return loads_.bytes(); }

 private:
  // lane_visits.cc
  // The slabs that a visit reads: its unit's, and the one that a block shares with others, or a tied head with the embedding.
  struct Weights {
    SlabView own, shared;
  };
  BlockRun RunOf(const MicroView& micro, const Weights& weights, int64_t token);
  void Embed(const Pass& pass, const Visit& visit, const Weights& weights);
  void BlockForward(const Pass& pass, const Visit& visit, const Weights& weights);
  BlockRun HeadRunOf(const MicroView& micro, const Weights& weights, int64_t token);
  void Head(const Pass& pass, const Visit& visit, const Weights& weights, const HeadJob& job);
  void WeighLosses(const Pass& pass, const Visit& visit, const Weights& weights, const Weigh& weigh);
  void BlockBackward(const Pass& pass, const Visit& visit, const Weights& weights);
  void EmbedBackward(const Pass& pass, const Visit& visit, const Weights& weights);
  void Clear(const std::vector<int64_t>& pieces);
  void ClearFrozen(const std::vector<int64_t>& pieces);
  void ClearPadding(const std::vector<int64_t>& pieces);
  void FillZero(int64_t piece, int64_t begin, int64_t end);  // elements of its unit's gradient
  Weights WeightsOf(const Visit& visit, const std::vector<SlotTicket>& tickets) const;
  AccumulatorView AccumulatorOf(const std::vector<int64_t>& pieces) const;
  std::vector<int64_t> PiecesOf(int64_t unit) const;

  void SendLossesDown(const Pass& pass, const Visit& visit, Event& done);

  template <class Work>  // work(micro-batch index, view, first token in the lane's share)
  void EachMicroBatch(const Pass& pass, int64_t sweep, const Work& work) {
    const BatchCut::Share share = pass.cut.ShareOf(sweep, context_.lane);
    for (int64_t m = share.begin; m < share.end; ++m) {
      work(m, pass.View(m, memory_.buffers.Batch(), batch_.data(), batch_.layout()),
           pass.cut.micro_batch(m).first_token - share.first_token);
    }
  }

  const LaneContext context_;
  Device& device_;
  StepBatch& batch_;
  LaneMemory memory_;
  MoveCounters counters_;
  WaitingInputs block_inputs_;
  GradientPath gradients_;
  RouterLoads loads_;
  LaneStreams streams_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_LANE_H_
