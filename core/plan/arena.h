// The device arena: one allocation, in which everything has a fixed place before the run begins.
#ifndef HORIZON_LM_CORE_PLAN_ARENA_H_
#define HORIZON_LM_CORE_PLAN_ARENA_H_

#include <cstdint>
#include <vector>

namespace hlm {

struct Range {
  int64_t offset = 0;  // bytes from the start of the arena; a multiple of 256
  int64_t bytes = 0;
};

// memory_fields.h has the list of the ranges.
struct DeviceArena {
  Range slots;                   // weights of the units at work and of those that come next
  Range accumulator;             // fp32 gradient of the unit or the group of experts at work, as large as the largest needs
  Range tied_accumulator;        // fp32 gradient of a tied embedding, from the head to the embedding
  Range shared_accumulators;     // fp32 gradients of slabs that several blocks read, from the last of them to the first
  Range staging;                 // parts of a gradient in the type that goes down
  Range received;                // shards of the other devices' gradients, for each part in staging
  Range block_inputs;            // [layers + 1, sweep_tokens, hidden], or three of them where the rest waits in host memory
  Range gradient;                // [sweep_tokens, hidden]: the gradient of the block's output, then of its input
  Range stash;                   // kept activations, block by block
  Range between_stages;          // of a block that is visited in stages: what one makes for the next, for a sweep
  Range scratch;                 // a block's activations for one micro-batch, where they are not kept
  Range temporaries;             // what a block needs for a moment: gradients of activations for one micro-batch
  Range head;                    // normed hidden states and their gradient for one micro-batch, one chunk of logits
  Range batch;                   // ids, targets, positions, weights, losses, document offsets of a step
  Range loads;                   // what routers tell of their choice (core/plan/routers.h)
  Range sides, side_gradients;   // [sweep_tokens, elements] of each of the model's sides
  Range rotary;                  // tables: cosines and sines by position for each rotary embedding, slopes, temperatures
  Range workspace;               // of the operations
  std::vector<Range> red_zones;  // guard bytes behind each range; none in release builds
  int64_t total = 0;             // bytes of the whole arena
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_ARENA_H_
