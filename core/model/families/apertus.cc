// Apertus: norms of queries and keys, xIELU with two learnt numbers a layer.
#include "core/model/families/common.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

constexpr RopeRules kRope{.unsaid = R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192, "rope_theta": 12000000.0})"};

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 65536, .pad_token = 3}, spec);
  spec.ropes = {ReadRopeBy(kRope, config, sizes.head_dim, spec.max_positions, {.theta = 12e6})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  RefuseUnless(config, "qk_norm", Off::kTrue, spec.architecture);
  RefuseUnless(config, "post_norm", Off::kFalse, spec.architecture);
  const MlpSpec mlp{
      .intermediate = sizes.intermediate, .function = ReadFunction(config, "hidden_act", Function::kXielu), .gated = false};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;
  Rename(names, {{"attention.before", "attention_layernorm.weight"},
                 {"mlp.before", "feedforward_layernorm.weight"},
                 {"mlp.alpha_p", "mlp.act_fn.alpha_p"},
                 {"mlp.alpha_n", "mlp.act_fn.alpha_n"},
                 {"mlp.beta", "mlp.act_fn.beta"},
                 {"mlp.epsilon", "mlp.act_fn.eps"}});
  names.layer["mlp.beta"].scalar = names.layer["mlp.epsilon"].scalar = true;
}

}  // namespace

extern const Family kApertusFamily;
const Family kApertusFamily = {"ApertusForCausalLM", "apertus", Read};

}  // namespace hlm
