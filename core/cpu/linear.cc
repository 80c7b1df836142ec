#include "core/cpu/linear.h"

#include "core/cpu/kernels.h"
#include "core/cpu/product.h"

namespace hlm {
namespace {

const float* F32(const void* data) { return static_cast<const float*>(data); }
const bf16_t* Bf16(const void* data) { return static_cast<const bf16_t*>(data); }

// y = bias + addend, for a product that is then added to it in fp32.
void Prefill(const LinearArgs& args) {
  if (args.bias == nullptr && (args.addend == nullptr || args.addend == args.y)) return;
  EpilogueArgs fill;
  fill.rows = args.tokens;
  fill.cols = fill.stride = args.out;
  fill.bias_type = args.type;
  fill.bias = args.bias;
  fill.y_type = args.y_type;
  fill.addend = args.addend;
  fill.y = args.y;
  EpilogueKernel(fill);
}

// oneDNN's own bf16 product, where the processor has the instructions and oneDNN the form.
bool TryNative(const ProductShape& shape, const void* a, const void* b, const void* bias, bool accumulate, DType c_type,
               void* c) {
  return NativeBf16Products() && MatmulProduct(shape, DType::kBF16, a, b, bias, accumulate, c_type, c);
}

}  // namespace

void RunLinear(const LinearArgs& args, float* scratch) {
  const ProductShape shape{args.tokens, args.out, args.in, false, true, args.in, args.in, args.out};
  const bool has_addend = args.addend != nullptr;
  if (args.type == DType::kF32) {
    Prefill(args);
    ProductF32(shape, F32(args.x), F32(args.w), args.bias != nullptr || has_addend, static_cast<float*>(args.y));
    return;
  }
  if (NativeBf16Products()) {
    if (has_addend && args.addend != args.y) CastKernel({args.y_type, args.y_type, args.tokens * args.out, args.addend, args.y});
    if (TryNative(shape, args.x, args.w, args.bias, has_addend, args.y_type, args.y)) return;
  }
  if (args.y_type == DType::kF32) {
    Prefill(args);
    ConvertedProduct(shape, Bf16(args.x), Bf16(args.w), args.bias != nullptr || has_addend, static_cast<float*>(args.y), scratch);
  } else {
    ConvertedRoundedProduct(shape, Bf16(args.x), Bf16(args.w), Bf16(args.bias), Bf16(args.addend), static_cast<bf16_t*>(args.y),
                            scratch);
  }
}

void RunLinearBackwardInput(const LinearBackwardInputArgs& args, float* scratch) {
  const ProductShape shape{args.tokens, args.in, args.out, false, false, args.out, args.in, args.in};
  if (args.type == DType::kF32) {
    ProductF32(shape, F32(args.dy), F32(args.w), false, static_cast<float*>(args.dx));
  } else if (!TryNative(shape, args.dy, args.w, nullptr, false, DType::kBF16, args.dx)) {
    ConvertedRoundedProduct(shape, Bf16(args.dy), Bf16(args.w), nullptr, nullptr, static_cast<bf16_t*>(args.dx), scratch);
  }
}

void RunLinearBackwardWeight(const LinearBackwardWeightArgs& args, float* scratch) {
  const ProductShape shape{args.out, args.in, args.tokens, true, false, args.out, args.in, args.in};
  if (args.type == DType::kF32) {
    ProductF32(shape, F32(args.dy), F32(args.x), args.accumulate, args.dw);
  } else if (!TryNative(shape, args.dy, args.x, nullptr, args.accumulate, DType::kF32, args.dw)) {
    ConvertedProduct(shape, Bf16(args.dy), Bf16(args.x), args.accumulate, args.dw, scratch);
  }
  if (args.dbias != nullptr) ColumnSumsKernel(args.type, args.dy, args.tokens, args.out, args.accumulate, args.dbias);
}

}  // namespace hlm
