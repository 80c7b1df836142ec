#include "core/train/gradient_path.h"

#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/device/ops.h"

namespace hlm {

GradientPath::GradientPath(const LaneContext& context, Device& device, const DeviceBuffers& buffers, MoveCounters& counters,
                           int64_t staging)
    : context_(context), device_(device), buffers_(buffers), counters_(counters) {
  const Plan& plan = context.plan;
  if (plan.purpose == Purpose::kForward) return;
  ring_ = std::make_unique<GradientRing>(device, plan.ring_entries, plan.entry_bytes);
  for (auto* events : {&staged_, &free_}) {
    events->resize(static_cast<size_t>(staging));
    for (auto& event : *events) event = device.CreateEvent();
  }
}

void GradientPath::SendZero(const PiecePlan& piece, const Take& take) {
  for (const PartPlan& part : piece.trained) take(*ring_, part, ring_->Acquire());
}

void GradientPath::Send(const PiecePlan& piece, const float* accumulator, Stream& compute, Stream& down, const Take& take) {
  const DType type = context_.plan.DownType();
  for (const PartPlan& part : piece.trained) {
    const int64_t n = part.end - part.begin;
    const size_t s = next_;
    next_ = (s + 1) % staged_.size();
    const size_t bytes = static_cast<size_t>(n) * SizeOf(type);

    compute.Wait(*free_[s], "staging is free");
    std::optional<Trace::StreamSpan> rounding;
    rounding.emplace(context_.trace, compute, context_.Row(Trace::kCompute), StrCat("round the gradient of ", piece.name));
    device_.ops().Cast(compute, {.x_type = DType::kF32,
                                 .y_type = type,
                                 .n = n,
                                 .x = accumulator + (part.begin - piece.begin),
                                 .y = buffers_.Staging(static_cast<int64_t>(s))});
    rounding.reset();
    compute.Record(*staged_[s]);

    RingTicket entry = ring_->Acquire();
    down.Wait(*staged_[s], "the gradient is staged");
    const Trace::StreamSpan span(context_.trace, down, context_.Row(Trace::kDown), piece.name);
    down.Copy(entry.data(), buffers_.Staging(static_cast<int64_t>(s)), bytes);
    down.Record(*free_[s]);
    down.Record(entry.filled());
    take(*ring_, part, std::move(entry));
    counters_.down_bytes += static_cast<int64_t>(bytes);
  }
}

}  // namespace hlm
