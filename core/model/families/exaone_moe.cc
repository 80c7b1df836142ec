// EXAONE MoE: full layers without a rotary embedding between sliding ones, DeepSeek V3's router and shared expert; the first layers
// are dense.
#include "core/model/families/mixture.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 32, .max_positions = 2048, .pad_token = 0}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qk_norm.norm = norm;
  ExpertsSpec experts = ReadExperts(config, {.likely_count = 64, .likely_chosen = 8, .likely_width = 1024});
  experts.router = ReadBiasedRouter(config, experts, 2.5);
  const std::vector<BodySpec> bodies = WithShared(experts, ReadSharedCount(config, "num_shared_experts", 1));
  const std::optional<int64_t> window = ReadWindow(config, true);
  const bool number = config.HasValue("sliding_window_pattern") && config.Value("sliding_window_pattern").IsNumber();
  const int64_t pattern = number ? config.Int("sliding_window_pattern", 0, kMostLayers) : 4;
  const std::vector<bool> slides = SlidingLayers(config, sizes.layers, window ? pattern : 0),
                          sparse = SparseLayers(config, sizes.layers, 1);
  for (size_t layer = 0; layer < slides.size(); ++layer) {
    attention.window = WindowOf(static_cast<int64_t>(layer), slides[layer], window);
    attention.rope = slides[layer] || !window ? 0 : -1;
    const BlockSpec dense = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate});
    spec.AddLayer(sparse[layer] ? WithBodies(dense, bodies) : dense);
  }
  spec.head.norm = norm;
  config.Take("num_nextn_predict_layers");
  names.carried_prefixes.push_back("mtp.");  // what predicts further tokens, which transformers does not read
  NameExperts({.own_choice_bias = "mlp.gate.e_score_correction_bias"}, names);
  Rename(names, {{"experts.choice_bias", "mlp.e_score_correction_bias"}});
}

}  // namespace

extern const Family kExaoneMoeFamily;
const Family kExaoneMoeFamily = {"ExaoneMoeForCausalLM", "exaone_moe", Read};

}  // namespace hlm
