// Mixtral: Mistral with experts in every layer; a softmax over all, normalised over the chosen.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 131072}, spec);
  ReadBalancing(config, 0.001, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 1e6})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.window = ReadWindow(config, true, std::nullopt).value_or(0);
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 8, .likely_chosen = 2});
  experts.router.normalize = true;
  const BlockSpec block = WithBodies(PreNormBlock(norm, attention, {}), {experts});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(block);
  spec.head.norm = norm;
  NameExperts(kBlockSparseMoe, names);
}

}  // namespace

extern const Family kMixtralFamily;
const Family kMixtralFamily = {"MixtralForCausalLM", "mixtral", Read};

}  // namespace hlm
