#include "core/train/pass.h"

#include <cstring>

namespace hlm {

Pass::Pass(const ModelLayout& layout, const Plan& plan, const Tokens& tokens, bool forward_only, int64_t group, Ranks ranks)
    : tokens(tokens),
      forward_only(forward_only),
      cut(plan, tokens, forward_only, group, ranks),
      long_documents(plan, tokens),
      visits(MakeVisits(layout, plan.pieces, cut.sweeps(), forward_only, plan.Slots(), plan.first_backward)),
      weighs_entropies(!tokens.entropy_weights.empty()) {
  int64_t offsets = 0;
  for (const MicroBatch& micro : cut.micro_batches()) {
    offset_starts.push_back(offsets);
    offsets += micro.documents + 1;
  }
}

size_t Pass::Fill(std::byte* host, const BatchLayout& at) const {
  const auto copy = [&](int64_t offset, const auto& values) {
    std::memcpy(host + offset, values.data(), values.size() * sizeof(values[0]));
  };
  copy(at.ids, tokens.ids);
  copy(at.targets, tokens.targets);
  copy(at.positions, tokens.positions);
  if (long_documents.any()) long_documents.FillTurns(tokens, reinterpret_cast<int32_t*>(host + at.turns));
  copy(at.weights, tokens.weights);
  if (!tokens.entropy_weights.empty()) copy(at.entropy_weights, tokens.entropy_weights);
  std::memset(host + at.losses, 0, tokens.ids.size() * sizeof(float));
  int32_t* offsets = reinterpret_cast<int32_t*>(host + at.offsets);
  for (const MicroBatch& micro : cut.micro_batches()) {
    for (int64_t d = 0; d <= micro.documents; ++d) {
      *offsets++ = static_cast<int32_t>(tokens.offsets[static_cast<size_t>(micro.first_document + d)] - micro.first_token);
    }
  }
  return static_cast<size_t>(reinterpret_cast<std::byte*>(offsets) - host);
}

MicroView Pass::View(int64_t micro_batch, std::byte* device, const std::byte* host, const BatchLayout& at) const {
  const MicroBatch& micro = cut.micro_batch(micro_batch);
  const auto i32 = [&](int64_t offset) { return reinterpret_cast<const int32_t*>(device + offset) + micro.first_token; };
  MicroView view;
  view.tokens = micro.tokens;
  view.ids = i32(at.ids);
  view.targets = i32(at.targets);
  view.positions = i32(at.positions);
  view.turns = i32(at.turns);
  view.weights = reinterpret_cast<const float*>(device + at.weights) + micro.first_token;
  view.losses = reinterpret_cast<float*>(device + at.losses) + micro.first_token;
  const auto f32 = [&](int64_t offset) { return reinterpret_cast<float*>(device + offset) + micro.first_token; };
  if (weighs_entropies) view.entropy_weights = f32(at.entropy_weights);
  if (has_entropies()) view.entropies = f32(at.entropies);
  if (wants_best) view.best = f32(at.best);
  view.scale = tokens.scale;
  const int64_t offsets = at.offsets + 4 * offset_starts[static_cast<size_t>(micro_batch)];
  view.documents = {micro.documents, micro.longest, reinterpret_cast<const int32_t*>(device + offsets),
                    reinterpret_cast<const int32_t*>(host + offsets)};
  return view;
}

double Pass::Loss(const float* losses, const float* entropies) const {
  double sum = 0;
  for (size_t t = 0; t < tokens.targets.size(); ++t) {
    // A weight of zero takes a token out, however improbable the model finds it.
    if (tokens.targets[t] >= 0 && tokens.weights[t] != 0) sum += static_cast<double>(tokens.weights[t]) * losses[t];
    if (!tokens.entropy_weights.empty() && tokens.entropy_weights[t] != 0) {
      sum += static_cast<double>(tokens.entropy_weights[t]) * entropies[t];
    }
  }
  return sum;
}

}  // namespace hlm
