// One matrix product on oneDNN, in the forms that the device uses. All run on the calling thread's OpenMP team (alone inside a
// parallel region) and give the same bits for the same shape, strides and team.
#ifndef HORIZON_LM_CORE_CPU_PRODUCT_H_
#define HORIZON_LM_CORE_CPU_PRODUCT_H_

#include <cstddef>
#include <cstdint>

#include "core/base/dtype.h"

namespace hlm {

// c[m, n] = sum over k of A B, where A is a[m, k], or a[k, m] transposed, and B is b[k, n], or b[n, k] transposed. Strides are
// those of the rows as stored.
struct ProductShape {
  int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  int64_t a_stride = 0, b_stride = 0, c_stride = 0;
};

// c = A B, or c += A B. Throws INTERNAL where oneDNN does.
void ProductF32(const ProductShape& shape, const float* a, const float* b, bool accumulate, float* c);
// The same inside a parallel region, where nothing may throw; false on failure.
bool TryProductF32(const ProductShape& shape, const float* a, const float* b, bool accumulate, float* c) noexcept;

// bf16 operands, fp32 result, by converting panels of the operands to float and multiplying those. `scratch` holds
// ConvertedProductFloats(m, n, k) floats; the bound never falls with m, n or k.
size_t ConvertedProductFloats(int64_t m, int64_t n, int64_t k);
void ConvertedProduct(const ProductShape& shape, const bf16_t* a, const bf16_t* b, bool accumulate, float* c, float* scratch);

// The same with a bf16 result y = A B (+ bias) (+ addend), rounded once. y and addend have rows c_stride apart; addend may be y.
// `scratch` holds ConvertedRoundedProductFloats(m, n, k) floats.
size_t ConvertedRoundedProductFloats(int64_t m, int64_t n, int64_t k);
void ConvertedRoundedProduct(const ProductShape& shape, const bf16_t* a, const bf16_t* b, const bf16_t* bias,
                             const bf16_t* addend, bf16_t* y, float* scratch);

// Whether oneDNN multiplies bf16 by the processor's own instructions.
bool NativeBf16Products();

// By oneDNN's matmul primitive, for f32 or bf16 operands: c = A B (+ bias) (+ c), c and bias of their types, rounded once. False,
// and nothing done, where oneDNN has no such product on this processor. Primitives are made at the first call of a shape on a
// thread and kept.
bool MatmulProduct(const ProductShape& shape, DType type, const void* a, const void* b, const void* bias, bool accumulate,
                   DType c_type, void* c);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_PRODUCT_H_
