#include "core/train/block_inputs.h"

namespace hlm {

WaitingInputs::WaitingInputs(const LaneContext& context, Device& device, const DeviceBuffers& buffers, MoveCounters& counters,
                             int64_t bytes)
    : context_(context), buffers_(buffers), counters_(counters), memory_(device.AllocateHost(static_cast<size_t>(bytes))) {
  for (auto* events : {&saved_, &fetched_}) {
    for (auto& event : *events) event = device.CreateEvent();
  }
}

bool WaitingInputs::Waits(const Pass& pass, int64_t boundary) const {
  return context_.plan.block_inputs == BlockInputs::kHost && !pass.forward_only && boundary >= First() &&
         boundary <= context_.spec.layers() - 3;
}

void WaitingInputs::BeforeWrite(const Pass& pass, int64_t boundary, Stream& compute) {
  if (Waits(pass, boundary - 3)) compute.Wait(*saved_[static_cast<size_t>(buffers_.Place(boundary))], "the block input is saved");
}

void WaitingInputs::Move(const Pass& pass, const Visit& visit, int64_t tokens, Event& done, Stream& up, Stream& down) {
  const size_t bytes = static_cast<size_t>(tokens * buffers_.row_bytes());
  const bool embed = visit.kind == VisitKind::kEmbed, forward = visit.kind == VisitKind::kBlockForward && visit.Ends();
  const int64_t made = embed ? 0 : forward ? visit.layer + 1 : -1;
  if (Waits(pass, made)) {
    down.Wait(done, "the block input is made");
    const Trace::StreamSpan span(context_.trace, down, context_.Row(Trace::kDown), "block input");
    down.Copy(OnHost(made), buffers_.BlockInput(made, 0), bytes);
    down.Record(*saved_[static_cast<size_t>(buffers_.Place(made))]);
    counters_.down_bytes += static_cast<int64_t>(bytes);
  }
  const bool head = visit.kind == VisitKind::kHead, backward = visit.kind == VisitKind::kBlockBackward && visit.Ends();
  const int64_t wanted = head ? context_.spec.layers() - 3 : backward ? visit.layer - 3 : -1;
  if (Waits(pass, wanted)) {
    // Compute has waited for the save before it wrote the boundary three above, so this wait covers the host's copy as well.
    up.Wait(done, "the block input's place is free");
    const Trace::StreamSpan span(context_.trace, up, context_.Row(Trace::kUp), "block input");
    up.Copy(buffers_.BlockInput(wanted, 0), OnHost(wanted), bytes);
    up.Record(*fetched_[static_cast<size_t>(buffers_.Place(wanted))]);
    counters_.up_bytes += static_cast<int64_t>(bytes);
  }
}

void WaitingInputs::Await(const Pass& pass, int64_t boundary, Stream& compute) {
  if (Waits(pass, boundary)) compute.Wait(*fetched_[static_cast<size_t>(buffers_.Place(boundary))], "the block input is back");
}

}  // namespace hlm
