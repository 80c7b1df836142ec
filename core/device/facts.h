// The facts of a call: what it touches, and how much work it is. Said once for every device, together with the checks of its
// arguments; mistakes there are our own code's: INTERNAL, with the argument and its value.
#ifndef HORIZON_LM_CORE_DEVICE_FACTS_H_
#define HORIZON_LM_CORE_DEVICE_FACTS_H_

#include "core/device/access.h"
#include "core/device/ops.h"

namespace hlm {

struct OpFacts {
  const char* operation = "";  // "Linear"
  AccessList accesses;         // "Linear.x" and so on, in the order of the arguments; not the workspace
  double product_flops = 0;    // of matrix products, attention's among them: a multiplication and an addition are two
  double moved_bytes = 0;      // read and written by work that is no product
};

// Throws INTERNAL where a call's arguments are wrong: a type that is none, a size below 1, an array that is missing, or a range
// that is written and is also another argument's, where the operation does not say that it may be.
OpFacts FactsOf(const Call& call);

#define HLM_FACTS(Name) OpFacts FactsOf(const Name##Args& args);
HLM_OPERATIONS(HLM_FACTS)
#undef HLM_FACTS

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_FACTS_H_
