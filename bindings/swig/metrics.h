// Metrics of the ABI, and other small structs of numbers, as a list of their members: a call hands all over at once. VisitMembers
// names them in the header's order; a new member is a line here, and in the type of each language that holds them.
#ifndef HORIZON_LM_BINDINGS_SWIG_METRICS_H_
#define HORIZON_LM_BINDINGS_SWIG_METRICS_H_

#include <cstddef>
#include <cstdint>

#include "horizon_lm.h"

namespace hlm_bind {

template <class Visit>
void VisitMembers(const hlm_step_metrics& m, Visit&& visit) {
  visit(m.step);
  visit(m.loss);
  visit(m.grad_norm);
  visit(m.lr);
  visit(m.tokens);
  visit(m.seconds);
  visit(m.skipped);
  visit(m.skipped_units);
  visit(m.mean_token_accuracy);
  visit(m.entropy);
  visit(m.aux_loss);
  visit(m.router_z_loss);
  visit(m.expert_imbalance);
  visit(m.unrouted_experts);
}

template <class Visit>
void VisitMembers(const hlm_preference_metrics& m, Visit&& visit) {
  visit(m.loss);
  visit(m.reward_chosen);
  visit(m.reward_rejected);
  visit(m.accuracy);
  visit(m.margin);
  visit(m.logprob_chosen);
  visit(m.logprob_rejected);
  visit(m.sft);
  visit(m.pairs);
  visit(m.tokens);
}

template <class Visit>
void VisitMembers(const hlm_kto_metrics& m, Visit&& visit) {
  visit(m.loss);
  visit(m.kl);
  visit(m.reward_desirable);
  visit(m.reward_undesirable);
  visit(m.logprob_desirable);
  visit(m.logprob_undesirable);
  visit(m.desirable);
  visit(m.undesirable);
  visit(m.tokens);
}

template <class Visit>
void VisitMembers(const hlm_policy_metrics& m, Visit&& visit) {
  visit(m.loss);
  visit(m.policy);
  visit(m.kl);
  visit(m.entropy);
  visit(m.ratio);
  visit(m.least_ratio);
  visit(m.largest_ratio);
  visit(m.approx_kl);
  visit(m.clipped_low);
  visit(m.clipped_high);
  visit(m.clipped_dual);
  visit(m.importance);
  visit(m.weight);
  visit(m.tokens);
}

// Initialises a struct of metrics, of whatever type, to be written by a call.
struct EmptyMetrics {
  template <class T>
  operator T() const {
    T empty{};
    empty.struct_size = sizeof(T);
    return empty;
  }
};

// All as double, which holds whole numbers up to 2^53 exactly.
struct MetricValues {
  template <class T>
  explicit MetricValues(const T& metrics) {
    VisitMembers(metrics, [this](auto value) { values[count++] = static_cast<double>(value); });
  }
  double values[16];
  int count = 0;
};

}  // namespace hlm_bind

#endif  // HORIZON_LM_BINDINGS_SWIG_METRICS_H_
