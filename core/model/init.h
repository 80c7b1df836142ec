// Weights from a seed.
#ifndef HORIZON_LM_CORE_MODEL_INIT_H_
#define HORIZON_LM_CORE_MODEL_INIT_H_

#include <cstdint>

#include "core/model/model.h"

namespace hlm {

// Matrices are normal(0, initializer_range), norms 1, biases 0. Element i of a tensor is element i of the normal stream
// RandomKey(seed, tensor name), so the same seed gives the same model whatever order, part or thread draws it.
class SeededWeights : public WeightSource {
 public:
  SeededWeights(int64_t seed, double initializer_range) : seed_(seed), range_(initializer_range) {}

  void Read(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) const override;

 private:
  int64_t seed_;
  double range_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_INIT_H_
