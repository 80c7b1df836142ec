#include "core/train/buffers.h"

#include <algorithm>

#include "core/base/checked.h"

namespace hlm {

DeviceBuffers::DeviceBuffers(const ModelSpec& spec, const Plan& plan, std::byte* arena)
    : spec_(spec), plan_(plan), arena_(arena), range_(plan.devices[0].arena) {
  const DType type = plan.numerics.compute;
  row_bytes_ = spec.hidden * static_cast<int64_t>(plan.WeightBytes());
  block_input_bytes_ = RoundUp(plan.sweep_tokens * row_bytes_, 256);
  boundaries_ = range_.block_inputs.bytes / block_input_bytes_;
  int64_t start = 0;
  for (const Activations policy : plan.activations) {
    stash_.push_back(MakeStashLayout(spec, type, policy, plan.sweep_tokens));
    stash_starts_.push_back(start);
    start += stash_.back().total;
  }
  scratch_ = MakeStashLayout(spec, type, Activations::kKeep, plan.micro_tokens);
  backward_ = MakeBackwardLayout(spec, type, plan.micro_tokens);
}

BlockTensors DeviceBuffers::Block(int64_t layer, int64_t token, bool keep_nothing) const {
  BlockTensors t;
  t.input = BlockInput(layer, token);
  t.output = BlockInput(layer + 1, token);
  const auto bytes = ActivationBytes(spec_, plan_.numerics.compute);
  const StashLayout& stash = stash_[static_cast<size_t>(layer)];
  for (int a = 0; a < kActivationCount; ++a) {
    if (bytes[a] == 0) continue;  // a tensor that this model does not have
    const bool kept = !keep_nothing && stash.offsets[a] >= 0;
    t.at[a] = kept ? At(range_.stash) + stash_starts_[static_cast<size_t>(layer)] + stash.offsets[a] + token * bytes[a]
                   : At(range_.scratch) + scratch_.offsets[a];
  }
  return t;
}

BlockGradients DeviceBuffers::Gradients(int64_t token, float* accumulator, bool accumulate) const {
  BlockGradients g;
  g.gradient = Gradient(token);
  g.accumulator = accumulator;
  g.accumulate = accumulate;
  for (int b = 0; b < kBackwardBufferCount; ++b) g.at[b] = At(range_.backward) + backward_.offsets[b];
  return g;
}

HeadTemplate DeviceBuffers::Head() const {
  const bool backward = plan_.purpose != Purpose::kForward;
  const HeadLayout layout = MakeHeadLayout(spec_, plan_.numerics.compute, plan_.micro_tokens, plan_.numerics.head_chunk, backward);
  return HeadTemplate(spec_, plan_.numerics.compute, plan_.numerics.head_chunk, layout, At(range_.head));
}

}  // namespace hlm
