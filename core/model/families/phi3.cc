// Phi-3, Phi-3.5, Phi-4 and Phi-4-mini: Llama with fused matrices on disk, longrope, and heads that turn in part.
#include "core/model/families/common.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 4096, .pad_token = 32000}, spec);
  spec.ropes = {
      ReadRopeBy({.partly = true, .long_alone = true, .original_positions = 4096}, config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.window = ReadWindow(config, true, std::nullopt).value_or(0);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
  Rename(names, {{"attention.qkv", "self_attn.qkv_proj.weight"}, {"mlp.gate_up", "mlp.gate_up_proj.weight"}});
}

}  // namespace

extern const Family kPhi3Family;
const Family kPhi3Family = {"Phi3ForCausalLM", "phi3", Read};

}  // namespace hlm
