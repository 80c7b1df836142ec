// Qwen3: Llama with a norm over each query and key head, and a window over some layers where it is switched on.
#include "core/model/families/common.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 32, .head_dim = 128, .max_positions = 32768}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  AddWindowedLayers(config, sizes, norm, attention, {.intermediate = sizes.intermediate}, spec);
}

}  // namespace

extern const Family kQwen3Family;
const Family kQwen3Family = {"Qwen3ForCausalLM", "qwen3", Read};

}  // namespace hlm
