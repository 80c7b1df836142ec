// BlockTensors: where the tensors that a block's run declares lie in the device arena: what it saves for its backward pass, and what it needs
// for a moment.
//
//   stash          | block 0 | block 1 | .. |  of each what its policy keeps of all tokens of a sweep
//   between stages | what one stage of a block of experts makes for the next, of all tokens of a sweep |
//   scratch        | the largest block |       the rest of what a block saves, of one micro-batch
//   temporaries    | the largest block |       of one micro-batch
//   head           | the norm's statistics | temporaries |   of one micro-batch, and of a chunk of logits
#ifndef HORIZON_LM_CORE_TRAIN_BLOCK_TENSORS_H_
#define HORIZON_LM_CORE_TRAIN_BLOCK_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/layers/run.h"
#include "core/plan/places.h"
#include "core/plan/plan.h"

namespace hlm {

class BlockTensors {
 public:
  BlockTensors(const ModelLayout& layout, const Plan& plan, const DeviceArena& ranges, std::byte* arena);

  // For the tokens from `token` of the sweep on. `made`: what is kept counts as made (recomputation); else nothing does.
  enum class Made { kNothing, kKept, kAll };
  void Place(int64_t layer, int64_t token, bool keep_nothing, Made made, BlockRun& run) const;
  // The same for the embedding and the head, which keep nothing.
  void PlaceEmbedding(BlockRun& run) const { PlaceAll(embedding_, At(ranges_.scratch), At(ranges_.temporaries), run); }
  void PlaceHead(BlockRun& run) const { PlaceAll(head_, At(ranges_.head), At(ranges_.head) + head_.scratch.total, run); }

 private:
  struct Layer {
    TensorPlaces stash;
    int64_t start;        // of its stash
    StagePlaces between;  // nothing where it is visited as a whole
  };
  struct Kind {  // of block; the embedding and the head are one each
    TensorPlaces scratch, temporaries;
  };
  static void PlaceAll(const Kind& kind, std::byte* scratch, std::byte* temporaries, BlockRun& run);
  std::byte* At(const Range& range) const { return arena_ + range.offset; }

  const ModelLayout& layout_;
  const Plan& plan_;
  const DeviceArena ranges_;
  std::byte* const arena_;
  std::vector<Layer> layers_;
  std::vector<Kind> kinds_;
  Kind embedding_, head_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_BLOCK_TENSORS_H_
