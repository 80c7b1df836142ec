// EXAONE 3 and 3.5, as transformers has them: Llama.
#include "core/model/families/llama_like.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 4096, .pad_token = 0}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 500000.0})};
  AddLlamaLayers(config, sizes, 1e-5, spec);
}

}  // namespace

extern const Family kExaoneFamily;
const Family kExaoneFamily = {"ExaoneForCausalLM", "exaone", Read, "LlamaForCausalLM"};

}  // namespace hlm
