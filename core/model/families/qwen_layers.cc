#include "core/model/families/qwen_layers.h"

#include <algorithm>

namespace hlm {

ExpertsSpec ReadQwenExperts(const ConfigValues& config, const MixtureKeys& keys, const ModelSpec& spec) {
  ExpertsSpec experts = ReadExperts(config, keys, spec.architecture);
  experts.router.normalize = config.BoolOr("norm_topk_prob", false);
  return experts;
}

void AddQwenLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, const AttentionSpec& attention,
                   const ExpertsSpec& experts, const std::vector<BodySpec>& beside, ModelSpec& spec) {
  // Windows, which no published model of these families has, follow another rule in each release of transformers.
  RefuseUnless(config, "use_sliding_window", Off::kFalse, spec.architecture);
  for (const char* key : {"sliding_window", "max_window_layers"}) config.Take(key);
  ReadLayerTypes(config, sizes.layers, {"full_attention"});
  const int64_t step = config.IntOr("decoder_sparse_step", 1, 1, kMostLayers);
  const std::vector<int64_t> dense = ReadNumbers(config, "mlp_only_layers");
  std::vector<BodySpec> bodies = {experts};
  bodies.insert(bodies.end(), beside.begin(), beside.end());
  const BlockSpec plain = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}), sparse = WithBodies(plain, bodies);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer((layer + 1) % step == 0 && std::find(dense.begin(), dense.end(), layer) == dense.end() ? sparse : plain);
  }
  spec.head.norm = norm;
}

}  // namespace hlm
