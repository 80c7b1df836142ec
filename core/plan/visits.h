// Visits: the order in which a pass goes over the units, and where on the device the weights of each visit lie.
//
// Pieces lie in byte ranges of one space, assigned ahead of the run, knowing all that follows (Belady 1966): what is needed latest is
// overwritten. That alone makes the last block of the forward pass the first of the backward pass without sending it again.
//
//   a sweep   embedding | block 0 | block 1 | .. | block L-1 | head     | block L-1 | .. | block 0 | embedding
//   reads     E         | B0      | B1      | .. | B(L-1)    | H        | B(L-1)    | .. | B0      | nothing, or E
//   sent up   E         | B0      | B1      | .. | B(L-1)    | H        | still there .. | B0      |
//   down                |         |         |    |           | H's gradient | B(L-1)'s  | .. | B0's    | E's
#ifndef HORIZON_LM_CORE_PLAN_VISITS_H_
#define HORIZON_LM_CORE_PLAN_VISITS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/layers/run.h"
#include "core/model/layout.h"
#include "core/plan/pieces.h"

namespace hlm {

enum class VisitKind { kEmbed, kBlockForward, kHead, kBlockBackward, kEmbedBackward };

// A slot: bytes of the device's space for weights, while they hold a piece.
struct SlotUse {
  int64_t piece = -1;
  int64_t offset = -1, bytes = 0;  // within the space; multiples of 256
  bool upload = false;             // the weights must come up; false: they are still there
  int64_t upload_after =
      -1;             // send them once this visit's work is enqueued (-1: at once): it is either `prefetch` visits ahead, or
                      // the last that reads what lay there
  bool last = false;  // the pass does not read what was sent up again
};

struct Visit {
  VisitKind kind = VisitKind::kEmbed;
  int64_t layer = -1;  // of a block
  StageOf stage = {};  // how much of it
  int64_t sweep = 0;
  std::vector<SlotUse> uses;       // weights that the visit reads
  std::vector<int64_t> gradients;  // pieces whose gradient is complete after this visit and goes down

  bool OfBlock() const { return kind == VisitKind::kBlockForward || kind == VisitKind::kBlockBackward; }
  // The first and the last of a block's visits one way.
  bool Begins() const { return stage.kind == Stage::kWhole || stage.kind == Stage::kBefore; }
  bool Ends() const { return stage.kind == Stage::kWhole || stage.kind == Stage::kAfter; }
};

std::string VisitName(const Visit& visit);  // "block forward 3", "block forward 3, experts 8 to 15"

// The space on the device that holds weights.
struct SlotSpace {
  int64_t bytes = 0;
  int64_t prefetch = 0;  // visits
  bool routed = false;   // in the forward pass a group of experts is sent up only once its block's core has computed the choice
};

// Bytes for as many neighbouring visits of blocks as there are slots, each block's core once, and for the embedding or the head beside
// them.
int64_t SlotBytes(const ModelLayout& layout, const PieceList& pieces, int64_t slots);

// A whole pass: `sweeps` times forward (and backward, unless forward_only), with slots assigned. Backward goes down to layer
// `first_backward` (trained.h), and to the embedding where that is -1.
std::vector<Visit> MakeVisits(const ModelLayout& layout, const PieceList& pieces, int64_t sweeps, bool forward_only,
                              const SlotSpace& space, int64_t first_backward = -1);

// Bytes that one pass sends up; of a visit's the share `moved`.
int64_t UploadBytes(
    const PieceList& pieces, const std::vector<Visit>& visits,
    const std::function<double(const Visit&)>& moved = [](const Visit&) { return 1.0; });

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_VISITS_H_
