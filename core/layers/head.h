// HeadLayer: final norm, logits, loss and both gradients, chunk of rows by chunk. No logits tensor is ever whole.
//
//   normed = product(norm(x))                                with or without norm and product
//   logits = cap(scale (matrix normed + bias))
//
// It declares what it needs as blocks do. A tied matrix lies in the embedding's slab, which the head shares.
#ifndef HORIZON_LM_CORE_LAYERS_HEAD_H_
#define HORIZON_LM_CORE_LAYERS_HEAD_H_

#include <cstddef>
#include <cstdint>

#include "core/layers/declaration.h"
#include "core/layers/embedding.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"
#include "core/layers/run.h"
#include "core/model/spec.h"

namespace hlm {

class HeadLayer {
 public:
  // `embedding`: whose table is the matrix where they are tied.
  HeadLayer(const ModelSpec& spec, const EmbeddingLayer& embedding);

  const Declaration& declaration() const { return declaration_; }
  // Offsets in the slabs that they lie in; no bias: -1.
  int64_t matrix() const { return matrix_.weight % kSharedSlab; }
  int64_t bias() const { return matrix_.bias; }

  // Normed hidden states of the micro-batch, which everything below reads.
  void Norm(const BlockRun& run, const void* x) const;
  // Losses only.
  void Loss(const BlockRun& run) const;
  // Losses; the gradient of x goes to dx [tokens, hidden].
  void LossAndGradient(const BlockRun& run, const void* x, void* dx) const;
  // Logits of rows [row, row + rows), rows <= run.head_chunk; the place where they lie.
  const float* Logits(const BlockRun& run, int64_t row, int64_t rows) const;

 private:
  // Logits before scale and cap, which the loss applies itself.
  const float* Product(const BlockRun& run, int64_t row, int64_t rows) const;
  // Of a chunk of rows, whose logits it makes.
  CrossEntropyArgs LossOf(const BlockRun& run, int64_t row, int64_t rows) const;
  // The gradient of the states behind the norm goes on to that of x.
  void NormBackward(const BlockRun& run, const void* x, void* dx) const;
  std::byte* Row(const BlockRun& run, int64_t temporary, int64_t row) const {
    return run.Temp<std::byte>(temporary) + row * matrix_.in * static_cast<int64_t>(SizeOf(run.type));
  }

  HeadSpec spec_;
  int64_t hidden_;
  Declaration declaration_;
  NormPart norm_;
  LinearPart product_, matrix_;
  // Numbers of the tensors that it needs for a moment. `normed` is what the matrix reads; before a product that narrows it, it is wide.
  struct Temps {
    int64_t wide = -1, normed = -1, dwide = -1, dnormed = -1;
    int64_t logits = -1, dlogits = -1;
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_HEAD_H_
