// Qwen2 and Qwen2.5: Llama with biases on queries, keys and values, and a window over some layers where it is switched on.
#include "core/model/families/common.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 32, .max_positions = 32768}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = true;
  AddWindowedLayers(config, sizes, RmsNorm(config), attention, {.intermediate = sizes.intermediate}, spec);

  // There is always a bias on q, k and v.
  RefuseUnless(config, "attention_bias", Off::kTrue, spec.architecture);
  RefuseUnless(config, "qkv_bias", Off::kTrue, spec.architecture);
}

}  // namespace

extern const Family kQwen2Family;
const Family kQwen2Family = {"Qwen2ForCausalLM", "qwen2", Read};

}  // namespace hlm
