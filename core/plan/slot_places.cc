// An optimal cache of byte ranges, visit by visit.
//
//   0                                                   space
//   | blocks, lowest place first ->       <- embedding, head |
//
// Embedding and head are as large as several blocks and are needed once a sweep each: they lie at the end, always at the same place.
// A block goes where it can stay until it is needed again; of such places it takes what is needed latest, or not at all.
#include "core/plan/slot_places.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

class Assigner {
 public:
  Assigner(std::vector<Visit>& visits, const SlotSpace& space) : visits_(visits), space_(space) {
    for (const Visit& visit : visits) {
      for (const SlotUse& use : visit.uses) {
        uses_of_.resize(std::max(uses_of_.size(), static_cast<size_t>(use.piece) + 1));
      }
    }
    for (int64_t v = 0; v < Count(); ++v) {
      for (const SlotUse& use : At(v).uses) uses_of_[static_cast<size_t>(use.piece)].push_back(v);
      if (!At(v).OfBlock() && !At(v).uses.empty()) ends_.push_back(v);
    }
  }

  void Run() {
    for (int64_t v = 0; v < Count(); ++v) {
      if (!Assign(v)) Repack(v);
    }
    std::vector<bool> needed(uses_of_.size(), false);  // by a later visit
    for (int64_t v = Count() - 1; v >= 0; --v) {
      for (SlotUse& use : At(v).uses) {
        use.last = !needed[static_cast<size_t>(use.piece)];
        needed[static_cast<size_t>(use.piece)] = !use.upload;
      }
    }
  }

 private:
  struct Resident {
    int64_t piece;  // -1: what lay there is lost, in part or whole, but was read by a visit
    int64_t offset, bytes, last_visit;
    int64_t end() const { return offset + bytes; }
  };
  // What a place costs: less is better, the first difference decides.
  struct Cost {
    bool lost = true;     // the piece could not stay until it is needed again
    bool late = true;     // what lies there is read too late for the prefetch
    int64_t free_at = 0;  // the visit that reads it last; counts where it is late
    int64_t needed = 0;   // -(when what lies there is needed again); counts where it is not
    auto Key() const { return std::tuple(lost, late, late ? free_at : 0, late ? 0 : needed); }
  };

  int64_t Count() const { return static_cast<int64_t>(visits_.size()); }
  Visit& At(int64_t visit) { return visits_[static_cast<size_t>(visit)]; }

  bool Assign(int64_t v) {
    const auto find = [&](const SlotUse& use) {
      return std::find_if(residents_.begin(), residents_.end(), [&](const Resident& r) { return r.piece == use.piece; });
    };
    // What is there already stays, whatever else the visit reads.
    for (SlotUse& use : At(v).uses) {
      const auto there = find(use);
      if (there == residents_.end()) continue;
      use.upload = false;
      use.offset = there->offset;
      there->last_visit = v;
    }
    int64_t end = space_.bytes;  // where the pieces at the end are stacked down from
    for (SlotUse& use : At(v).uses) {
      end -= use.bytes;
      if (find(use) != residents_.end()) continue;
      const int64_t offset = At(v).OfBlock() ? Cheapest(use, v) : end;
      if (offset < 0 || LastVisit(offset, use.bytes) == v) return false;
      Put(use, offset, v);
    }
    return true;
  }

  // The visit alone, one piece behind the other: where what is there leaves no room for all of them.
  void Repack(int64_t v) {
    for (Resident& r : residents_) {
      if (r.last_visit == v) r.last_visit = v - 1;  // of this visit's first attempt
      r.piece = -1;
    }
    int64_t offset = 0;
    for (SlotUse& use : At(v).uses) {
      Put(use, offset, v);
      offset += use.bytes;
    }
    HLM_CHECK(offset <= space_.bytes, VisitName(At(v)), " reads ", offset, " bytes and the space has ", space_.bytes);
  }

  void Put(SlotUse& use, int64_t offset, int64_t v) {
    use.upload = true;
    use.offset = offset;
    // Where it lay before, a visit may still read it: two copies of a piece are never there at once.
    use.upload_after = std::max({v - space_.prefetch - 1, LastVisit(offset, use.bytes), LastUse(use.piece, v), Chosen(v)});
    std::vector<Resident> rests;
    for (const Resident& r : residents_) {
      if (!Overlap(r, offset, use.bytes)) continue;
      if (r.offset < offset) rests.push_back({-1, r.offset, offset - r.offset, r.last_visit});
      if (r.end() > offset + use.bytes) rests.push_back({-1, offset + use.bytes, r.end() - offset - use.bytes, r.last_visit});
    }
    std::erase_if(residents_, [&](const Resident& r) { return Overlap(r, offset, use.bytes); });
    residents_.insert(residents_.end(), rests.begin(), rests.end());
    residents_.push_back({use.piece, offset, use.bytes, v});
  }

  // The visit behind which it is known whether a group of experts has rows, where that is waited for; -1: it is not.
  int64_t Chosen(int64_t v) const {
    const auto stage = [&](int64_t at) { return visits_[static_cast<size_t>(at)].stage.kind; };
    if (!space_.routed || visits_[static_cast<size_t>(v)].kind != VisitKind::kBlockForward || stage(v) != Stage::kGroup)
      return -1;
    while (stage(v) == Stage::kGroup) --v;
    return v;
  }

  static bool Overlap(const Resident& r, int64_t offset, int64_t bytes) { return r.offset < offset + bytes && offset < r.end(); }

  int64_t LastVisit(int64_t offset, int64_t bytes) const {
    int64_t last = -1;
    for (const Resident& r : residents_) {
      if (Overlap(r, offset, bytes)) last = std::max(last, r.last_visit);
    }
    return last;
  }

  // The best place for a block's piece, the lowest of equals; -1: none that this visit does not need itself.
  int64_t Cheapest(const SlotUse& use, int64_t v) const {
    std::vector<int64_t> offsets = {0, space_.bytes - use.bytes};
    for (const Resident& r : residents_) {
      offsets.push_back(r.offset);
      offsets.push_back(r.end());
      offsets.push_back(r.offset - use.bytes);
    }
    std::sort(offsets.begin(), offsets.end());
    int64_t best = -1;
    Cost least;
    for (const int64_t offset : offsets) {
      if (offset < 0 || offset + use.bytes > space_.bytes || LastVisit(offset, use.bytes) == v) continue;
      const Cost cost = CostOf(use, offset, v);
      if (best < 0 || cost.Key() < least.Key()) best = offset, least = cost;
    }
    return best;
  }

  Cost CostOf(const SlotUse& use, int64_t offset, int64_t v) const {
    Cost cost;
    cost.free_at = LastVisit(offset, use.bytes);
    cost.late = cost.free_at >= 0 && cost.free_at >= v - space_.prefetch;
    cost.lost = TakenByTheEnd(use, offset, v);
    int64_t needed = kNever;
    for (const Resident& r : residents_) {
      if (r.piece >= 0 && Overlap(r, offset, use.bytes)) needed = std::min(needed, std::min(NextUse(r.piece, v), kNever - 1));
    }
    cost.needed = -needed;
    return cost;
  }

  // Whether embedding or head need the place before the piece is needed again, or so soon that they would come late.
  bool TakenByTheEnd(const SlotUse& use, int64_t offset, int64_t v) const {
    const int64_t again = NextUse(use.piece, v);
    for (auto end = std::upper_bound(ends_.begin(), ends_.end(), v); end != ends_.end(); ++end) {
      const int64_t w = *end;
      const bool soon = w - space_.prefetch <= v;
      if (!soon && (again == kNever || w > again)) return false;
      const Visit& visit = visits_[static_cast<size_t>(w)];
      int64_t bytes = 0;
      for (const SlotUse& other : visit.uses) bytes += other.bytes;
      if (bytes > 0 && offset + use.bytes > space_.bytes - bytes && (soon || w < again)) return true;
    }
    return false;
  }

  int64_t LastUse(int64_t piece, int64_t before) const {
    const std::vector<int64_t>& uses = uses_of_[static_cast<size_t>(piece)];
    const auto next = std::lower_bound(uses.begin(), uses.end(), before);
    return next == uses.begin() ? -1 : *(next - 1);
  }

  int64_t NextUse(int64_t piece, int64_t after) const {
    const std::vector<int64_t>& uses = uses_of_[static_cast<size_t>(piece)];
    const auto next = std::upper_bound(uses.begin(), uses.end(), after);
    return next == uses.end() ? kNever : *next;
  }

  std::vector<Visit>& visits_;
  const SlotSpace space_;
  std::vector<std::vector<int64_t>> uses_of_;  // [pieces] visits that read it, rising
  std::vector<int64_t> ends_;                  // visits of embedding and head that read something, rising
  std::vector<Resident> residents_;
};

}  // namespace

void AssignSlots(std::vector<Visit>& visits, const SlotSpace& space) { Assigner(visits, space).Run(); }

}  // namespace hlm
