// The rank of the product that makes a selective scan's steps.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_SCAN_RANK_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_SCAN_RANK_H_

#include "core/model/families/common.h"

namespace hlm {

// "auto", or without the key: a 16th of the width, rounded up.
inline int64_t ReadScanRank(const ConfigValues& config, const char* key, int64_t hidden) {
  if (!config.HasValue(key) || config.Value(key).IsText("auto")) return (hidden + 15) / 16;
  return config.Int(key, 1, kMostIntermediate);
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_SCAN_RANK_H_
