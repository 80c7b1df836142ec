// BlockRun: one (block, micro-batch) on its way forward or backward: the operations, and where everything lies.
#ifndef HORIZON_LM_CORE_LAYERS_RUN_H_
#define HORIZON_LM_CORE_LAYERS_RUN_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "core/base/dtype.h"
#include "core/device/ops.h"
#include "core/layers/micro.h"

namespace hlm {

struct BlockRun {
  Ops& ops;
  Stream& stream;
  const MicroView& micro;
  DType type;
  const float* const* rotary = nullptr;        // a table for each of the model's rotary embeddings
  const float* slopes = nullptr;               // [heads] of ALiBi
  const float* const* temperatures = nullptr;  // [positions] for each of the model's
  int64_t layer = 0;                           // of a block
  // What goes from one unit to later ones beside the block inputs: a row of [tokens, elements] for each of the model's sides, and its
  // gradient.
  std::vector<void*> sides = {}, side_gradients = {};
  const std::byte* weights = nullptr;   // the block's slab, in a slot
  float* accumulator = nullptr;         // the same in fp32: sums of gradients; backward only
  bool accumulate = false;              // false: the first micro-batch of a sweep overwrites
  std::vector<void*> saved;             // by number of the declaration
  std::vector<char> made;               // which of them are there already
  std::vector<void*> temporaries;

  // Null where the layer has no such weight (a negative offset).
  const void* Weight(int64_t offset) const { return offset < 0 ? nullptr : weights + offset * static_cast<int64_t>(SizeOf(type)); }
  float* Gradient(int64_t offset) const { return offset < 0 ? nullptr : accumulator + offset; }
  template <class T = void>
  T* Saved(int64_t number) const {
    return number < 0 ? nullptr : static_cast<T*>(saved[static_cast<size_t>(number)]);
  }
  template <class T = void>
  T* Temp(int64_t number) const {
    return number < 0 ? nullptr : static_cast<T*>(temporaries[static_cast<size_t>(number)]);
  }
  // Whether any of these has still to be made. What a policy kept is there when Forward comes by again to make the rest: so
  // recomputation is the same code with the same shapes and inputs, and cannot differ.
  bool Missing(std::initializer_list<int64_t> numbers) const {
    for (const int64_t number : numbers) {
      if (number >= 0 && made[static_cast<size_t>(number)] == 0) return true;
    }
    return false;
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_RUN_H_
