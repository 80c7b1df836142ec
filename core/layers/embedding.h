// EmbeddingLayer: token ids to the first block's input, and the gradients of the tables.
//
//   x = norm(product(scale table[id]) + positions[position])     with or without product, positions and norm
//   side = sum_scale (norm(product(x)) + table_scale table[id])  where layers have inputs of their own (LayerInputsSpec)
//   side = x                                                     where later layers read the embedding again
//
// It declares what it needs as blocks do. Its backward pass makes again what it reads: a lookup costs next to nothing.
#ifndef HORIZON_LM_CORE_LAYERS_EMBEDDING_H_
#define HORIZON_LM_CORE_LAYERS_EMBEDDING_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/layers/declaration.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"
#include "core/layers/run.h"
#include "core/model/spec.h"

namespace hlm {

class EmbeddingLayer {
 public:
  explicit EmbeddingLayer(const ModelSpec& spec);

  const Declaration& declaration() const { return declaration_; }
  int64_t table() const { return table_; }  // offset in the slab; the table comes first
  // Whether more than the gradients of tables is to be made in the backward pass.
  bool reads_weights_backward() const { return Widens() || norm_.on() || inputs_on(); }
  int64_t table_elements() const { return vocab_ * width_; }

  void Forward(const BlockRun& run, void* y) const;
  // Adds to the accumulator, which holds zeros or the head's share of a tied matrix. dy may be changed.
  void Backward(const BlockRun& run, void* dy) const;

 private:
  bool Widens() const { return width_ != hidden_; }
  bool inputs_on() const { return spec_.layer_inputs.vocab > 0; }
  int64_t Inputs() const { return layers_ * spec_.layer_inputs.width; }  // a row of the side
  void DeclareInputs();
  void MakeX(const BlockRun& run, void* y) const;
  void MakeInputs(const BlockRun& run, const void* x) const;
  // dy is that of x, to which the inputs' share is added; x is made again.
  void InputsBackward(const BlockRun& run, void* dy) const;
  float Scale(DType type) const;
  void LookUp(const BlockRun& run, void* rows) const;
  void AddPositions(const BlockRun& run, void* x) const;
  void GiveSide(const BlockRun& run, const void* x) const;
  void TakeSide(const BlockRun& run, void* dy) const;

  EmbeddingSpec spec_;
  int64_t vocab_, hidden_, width_, layers_;
  Declaration declaration_;
  int64_t table_, positions_ = -1;  // weights
  LinearPart product_;
  NormPart norm_;
  int64_t rows_ = -1, sum_ = -1, drows_ = -1, again_ = -1;  // for a moment
  int64_t input_table_ = -1;                                // weights
  LinearPart input_product_;
  NormPart input_norm_;
  int64_t made_ = -1, dx_ = -1;  // for a moment
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_EMBEDDING_H_
