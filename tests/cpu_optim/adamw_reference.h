// AdamW in one thread, without oneDNN, in double where it does not change the meaning.
#ifndef HORIZON_LM_TESTS_CPU_OPTIM_ADAMW_REFERENCE_H_
#define HORIZON_LM_TESTS_CPU_OPTIM_ADAMW_REFERENCE_H_

#include <cmath>

#include "cpu_optim/optimizer.h"

namespace hlm {

inline void AdamWReference(const OptimizerOptions& options, const UpdateStep& step, int64_t n, double* weight,
                           double* first_moment, double* second_moment, const double* gradient, bool decay) {
  const double t = static_cast<double>(step.step);
  const double correction1 = 1.0 - std::pow(options.beta1, t);
  const double correction2_root = std::sqrt(1.0 - std::pow(options.beta2, t));
  for (int64_t i = 0; i < n; ++i) {
    const double g = step.gradient_scale * gradient[i];
    if (decay) weight[i] -= step.lr * options.weight_decay * weight[i];
    first_moment[i] = options.beta1 * first_moment[i] + (1.0 - options.beta1) * g;
    second_moment[i] = options.beta2 * second_moment[i] + (1.0 - options.beta2) * g * g;
    weight[i] -= step.lr / correction1 * first_moment[i] / (std::sqrt(second_moment[i]) / correction2_root + options.eps);
  }
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_CPU_OPTIM_ADAMW_REFERENCE_H_
