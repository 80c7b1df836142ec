#include "core/plan/visits.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"

namespace hlm {
namespace {

SlotClass ClassOf(UnitKind kind) {
  if (kind == UnitKind::kBlock) return SlotClass::kBlock;
  return kind == UnitKind::kFinalNorm ? SlotClass::kNorm : SlotClass::kWide;
}

// Assigns the slots of one class, visit by visit, as an optimal cache would.
class SlotAssigner {
 public:
  SlotAssigner(std::vector<Visit>& visits, SlotClass slot_class, int64_t slots, int64_t prefetch)
      : visits_(visits), class_(slot_class), prefetch_(prefetch), slots_(static_cast<size_t>(slots)) {}

  void Run() {
    for (int64_t v = 0; v < static_cast<int64_t>(visits_.size()); ++v) {
      for (SlotUse& use : visits_[v].uses) {
        if (use.slot_class == class_) Assign(use, v);
      }
    }
  }

 private:
  struct Slot {
    int64_t unit = -1;
    int64_t last_visit = -1;
  };

  void Assign(SlotUse& use, int64_t visit) {
    int64_t chosen = -1;
    for (int64_t s = 0; s < Count(); ++s) {
      if (slots_[s].unit == use.unit) chosen = s;
    }
    use.upload = chosen < 0;
    if (use.upload) {
      chosen = Victim(visit);
      use.upload_after = std::max(visit - prefetch_ - 1, slots_[chosen].last_visit);
    }
    use.slot = chosen;
    slots_[chosen] = {use.unit, visit};
  }

  // The slot to overwrite: one that is free early enough for the prefetch, needed latest; else the one that is free first.
  int64_t Victim(int64_t visit) const {
    int64_t best = -1, best_next = -1;
    for (int64_t s = 0; s < Count(); ++s) {
      if (slots_[s].unit >= 0 && slots_[s].last_visit >= visit - prefetch_) continue;
      const int64_t next = slots_[s].unit < 0 ? std::numeric_limits<int64_t>::max() : NextUse(slots_[s].unit, visit);
      if (next > best_next) best = s, best_next = next;
    }
    if (best >= 0) return best;
    const auto first = std::min_element(slots_.begin(), slots_.end(),
                                        [](const Slot& a, const Slot& b) { return a.last_visit < b.last_visit; });
    HLM_CHECK(first->last_visit < visit, "a visit uses more units of a class than there are slots");
    return first - slots_.begin();
  }

  int64_t NextUse(int64_t unit, int64_t after) const {
    for (int64_t v = after + 1; v < static_cast<int64_t>(visits_.size()); ++v) {
      for (const SlotUse& use : visits_[v].uses) {
        if (use.unit == unit) return v;
      }
    }
    return std::numeric_limits<int64_t>::max() - 1;
  }

  int64_t Count() const { return static_cast<int64_t>(slots_.size()); }

  std::vector<Visit>& visits_;
  SlotClass class_;
  int64_t prefetch_;
  std::vector<Slot> slots_;
};

}  // namespace

std::string VisitName(const Visit& visit) {
  switch (visit.kind) {
    case VisitKind::kEmbed: return "embedding forward";
    case VisitKind::kBlockForward: return StrCat("block forward ", visit.layer);
    case VisitKind::kHead: return "head";
    case VisitKind::kBlockBackward: return StrCat("block backward ", visit.layer);
    case VisitKind::kEmbedBackward: return "embedding backward";
  }
  return "unknown";
}

std::vector<Visit> MakeVisits(const ModelLayout& layout, int64_t sweeps, bool forward_only, int64_t block_slots, int64_t prefetch) {
  const int64_t layers = static_cast<int64_t>(layout.units.size()) - 2;
  const auto use = [&](int64_t unit) { return SlotUse{unit, ClassOf(layout.units[unit].kind), -1, false, -1}; };
  std::vector<Visit> visits;
  for (int64_t sweep = 0; sweep < sweeps; ++sweep) {
    visits.push_back({VisitKind::kEmbed, -1, sweep, {use(layout.EmbeddingUnit())}, -1});
    for (int64_t l = 0; l < layers; ++l) {
      visits.push_back({VisitKind::kBlockForward, l, sweep, {use(layout.BlockUnit(l))}, -1});
    }
    Visit head{VisitKind::kHead, -1, sweep, {use(layout.HeadUnit())}, forward_only ? -1 : layout.NormUnit()};
    if (layout.tied) head.uses.push_back(use(layout.NormUnit()));
    visits.push_back(std::move(head));
    if (forward_only) continue;
    for (int64_t l = layers - 1; l >= 0; --l) {
      visits.push_back({VisitKind::kBlockBackward, l, sweep, {use(layout.BlockUnit(l))}, layout.BlockUnit(l)});
    }
    Visit embed{VisitKind::kEmbedBackward, -1, sweep, {}, layout.EmbeddingUnit()};
    if (layout.embedding->reads_weights_backward()) embed.uses.push_back(use(layout.EmbeddingUnit()));
    visits.push_back(std::move(embed));
  }
  SlotAssigner(visits, SlotClass::kBlock, block_slots, prefetch).Run();
  SlotAssigner(visits, SlotClass::kWide, 1, prefetch).Run();
  SlotAssigner(visits, SlotClass::kNorm, 1, prefetch).Run();
  return visits;
}

int64_t UploadBytes(const ModelLayout& layout, const std::vector<Visit>& visits, int64_t element_bytes) {
  int64_t bytes = 0;
  for (const Visit& visit : visits) {
    for (const SlotUse& use : visit.uses) {
      if (use.upload) bytes += layout.units[use.unit].elements * element_bytes;
    }
  }
  return bytes;
}

}  // namespace hlm
