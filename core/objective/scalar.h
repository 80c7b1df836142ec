// The scalar functions that the losses share, without overflow or lost digits.
#ifndef HORIZON_LM_CORE_OBJECTIVE_SCALAR_H_
#define HORIZON_LM_CORE_OBJECTIVE_SCALAR_H_

#include <cmath>

namespace hlm {

inline double Sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

// log sigmoid(x).
inline double LogSigmoid(double x) { return x >= 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x)); }

}  // namespace hlm

#endif  // HORIZON_LM_CORE_OBJECTIVE_SCALAR_H_
