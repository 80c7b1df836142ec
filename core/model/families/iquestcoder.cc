// IQuest-Coder: Llama.
#include "core/model/families/llama_like.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .head_dim = 128, .max_positions = 131072, .whole_heads = true}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  AddLlamaLayers(config, sizes, 1e-5, spec);
  RefuseUnless(config, "clip_qkv", Off::kNull, spec.architecture);
}

}  // namespace

extern const Family kIQuestCoderFamily;
const Family kIQuestCoderFamily = {"IQuestCoderForCausalLM", "iquestcoder", Read, "LlamaForCausalLM"};

}  // namespace hlm
