// Flint: sinks, full layers without a rotary embedding between sliding ones; sigmoids, a shared expert, dense layers first.
#include "core/base/error.h"
#include "core/model/families/qwen_layers.h"

namespace hlm {
namespace {

// As the class has it: the first two layers, every fourth one and the last are full.
std::vector<bool> Sliding(const ConfigValues& config, int64_t layers) {
  if (config.HasValue("layer_types")) return SlidingLayers(config, layers, 0);
  std::vector<bool> slides;
  for (int64_t layer = 0; layer < layers; ++layer) slides.push_back(layer >= 2 && layer % 4 != 1 && layer + 1 != layers);
  return slides;
}

// Without mlp_only_layers the first two are dense.
std::vector<bool> Sparse(const ConfigValues& config, int64_t layers, const ExpertsSpec& experts) {
  std::vector<bool> sparse = QwenSparseLayers(config, layers, experts);
  for (size_t layer = 0; layer < 2 && layer < sparse.size() && !config.HasValue("mlp_only_layers"); ++layer)
    sparse[layer] = false;
  return sparse;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 4, .head_dim = 128, .max_positions = 262144, .intermediate = 6144}, spec);
  ReadBalancing(config, 0.0005, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  attention.sinks = true;
  ExpertsSpec experts = ReadQwenExperts(config, {.likely_count = 256, .likely_chosen = 6, .likely_width = 512}, true);
  experts.router.score = RouterScore::kSigmoid;
  const MlpSpec shared = Shared(config.IntOr("shared_expert_intermediate_size", 1024, 1, kMostIntermediate));
  const int64_t window = config.IntOr("sliding_window", 513, 1, kMostPositions);
  const std::vector<bool> slides = Sliding(config, sizes.layers), sparse = Sparse(config, sizes.layers, experts);
  for (size_t layer = 0; layer < slides.size(); ++layer) {
    attention.window = slides[layer] ? window : 0;
    attention.rope = slides[layer] ? 0 : -1;
    const BlockSpec dense = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate});
    spec.AddLayer(sparse[layer] ? WithBodies(dense, {experts, shared}) : dense);
  }
  spec.head.norm = norm;
  NameExperts({.shared = "mlp.shared_expert"}, names);
  Rename(names, {{"attention.sinks", "self_attn.softmax_offset"}});
}

}  // namespace

extern const Family kFlintFamily;
const Family kFlintFamily = {"FlintForCausalLM", "flint", Read};

}  // namespace hlm
