// Gemma 1.
#include "core/model/families/common.h"
#include "core/model/families/gemmas.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, GemmaDefaults(16, 8192), spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  MlpSpec mlp = GemmaMlp(config, sizes, "hidden_act");
  // What its first files call gelu is the approximation.
  if (mlp.function == Function::kGelu) mlp.function = Function::kGeluTanh;
  config.Take("hidden_activation");
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  ScaleByWidth(spec);
  spec.head.norm = norm;
}

}  // namespace

extern const Family kGemmaFamily;
const Family kGemmaFamily = {"GemmaForCausalLM", "gemma", Read};

}  // namespace hlm
