// Rotary settings of configuration classes that do not read them as most do.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_ROPE_RULES_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_ROPE_RULES_H_

#include <optional>

#include "core/model/families/common.h"

namespace hlm {

struct RopeRules {
  const char* unsaid = "{}";  // the settings that the class assumes where a file has none
  // Keys beside the settings that say what these do not; nullptr: none does.
  const char* theta = "rope_theta";
  const char* partial = "partial_rotary_factor";
  bool beside_is_stale = false;  // the class writes them as well, and reads the settings
  bool partly = false;           // heads may turn in part; elsewhere transformers does not, and partial_rotary_factor is refused
  bool scaling = true;           // rope_scaling is another name of rope_parameters
  bool long_alone = false;       // default and longrope are all, of which the class takes yarn for another name
  bool by_type = false;          // rope_parameters count under the layer's type alone
  std::optional<int64_t> original_positions = std::nullopt;  // what stands beside the settings where a file has nothing there
};

RopeSpec ReadRopeBy(const RopeRules& rules, const ConfigValues& config, int64_t head_dim, int64_t max_positions,
                    const RopeDefaults& defaults = {}, const char* layer_type = nullptr);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_ROPE_RULES_H_
