// Tensors whose elements lie otherwise on disk than in the slab: transposed, or with their rows in another order.
#ifndef HORIZON_LM_CORE_MODEL_TENSOR_ORDER_H_
#define HORIZON_LM_CORE_MODEL_TENSOR_ORDER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/layers/declaration.h"
#include "core/model/layout.h"
#include "core/model/names.h"

namespace hlm {

// The tensor that these neighbours of one group are on disk.
TensorSpec MakeTensor(const std::vector<WeightMember>& members, const DiskName& name, const std::string& prefix);

// Reads elements [begin, begin + n) of one side, in its order.
using ElementReader = std::function<void(int64_t begin, int64_t n, float* out)>;

// Elements [begin, begin + n) in the slab's order from a reader in the disk's, and the other way round.
void SlabFromDisk(const TensorOrder& order, const ElementReader& disk, int64_t begin, int64_t n, float* out);
void DiskFromSlab(const TensorOrder& order, const ElementReader& slab, int64_t begin, int64_t n, float* out);

// The slab's element that is element `disk` of the file.
int64_t SlabIndex(const TensorOrder& order, int64_t disk);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_TENSOR_ORDER_H_
