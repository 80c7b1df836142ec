// Command R: attention and MLP of one norm, pairs of neighbours turn, scaled logits.
#include "core/model/families/common.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 8192, .tied = true, .pad_token = 0}, spec);
  config.Take("position_embedding_type");  // "rope_gptj": in pairs, as it is anyway
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 5e5, .interleaved = true})};
  const NormSpec norm = LayerNorm(config, "layer_norm_eps", 1e-5, false);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  if (config.BoolOr("use_qk_norm", false)) attention.qk_norm = {.norm = norm, .own_weights = true};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(ParallelBlock(norm, attention, {.intermediate = sizes.intermediate}));
  }
  RefuseUnless(config, "use_parallel_block", Off::kTrue, spec.architecture);
  RefuseUnless(config, "use_gated_activation", Off::kTrue, spec.architecture);
  spec.head.norm = norm;
  spec.head.scale = config.RealOr("logit_scale", 0.0625, 1e-9, 1e9);
}

}  // namespace

extern const Family kCohereFamily;
const Family kCohereFamily = {"CohereForCausalLM", "cohere", Read};

}  // namespace hlm
