// What an embedding makes for the layers beside their input (Gemma 3n and 4), a share for each of them, in one of the model's sides:
//
//   side = sum_scale (norm(product(x)) + table_scale table[id])
//
// x is the first block's input. The layers' own end of it is LayerInputBody.
#ifndef HORIZON_LM_CORE_LAYERS_LAYER_INPUTS_PART_H_
#define HORIZON_LM_CORE_LAYERS_LAYER_INPUTS_PART_H_

#include <cstdint>

#include "core/layers/declaration.h"
#include "core/layers/linear.h"
#include "core/layers/norm.h"
#include "core/layers/run.h"
#include "core/layers/table.h"
#include "core/model/spec.h"

namespace hlm {

class LayerInputsPart {
 public:
  LayerInputsPart() = default;
  LayerInputsPart(const LayerInputsSpec& spec, int64_t layers, int64_t hidden, Declaration& declaration);

  bool on() const { return table_.on(); }

  void Forward(const BlockRun& run, const void* x) const;
  // Adds its share to dx, once all layers have read the side, which it writes over. The table's row of the id `skip` gets no gradient.
  void Backward(const BlockRun& run, const void* x, int32_t skip, void* dx) const;

 private:
  float TableScale() const { return static_cast<float>(spec_.sum_scale * spec_.table_scale); }
  // Rows of the side, or of its gradient.
  void ScaleSum(const BlockRun& run, void* rows) const;

  LayerInputsSpec spec_;
  TablePart table_;
  LinearPart product_;
  NormPart norm_;
  int64_t made_ = -1, dx_ = -1;  // for a moment
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_LAYER_INPUTS_PART_H_
