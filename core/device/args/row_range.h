// Some of an operation's rows, which are known when it runs.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_ROW_RANGE_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_ROW_RANGE_H_

#include <cstdint>

namespace hlm {

// Rows [offsets[first], offsets[end]) alone, other rows of what is written stay as they are; offsets null: all rows. The offsets lie
// where the operation runs: those of sorted experts (SortChoices), of whom one group is computed at a time.
struct RowRange {
  const int32_t* offsets = nullptr;
  int64_t first = 0, end = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_ROW_RANGE_H_
