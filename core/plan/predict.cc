// The predicted time of a step, from arithmetic, link and memory rates. It steers choices; it is not a promise.
#include <algorithm>

#include "core/plan/choose.h"

namespace hlm {
namespace {

struct BlockFlops {  // of one block, a token, forward
  double products = 0;    // all matrix products with weights
  double down = 0;        // the last of them, which recomputation leaves out
  double attention = 0;   // causal: half of the square
};

BlockFlops FlopsOf(const ModelSpec& s, double document) {
  BlockFlops f;
  f.down = 2.0 * s.intermediate * s.hidden;
  f.products = 2.0 * s.hidden * s.QkvWidth() + 2.0 * s.QueryWidth() * s.hidden + 4.0 * s.hidden * s.intermediate + f.down;
  f.attention = 2.0 * s.QueryWidth() * document;
  return f;
}

}  // namespace

void FillPrediction(const PlanInputs& in, Plan& plan) {
  const ModelSpec& s = in.spec;
  const MachineSpec& m = in.machine;
  const double tokens = static_cast<double>(plan.step_tokens);
  const bool backward = plan.purpose != Purpose::kForward, train = plan.purpose == Purpose::kTrain;
  const BlockFlops block = FlopsOf(s, static_cast<double>(plan.options.seq_len));

  double flops = tokens * 2.0 * s.vocab * s.hidden * (backward ? 3 : 1);
  for (const Activations policy : plan.activations) {
    double per_token = block.products + block.attention;
    if (backward) per_token += 2 * block.products + 2.5 * block.attention;
    if (backward && policy == Activations::kRecompute) per_token += block.products - block.down + block.attention;
    flops += tokens * per_token;
  }

  Prediction& p = plan.prediction;
  const int64_t element = static_cast<int64_t>(plan.WeightBytes());
  const auto visits = MakeVisits(in.layout, plan.numerics.sweeps, !backward, plan.options.slots, plan.options.prefetch);
  p.flops = flops;
  p.up_bytes = UploadBytes(in.layout, visits, element);
  p.down_bytes = backward ? plan.host.weights / element * static_cast<int64_t>(SizeOf(plan.numerics.grad_dtype)) * plan.numerics.sweeps : 0;
  // Each sweep writes its block inputs down and reads them back.
  p.up_bytes += plan.host.block_inputs * plan.numerics.sweeps;
  p.down_bytes += plan.host.block_inputs * plan.numerics.sweeps;

  p.compute_seconds = flops / (plan.numerics.compute == DType::kF32 ? m.product_flops_f32 : m.product_flops_bf16);
  p.up_seconds = static_cast<double>(p.up_bytes) / m.up_bytes_per_second;
  p.down_seconds = static_cast<double>(p.down_bytes) / m.down_bytes_per_second;
  // Exact AdamW: weight and remainder, moments, read and written, and the gradient: 26 bytes a parameter; f32 the same + 2.
  const double touched = train ? 2.0 * 12.0 + static_cast<double>(SizeOf(plan.numerics.grad_dtype)) : 0.0;
  p.optimizer_seconds = touched * static_cast<double>(plan.parameters) / m.host_bytes_per_second;

  const double busy = std::max({p.compute_seconds, p.up_seconds, p.down_seconds});
  if (m.device_is_host) {
    p.step_seconds = p.compute_seconds + p.up_seconds + p.down_seconds + p.optimizer_seconds;  // one set of cores does it all
  } else if (!train || plan.timing == Timing::kSerial) {
    p.step_seconds = busy + p.optimizer_seconds;
  } else if (plan.timing == Timing::kBackward) {
    p.step_seconds = std::max(busy, p.optimizer_seconds);
  } else {
    // The updates hide behind the forward part of the first sweep, a third of it.
    const double first_forward = busy / static_cast<double>(plan.numerics.sweeps) / 3;
    p.step_seconds = busy - first_forward + std::max(first_forward, p.optimizer_seconds);
  }
}

}  // namespace hlm
