#include "core/train/lane.h"

#include <optional>
#include <utility>

namespace hlm {

Lane::Lane(const LaneContext& context, Device& device, StepBatch& batch)
    : context_(context),
      device_(device),
      batch_(batch),
      memory_(context, device),
      block_inputs_(context, device, memory_.buffers, counters_,
                    context.plan.host.block_inputs / static_cast<int64_t>(context.plan.devices.size())),
      gradients_(context, device, memory_.buffers, counters_, context.device().staging),
      loads_(context, device, memory_.buffers, counters_),
      streams_(context, device) {
  memory_.Fill(context, *streams_.up);
}

void Lane::Begin(const Pass& pass) {
  memory_.slots.Forget();
  const auto send = [&](int64_t offset, size_t bytes) {
    streams_.up->Copy(memory_.buffers.Batch() + offset, batch_.data() + offset, bytes);
    counters_.up_bytes += static_cast<int64_t>(bytes);
  };
  const int64_t long_bytes = pass.long_documents.Rows() * static_cast<int64_t>(sizeof(float));
  const PositionTables& tables = memory_.buffers.tables();
  const auto send_rows = [&](int64_t table, const std::byte* rows, int64_t width) {
    streams_.up->Copy(tables.At(table) + tables.places().rows * width * static_cast<int64_t>(sizeof(float)), rows,
                      static_cast<size_t>(long_bytes * width));
    counters_.up_bytes += long_bytes * width;
  };
  for (size_t r = 0; r < context_.spec.ropes.size() && long_bytes > 0; ++r)
    send_rows(tables.places().offsets[r], batch_.Turns(r), context_.spec.ropes[r].dim);
  for (size_t t = 0; t < context_.spec.temperatures.size() && long_bytes > 0; ++t)
    send_rows(tables.places().temperatures[t], batch_.Temperatures(t), 1);
  // No event of its own: the embedding's weights follow on the same stream, and compute waits for those before it begins.
  send(0, batch_.filled_bytes());
  if (!pass.tokens.entropy_weights.empty())
    send(batch_.layout().entropy_weights, pass.tokens.entropy_weights.size() * sizeof(float));
}

void Lane::Load(const SlotUse& use, WeightLease weights, const Shard& shard) {
  const PiecePlan& piece = context_.plan.pieces[use.piece];
  std::optional<Trace::StreamSpan> span;
  counters_.up_bytes += memory_.slots.Load(
      *streams_.up, use, std::move(weights), piece,
      [&] { span.emplace(context_.trace, *streams_.up, context_.Row(Trace::kUp), piece.name); }, shard);
  ++counters_.uploads;
}

void Lane::KeepPace(int64_t visit) {
  if (visit >= 2) streams_.VisitDone(visit - 2).Synchronize();
}

void Lane::Run(const Pass& pass, int64_t number, std::span<const int64_t> versions, const HeadJob& job) {
  const Visit& visit = pass.visits[static_cast<size_t>(number)];
  {
    std::vector<SlotTicket> tickets;
    for (size_t u = 0; u < visit.uses.size(); ++u) {
      tickets.push_back(memory_.slots.Acquire(*streams_.compute, visit.uses[u], versions[u]));
      if (!visit.uses[u].upload) ++counters_.reused;
    }
    const Trace::StreamSpan span(context_.trace, *streams_.compute, context_.Row(Trace::kCompute), VisitName(visit));
    switch (visit.kind) {
      case VisitKind::kEmbed:
        Embed(pass, visit, WeightsOf(visit, tickets));
        break;
      case VisitKind::kBlockForward:
        BlockForward(pass, visit, WeightsOf(visit, tickets));
        break;
      case VisitKind::kHead:
        loads_.SendDown(pass.cut.ShareOf(visit.sweep, context_.lane), *streams_.compute, *streams_.down);
        if (job.weigh != nullptr) WeighLosses(pass, visit, WeightsOf(visit, tickets), *job.weigh);
        Head(pass, visit, WeightsOf(visit, tickets), job);
        break;
      case VisitKind::kBlockBackward:
        BlockBackward(pass, visit, WeightsOf(visit, tickets));
        break;
      case VisitKind::kEmbedBackward:
        EmbedBackward(pass, visit, WeightsOf(visit, tickets));
        break;
    }
    if (job.work == nullptr) ClearFrozen(visit.gradients);
    for (SlotTicket& ticket : tickets) ticket.Release();
  }
  Event& done = streams_.VisitDone(number);
  streams_.compute->Record(done);
  block_inputs_.Move(pass, visit, pass.cut.ShareOf(visit.sweep, context_.lane).tokens(), done, *streams_.up, *streams_.down);
  if (visit.kind == VisitKind::kHead && job.weigh == nullptr) SendLossesDown(pass, visit, done);
}

void Lane::Skip(const Pass& pass, int64_t number) {
  for (const SlotUse& use : pass.visits[static_cast<size_t>(number)].uses) {
    if (use.last) memory_.slots.Drop(use.piece);
  }
  streams_.compute->Record(streams_.VisitDone(number));
}

void Lane::SendLossesDown(const Pass& pass, const Visit& visit, Event& done) {
  const BatchCut::Share share = pass.cut.ShareOf(visit.sweep, context_.lane);
  const size_t bytes = static_cast<size_t>(share.tokens()) * sizeof(float);
  streams_.down->Wait(done, "the losses are made");
  const auto copy = [&](int64_t array) {
    const int64_t offset = array + share.first_token * static_cast<int64_t>(sizeof(float));
    streams_.down->Copy(batch_.data() + offset, memory_.buffers.Batch() + offset, bytes);
    counters_.down_bytes += static_cast<int64_t>(bytes);
  };
  copy(batch_.layout().losses);
  if (pass.has_entropies()) copy(batch_.layout().entropies);
  if (pass.wants_best) copy(batch_.layout().best);
  streams_.down->Record(*streams_.losses_down);
}

void Lane::Logits(const BlockRun& run, int64_t row, int64_t rows, float* to) {
  const float* made = context_.layout.head->Logits(run, row, rows);
  streams_.compute->Record(*streams_.logits_made);
  streams_.down->Wait(*streams_.logits_made, "the logits are made");
  streams_.down->Copy(to, made, static_cast<size_t>(rows * context_.spec.vocab) * sizeof(float));
  streams_.down->Record(*streams_.logits_down);
  streams_.compute->Wait(*streams_.logits_down, "the logits' place is free");
}

void Lane::Finish(const Pass& pass) {
  streams_.VisitDone(static_cast<int64_t>(pass.visits.size()) - 1).Synchronize();
  streams_.losses_down->Synchronize();
  memory_.red_zones.Check(*streams_.up);
}

void Lane::Abandon() noexcept {
  streams_.Drain();
  memory_.slots.Forget();
}

}  // namespace hlm
