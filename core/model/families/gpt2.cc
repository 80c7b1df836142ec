// GPT-2: learnt positions, and products whose matrices lie transposed on disk.
#include "core/model/families/common.h"

#include <cmath>

#include "core/model/families/gpt2_sizes.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadGpt2Sizes(config, spec);
  const NormSpec norm = LayerNorm(config, "layer_norm_epsilon", 1e-5, true);
  AttentionSpec attention = Attention(sizes);
  attention.rope = -1;
  attention.qkv_bias = attention.o_bias = true;
  const double scale = config.BoolOr("scale_attn_weights", true) ? 1 / std::sqrt(static_cast<double>(sizes.head_dim)) : 1.0;
  const bool by_layer = config.BoolOr("scale_attn_by_inverse_layer_idx", false);
  const MlpSpec mlp = Gpt2Mlp(config, sizes);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    attention.scale = by_layer ? scale / static_cast<double>(layer + 1) : scale;
    spec.AddLayer(PreNormBlock(norm, attention, mlp));
  }
  spec.head.norm = norm;
  NameGpt2(names);
  names.layer["attention.qkv"] = {"attn.c_attn.weight", RowOrder::kTransposed};
  names.layer["attention.qkv_bias"] = {"attn.c_attn.bias"};
  for (const char* role : {"attention.o", "mlp.up", "mlp.down"}) names.layer[role].order = RowOrder::kTransposed;
}

}  // namespace

extern const Family kGpt2Family;
const Family kGpt2Family = {"GPT2LMHeadModel", "gpt2", Read};

}  // namespace hlm
