// What families with the gated delta rule share.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_DELTA_RULES_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_DELTA_RULES_H_

#include "core/base/error.h"
#include "core/model/families/common.h"

namespace hlm {

struct DeltaRuleDefaults {
  int64_t heads = 0, key_heads = 0, key_dim = 0;
  int64_t value_dim = 0;  // 0: twice key_dim
};

// linear_num_value_heads, linear_num_key_heads, linear_key_head_dim, linear_value_head_dim and linear_conv_kernel_dim.
inline DeltaRuleSpec ReadDeltaRule(const ConfigValues& config, const DeltaRuleDefaults& defaults) {
  const auto whole = [&](const char* key, int64_t fallback, int64_t most) {
    return config.HasValue(key) ? config.Int(key, 1, most) : fallback;
  };
  DeltaRuleSpec delta;
  delta.heads = whole("linear_num_value_heads", defaults.heads, kMostHeads);
  delta.key_heads = whole("linear_num_key_heads", defaults.key_heads, kMostHeads);
  delta.key_dim = whole("linear_key_head_dim", defaults.key_dim, kMostHeadDim);
  delta.value_dim = whole("linear_value_head_dim", defaults.value_dim > 0 ? defaults.value_dim : 2 * delta.key_dim, kMostHeadDim);
  delta.taps = config.IntOr("linear_conv_kernel_dim", 4, 1, 1 << 20);
  if (delta.heads % delta.key_heads != 0) {
    throw InvalidArgument(kConfig, ": linear_num_value_heads is ", delta.heads,
                          "; it must be a multiple of linear_num_key_heads, ", delta.key_heads);
  }
  return delta;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_DELTA_RULES_H_
