// EmbeddingLayer: token ids to the first block's input, and the gradients of the tables.
//
//   x = norm(product(scale table[id]) + positions[position])     with or without product, positions and norm
//   side = x                                                     where later layers read the embedding again
//
// Beside it may stand what layers have as inputs of their own (LayerInputsPart).
//
// It declares what it needs as blocks do. Its backward pass makes again what it reads: a lookup costs next to nothing.
#ifndef HORIZON_LM_CORE_LAYERS_EMBEDDING_H_
#define HORIZON_LM_CORE_LAYERS_EMBEDDING_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "core/layers/declaration.h"
#include "core/layers/layer_inputs_part.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"
#include "core/layers/run.h"
#include "core/layers/table.h"
#include "core/model/spec.h"

namespace hlm {

class EmbeddingLayer {
 public:
  explicit EmbeddingLayer(const ModelSpec& spec);

  const Declaration& declaration() const { return declaration_; }
  int64_t table() const { return table_.weight; }  // offset in the slab; the table comes first
  // Whether more than the gradients of tables is to be made in the backward pass.
  bool reads_weights_backward() const { return Widens() || norm_.on() || inputs_.on(); }
  int64_t table_elements() const { return table_.elements(); }

  void Forward(const BlockRun& run, void* y) const;
  // Adds to the accumulator, which holds zeros or the head's share of a tied matrix. dy may be changed.
  void Backward(const BlockRun& run, void* dy) const;

 private:
  bool Widens() const { return table_.width != hidden_; }
  void MakeX(const BlockRun& run, void* y) const;
  float Scale(DType type) const;
  void LookUp(const BlockRun& run, void* rows) const;
  void GiveSide(const BlockRun& run, const void* x) const;
  void TakeSide(const BlockRun& run, void* dy) const;

  EmbeddingSpec spec_;
  int64_t hidden_;
  Declaration declaration_;
  TablePart table_, positions_;
  LinearPart product_;
  NormPart norm_;
  LayerInputsPart inputs_;
  struct Temps {  // numbers of the tensors that it needs for a moment; -1: it has none
    int64_t rows = -1, sum = -1, drows = -1;
    int64_t x = -1;  // made again
  } temps_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_EMBEDDING_H_
