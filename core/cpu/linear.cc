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

}  // namespace

void RunLinear(const LinearArgs& args, float* scratch) {
  const ProductShape shape{args.tokens, args.out, args.in, false, true, args.in, args.in, args.out};
  if (args.type == DType::kBF16 && NativeBf16Products()) {
    if (args.addend != nullptr && args.addend != args.y) {
      CastKernel({args.y_type, args.y_type, args.tokens * args.out, args.addend, args.y});
    }
    MatmulProduct(shape, args.type, args.x, args.w, args.bias, args.addend != nullptr, args.y_type, args.y);
  } else if (args.y_type == DType::kF32) {
    Prefill(args);
    const bool accumulate = args.bias != nullptr || args.addend != nullptr;
    float* y = static_cast<float*>(args.y);
    if (args.type == DType::kF32) {
      ProductF32(shape, F32(args.x), F32(args.w), accumulate, y);
    } else {
      ConvertedProduct(shape, Bf16(args.x), Bf16(args.w), accumulate, y, scratch);
    }
  } else {
    ConvertedRoundedProduct(shape, Bf16(args.x), Bf16(args.w), Bf16(args.bias), Bf16(args.addend), static_cast<bf16_t*>(args.y), scratch);
  }
}

void RunLinearBackwardInput(const LinearBackwardInputArgs& args, float* scratch) {
  const ProductShape shape{args.tokens, args.in, args.out, false, false, args.out, args.in, args.in};
  if (args.type == DType::kF32) {
    ProductF32(shape, F32(args.dy), F32(args.w), false, static_cast<float*>(args.dx));
  } else if (NativeBf16Products()) {
    MatmulProduct(shape, args.type, args.dy, args.w, nullptr, false, DType::kBF16, args.dx);
  } else {
    ConvertedRoundedProduct(shape, Bf16(args.dy), Bf16(args.w), nullptr, nullptr, static_cast<bf16_t*>(args.dx), scratch);
  }
}

void RunLinearBackwardWeight(const LinearBackwardWeightArgs& args, float* scratch) {
  const ProductShape shape{args.out, args.in, args.tokens, true, false, args.out, args.in, args.in};
  if (args.type == DType::kF32) {
    ProductF32(shape, F32(args.dy), F32(args.x), args.accumulate, args.dw);
  } else if (NativeBf16Products()) {
    MatmulProduct(shape, args.type, args.dy, args.x, nullptr, args.accumulate, DType::kF32, args.dw);
  } else {
    ConvertedProduct(shape, Bf16(args.dy), Bf16(args.x), args.accumulate, args.dw, scratch);
  }
  if (args.dbias != nullptr) ColumnSumsKernel(args.type, args.dy, args.tokens, args.out, args.accumulate, args.dbias);
}

}  // namespace hlm
