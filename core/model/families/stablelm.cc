// StableLM: LayerNorm, heads that turn in part, and on request attention and MLP of one norm.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 4096}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.partial = 0.25, .odd = false})};
  const NormSpec norm = LayerNorm(config, "layer_norm_eps", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("use_qkv_bias", false);
  if (config.BoolOr("qk_layernorm", false)) {
    attention.qk_norm = {.norm = LayerNorm(config, "layer_norm_eps", 1e-5, false), .own_weights = true};
  }
  const bool parallel = config.BoolOr("use_parallel_residual", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .function = ReadFunction(config, "hidden_act", Function::kSilu)};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(parallel ? ParallelBlock(norm, attention, mlp) : PreNormBlock(norm, attention, mlp));
  }
  spec.head.norm = norm;
  Rename(names, {{"attention.before_bias", "input_layernorm.bias"},
                 {"mlp.before_bias", "post_attention_layernorm.bias"},
                 {"attention.q_norm", "self_attn.q_layernorm.norms.{}.weight"},
                 {"attention.k_norm", "self_attn.k_layernorm.norms.{}.weight"}});
}

}  // namespace

extern const Family kStableLmFamily;
const Family kStableLmFamily = {"StableLmForCausalLM", "stablelm", Read};

}  // namespace hlm
