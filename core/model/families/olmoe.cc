// OLMoE: norms over all queries and keys at once; a softmax over all experts, not normalised unless the config says so.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 4096, .pad_token = 1}, spec);
  ReadBalancing(config, 0.01, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm = {.norm = norm, .whole = true};
  attention.clip = config.HasValue("clip_qkv") ? config.Real("clip_qkv", 1e-9, 1e9) : 0;
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 64, .likely_chosen = 8});
  experts.router.normalize = config.BoolOr("norm_topk_prob", false);
  const BlockSpec block = WithBodies(PreNormBlock(norm, attention, {}), {experts});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  NameExperts({}, names);
}

}  // namespace

extern const Family kOlmoeFamily;
const Family kOlmoeFamily = {"OlmoeForCausalLM", "olmoe", Read};

}  // namespace hlm
