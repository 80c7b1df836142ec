// What every part of a lane sees, and what it counts.
#ifndef HORIZON_LM_CORE_TRAIN_LANE_CONTEXT_H_
#define HORIZON_LM_CORE_TRAIN_LANE_CONTEXT_H_

#include <cstdint>

#include "core/model/layout.h"
#include "core/model/spec.h"
#include "core/plan/plan.h"
#include "core/stream/trace.h"

namespace hlm {

struct LaneContext {
  const ModelSpec& spec;
  const ModelLayout& layout;
  const Plan& plan;
  Trace& trace;
  int64_t lane = 0;  // number of the device in the plan

  const DevicePlan& device() const { return plan.devices[static_cast<size_t>(lane)]; }
  Trace::Row Row(Trace::Row row) const { return Trace::OfLane(row, lane); }
};

struct MoveCounters {
  int64_t up_bytes = 0, down_bytes = 0;
  int64_t peer_bytes = 0;           // from other devices
  int64_t uploads = 0, reused = 0;  // weights that came up, and that were still there
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_LANE_CONTEXT_H_
