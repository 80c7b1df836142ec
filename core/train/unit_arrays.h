// The state of a unit as the arrays that a checkpoint holds: part by part its weights, remainders, moments and their scales.
#ifndef HORIZON_LM_CORE_TRAIN_UNIT_ARRAYS_H_
#define HORIZON_LM_CORE_TRAIN_UNIT_ARRAYS_H_

#include <cstdint>
#include <vector>

#include "core/checkpoint/writer.h"
#include "core/plan/plan.h"
#include "core/store/store.h"

namespace hlm {

// Where they lie in the store now. Parts are numbered through the unit, however it is cut into pieces.
std::vector<CheckpointArray> PieceArrays(const Plan& plan, const ParameterStore& store, int64_t piece);
std::vector<CheckpointArray> UnitArrays(const Plan& plan, const ParameterStore& store, int64_t unit);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_UNIT_ARRAYS_H_
