// Columns of rows that one product made for several readers.
#ifndef HORIZON_LM_CORE_LAYERS_PLACE_H_
#define HORIZON_LM_CORE_LAYERS_PLACE_H_

#include <cstddef>

#include "core/layers/run.h"

namespace hlm {

// The columns from `place` on of rows of `width` elements.
inline MutableView Columns(const BlockRun& run, void* rows, int64_t width, int64_t place) {
  return {static_cast<std::byte*>(rows) + place * static_cast<int64_t>(SizeOf(run.type)), width};
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_PLACE_H_
