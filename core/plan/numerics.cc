#include "core/plan/numerics.h"

#include <cstdio>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/error.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

const char* MasterName(const Numerics& n) { return n.compute == DType::kF32 ? "f32" : n.remainder ? "split" : "none"; }
const char* Exactness(const Numerics& n) {
  if (n.compute == DType::kBF16 && !n.remainder) return "weights rounded";
  return n.states == StateType::kF32 ? "exact" : "moments rounded";
}

Numerics ChooseNumerics(const Plan& plan, const MachineSpec& machine) {
  const PlanOptions& o = plan.options;
  Numerics n;
  n.compute = o.compute;
  n.micro_batch_tokens = plan.micro_tokens;
  n.head_chunk = o.head_chunk;
  n.grad_dtype = *o.grad_dtype;
  n.algorithm = o.optimizer;
  n.states = o.states;
  n.remainder = o.compute == DType::kBF16 && o.remainder;
  n.threads = o.threads;
  n.libraries = machine.libraries;
  n.optimizer = OptimizerPath();
  return n;
}

std::string HashNumerics(const Numerics& n) {
  const std::string text = StrCat(Name(n.compute), "|", n.sweeps, "|", n.micro_batch_tokens, "|", n.head_chunk, "|", Name(n.grad_dtype), "|",
                                  Name(n.algorithm), "|", Name(n.states), "|", n.remainder, "|", n.threads, "|", n.libraries, "|", n.products, "|", n.workspace_bytes, "|", n.optimizer);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return digits;
}

}  // namespace hlm
