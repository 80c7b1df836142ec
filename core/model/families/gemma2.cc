// Gemma 2: norms before and behind each branch, soft caps, a window on every other layer.
#include "core/model/families/common.h"
#include "core/model/families/gemmas.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, GemmaDefaults(4, 8192), spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6, true);
  AttentionSpec attention = GemmaAttention(config, sizes);
  attention.softcap = ReadCap(config, "attn_logit_softcapping", 50);
  const MlpSpec mlp = GemmaMlp(config, sizes, "hidden_activation");
  config.Take("hidden_act");
  const int64_t window = config.IntOr("sliding_window", 4096, 1, kMostPositions);
  for (const bool slides : SlidingLayers(config, sizes.layers, 2)) {
    attention.window = slides ? window : 0;
    spec.AddLayer(PostNormBlock(norm, norm, attention, mlp));
  }
  ScaleByWidth(spec);
  spec.head.norm = norm;
  spec.head.softcap = ReadCap(config, "final_logit_softcapping", 30);
  Rename(names, {{"attention.after", "post_attention_layernorm.weight"},
                 {"mlp.before", "pre_feedforward_layernorm.weight"},
                 {"mlp.after", "post_feedforward_layernorm.weight"}});
}

}  // namespace

extern const Family kGemma2Family;
const Family kGemma2Family = {"Gemma2ForCausalLM", "gemma2", Read};

}  // namespace hlm
