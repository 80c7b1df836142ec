// DeviceBuffers: where each thing of a pass lies in the device arena. Pointer arithmetic only; the plan made the places.
//
//   arena          | slots | accumulator | tied, shared ones | staging | received | block inputs | gradient | stash | between stages |
//                  | temporaries | scratch | head | batch | loads | sides | side gradients | tables | workspace |
//
//   block inputs   | 0 | 1 | 2 | .. | L |      [sweep_tokens, hidden] each; or three, where boundary b lies in place b % 3
//   stash, between stages, scratch, temporaries, head   (BlockTensors)
//   tables         | rotary | temperatures | slopes |   (PositionTables)
//   accumulator    | the largest unit |        a unit's pieces one behind the other; tied and shared slabs have ranges of their own
//   staging        | part | part | ..          in the type that goes down; received: the other devices' shards of each
#ifndef HORIZON_LM_CORE_TRAIN_BUFFERS_H_
#define HORIZON_LM_CORE_TRAIN_BUFFERS_H_

#include <cstddef>
#include <cstdint>

#include "core/layers/run.h"
#include "core/plan/places.h"
#include "core/plan/plan.h"
#include "core/train/block_tensors.h"
#include "core/train/position_tables.h"

namespace hlm {

class DeviceBuffers {
 public:
  DeviceBuffers(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, const DevicePlan& device, std::byte* arena);

  std::byte* At(const Range& range) const { return arena_ + range.offset; }

  // Input of block `boundary` (the last block's output for boundary == layers), from token `token` of the sweep on.
  std::byte* BlockInput(int64_t boundary, int64_t token) const {
    return At(range_.block_inputs) + Place(boundary) * block_input_bytes_ + token * row_bytes_;
  }
  // Which of the buffers holds a boundary: all have their own, or three take turns.
  int64_t Place(int64_t boundary) const { return boundary % boundaries_; }
  int64_t boundaries() const { return boundaries_; }
  int64_t block_input_bytes() const { return block_input_bytes_; }
  int64_t row_bytes() const { return row_bytes_; }

  std::byte* Gradient(int64_t token) const { return At(range_.gradient) + token * row_bytes_; }
  // Where a piece's gradient is added up.
  float* Accumulator(int64_t piece) const;
  std::byte* Staging(int64_t which) const { return At(range_.staging) + which * (range_.staging.bytes / staging_); }
  // The `which`th of the shards that come from other devices for a place in staging.
  std::byte* Received(int64_t place, int64_t which) const {
    const int64_t others = static_cast<int64_t>(plan_.devices.size()) - 1;
    return At(range_.received) + (place * others + which) * (range_.received.bytes / (staging_ * others));
  }
  std::byte* Batch() const { return At(range_.batch); }
  std::byte* Slots() const { return At(range_.slots); }
  std::byte* Workspace() const { return At(range_.workspace); }

  const BlockTensors& blocks() const { return blocks_; }
  const PositionTables& tables() const { return tables_; }
  // The model's sides and their gradients from `token` of the sweep on.
  void SetSides(int64_t token, BlockRun& run) const;
  // What routers tell of their choice (core/plan/routers.h).
  float* Loads(int64_t place) const { return reinterpret_cast<float*>(At(range_.loads)) + place; }
  const Range& side_gradients() const { return range_.side_gradients; }

 private:
  const ModelSpec& spec_;
  const ModelLayout& layout_;
  const Plan& plan_;
  std::byte* arena_;
  DeviceArena range_;
  int64_t staging_;  // parts
  int64_t row_bytes_, block_input_bytes_, boundaries_;
  BlockTensors blocks_;
  PositionTables tables_;
  SidePlaces side_places_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_BUFFERS_H_
