// GPT-2's names of sizes, which its kin share.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_GPT2_SIZES_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_GPT2_SIZES_H_

#include "core/model/families/common.h"

namespace hlm {

// What the configuration class assumes where a key is missing.
struct Gpt2Defaults {
  int64_t hidden = 768, layers = 12, heads = 12, positions = 1024;
};

// Reads n_embd, n_layer, n_head, n_inner and n_positions, or the names that other families have for them.
Sizes ReadGpt2Sizes(const ConfigValues& config, ModelSpec& spec, const Gpt2Defaults& defaults = {});
// The MLP, by activation_function.
MlpSpec Gpt2Mlp(const ConfigValues& config, const Sizes& sizes);
// The names of the blocks' tensors, but for those of the fused product.
void NameGpt2(ModelNames& names);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_GPT2_SIZES_H_
