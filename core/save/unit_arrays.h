// The state of a unit as the arrays that a checkpoint holds: part by part its weights and, where it trains, remainders, moments and their
// scales.
#ifndef HORIZON_LM_CORE_SAVE_UNIT_ARRAYS_H_
#define HORIZON_LM_CORE_SAVE_UNIT_ARRAYS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "core/plan/plan.h"
#include "core/save/writer.h"
#include "core/store/lease.h"

namespace hlm {

// Those of a piece, without their data. Parts are numbered through the unit, however it is cut into pieces. `rank`: what it writes of
// them, where states are sharded.
std::vector<CheckpointArray> PieceArrays(const Plan& plan, int64_t piece, std::optional<int64_t> rank = std::nullopt);

// Points them at where they lie in the store; good while the lease lives.
void PointInto(const StateLease& lease, std::vector<CheckpointArray>& arrays);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_UNIT_ARRAYS_H_
