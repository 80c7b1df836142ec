// What Qwen3-Next and Qwen3.5 share: layers of the gated delta rule between layers of attention with an output gate.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_HYBRIDS_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_HYBRIDS_H_

#include <optional>
#include <vector>

#include "core/model/families/qwen_layers.h"

namespace hlm {

struct QwenHybridDefaults {
  int64_t kv_heads = 2;
  std::optional<int64_t> intermediate = std::nullopt;  // nothing: the key must be there
};

struct QwenHybrid {
  Sizes sizes;
  NormSpec norm;
  BlockSpec attends, recurs;  // each with a dense MLP
  std::vector<bool> full;     // [layers] whether it attends
};

// Sizes, the rotary embedding, the norm of the head, both blocks, and all names but those that the delta rule's first product has.
QwenHybrid ReadQwenHybrid(const ConfigValues& config, const QwenHybridDefaults& defaults, ModelSpec& spec, ModelNames& names);

// Qwen3.5's own names: that product as q, k and v in one tensor, z, b and a in one each; the prefix that its text class has on disk.
void NameApart(ModelNames& names);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_HYBRIDS_H_
