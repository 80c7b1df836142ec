// Numbers that no folder has and none gets.
#ifndef HORIZON_LM_CORE_MODEL_NOT_FINITE_H_
#define HORIZON_LM_CORE_MODEL_NOT_FINITE_H_

#include <cstdint>

namespace hlm {

// The first element that is NaN or infinite; n where there is none.
int64_t FirstNotFinite(const float* values, int64_t n);

// Of such a number: "NaN", "infinity", "-infinity".
const char* NotFiniteName(float value);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_NOT_FINITE_H_
