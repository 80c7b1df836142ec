// Mistral 7B, Mistral-Nemo, Mistral-Small and Mistral-Large: Llama with a window over all layers, or none.
#include "core/model/families/common.h"

#include "core/base/error.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 131072}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const std::optional<int64_t> window = ReadWindow(config, true);
  AttentionSpec attention = Attention(sizes);
  attention.window = window.value_or(0);
  const NormSpec norm = RmsNorm(config);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;

  // transformers ignores layer_types here; a list that says otherwise is for other code.
  const std::string own = window ? "sliding_attention" : "full_attention";
  if (const auto types = ReadLayerTypes(config, sizes.layers, {"full_attention", "sliding_attention"})) {
    for (const std::string& type : *types) {
      if (type != own) {
        throw Unimplemented(kConfig, ": layer_types = ", PrintableJson(config.Value("layer_types")), " is not supported for ",
                            spec.architecture, " with sliding_window ", window ? StrCat(*window) : std::string("null"));
      }
    }
  }
}

}  // namespace

extern const Family kMistralFamily;
const Family kMistralFamily = {"MistralForCausalLM", "mistral", Read};

}  // namespace hlm
