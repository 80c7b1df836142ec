// The fields of Numerics, once: JSON out and in and the hash are three visitors of this list. Internal to core/plan.
#ifndef HORIZON_LM_CORE_PLAN_NUMERICS_FIELDS_H_
#define HORIZON_LM_CORE_PLAN_NUMERICS_FIELDS_H_

#include <cstdint>

#include "core/plan/plan.h"

namespace hlm {

// A field that came later: written and hashed only where it is not `unset`, so that plans without it keep the hashes that they always
// had. `label`: before its value in the hash.
template <class T>
struct Later {
  const char* label;
  T unset;
};

// Visitor: Field(key, value, choices...) and LaterField(key, later, value, choices...), where a value that is an enumeration has its
// choices, and Master(key, numerics), which is said in words that two fields make. The order is the hash's.
template <class Visitor, class N>  // N: Numerics, const or not
void VisitFields(Visitor& visit, N& n) {
  visit.Field("compute", n.compute, DType::kF32, DType::kBF16);
  visit.Field("sweeps", n.sweeps);
  visit.Field("micro_batch_tokens", n.micro_batch_tokens);
  visit.Field("head_chunk", n.head_chunk);
  visit.Field("grad_dtype", n.grad_dtype, DType::kF32, DType::kBF16);
  visit.Field("algorithm", n.algorithm, Algorithm::kAdamW, Algorithm::kAdam, Algorithm::kSgd, Algorithm::kLion);
  visit.Field("states", n.states, StateType::kF32, StateType::kBF16, StateType::kInt8);
  visit.Master("master", n);
  visit.Field("threads", n.threads);
  visit.Field("libraries", n.libraries);
  visit.Field("products", n.products);
  visit.Field("workspace_bytes", n.workspace_bytes);
  visit.Field("optimizer", n.optimizer);
  visit.LaterField("reduction_groups", Later<int64_t>{"", 1}, n.reduction_groups);
  visit.LaterField("train_pad_row", Later<bool>{"pad row", false}, n.train_pad_row);
  auto& router = n.router;
  visit.LaterField("router_aux_loss_coef", Later<double>{"balance ", 0}, router.balance);
  visit.LaterField("router_aux_loss_scope", Later<BalanceScope>{"by ", BalanceScope::kStep}, router.scope, BalanceScope::kStep,
                   BalanceScope::kGroup, BalanceScope::kSequence);
  visit.LaterField("router_z_loss_coef", Later<double>{"z ", 0}, router.z);
  visit.LaterField("router_bias_rate", Later<double>{"bias rate ", 0}, router.bias_rate);
  visit.LaterField("unrouted", Later<Unrouted>{"unrouted ", Unrouted::kZero}, router.unrouted, Unrouted::kZero, Unrouted::kSkip);
  visit.LaterField("trained", Later<std::string>{"trained ", ""}, n.trained);
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_NUMERICS_FIELDS_H_
