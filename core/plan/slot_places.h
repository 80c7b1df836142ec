// Which bytes each visit's weights take. Internal to core/plan; visits.h says by which rule.
#ifndef HORIZON_LM_CORE_PLAN_SLOT_PLACES_H_
#define HORIZON_LM_CORE_PLAN_SLOT_PLACES_H_

#include <vector>

#include "core/plan/visits.h"

namespace hlm {

// Fills in all of the uses but piece and bytes, which stand there. Any space will do that holds what one visit reads.
void AssignSlots(std::vector<Visit>& visits, const SlotSpace& space);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_SLOT_PLACES_H_
