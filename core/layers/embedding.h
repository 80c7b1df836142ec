// EmbeddingLayer: token ids to the first block's input, and the gradient of the table.
#ifndef HORIZON_LM_CORE_LAYERS_EMBEDDING_H_
#define HORIZON_LM_CORE_LAYERS_EMBEDDING_H_

#include <cstddef>
#include <cstdint>

#include "core/base/dtype.h"
#include "core/device/ops.h"
#include "core/layers/micro.h"
#include "core/model/spec.h"

namespace hlm {

class EmbeddingLayer {
 public:
  // Offsets of the table, and of the table of positions (-1: none), in elements from the start of the slab.
  EmbeddingLayer(const ModelSpec& spec, int64_t table, int64_t positions, DType type)
      : spec_(spec), table_(table), positions_(positions), type_(type) {}

  void Forward(Ops& ops, Stream& stream, const MicroView& micro, const std::byte* weights, void* y) const;
  // Adds to the accumulator, which holds zeros or the head's share of a tied matrix. dy may be changed.
  void Backward(Ops& ops, Stream& stream, const MicroView& micro, void* dy, float* accumulator) const;

 private:
  const ModelSpec& spec_;
  int64_t table_, positions_;
  DType type_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_EMBEDDING_H_
