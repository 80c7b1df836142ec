#include "core/model/families/qwen_layers.h"

#include <algorithm>

namespace hlm {

ExpertsSpec ReadQwenExperts(const ConfigValues& config, const MixtureKeys& keys, bool normalize) {
  if (config.HasValue("num_experts") && config.Int("num_experts", 0, kMostExperts) == 0) {
    for (const char* key : {keys.chosen, keys.width, "norm_topk_prob", "output_router_logits"}) config.Take(key);
    return {};
  }
  ExpertsSpec experts = ReadExperts(config, keys);
  experts.router.normalize = config.BoolOr("norm_topk_prob", normalize);
  return experts;
}

ExpertsSpec ReadGatedShared(const ConfigValues& config, int64_t likely_width) {
  ExpertsSpec shared{.count = 1, .chosen = 1, .shared = true};
  shared.intermediate = config.IntOr("shared_expert_intermediate_size", likely_width, 1, kMostIntermediate);
  shared.router.score = RouterScore::kSigmoid;
  return shared;
}

void NameQwenExperts(ModelNames& names) {
  NameExperts({.shared = "mlp.shared_expert"}, names);
  Rename(names, {{"shared.router", "mlp.shared_expert_gate.weight"}});
}

std::vector<bool> QwenSparseLayers(const ConfigValues& config, int64_t layers, const ExpertsSpec& experts) {
  const int64_t step = config.IntOr("decoder_sparse_step", 1, 1, kMostLayers);
  const std::vector<int64_t> dense = ReadNumbers(config, "mlp_only_layers");
  std::vector<bool> sparse;
  for (int64_t layer = 0; layer < layers; ++layer) {
    sparse.push_back(experts.count > 0 && (layer + 1) % step == 0 && std::find(dense.begin(), dense.end(), layer) == dense.end());
  }
  return sparse;
}

void AddQwenLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, AttentionSpec attention,
                   const std::vector<int64_t>& windows, const ExpertsSpec& experts, const std::vector<BodySpec>& beside,
                   ModelSpec& spec) {
  std::vector<BodySpec> bodies = {experts};
  bodies.insert(bodies.end(), beside.begin(), beside.end());
  const std::vector<bool> sparse = QwenSparseLayers(config, sizes.layers, experts);
  for (size_t layer = 0; layer < sparse.size(); ++layer) {
    attention.window = windows[layer];
    const BlockSpec dense = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate});
    spec.AddLayer(sparse[layer] ? WithBodies(dense, bodies) : dense);
  }
  spec.head.norm = norm;
}

}  // namespace hlm
