#include "core/train/lane.h"

#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/layers/rotary_table.h"

namespace hlm {

namespace {

std::string StreamName(const char* name, const LaneContext& context) {
  return context.plan.devices.size() == 1 ? name : StrCat(name, " ", context.lane);
}

}  // namespace

Lane::Lane(const LaneContext& context, Device& device, StepBatch& batch)
    : context_(context),
      spec_(context.spec),
      layout_(context.layout),
      plan_(context.plan),
      own_plan_(context.plan.devices[static_cast<size_t>(context.lane)]),
      trace_(context.trace),
      number_(context.lane),
      device_(device),
      batch_(batch),
      arena_(device.Allocate(static_cast<size_t>(own_plan_.arena.total))),
      buffers_(context.spec, context.layout, context.plan, own_plan_, arena_.data()),
      red_zones_(arena_.data(), own_plan_.arena.red_zones),
      block_inputs_(context, device, buffers_, counters_,
                    context.plan.host.block_inputs / static_cast<int64_t>(context.plan.devices.size())),
      gradients_(context, device, buffers_, counters_, own_plan_.staging),
      loads_(context, device, buffers_, counters_),
      compute_(device.CreateStream(StreamName("compute", context))),
      up_(device.CreateStream(StreamName("up", context))),
      down_(device.CreateStream(StreamName("down", context))),
      slots_(device, buffers_.Slots(), own_plan_.arena.slots.bytes),
      head_(buffers_.Head()) {
  for (auto& event : visit_done_) event = device.CreateEvent();
  for (auto* event : {&losses_made_, &losses_down_, &logits_made_, &logits_down_}) *event = device.CreateEvent();
  device.ops().SetWorkspace(buffers_.Workspace(), static_cast<size_t>(own_plan_.arena.workspace.bytes));
  red_zones_.Paint(*up_);
  SendTablesUp();
}

void Lane::SendTablesUp() {
  const TablePlaces& places = buffers_.tables();
  const auto send = [&](std::byte* to, std::vector<float> table) {
    // Members until they have arrived: where the wait itself fails, for want of memory, the copies may still run.
    tables_.push_back(std::move(table));
    up_->Copy(to, tables_.back().data(), tables_.back().size() * sizeof(float));
  };
  for (const int64_t length : {int64_t{0}, plan_.long_document + 1}) {
    if (length > 0 && (plan_.long_document == 0 || plan_.by_length)) continue;
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

void Lane::Begin(const Pass& pass) {
  slots_.Forget();
  const auto send = [&](int64_t offset, size_t bytes) {
    up_->Copy(buffers_.Batch() + offset, batch_.data() + offset, bytes);
    counters_.up_bytes += static_cast<int64_t>(bytes);
  };
  const int64_t long_bytes = pass.LongRows() * static_cast<int64_t>(sizeof(float));
  const auto send_rows = [&](int64_t table, const std::byte* rows, int64_t width) {
    up_->Copy(buffers_.Table(table) + buffers_.tables().rows * width * static_cast<int64_t>(sizeof(float)), rows,
              static_cast<size_t>(long_bytes * width));
    counters_.up_bytes += long_bytes * width;
  };
  for (size_t r = 0; r < spec_.ropes.size() && long_bytes > 0; ++r)
    send_rows(buffers_.tables().offsets[r], batch_.Turns(r), spec_.ropes[r].dim);
  for (size_t t = 0; t < spec_.temperatures.size() && long_bytes > 0; ++t)
    send_rows(buffers_.tables().temperatures[t], batch_.Temperatures(t), 1);
  // No event of its own: the embedding's weights follow on the same stream, and compute waits for those before it begins.
  send(0, batch_.filled_bytes());
  if (!pass.tokens.entropy_weights.empty())
    send(batch_.layout().entropy_weights, pass.tokens.entropy_weights.size() * sizeof(float));
}

void Lane::Load(const SlotUse& use, WeightLease weights, const Shard& shard) {
  const PiecePlan& piece = plan_.pieces[use.piece];
  std::optional<Trace::StreamSpan> span;
  counters_.up_bytes += slots_.Load(
      *up_, use, std::move(weights), piece, plan_.WeightBytes(),
      [&] { span.emplace(trace_, *up_, context_.Row(Trace::kUp), piece.name); }, shard);
  ++counters_.uploads;
}

void Lane::KeepPace(int64_t visit) {
  if (visit >= 2) visit_done_[static_cast<size_t>((visit - 2) % kDone)]->Synchronize();
}

double Lane::Run(const Pass& pass, int64_t number, std::span<const int64_t> versions, const HeadJob& job) {
  const Visit& visit = pass.visits[static_cast<size_t>(number)];
  double loss = 0;
  {
    std::vector<SlotTicket> tickets;
    for (size_t u = 0; u < visit.uses.size(); ++u) {
      tickets.push_back(slots_.Acquire(*compute_, visit.uses[u], versions[u]));
      if (!visit.uses[u].upload) ++counters_.reused;
    }
    const Trace::StreamSpan span(trace_, *compute_, context_.Row(Trace::kCompute), VisitName(visit));
    switch (visit.kind) {
      case VisitKind::kEmbed:
        Embed(pass, visit, WeightsOf(visit, tickets));
        break;
      case VisitKind::kBlockForward:
        BlockForward(pass, visit, WeightsOf(visit, tickets));
        break;
      case VisitKind::kHead:
        loads_.SendDown(pass.ShareOf(visit.sweep, number_), *compute_, *down_);
        if (job.weigh != nullptr) loss = WeighLosses(pass, visit, WeightsOfHead(tickets), *job.weigh);
        Head(pass, visit, WeightsOfHead(tickets), job);
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
  Event& done = *visit_done_[static_cast<size_t>(number % kDone)];
  compute_->Record(done);
  block_inputs_.Move(pass, visit, pass.ShareOf(visit.sweep, number_).tokens(), done, *up_, *down_);
  if (visit.kind == VisitKind::kHead && job.weigh == nullptr) SendLossesDown(pass, visit, done);
  return loss;
}

void Lane::Skip(const Pass& pass, int64_t number) {
  for (const SlotUse& use : pass.visits[static_cast<size_t>(number)].uses) {
    if (use.last) slots_.Drop(use.piece);
  }
  compute_->Record(*visit_done_[static_cast<size_t>(number % kDone)]);
}

void Lane::SendLossesDown(const Pass& pass, const Visit& visit, Event& done) {
  const Pass::Share share = pass.ShareOf(visit.sweep, number_);
  const size_t bytes = static_cast<size_t>(share.tokens()) * sizeof(float);
  down_->Wait(done, "the losses are made");
  const auto copy = [&](int64_t array) {
    const int64_t offset = array + share.first_token * static_cast<int64_t>(sizeof(float));
    down_->Copy(batch_.data() + offset, buffers_.Batch() + offset, bytes);
    counters_.down_bytes += static_cast<int64_t>(bytes);
  };
  copy(batch_.layout().losses);
  if (pass.has_entropies()) copy(batch_.layout().entropies);
  if (pass.wants_best) copy(batch_.layout().best);
  down_->Record(*losses_down_);
}

void Lane::Logits(const HeadWeights& weights, int64_t row, int64_t rows, float* to) {
  const float* made = head_.Logits(device_.ops(), *compute_, weights, row, rows);
  compute_->Record(*logits_made_);
  down_->Wait(*logits_made_, "the logits are made");
  down_->Copy(to, made, static_cast<size_t>(rows * spec_.vocab) * sizeof(float));
  down_->Record(*logits_down_);
  compute_->Wait(*logits_down_, "the logits' place is free");
}

void Lane::Finish(const Pass& pass) {
  visit_done_[(pass.visits.size() - 1) % kDone]->Synchronize();
  losses_down_->Synchronize();
  red_zones_.Check(*up_);
}

void Lane::Abandon() noexcept {
  for (Stream* stream : {up_.get(), compute_.get(), down_.get()}) {
    try {
      stream->Synchronize();
    } catch (...) {  // the error that led here is already on its way to the caller
    }
  }
  slots_.Forget();
}

}  // namespace hlm
