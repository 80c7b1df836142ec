// Qwen1.5-MoE and Qwen2-MoE: a shared expert beside the others, times the sigmoid of a product.
#include "core/model/families/mixture.h"
#include "core/model/families/qwen_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 16, .max_positions = 32768}, spec);
  ReadBalancing(config, 0.001, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("qkv_bias", true);
  // One expert that every token chooses, with the sigmoid of its logit.
  ExpertsSpec shared{.count = 1, .chosen = 1, .shared = true};
  shared.intermediate = config.IntOr("shared_expert_intermediate_size", 5632, 1, kMostIntermediate);
  shared.router.score = RouterScore::kSigmoid;
  AddQwenLayers(config, sizes, norm, attention,
                ReadQwenExperts(config, {.likely_count = 60, .likely_chosen = 4, .likely_width = 1408}, spec), {shared}, spec);
  NameExperts({.shared = "mlp.shared_expert"}, names);
  Rename(names, {{"shared.router", "mlp.shared_expert_gate.weight"}});
}

}  // namespace

extern const Family kQwen2MoeFamily;
const Family kQwen2MoeFamily = {"Qwen2MoeForCausalLM", "qwen2_moe", Read};

}  // namespace hlm
