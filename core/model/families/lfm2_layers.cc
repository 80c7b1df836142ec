#include "core/model/families/lfm2_layers.h"

namespace hlm {

ShortConvSpec ReadShortConv(const ConfigValues& config, int64_t taps) {
  return {.taps = config.IntOr("conv_L_cache", taps, 1, 1 << 20), .bias = config.BoolOr("conv_bias", false)};
}

void NameLfm2Layers(const ModelSpec& spec, const ShortConvSpec& conv, ModelNames& names) {
  names.final_norm = "embedding_norm.weight";
  Rename(names, {{"attention.before", "operator_norm.weight"},
                 {"attention.q_norm", "self_attn.q_layernorm.weight"},
                 {"attention.k_norm", "self_attn.k_layernorm.weight"},
                 {"attention.o", "self_attn.out_proj.weight"},
                 {"mlp.before", "ffn_norm.weight"},
                 {"mlp.gate", "feed_forward.w1.weight"},
                 {"mlp.up", "feed_forward.w3.weight"},
                 {"mlp.down", "feed_forward.w2.weight"},
                 {"conv.before", "operator_norm.weight"},
                 {"conv.in", "conv.in_proj.weight"},
                 {"conv.in_bias", "conv.in_proj.bias"},
                 {"conv.conv_bias", "conv.conv.bias"},
                 {"conv.out", "conv.out_proj.weight"},
                 {"conv.out_bias", "conv.out_proj.bias"}});
  names.layer["conv.conv"] = {.path = "conv.conv.weight", .shape = {spec.hidden, 1, conv.taps}};
}

}  // namespace hlm
