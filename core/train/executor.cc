#include "core/train/executor.h"

#include <cmath>
#include <optional>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/layers/rotary_table.h"

namespace hlm {

Executor::Executor(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, Device& device, ParameterStore& store,
                   Updater& updater, GradientRing* ring, Trace& trace, Interrupt& interrupt)
    : spec_(spec),
      layout_(layout),
      plan_(plan),
      device_(device),
      store_(store),
      updater_(updater),
      ring_(ring),
      trace_(trace),
      interrupt_(interrupt),
      arena_(device.Allocate(static_cast<size_t>(plan.devices[0].arena.total))),
      host_batch_(device.AllocateHost(static_cast<size_t>(plan.host.batch))),
      host_block_inputs_(device.AllocateHost(static_cast<size_t>(plan.host.block_inputs))),
      batch_layout_(MakeBatchLayout(plan.step_tokens)),
      buffers_(spec, layout, plan, arena_.data()),
      red_zones_(arena_.data(), plan.devices[0].arena.red_zones),
      compute_(device.CreateStream("compute")),
      up_(device.CreateStream("up")),
      down_(device.CreateStream("down")),
      slots_(device, buffers_.At(plan.devices[0].arena.slots), plan.devices[0].arena.slots.bytes),
      head_(buffers_.Head()) {
  const auto make = [&](auto& events) {
    for (auto& event : events) event = device.CreateEvent();
  };
  make(visit_done_);
  staged_.resize(static_cast<size_t>(plan.devices[0].staging));
  staging_free_.resize(staged_.size());
  make(staged_);
  make(staging_free_);
  make(input_saved_);
  make(input_fetched_);
  for (auto* event : {&losses_made_, &losses_down_, &logits_made_, &logits_down_}) *event = device.CreateEvent();

  const DeviceArena& arena = plan.devices[0].arena;
  device.ops().SetWorkspace(buffers_.At(arena.workspace), static_cast<size_t>(arena.workspace.bytes));
  red_zones_.Paint(*up_);
  SendTablesUp();
}

void Executor::SendTablesUp() {
  const TablePlaces& places = buffers_.tables();
  const auto send = [&](std::byte* to, std::vector<float> table) {
    // Members until they have arrived: where the wait itself fails, for want of memory, the copies may still run.
    tables_.push_back(std::move(table));
    up_->Copy(to, tables_.back().data(), tables_.back().size() * sizeof(float));
  };
  for (const int64_t length : {int64_t{0}, LongDocument(spec_) + 1}) {
    if (length > 0 && LongDocument(spec_) == 0) continue;
    const int64_t skipped = length > 0 ? places.rows * static_cast<int64_t>(sizeof(float)) : 0;
    for (size_t r = 0; r < spec_.ropes.size(); ++r) {
      const RopeSpec& rope = spec_.ropes[r];
      send(buffers_.Table(places.offsets[r]) + skipped * rope.dim, MakeRotaryTable(rope, places.rows, length));
    }
    for (size_t t = 0; t < spec_.temperatures.size(); ++t) {
      send(buffers_.Table(places.temperatures[t]) + skipped, MakeTemperatureTable(spec_.temperatures[t], places.rows));
    }
  }
  if (!spec_.slopes.empty()) send(buffers_.Table(places.slopes), {spec_.slopes.begin(), spec_.slopes.end()});
  up_->Synchronize();
  std::vector<std::vector<float>>().swap(tables_);
}

BlockRun Executor::RunOf(const MicroView& micro, const SlabView& weights, int64_t token) {
  BlockRun run{.ops = device_.ops(),
               .stream = *compute_,
               .micro = micro,
               .type = plan_.numerics.compute,
               .weights = weights,
               .saved = {},
               .made = {},
               .temporaries = {}};
  buffers_.SetTables(run);
  buffers_.SetSides(token, run);
  return run;
}

double Executor::ForwardBackward(const Pass& pass, const Gradients& gradients, const Weigh* weigh) {
  return Run(pass, &gradients, nullptr, weigh);
}

double Executor::Forward(const Pass& pass) {
  const HeadWork loss = [this](const HeadWeights& weights, int64_t, const MicroView& micro) {
    head_.Loss(device_.ops(), *compute_, weights, micro);
  };
  return Run(pass, nullptr, &loss, nullptr);
}

void Executor::Logits(const Pass& pass, std::span<const int64_t> places, float* logits) {
  size_t next = 0;
  const HeadWork work = [&](const HeadWeights& weights, int64_t m, const MicroView& micro) {
    const int64_t begin = pass.micro_batches[static_cast<size_t>(m)].first_token;
    while (next < places.size() && places[next] < begin + micro.tokens) {
      // A run of neighbouring places, at most a chunk of them, is one product.
      size_t run = 1;
      while (next + run < places.size() && places[next + run] == places[next] + static_cast<int64_t>(run) &&
             places[next + run] < begin + micro.tokens && static_cast<int64_t>(run) < head_.chunk()) {
        ++run;
      }
      const float* made = head_.Logits(device_.ops(), *compute_, weights, places[next] - begin, static_cast<int64_t>(run));
      compute_->Record(*logits_made_);
      down_->Wait(*logits_made_, "the logits are made");
      const size_t count = run * static_cast<size_t>(spec_.vocab);
      down_->Copy(logits + next * static_cast<size_t>(spec_.vocab), made, count * sizeof(float));
      down_->Record(*logits_down_);
      compute_->Wait(*logits_down_, "the logits' place is free");
      next += run;
    }
  };
  Run(pass, nullptr, &work, nullptr);
}

// The picture of the design, one call an arrow: weights up, layers, gradients down.
double Executor::Run(const Pass& pass, const Gradients* gradients, const HeadWork* head_work, const Weigh* weigh) {
  HLM_CHECK(pass.weights == nullptr || gradients == nullptr, "a backward pass under frozen weights");
  double loss = 0;  // of the sweeps that were weighed
  slots_.Forget();
  SendBatchUp(pass);
  SendWeightsUp(pass, -1);
  bool updating = false;  // timing `backward` has been let loose: the step can no longer be called back
  for (int64_t v = 0; v < static_cast<int64_t>(pass.visits.size()); ++v) {
    if (!updating) interrupt_.Check();
    if (v >= 2) visit_done_[(v - 2) % kDone]->Synchronize();
    const Visit& visit = pass.visits[v];
    {
      std::vector<SlotTicket> tickets;
      for (const SlotUse& use : visit.uses) {
        tickets.push_back(slots_.Acquire(*compute_, use, Lease(pass, use.piece).version));
        if (!use.upload) ++counters_.reused;
      }
      const Trace::StreamSpan span(trace_, *compute_, Trace::kCompute, VisitName(visit));
      switch (visit.kind) {
        case VisitKind::kEmbed: Embed(pass, visit, WeightsOf(visit, tickets)); break;
        case VisitKind::kBlockForward: BlockForward(pass, visit, WeightsOf(visit, tickets)); break;
        case VisitKind::kHead:
          if (weigh != nullptr) loss += WeighLosses(pass, visit, WeightsOfHead(tickets), *weigh);
          Head(pass, visit, WeightsOfHead(tickets), head_work);
          break;
        case VisitKind::kBlockBackward: BlockBackward(pass, visit, WeightsOf(visit, tickets)); break;
        case VisitKind::kEmbedBackward: EmbedBackward(pass, visit, WeightsOf(visit, tickets)); break;
      }
      for (SlotTicket& ticket : tickets) ticket.Release();
    }
    Event& done = *visit_done_[v % kDone];
    compute_->Record(done);
    MoveBlockInputs(pass, visit, done);
    if (visit.kind == VisitKind::kHead) {
      if (weigh == nullptr) SendLossesDown(pass, visit, done);
      if (gradients != nullptr && gradients->update && visit.sweep + 1 == pass.sweeps()) {
        updating = true;
        updater_.GateUpdates(*losses_down_, [&pass, losses = Losses(), entropies = Entropies()] { return std::isfinite(pass.Loss(losses, entropies)); });
      }
    }
    if (visit.gradient_unit >= 0) SendGradientDown(pass, visit, *gradients);
    SendWeightsUp(pass, v);
  }
  visit_done_[(pass.visits.size() - 1) % kDone]->Synchronize();
  losses_down_->Synchronize();
  red_zones_.Check(*up_);
  const size_t bytes = pass.tokens.ids.size() * sizeof(float);
  DeclareAccess(device_.race_checker(), Losses(), bytes, false, "losses on the host");
  return weigh != nullptr ? loss : pass.Loss(Losses(), Entropies());
}

void Executor::SendBatchUp(const Pass& pass) {
  const size_t bytes = pass.Fill(host_batch_.data(), batch_layout_);
  DeclareAccess(device_.race_checker(), host_batch_.data(), bytes, true, "batch on the host");
  // No event of its own: the embedding's weights follow on the same stream, and compute waits for those before it begins.
  up_->Copy(buffers_.Batch(), host_batch_.data(), bytes);
  counters_.up_bytes += static_cast<int64_t>(bytes);
  if (!pass.tokens.entropy_weights.empty()) {
    const size_t more = pass.tokens.entropy_weights.size() * sizeof(float);
    DeclareAccess(device_.race_checker(), OnHost(batch_layout_.entropy_weights), more, true, "entropy weights on the host");
    up_->Copy(buffers_.Batch() + batch_layout_.entropy_weights, OnHost(batch_layout_.entropy_weights), more);
    counters_.up_bytes += static_cast<int64_t>(more);
  }
}

void Executor::SendWeightsUp(const Pass& pass, int64_t after_visit) {
  for (size_t v = static_cast<size_t>(after_visit + 1); v < pass.visits.size(); ++v) {
    for (const SlotUse& use : pass.visits[v].uses) {
      if (!use.upload || use.upload_after != after_visit) continue;
      const double begin = Trace::Now();
      const PiecePlan& piece = plan_.pieces[use.piece];
      updater_.WaitUpdated(use.piece);
      const double waited = Trace::Now();
      counters_.update_wait_seconds += (waited - begin) * 1e-6;
      if (waited - begin > 10) trace_.Add(Trace::kHost, StrCat("wait for the update of ", piece.name), begin, waited);
      const WeightLease lease = Lease(pass, use.piece);
      std::optional<Trace::StreamSpan> span;
      slots_.Load(*up_, use, lease, piece, plan_.WeightBytes(), [&] { span.emplace(trace_, *up_, Trace::kUp, piece.name); });
      counters_.up_bytes += static_cast<int64_t>(lease.bytes);
      ++counters_.uploads;
    }
  }
}

void Executor::Embed(const Pass& pass, const Visit& visit, const SlabView& weights) {
  BeforeBlockInput(pass, 0);
  EachMicroBatch(pass, visit.sweep, [&](int64_t, const MicroView& micro, int64_t token) {
    BlockRun run = RunOf(micro, weights, token);
    buffers_.PlaceEmbedding(run);
    layout_.embedding->Forward(run, buffers_.BlockInput(0, token));
  });
}

void Executor::BlockForward(const Pass& pass, const Visit& visit, const SlabView& weights) {
  BeforeBlockInput(pass, visit.layer + 1);
  EachMicroBatch(pass, visit.sweep, [&](int64_t, const MicroView& micro, int64_t token) {
    BlockRun run = RunOf(micro, weights, token);
    run.layer = visit.layer;
    buffers_.Place(visit.layer, token, pass.forward_only, DeviceBuffers::Made::kNothing, run);
    layout_.block(visit.layer).Forward(run, buffers_.BlockInput(visit.layer, token), buffers_.BlockInput(visit.layer + 1, token));
  });
}

SlabView Executor::WeightsOf(const Visit& visit, const std::vector<SlotTicket>& tickets) const {
  SlabView slab;
  for (size_t t = 0; t < tickets.size(); ++t) slab.Add(plan_.pieces[visit.uses[t].piece].begin, tickets[t].weights());
  return slab;
}

HeadWeights Executor::WeightsOfHead(const std::vector<SlotTicket>& tickets) const {
  const auto at = [&](const SlotTicket& ticket, int64_t offset) {
    return offset < 0 ? nullptr : ticket.weights() + offset * static_cast<int64_t>(plan_.WeightBytes());
  };
  const HeadOffsets& offsets = layout_.head;
  return {.norm = at(tickets.back(), offsets.norm),
          .norm_bias = at(tickets.back(), offsets.norm_bias),
          .product = at(tickets.back(), offsets.product),
          .matrix = at(tickets.front(), offsets.weight),
          .bias = at(tickets.back(), offsets.bias)};
}

void Executor::Head(const Pass& pass, const Visit& visit, const HeadWeights& weights, const HeadWork* work) {
  EachMicroBatch(pass, visit.sweep, [&](int64_t m, const MicroView& micro, int64_t token) {
    const void* input = buffers_.BlockInput(spec_.layers(), token);
    head_.Norm(device_.ops(), *compute_, weights, micro, input);
    if (work != nullptr) {
      (*work)(weights, m, micro);
      return;
    }
    const bool first = FirstOfSweep(pass, visit.sweep, m);
    if (first) {
      // Several layers may add to the gradient of what goes beside the block inputs.
      const Range& sides = buffers_.side_gradients();
      if (sides.bytes > 0) compute_->FillZero(buffers_.At(sides), static_cast<size_t>(sides.bytes));
      ClearPadding(layout_.NormUnit());
      if (layout_.tied) ClearPadding(layout_.HeadUnit());
    }
    head_.LossAndGradient(device_.ops(), *compute_, weights, micro, input, buffers_.Gradient(token),
                          {.norm = At(layout_.NormUnit(), layout_.head.norm),
                           .norm_bias = At(layout_.NormUnit(), layout_.head.norm_bias),
                           .product = At(layout_.NormUnit(), layout_.head.product),
                           .matrix = At(layout_.HeadUnit(), layout_.head.weight),
                           .bias = At(layout_.NormUnit(), layout_.head.bias),
                           .accumulate = !first});
  });
}

void Executor::SendLossesDown(const Pass& pass, const Visit& visit, Event& done) {
  const int64_t begin = pass.SweepToken(visit.sweep), end = pass.SweepEnd(visit.sweep);
  const size_t bytes = static_cast<size_t>(end - begin) * sizeof(float);
  down_->Wait(done, "the losses are made");
  const auto copy = [&](int64_t array) {
    const int64_t offset = array + begin * static_cast<int64_t>(sizeof(float));
    down_->Copy(host_batch_.data() + offset, buffers_.Batch() + offset, bytes);
    counters_.down_bytes += static_cast<int64_t>(bytes);
  };
  copy(batch_layout_.losses);
  if (pass.has_entropies()) copy(batch_layout_.entropies);
  if (pass.wants_best) copy(batch_layout_.best);
  down_->Record(*losses_down_);
}

// A loss that is no sum over tokens: the head goes over the sweep twice. First the losses come down and the host makes weights of
// them, while this thread waits; then, in Head, the gradient is made with those. The blocks' activations stay where they are.
double Executor::WeighLosses(const Pass& pass, const Visit& visit, const HeadWeights& weights, const Weigh& weigh) {
  EachMicroBatch(pass, visit.sweep, [&](int64_t, const MicroView& micro, int64_t token) {
    head_.Norm(device_.ops(), *compute_, weights, micro, buffers_.BlockInput(spec_.layers(), token));
    head_.Loss(device_.ops(), *compute_, weights, micro);
  });
  compute_->Record(*losses_made_);
  SendLossesDown(pass, visit, *losses_made_);
  losses_down_->Synchronize();

  const double start = Trace::Now();
  const int64_t begin = pass.SweepToken(visit.sweep), tokens = pass.SweepEnd(visit.sweep) - begin;
  const size_t bytes = static_cast<size_t>(tokens) * sizeof(float);
  RaceChecker* checker = device_.race_checker();
  const auto arrays = [&](int64_t offset, bool write) {
    DeclareAccess(checker, OnHost(offset) + begin, bytes, write, "a sweep's losses or weights on the host");
    return OnHost(offset) + begin;
  };
  SweepLosses sweep{.sweep = visit.sweep, .losses = arrays(batch_layout_.losses, false), .weights = arrays(batch_layout_.weights, true)};
  if (pass.weighs_entropies) {
    sweep.entropies = arrays(batch_layout_.entropies, false);
    sweep.entropy_weights = arrays(batch_layout_.entropy_weights, true);
  }
  const double loss = weigh(sweep);
  trace_.Add(Trace::kHost, "weigh the losses", start, Trace::Now());

  const auto send = [&](int64_t array) {
    const int64_t offset = array + begin * static_cast<int64_t>(sizeof(float));
    compute_->Copy(buffers_.Batch() + offset, host_batch_.data() + offset, bytes);
    counters_.up_bytes += static_cast<int64_t>(bytes);
  };
  send(batch_layout_.weights);
  if (pass.weighs_entropies) send(batch_layout_.entropy_weights);
  return loss;
}

void Executor::BlockBackward(const Pass& pass, const Visit& visit, const SlabView& weights) {
  AwaitBlockInput(pass, visit.layer);
  const int64_t unit = layout_.BlockUnit(visit.layer);
  EachMicroBatch(pass, visit.sweep, [&](int64_t m, const MicroView& micro, int64_t token) {
    const bool first = FirstOfSweep(pass, visit.sweep, m);
    if (first) ClearPadding(unit);
    const Block& block = layout_.block(visit.layer);
    const void* input = buffers_.BlockInput(visit.layer, token);
    BlockRun run = RunOf(micro, weights, token);
    run.layer = visit.layer;
    run.accumulator = AccumulatorOf(unit);
    run.accumulate = !first;
    buffers_.Place(visit.layer, token, false, DeviceBuffers::Made::kKept, run);
    block.Forward(run, input, nullptr);
    block.Backward(run, input, buffers_.Gradient(token));
  });
}

void Executor::EmbedBackward(const Pass& pass, const Visit& visit, const SlabView& weights) {
  const int64_t unit = layout_.EmbeddingUnit();
  float* accumulator = AccumulatorOf(unit);
  // A tied matrix already holds the head's share; the embedding adds its own, and what lies beside the matrix begins with nothing.
  const int64_t from = layout_.tied ? layout_.embedding->table() + layout_.embedding->table_elements() : 0;
  const int64_t count = layout_.units[unit].elements - from;
  if (count > 0) compute_->FillZero(accumulator + from, static_cast<size_t>(count) * sizeof(float));
  EachMicroBatch(pass, visit.sweep, [&](int64_t, const MicroView& micro, int64_t token) {
    BlockRun run = RunOf(micro, weights, token);
    run.accumulator = accumulator;
    run.accumulate = true;
    buffers_.PlaceEmbedding(run);
    layout_.embedding->Backward(run, buffers_.Gradient(token));
  });
}

float* Executor::AccumulatorOf(int64_t unit) const {
  return layout_.tied && unit == layout_.EmbeddingUnit() ? buffers_.TiedAccumulator() : buffers_.Accumulator();
}

// The accumulator served another unit before: what lies between this unit's tensors must be zero, as padding is everywhere, and so must
// the gradient of what is not trained.
void Executor::ClearPadding(int64_t unit) {
  const UnitSpec& spec = layout_.units[unit];
  int64_t end = 0;
  const auto clear = [&](int64_t begin) {
    if (begin > end) compute_->FillZero(AccumulatorOf(unit) + end, static_cast<size_t>(begin - end) * sizeof(float));
  };
  for (const SlabRun& run : RunsOf(spec)) {
    clear(run.begin);
    if (!run.tensor->trains) continue;
    end = run.end;
  }
  clear(spec.elements);
}

// accumulator --round--> staging --copy--> ring --hand over--> updater, part by part.
void Executor::SendGradientDown(const Pass& pass, const Visit& visit, const Gradients& gradients) {
  Updater::Sweep sweep;
  sweep.first = gradients.first && visit.sweep == 0;
  sweep.key = RandomKey(gradients.step, StrCat("gradient sum ", gradients.sweeps_before + visit.sweep));
  if (visit.sweep + 1 == pass.sweeps()) sweep.update = gradients.update;
  for (int64_t piece = plan_.pieces.First(visit.gradient_unit); piece < plan_.pieces.First(visit.gradient_unit + 1); ++piece) {
    SendPieceDown(piece, sweep);
  }
}

void Executor::SendPieceDown(int64_t number, const Updater::Sweep& sweep) {
  const PiecePlan& piece = plan_.pieces[number];
  for (const PartPlan& part : piece.parts) {
    const int64_t n = part.end - part.begin;
    const int64_t s = staging_next_;
    staging_next_ = (s + 1) % plan_.devices[0].staging;
    const size_t bytes = static_cast<size_t>(n) * SizeOf(plan_.numerics.grad_dtype);

    compute_->Wait(*staging_free_[s], "staging is free");
    std::optional<Trace::StreamSpan> rounding;
    rounding.emplace(trace_, *compute_, Trace::kCompute, StrCat("round the gradient of ", piece.name));
    device_.ops().Cast(*compute_, {.x_type = DType::kF32,
                                   .y_type = plan_.numerics.grad_dtype,
                                   .n = n,
                                   .x = AccumulatorOf(piece.unit) + part.begin,
                                   .y = buffers_.Staging(s)});
    rounding.reset();
    compute_->Record(*staged_[s]);

    RingTicket entry = ring_->Acquire();
    down_->Wait(*staged_[s], "the gradient is staged");
    const Trace::StreamSpan span(trace_, *down_, Trace::kDown, piece.name);
    down_->Copy(entry.data(), buffers_.Staging(s), bytes);
    down_->Record(*staging_free_[s]);
    down_->Record(entry.filled());
    updater_.TakeGradient(*ring_, number, part, sweep, std::move(entry));
    counters_.down_bytes += static_cast<int64_t>(bytes);
  }
}

void Executor::Abandon() noexcept {
  for (Stream* stream : {up_.get(), compute_.get(), down_.get()}) {
    try {
      stream->Synchronize();
    } catch (...) {  // the error that led here is already on its way to the caller
    }
  }
}

}  // namespace hlm
