// What a visit computes: the layers over a lane's share of the micro-batches.
#include <algorithm>

#include "core/base/error.h"
#include "core/device/race_checker.h"
#include "core/plan/groups.h"
#include "core/train/lane.h"

namespace hlm {

BlockRun Lane::RunOf(const MicroView& micro, const Weights& weights, int64_t token) {
  BlockRun run{.ops = device_.ops(),
               .stream = *streams_.compute,
               .micro = micro,
               .type = context_.plan.numerics.compute,
               .head_chunk = context_.plan.numerics.head_chunk,
               .weights = weights.own,
               .shared = weights.shared,
               .saved = {},
               .made = {},
               .temporaries = {}};
  memory_.buffers.tables().Set(run);
  memory_.buffers.SetSides(token, run);
  return run;
}

void Lane::Embed(const Pass& pass, const Visit& visit, const Weights& weights) {
  block_inputs_.BeforeWrite(pass, 0, *streams_.compute);
  EachMicroBatch(pass, visit.sweep, [&](int64_t, const MicroView& micro, int64_t token) {
    BlockRun run = RunOf(micro, weights, token);
    memory_.buffers.blocks().PlaceEmbedding(run);
    context_.layout.embedding->Forward(run, memory_.buffers.BlockInput(0, token));
  });
}

void Lane::BlockForward(const Pass& pass, const Visit& visit, const Weights& weights) {
  if (visit.Ends()) block_inputs_.BeforeWrite(pass, visit.layer + 1, *streams_.compute);
  const BatchCut::Share share = pass.cut.ShareOf(visit.sweep, context_.lane);
  EachMicroBatch(pass, visit.sweep, [&](int64_t m, const MicroView& micro, int64_t token) {
    BlockRun run = RunOf(micro, weights, token);
    run.layer = visit.layer;
    run.stage = visit.stage;
    loads_.SetForward(pass, share, visit.layer, m, run);
    memory_.buffers.blocks().Place(visit.layer, token, pass.forward_only, BlockTensors::Made::kNothing, run);
    // Before the experts there is none.
    void* output = visit.stage.kind == Stage::kBefore ? nullptr : memory_.buffers.BlockInput(visit.layer + 1, token);
    context_.layout.block(visit.layer).Forward(run, memory_.buffers.BlockInput(visit.layer, token), output);
  });
}

Lane::Weights Lane::WeightsOf(const Visit& visit, const std::vector<SlotTicket>& tickets) const {
  Weights weights;
  for (size_t t = 0; t < tickets.size(); ++t) {
    const PiecePlan& piece = context_.plan.pieces[visit.uses[t].piece];
    const bool tied = visit.kind == VisitKind::kHead && piece.unit != context_.layout.NormUnit();
    (tied || context_.layout.IsShared(piece.unit) ? weights.shared : weights.own).Add(piece.begin, tickets[t].weights());
  }
  return weights;
}

BlockRun Lane::HeadRunOf(const MicroView& micro, const Weights& weights, int64_t token) {
  BlockRun run = RunOf(micro, weights, token);
  memory_.buffers.blocks().PlaceHead(run);
  return run;
}

void Lane::Head(const Pass& pass, const Visit& visit, const Weights& weights, const HeadJob& job) {
  const HeadLayer& layer = *context_.layout.head;
  const BatchCut::Share share = pass.cut.ShareOf(visit.sweep, context_.lane);
  const std::vector<int64_t> own = PiecesOf(context_.layout.NormUnit()),
                             tied = context_.layout.tied ? PiecesOf(context_.layout.HeadUnit()) : std::vector<int64_t>();
  if (job.work == nullptr && share.empty()) {
    Clear(own);
    Clear(tied);
  }
  const AccumulatorView accumulator = AccumulatorOf(own), tied_accumulator = AccumulatorOf(tied);
  EachMicroBatch(pass, visit.sweep, [&](int64_t m, const MicroView& micro, int64_t token) {
    const void* input = memory_.buffers.BlockInput(context_.spec.layers(), token);
    BlockRun run = HeadRunOf(micro, weights, token);
    layer.Norm(run, input);
    if (job.work != nullptr) {
      (*job.work)(*this, run, m);
      return;
    }
    const bool first = m == share.begin;
    if (first) {
      // Several layers may add to the gradient of what goes beside the block inputs.
      const Range& sides = memory_.buffers.side_gradients();
      if (sides.bytes > 0) streams_.compute->FillZero(memory_.buffers.At(sides), static_cast<size_t>(sides.bytes));
      ClearPadding(own);
      ClearPadding(tied);
    }
    run.accumulator = accumulator;
    run.shared_accumulator = tied_accumulator;
    run.frozen = context_.plan.trained.Frozen(context_.layout.NormUnit());
    run.shared_frozen = context_.plan.trained.Frozen(context_.layout.HeadUnit());
    run.accumulate = !first;
    layer.LossAndGradient(run, input, memory_.buffers.Gradient(token));
  });
}

// A loss that is no sum over tokens: the head goes over the sweep twice. First the losses come down and the host makes weights of
// them, while this thread waits; then, in Head, the gradient is made with those. The blocks' activations stay where they are.
void Lane::WeighLosses(const Pass& pass, const Visit& visit, const Weights& weights, const Weigh& weigh) {
  const BatchCut::Share share = pass.cut.ShareOf(visit.sweep, context_.lane);
  if (share.empty()) return;
  EachMicroBatch(pass, visit.sweep, [&](int64_t, const MicroView& micro, int64_t token) {
    const BlockRun run = HeadRunOf(micro, weights, token);
    context_.layout.head->Norm(run, memory_.buffers.BlockInput(context_.spec.layers(), token));
    context_.layout.head->Loss(run);
  });
  streams_.compute->Record(*streams_.losses_made);
  SendLossesDown(pass, visit, *streams_.losses_made);
  streams_.losses_down->Synchronize();

  const double start = Trace::Now();
  const int64_t begin = share.first_token;
  const size_t bytes = static_cast<size_t>(share.tokens()) * sizeof(float);
  RaceChecker* checker = device_.race_checker();
  const auto arrays = [&](int64_t offset, bool write) {
    DeclareAccess(checker, batch_.At(offset) + begin, bytes, write, "a sweep's losses or weights on the host");
    return batch_.At(offset) + begin;
  };
  SweepLosses sweep{.first_token = begin,
                    .tokens = share.tokens(),
                    .first_document = share.first_document,
                    .end_document = share.end_document,
                    .losses = arrays(batch_.layout().losses, false),
                    .weights = arrays(batch_.layout().weights, true)};
  if (pass.weighs_entropies) {
    sweep.entropies = arrays(batch_.layout().entropies, false);
    sweep.entropy_weights = arrays(batch_.layout().entropy_weights, true);
  }
  weigh(sweep);
  context_.trace.Add(Trace::kHost, "weigh the losses", start, Trace::Now());

  const auto send = [&](int64_t array) {
    const int64_t offset = array + begin * static_cast<int64_t>(sizeof(float));
    streams_.compute->Copy(memory_.buffers.Batch() + offset, batch_.data() + offset, bytes);
    counters_.up_bytes += static_cast<int64_t>(bytes);
  };
  send(batch_.layout().weights);
  if (pass.weighs_entropies) send(batch_.layout().entropy_weights);
}

void Lane::BlockBackward(const Pass& pass, const Visit& visit, const Weights& weights) {
  if (visit.Begins()) block_inputs_.Await(pass, visit.layer, *streams_.compute);
  const BatchCut::Share share = pass.cut.ShareOf(visit.sweep, context_.lane);
  const int64_t shared_unit = context_.layout.SharedUnit(visit.layer);
  const bool sharing = shared_unit >= 0;
  const std::vector<int64_t> own = sharing ? PiecesOf(context_.layout.BlockUnit(visit.layer)) : visit.gradients,
                             shared = sharing ? PiecesOf(shared_unit) : std::vector<int64_t>();
  // Sums of a shared slab go on from block to block: all that such a block makes is added, to zeros at first.
  if (share.empty() || sharing) Clear(own);
  if (sharing && context_.layout.UsersOf(visit.layer).last == visit.layer) Clear(shared);
  const AccumulatorView accumulator = AccumulatorOf(own), shared_accumulator = AccumulatorOf(shared);
  EachMicroBatch(pass, visit.sweep, [&](int64_t m, const MicroView& micro, int64_t token) {
    const bool first = m == share.begin && !sharing;
    if (first) ClearPadding(own);
    const Block& block = context_.layout.block(visit.layer);
    const void* input = memory_.buffers.BlockInput(visit.layer, token);
    BlockRun run = RunOf(micro, weights, token);
    run.layer = visit.layer;
    run.stage = visit.stage;
    run.accumulator = accumulator;
    run.shared_accumulator = shared_accumulator;
    run.frozen = context_.plan.trained.Frozen(context_.layout.BlockUnit(visit.layer));
    if (sharing) run.shared_frozen = context_.plan.trained.Frozen(shared_unit);
    run.accumulate = !first;
    loads_.SetBackward(pass, share, visit.layer, m, run);
    memory_.buffers.blocks().Place(visit.layer, token, false, BlockTensors::Made::kKept, run);
    block.Forward(run, input, nullptr);
    block.Backward(run, input, memory_.buffers.Gradient(token));
  });
}

void Lane::EmbedBackward(const Pass& pass, const Visit& visit, const Weights& weights) {
  const int64_t unit = context_.layout.EmbeddingUnit();
  const AccumulatorView accumulator = AccumulatorOf(visit.gradients);
  // A tied matrix already holds the head's share; the embedding adds its own, and what lies beside the matrix begins with nothing.
  const int64_t from =
      context_.layout.tied ? context_.layout.embedding->table() + context_.layout.embedding->table_elements() : 0;
  const int64_t count = context_.layout.units[unit].elements - from;
  EachPiece(context_.plan.pieces, unit, from, count, [&](int64_t, int64_t begin, int64_t n) {
    streams_.compute->FillZero(accumulator.At(begin), static_cast<size_t>(n) * sizeof(float));
  });
  EachMicroBatch(pass, visit.sweep, [&](int64_t, const MicroView& micro, int64_t token) {
    BlockRun run = RunOf(micro, weights, token);
    run.accumulator = accumulator;
    run.frozen = context_.plan.trained.Frozen(unit);
    run.accumulate = true;
    run.train_pad_row = context_.plan.numerics.train_pad_row;
    memory_.buffers.blocks().PlaceEmbedding(run);
    context_.layout.embedding->Backward(run, memory_.buffers.Gradient(token));
  });
}

std::vector<int64_t> Lane::PiecesOf(int64_t unit) const {
  std::vector<int64_t> pieces;
  for (int64_t piece = context_.plan.pieces.First(unit); piece < context_.plan.pieces.First(unit + 1); ++piece)
    pieces.push_back(piece);
  return pieces;
}

AccumulatorView Lane::AccumulatorOf(const std::vector<int64_t>& pieces) const {
  AccumulatorView view;
  for (const int64_t piece : pieces) {
    if (context_.plan.accumulators.offsets[static_cast<size_t>(piece)] >= 0)
      view.Add(context_.plan.pieces[piece].begin, memory_.buffers.Accumulator(piece));
  }
  return view;
}

void Lane::FillZero(int64_t piece, int64_t begin, int64_t end) {
  streams_.compute->FillZero(memory_.buffers.Accumulator(piece) + (begin - context_.plan.pieces[piece].begin),
                             static_cast<size_t>(end - begin) * sizeof(float));
}

// Nothing of the sweep is this lane's: its gradient is zero.
void Lane::Clear(const std::vector<int64_t>& pieces) {
  for (const int64_t piece : pieces) {
    if (context_.plan.pieces[piece].trains()) FillZero(piece, context_.plan.pieces[piece].begin, context_.plan.pieces[piece].end);
  }
}

// Frozen weights may lie between those that train, and products may have made their gradients: those are zero on their way down.
void Lane::ClearFrozen(const std::vector<int64_t>& pieces) {
  for (const int64_t piece : pieces) {
    const PiecePlan& own = context_.plan.pieces[piece];
    for (const SlabRange& held : context_.plan.trained.Held(own.unit)) {
      const int64_t begin = std::max(held.begin, own.begin), end = std::min(held.end, own.end);
      if (begin < end) FillZero(piece, begin, end);
    }
  }
}

// The accumulator served other pieces before: what lies between tensors must be zero, as padding is everywhere, and so must the
// gradient of what is not trained. The pieces are of one unit.
void Lane::ClearPadding(const std::vector<int64_t>& pieces) {
  if (pieces.empty()) return;
  const std::vector<SlabRun> runs = RunsOf(context_.layout.units[static_cast<size_t>(context_.plan.pieces[pieces.front()].unit)]);
  for (const int64_t piece : pieces) {
    const PiecePlan& own = context_.plan.pieces[piece];
    if (!own.trains()) continue;
    int64_t end = own.begin;
    const auto clear = [&](int64_t begin) {
      if (begin > end) FillZero(piece, end, begin);
    };
    for (const SlabRun& run : runs) {
      if (run.end <= own.begin || run.begin >= own.end) continue;
      clear(run.begin);
      if (run.tensor->trains) end = run.end;
    }
    clear(own.end);
  }
}

}  // namespace hlm
