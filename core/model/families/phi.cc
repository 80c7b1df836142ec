// Phi-1, Phi-1.5 and Phi-2: attention and MLP of one norm, biases everywhere.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.partial = 0.5, .odd = false})};
  const NormSpec norm = LayerNorm(config, "layer_norm_eps", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = true;
  if (config.BoolOr("qk_layernorm", false)) attention.qk_norm.norm = norm;
  const MlpSpec mlp{.intermediate = sizes.intermediate,
                    .function = ReadFunction(config, "hidden_act", Function::kGeluTanh),
                    .gated = false,
                    .in_bias = true,
                    .out_bias = true};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(ParallelBlock(norm, attention, mlp));
  spec.head.norm = norm;
  spec.head.bias = true;
  names.final_norm = "final_layernorm.weight";
  names.final_norm_bias = "final_layernorm.bias";
  Rename(names, {{"attention.before_bias", "input_layernorm.bias"},
                 {"attention.o", "self_attn.dense.weight"},
                 {"attention.o_bias", "self_attn.dense.bias"},
                 {"attention.q_norm", "self_attn.q_layernorm.weight"},
                 {"attention.q_norm_bias", "self_attn.q_layernorm.bias"},
                 {"attention.k_norm", "self_attn.k_layernorm.weight"},
                 {"attention.k_norm_bias", "self_attn.k_layernorm.bias"},
                 {"mlp.up", "mlp.fc1.weight"},
                 {"mlp.up_bias", "mlp.fc1.bias"},
                 {"mlp.down", "mlp.fc2.weight"},
                 {"mlp.down_bias", "mlp.fc2.bias"}});
}

}  // namespace

extern const Family kPhiFamily;
const Family kPhiFamily = {"PhiForCausalLM", "phi", Read};

}  // namespace hlm
