#include "core/cuda/tune.h"

#include <algorithm>
#include <vector>

#include "core/cuda/cuda_device.h"
#include "core/cuda/cuda_stream.h"
#include "core/cuda/product_forms.h"
#include "core/cuda/random_fill.h"

namespace hlm::cuda {

std::string TuneProducts(int index, const std::vector<Call>& calls) {
  std::vector<ProductForm> forms;
  for (const Call& call : calls) {
    const std::optional<ProductForm> form = FormOf(call);
    if (form && std::find(forms.begin(), forms.end(), *form) == forms.end()) forms.push_back(*form);
  }
  if (forms.empty()) return "";
  int64_t a = 0, b = 0, c = 0, widest = 0;  // the largest: elements of the operands, bytes of a result, elements of a bias
  for (const ProductForm& f : forms) {
    a = std::max(a, f.m * f.k);
    b = std::max(b, f.k * f.n);
    c = std::max(c, f.m * f.n * static_cast<int64_t>(SizeOf(f.c_type)));
    widest = std::max(widest, f.n);
  }
  const DType type = forms.front().type;
  const std::unique_ptr<Device> device = CreateCudaDevice(index, {});
  const std::unique_ptr<Stream> stream = device->CreateStream("tune");
  const cudaStream_t to = static_cast<CudaStream&>(*stream).get();
  const Buffer x = device->Allocate(static_cast<size_t>(a) * SizeOf(type)),
               y = device->Allocate(static_cast<size_t>(b) * SizeOf(type)), z = device->Allocate(static_cast<size_t>(c)),
               bias = device->Allocate(static_cast<size_t>(widest) * 4), workspace = device->Allocate(kProductWorkspaceBytes);
  // Random operands: a chip draws less power for zeros and runs faster.
  RandomFill(to, type, x.data(), a, 1);
  RandomFill(to, type, y.data(), b, 2);

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
