#include "core/cuda/tune.h"

#include <algorithm>
#include <vector>

#include "core/cuda/cuda_device.h"
#include "core/cuda/cuda_stream.h"
#include "core/cuda/products.h"
#include "core/cuda/random_fill.h"

namespace hlm::cuda {
namespace {

struct Linear {
  int64_t tokens, in, out;
  bool bias, addend;
  DType y_type;
};

// The three products of a linear layer.
std::vector<ProductForm> FormsOf(DType type, const Linear& l) {
  std::vector<ProductForm> forms;
  forms.push_back({.type = type,
                   .c_type = l.y_type,
                   .m = l.tokens,
                   .n = l.out,
                   .k = l.in,
                   .b_transposed = true,
                   .bias = l.bias,
                   .addend = l.addend});
  forms.push_back({.type = type, .c_type = type, .m = l.tokens, .n = l.in, .k = l.out});
  for (const bool accumulate : {false, true}) {
    forms.push_back(
        {.type = type, .c_type = DType::kF32, .m = l.out, .n = l.in, .k = l.tokens, .a_transposed = true, .addend = accumulate});
  }
  return forms;
}

}  // namespace

std::string TuneProducts(int index, const OpShapes& s) {
  const int64_t query = s.heads * s.head_dim, qkv = query + 2 * s.kv_heads * s.head_dim;
  const std::vector<Linear> layers = {{s.tokens, s.hidden, qkv, s.qkv_bias, false, s.type},
                                      {s.tokens, query, s.hidden, false, true, s.type},
                                      {s.tokens, s.hidden, 2 * s.intermediate, false, false, s.type},
                                      {s.tokens, s.intermediate, s.hidden, false, true, s.type},
                                      {s.head_chunk, s.hidden, s.vocab, false, false, DType::kF32}};
  std::vector<ProductForm> forms;
  for (const Linear& layer : layers) {
    const auto more = FormsOf(s.type, layer);
    forms.insert(forms.end(), more.begin(), more.end());
  }
  int64_t a = 0, b = 0, c = 0;
  for (const ProductForm& f : forms) {
    a = std::max(a, f.m * f.k);
    b = std::max(b, f.k * f.n);
    c = std::max(c, f.m * f.n * static_cast<int64_t>(SizeOf(f.c_type)));
  }
  const std::unique_ptr<Device> device = CreateCudaDevice(index, {});
  const std::unique_ptr<Stream> stream = device->CreateStream("tune");
  const cudaStream_t to = static_cast<CudaStream&>(*stream).get();
  const Buffer x = device->Allocate(static_cast<size_t>(a) * SizeOf(s.type)),
               y = device->Allocate(static_cast<size_t>(b) * SizeOf(s.type)), z = device->Allocate(static_cast<size_t>(c)),
               bias = device->Allocate(static_cast<size_t>(std::max(qkv, s.vocab)) * 4),
               workspace = device->Allocate(kProductWorkspaceBytes);
  // Random operands: a chip draws less power for zeros and runs faster.
  RandomFill(to, s.type, x.data(), a, 1);
  RandomFill(to, s.type, y.data(), b, 2);

  Products products("");
  std::string text;
  for (const ProductForm& form : forms) {
    text += products.Tune(to, form, {.a = x.data(), .b = y.data(), .bias = bias.data(), .addend = z.data(), .c = z.data()},
                          workspace.data(), kProductWorkspaceBytes);
  }
  stream->Synchronize();
  return text;
}

}  // namespace hlm::cuda
