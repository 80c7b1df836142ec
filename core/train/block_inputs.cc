// Block inputs that do not fit on the device: they go down to host memory as they are made and come back ahead of time.
//
// Three places take turns on the device: boundary b lies in place b % 3. The last three boundaries of the forward pass are
// still there when the backward pass begins; each earlier one comes back into its place as soon as the backward pass is done with
// the boundary three above it, which is two visits before it is needed.
#include "core/train/executor.h"

namespace hlm {

bool Executor::WaitsOnHost(const Pass& pass, int64_t boundary) const {
  return plan_.block_inputs == BlockInputs::kHost && !pass.forward_only && boundary >= 0 && boundary <= spec_.layers() - 3;
}

std::byte* Executor::HostBlockInput(int64_t boundary) const {
  return host_block_inputs_.data() + boundary * buffers_.block_input_bytes();
}

void Executor::BeforeBlockInput(const Pass& pass, int64_t boundary) {
  if (WaitsOnHost(pass, boundary - 3)) compute_->Wait(*input_saved_[buffers_.Place(boundary)], "the block input is saved");
}

void Executor::MoveBlockInputs(const Pass& pass, const Visit& visit, Event& done) {
  const size_t bytes = static_cast<size_t>((pass.SweepEnd(visit.sweep) - pass.SweepToken(visit.sweep)) * buffers_.row_bytes());
  const bool embed = visit.kind == VisitKind::kEmbed, forward = visit.kind == VisitKind::kBlockForward;
  const int64_t made = embed ? 0 : forward ? visit.layer + 1 : -1;
  if (WaitsOnHost(pass, made)) {
    down_->Wait(done, "the block input is made");
    const Trace::StreamSpan span(trace_, *down_, Trace::kDown, "block input");
    down_->Copy(HostBlockInput(made), buffers_.BlockInput(made, 0), bytes);
    down_->Record(*input_saved_[buffers_.Place(made)]);
    counters_.down_bytes += static_cast<int64_t>(bytes);
  }
  const bool head = visit.kind == VisitKind::kHead, backward = visit.kind == VisitKind::kBlockBackward;
  const int64_t wanted = head ? spec_.layers() - 3 : backward ? visit.layer - 3 : -1;
  if (WaitsOnHost(pass, wanted)) {
    // Compute has waited for the save before it wrote the boundary three above, so this wait covers the host's copy as well.
    up_->Wait(done, "the block input's place is free");
    const Trace::StreamSpan span(trace_, *up_, Trace::kUp, "block input");
    up_->Copy(buffers_.BlockInput(wanted, 0), HostBlockInput(wanted), bytes);
    up_->Record(*input_fetched_[buffers_.Place(wanted)]);
    counters_.up_bytes += static_cast<int64_t>(bytes);
  }
}

void Executor::AwaitBlockInput(const Pass& pass, int64_t boundary) {
  if (WaitsOnHost(pass, boundary)) compute_->Wait(*input_fetched_[buffers_.Place(boundary)], "the block input is back");
}

}  // namespace hlm
