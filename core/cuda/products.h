// Matrix products by cuBLASLt. A form (types, shape, transposes, epilogue) is prepared at its first use and kept.
//
// The algorithm of a form is the library's first choice, or one that Tune found faster; which one is part of a plan's numerics.
// No algorithm may split a sum into parts that are added in a type narrower than fp32.
#ifndef HORIZON_LM_CORE_CUDA_PRODUCTS_H_
#define HORIZON_LM_CORE_CUDA_PRODUCTS_H_

#include <cuda_runtime_api.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/dtype.h"

namespace hlm::cuda {

// c[m, n] = op(a)[m, k] op(b)[k, n] (+ bias[n]) (+ addend[m, n]), all row-major and dense; fp32 sums, rounded once to c_type.
struct ProductForm {
  DType type = DType::kF32;    // of a, b and bias
  DType c_type = DType::kF32;  // of c and addend
  int64_t m = 0, n = 0, k = 0;
  bool a_transposed = false;  // a is stored [k, m]
  bool b_transposed = false;  // b is stored [n, k]
  bool bias = false, addend = false;
  auto operator<=>(const ProductForm&) const = default;
};

struct ProductOperands {
  const void *a = nullptr, *b = nullptr, *bias = nullptr, *addend = nullptr;
  void* c = nullptr;  // may equal addend
};

class Products {
 public:
  explicit Products(const std::string& algorithms);  // as Tune returned them, or empty
  ~Products();
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

  void Run(cudaStream_t stream, const ProductForm& form, const ProductOperands& operands, void* workspace,
           size_t workspace_bytes);

  // Times the library's proposals for a form on the operands given and returns the fastest one as text ("form=algorithm"), whose
  // lines together are what the constructor takes. Blocks. Empty where the first proposal is the fastest, within the scatter.
  std::string Tune(cudaStream_t stream, const ProductForm& form, const ProductOperands& operands, void* workspace,
                   size_t workspace_bytes);

  static std::string Version();  // "cuBLASLt 13.1.0"

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What every product may take of the workspace.
inline constexpr size_t kProductWorkspaceBytes = size_t{64} << 20;

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_PRODUCTS_H_
