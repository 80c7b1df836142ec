// Llama (1 to 3.3, TinyLlama, and the many models that call themselves so).
#include "core/model/families/common.h"

#include "core/base/error.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048, .whole_heads = true}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  const NormSpec norm = RmsNorm(config);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(PreNormBlock(norm, attention, mlp));
  spec.head.norm = norm;

  // transformers ignores these here; a file that sets them was made for other code.
  if (const auto types = ReadLayerTypes(config, sizes.layers, {"full_attention", "sliding_attention"})) {
    for (const std::string& type : *types) {
      if (type != "full_attention") {
        throw Unimplemented(kConfig, ": layer_types = ", PrintableJson(config.Value("layer_types")),
                            " is not supported for LlamaForCausalLM, all of whose layers have full attention");
      }
    }
  }
  RefuseUnless(config, "sliding_window", Off::kNull, spec.architecture);
  RefuseUnless(config, "use_sliding_window", Off::kFalse, spec.architecture);
}

}  // namespace

extern const Family kLlamaFamily;
const Family kLlamaFamily = {"LlamaForCausalLM", "llama", Read};

}  // namespace hlm
