// dots.llm1: Qwen3's attention, DeepSeek V3's router and shared experts; the first layers are dense.
#include "core/model/families/mixture.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 32, .max_positions = 2048}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  ExpertsSpec experts = ReadExperts(config, {.count = {"num_local_experts", "n_routed_experts"}, .likely_width = 1408});
  experts.router = ReadBiasedRouter(config, experts);
  experts.router.normalize = config.BoolOr("norm_topk_prob", false);
  const std::vector<BodySpec> bodies = WithShared(experts, ReadSharedCount(config, "n_shared_experts", 0));
  const std::optional<int64_t> window = ReadWindow(config, true);
  const int64_t full = config.IntOr("max_window_layers", 62, 0, kMostLayers);
  const auto types = ReadLayerTypes(config, sizes.layers, {"full_attention", "sliding_attention"});
  const std::vector<bool> sparse = SparseLayers(config, sizes.layers, 0);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const bool slides = types ? (*types)[static_cast<size_t>(layer)] == "sliding_attention" : window && layer >= full;
    attention.window = WindowOf(layer, slides, window);
    const BlockSpec dense = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate});
    spec.AddLayer(sparse[static_cast<size_t>(layer)] ? WithBodies(dense, bodies) : dense);
  }
  spec.head.norm = norm;
  NameExperts({}, names);
  Rename(names, {{"experts.choice_bias", "mlp.gate.e_score_correction_bias"}});
}

}  // namespace

extern const Family kDots1Family;
const Family kDots1Family = {"Dots1ForCausalLM", "dots1", Read};

}  // namespace hlm
