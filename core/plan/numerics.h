// What fixes the bits of a run. Internal to core/plan.
#ifndef HORIZON_LM_CORE_PLAN_NUMERICS_H_
#define HORIZON_LM_CORE_PLAN_NUMERICS_H_

#include <string>

#include "core/io/json_writer.h"
#include "core/plan/plan.h"

namespace hlm {

Numerics ChooseNumerics(const Plan& plan, const MachineSpec& machine);  // all but sweeps and hash
void AdoptNumerics(const Numerics& match, PlanOptions& options);        // into what the options leave to the plan
void WriteNumerics(const Numerics& numerics, JsonWriter& json);
std::string HashNumerics(const Numerics& numerics);  // XXH3 of its fields, 16 hexadecimal digits

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_NUMERICS_H_
