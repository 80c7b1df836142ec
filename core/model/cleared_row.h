// Weights in which one row of one tensor is zeros, whatever its file says.
#ifndef HORIZON_LM_CORE_MODEL_CLEARED_ROW_H_
#define HORIZON_LM_CORE_MODEL_CLEARED_ROW_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model/model.h"

namespace hlm {

class ClearedRow : public WeightSource {
 public:
  // `row` of the tensor that is called `name`, whose rows have `width` elements.
  ClearedRow(std::shared_ptr<const WeightSource> weights, std::string name, int64_t row, int64_t width)
      : weights_(std::move(weights)), name_(std::move(name)), begin_(row * width), end_(begin_ + width) {}

  void Read(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) const override;
  std::vector<CarriedTensor> Carried() const override { return weights_->Carried(); }
  std::optional<TensorForm> FormOf(const TensorSpec& tensor) const override { return weights_->FormOf(tensor); }
  void CheckPacking() const override { weights_->CheckPacking(); }

 private:
  std::shared_ptr<const WeightSource> weights_;
  std::string name_;
  int64_t begin_, end_;  // elements of the tensor
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_CLEARED_ROW_H_
