// The products of cuBLASLt that the operations are made of: said once, for those who run them and those who tune them.
#ifndef HORIZON_LM_CORE_CUDA_PRODUCT_FORMS_H_
#define HORIZON_LM_CORE_CUDA_PRODUCT_FORMS_H_

#include <optional>

#include "core/cuda/products.h"
#include "core/device/ops.h"

namespace hlm::cuda {

// The library adds a bias of the result's own type only; another one is added behind the product.
inline bool BiasApart(const LinearArgs& a) { return a.bias != nullptr && a.y_type != a.type; }

inline ProductForm FormOf(const LinearArgs& a) {
  return {.type = a.type,
          .c_type = a.y_type,
          .m = a.tokens,
          .n = a.out,
          .k = a.in,
          .b_transposed = true,
          .bias = a.bias != nullptr && !BiasApart(a),
          .addend = a.addend != nullptr};
}
inline ProductForm FormOf(const LinearBackwardInputArgs& a) {
  return {.type = a.type, .c_type = a.type, .m = a.tokens, .n = a.in, .k = a.out};
}
inline ProductForm FormOf(const LinearBackwardWeightArgs& a) {
  return {
      .type = a.type, .c_type = DType::kF32, .m = a.out, .n = a.in, .k = a.tokens, .a_transposed = true, .addend = a.accumulate};
}

// The product of a call; none where it has none of cuBLASLt's.
inline std::optional<ProductForm> FormOf(const Call& call) {
  return std::visit(
      [](const auto& args) -> std::optional<ProductForm> {
        if constexpr (requires { FormOf(args).m; }) {
          return FormOf(args);
        } else {
          return std::nullopt;
        }
      },
      call);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_PRODUCT_FORMS_H_
