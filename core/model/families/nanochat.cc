// nanochat: norms without weights, behind the embedding too, and a rotary embedding that turns the other way round.
#include "core/base/error.h"
#include "core/model/families/common.h"
#include "core/model/families/gemmas.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .pad_token = 1}, spec);
  RopeSpec rope = ReadRope(config, sizes.head_dim, spec.max_positions);
  rope.reversed = true;
  spec.ropes = {rope};
  NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6);
  norm.weight = false;
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm = {.norm = norm, .after_rope = true};
  const MlpSpec mlp{
      .intermediate = sizes.intermediate, .function = ReadFunction(config, "hidden_act", Function::kRelu2), .gated = false};
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.embedding.norm = spec.head.norm = norm;
  spec.head.softcap = ReadCap(config, "final_logit_softcapping", 15);
  constexpr const char* kEarlier = "logits_soft_cap";  // the key's name in files of the hub, which the class does not read
  if (config.HasValue(kEarlier) && config.Real(kEarlier, 0, 1e9) != spec.head.softcap) {
    throw Unimplemented(kConfig, ": ", kEarlier, " = ", PrintableJson(config.Value(kEarlier)), " is not supported; the cap is ",
                        spec.head.softcap, " (final_logit_softcapping)");
  }
  Rename(names, {{"mlp.up", "mlp.fc1.weight"}, {"mlp.down", "mlp.fc2.weight"}});
}

}  // namespace

extern const Family kNanoChatFamily;
const Family kNanoChatFamily = {"NanoChatForCausalLM", "nanochat", Read};

}  // namespace hlm
