// Youtu-LLM: DeepSeek V3's latent attention with dense MLPs.
#include <cmath>

#include "core/model/families/latent.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  // head_dim is the part that turns; hidden_size need not be a multiple of the heads.
  const Sizes sizes = ReadSizes(config, {.kv_heads = 16, .head_dim = 64, .max_positions = 131072, .tied = true}, spec);
  spec.initializer_range = config.HasValue("initializer_range") ? config.Real("initializer_range", 0.0, 1.0)
                                                                : 2 / std::sqrt(5 * static_cast<double>(spec.hidden));
  const NormSpec norm = RmsNorm(config);
  const LatentAttentionSpec attention = ReadLatentAttention(config, sizes.heads, {}, spec);
  for (int64_t layer = 0; layer < sizes.layers; ++layer)
    spec.AddLayer(LatentBlock(norm, attention, {.intermediate = sizes.intermediate}));
  spec.head.norm = norm;
  NameLatentAttention(names);
  names.clears_pad_row = true;
}

}  // namespace

extern const Family kYoutuFamily;
const Family kYoutuFamily = {"YoutuForCausalLM", "youtu", Read};

}  // namespace hlm
