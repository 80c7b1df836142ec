// HeadTemplate: final norm, logits, loss and both gradients, chunk of rows by chunk. No logits tensor is ever whole.
#ifndef HORIZON_LM_CORE_LAYERS_HEAD_H_
#define HORIZON_LM_CORE_LAYERS_HEAD_H_

#include <cstddef>
#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/ops.h"
#include "core/layers/micro.h"
#include "core/layers/norm.h"
#include "core/model/spec.h"

namespace hlm {

// The head's weights and gradients lie in one slab, or in two where the embedding's matrix is shared.
struct HeadWeights {
  const std::byte* norm = nullptr;       // [hidden]
  const std::byte* norm_bias = nullptr;  // [hidden], or null
  const std::byte* product = nullptr;    // [width, hidden], where the matrix is narrower than the model; or null
  const std::byte* matrix = nullptr;     // [vocab, hidden or width]
  const std::byte* bias = nullptr;       // [vocab], or null
};
struct HeadGradients {
  float* norm = nullptr;
  float* norm_bias = nullptr;
  float* product = nullptr;
  float* matrix = nullptr;  // null where neither it nor the bias trains
  float* bias = nullptr;
  bool accumulate = false;
};

// The head's buffers for one micro-batch: normed states and their gradient, rstd, one chunk of logits and of their gradient. `normed`
// is what the matrix reads; before a product that narrows it, it is called wide.
struct HeadLayout {
  int64_t normed, dnormed, wide, dwide, mean, rstd, logits, dlogits;
  int64_t total = 0;
};
HeadLayout MakeHeadLayout(const ModelSpec& spec, DType type, int64_t tokens, int64_t chunk, bool backward);

class HeadTemplate {
 public:
  // `buffers`: the head's range of the device arena, laid out by `layout`.
  HeadTemplate(const ModelSpec& spec, DType type, int64_t chunk, const HeadLayout& layout, std::byte* buffers)
      : spec_(spec), type_(type), chunk_(chunk), at_(layout), buffers_(buffers) {}

  // Normed hidden states of the micro-batch, which everything below reads.
  void Norm(Ops& ops, Stream& stream, const HeadWeights& w, const MicroView& micro, const void* x) const;

  // Losses only.
  void Loss(Ops& ops, Stream& stream, const HeadWeights& w, const MicroView& micro) const;

  // Losses; the gradient of x goes to dx [tokens, hidden].
  void LossAndGradient(Ops& ops, Stream& stream, const HeadWeights& w, const MicroView& micro, const void* x, void* dx,
                       const HeadGradients& g) const;

  // Logits of rows [row, row + rows), rows <= chunk; the place where they lie.
  const float* Logits(Ops& ops, Stream& stream, const HeadWeights& w, int64_t row, int64_t rows) const;

  int64_t chunk() const { return chunk_; }

 private:
  // Logits before scale and cap, which the loss applies itself.
  const float* Product(Ops& ops, Stream& stream, const HeadWeights& w, int64_t row, int64_t rows) const;
  NormCall Call(const HeadWeights& w, const MicroView& micro, const HeadGradients& g) const;
  int64_t Width() const { return spec_.head.width > 0 ? spec_.head.width : spec_.hidden; }
  std::byte* NormedRow(int64_t row) const { return buffers_ + at_.normed + row * Width() * static_cast<int64_t>(SizeOf(type_)); }
  std::byte* NormedGradientRow(int64_t row) const {
    return buffers_ + at_.dnormed + row * Width() * static_cast<int64_t>(SizeOf(type_));
  }
  // The gradient of the states behind the norm goes on to that of x.
  void NormBackward(Ops& ops, Stream& stream, const HeadWeights& w, const MicroView& micro, const void* x, void* dx,
                    const HeadGradients& g) const;

  const ModelSpec& spec_;
  DType type_;
  int64_t chunk_;
  HeadLayout at_;
  std::byte* buffers_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_HEAD_H_
