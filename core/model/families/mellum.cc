// Mellum 2: Qwen3's experts, with full and sliding layers that each have a rotary embedding of their own.
#include "core/model/families/qwen_layers.h"
#include "core/model/families/rope_rules.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 4, .head_dim = 128, .max_positions = 131072, .intermediate = 7168}, spec);
  ReadBalancing(config, 0.001, spec);
  constexpr const char* kFull = "full_attention";
  constexpr const char* kSliding = "sliding_attention";
  const RopeRules rules{.theta = nullptr, .partial = nullptr};
  spec.ropes = {ReadRopeBy(rules, config, sizes.head_dim, spec.max_positions, {.theta = 5e5}, kFull),
                ReadRopeBy(rules, config, sizes.head_dim, spec.max_positions, {.theta = 1e4}, kSliding)};
  config.Take("partial_rotary_factor");  // no key beside the settings counts
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  const ExpertsSpec experts = ReadQwenExperts(
      config, {.count = {"num_local_experts", "num_experts"}, .likely_count = 64, .likely_chosen = 8, .likely_width = 896}, true);
  const std::optional<int64_t> window = ReadWindow(config, true, 1024);
  const std::vector<bool> slides = SlidingLayers(config, sizes.layers, 0), sparse = SparseLayers(config, sizes.layers, 0);
  for (size_t layer = 0; layer < slides.size(); ++layer) {
    attention.window = WindowOf(static_cast<int64_t>(layer), slides[layer], window);
    attention.rope = slides[layer] ? 1 : 0;
    const BlockSpec dense = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate});
    spec.AddLayer(sparse[layer] ? WithBodies(dense, {experts}) : dense);
  }
  spec.head.norm = norm;
  for (const char* key : {"num_mtp_layers", "num_nextn_predict_layers"}) config.Take(key);
  names.carried_prefixes.push_back("mtp.");  // what predicts further tokens, which transformers does not read
  NameExperts({}, names);
}

}  // namespace

extern const Family kMellumFamily;
const Family kMellumFamily = {"MellumForCausalLM", "mellum", Read};

}  // namespace hlm
