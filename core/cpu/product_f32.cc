#include <oneapi/dnnl/dnnl.h>

#include "core/base/error.h"
#include "core/cpu/product.h"

namespace hlm {

// oneDNN's matrix multiply in its oldest form: no primitive to make and keep, any strides, and the same JIT kernels that its
// matmul primitive runs on processors without matrix tiles.
bool TryProductF32(const ProductShape& s, const float* a, const float* b, bool accumulate, float* c) noexcept {
  return dnnl_sgemm(s.transpose_a ? 'T' : 'N', s.transpose_b ? 'T' : 'N', s.m, s.n, s.k, 1.0f, a, s.a_stride, b, s.b_stride,
                    accumulate ? 1.0f : 0.0f, c, s.c_stride) == dnnl_success;
}

void ProductF32(const ProductShape& shape, const float* a, const float* b, bool accumulate, float* c) {
  if (!TryProductF32(shape, a, b, accumulate, c)) {
    throw Internal("oneDNN refused the f32 product of shape m ", shape.m, ", n ", shape.n, ", k ", shape.k);
  }
}

}  // namespace hlm
