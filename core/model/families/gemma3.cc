// Gemma 3 (text): Gemma 2 with norms of queries and keys, five sliding layers to a full one, and two rotary embeddings.
#include "core/model/families/common.h"
#include "core/model/families/gemmas.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, GemmaDefaults(4, 131072), spec);
  // Sliding layers first; files before transformers 5 have rope_theta and rope_scaling for the full ones alone.
  const RopeRules local{.theta = "rope_local_base_freq", .partial = nullptr, .scaling = false, .by_type = true};
  const RopeRules full{.partial = nullptr, .by_type = true};
  spec.ropes = {ReadRopeBy(local, config, sizes.head_dim, spec.max_positions, {}, "sliding_attention"),
                ReadRopeBy(full, config, sizes.head_dim, spec.max_positions, {.theta = 1e6}, "full_attention")};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6, true);
  AttentionSpec attention = GemmaAttention(config, sizes);
  attention.qk_norm.norm = norm;
  config.Take("attn_logit_softcapping");  // in the configuration, but not in the mathematics
  const MlpSpec mlp = GemmaMlp(config, sizes, "hidden_activation");
  config.Take("hidden_act");
  const int64_t window = config.IntOr("sliding_window", 4096, 1, kMostPositions);
  config.Take("_sliding_window_pattern");  // what transformers remembers of the next one, and does not read
  for (const bool slides : SlidingLayers(config, sizes.layers, config.IntOr("sliding_window_pattern", 6, 1, kMostLayers))) {
    attention.window = slides ? window : 0;
    attention.rope = slides ? 0 : 1;
    spec.AddLayer(PostNormBlock(norm, norm, attention, mlp));
  }
  ScaleByWidth(spec);
  spec.head.norm = norm;
  spec.head.softcap = ReadCap(config, "final_logit_softcapping", 0);
  Rename(names, {{"attention.after", "post_attention_layernorm.weight"},
                 {"mlp.before", "pre_feedforward_layernorm.weight"},
                 {"mlp.after", "post_feedforward_layernorm.weight"}});
}

}  // namespace

extern const Family kGemma3Family;
const Family kGemma3Family = {"Gemma3ForCausalLM", "gemma3_text", Read};

}  // namespace hlm
