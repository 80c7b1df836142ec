// Visits: the order in which a pass goes over the units, and which device slot holds the weights at each visit.
//
// Slots are assigned ahead of the run, knowing all that follows (Belady 1966): the slot whose content is needed latest is
// overwritten. That alone makes the last block of the forward pass the first of the backward pass without sending it again.
#ifndef HORIZON_LM_CORE_PLAN_VISITS_H_
#define HORIZON_LM_CORE_PLAN_VISITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/layout.h"

namespace hlm {

enum class VisitKind { kEmbed, kBlockForward, kHead, kBlockBackward, kEmbedBackward };

// One class of slots for each range of the device arena that holds weights.
enum class SlotClass { kBlock, kWide, kNorm };

struct SlotUse {
  int64_t unit = -1;
  SlotClass slot_class = SlotClass::kBlock;
  int64_t slot = -1;         // within its class
  bool upload = false;       // the weights must come up; false: they are still there
  int64_t upload_after = -1; // send them once this visit's work is enqueued (-1: at once): it is either `prefetch` visits ahead, or
                             // the slot's last user
};

struct Visit {
  VisitKind kind = VisitKind::kEmbed;
  int64_t layer = -1;           // of a block
  int64_t sweep = 0;
  std::vector<SlotUse> uses;    // weights that the visit reads
  int64_t gradient_unit = -1;   // whose gradient is complete after this visit and goes down; -1: none
};

std::string VisitName(const Visit& visit);  // "block forward 3"

// A whole pass: `sweeps` times forward (and backward, unless forward_only), with slots assigned. prefetch < block_slots.
std::vector<Visit> MakeVisits(const ModelLayout& layout, int64_t sweeps, bool forward_only, int64_t block_slots, int64_t prefetch);

// Bytes that one pass sends up, for weights of `element_bytes`.
int64_t UploadBytes(const ModelLayout& layout, const std::vector<Visit>& visits, int64_t element_bytes);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_VISITS_H_
