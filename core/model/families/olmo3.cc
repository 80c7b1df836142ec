// OLMo 3: OLMo 2 with three sliding layers to a full one, and a rotary embedding for each type.
#include "core/model/families/common.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .pad_token = 1}, spec);
  // Sliding layers first; rope_theta and rope_scaling are those of the full ones alone.
  const RopeRules local{.theta = nullptr, .partial = nullptr, .scaling = false, .by_type = true};
  const RopeRules full{.partial = nullptr, .by_type = true};
  spec.ropes = {ReadRopeBy(local, config, sizes.head_dim, spec.max_positions, {.theta = 5e5}, "sliding_attention"),
                ReadRopeBy(full, config, sizes.head_dim, spec.max_positions, {.theta = 5e5}, "full_attention")};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm = {.norm = norm, .whole = true};
  const int64_t window = config.IntOr("sliding_window", 4096, 1, kMostPositions);
  for (const bool slides : SlidingLayers(config, sizes.layers, 4)) {
    attention.window = slides ? window : 0;
    attention.rope = slides ? 0 : 1;
    spec.AddLayer(PostNormBlock({}, norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
  Rename(names, {{"attention.after", "post_attention_layernorm.weight"}, {"mlp.after", "post_feedforward_layernorm.weight"}});
}

}  // namespace

extern const Family kOlmo3Family;
const Family kOlmo3Family = {"Olmo3ForCausalLM", "olmo3", Read};

}  // namespace hlm
