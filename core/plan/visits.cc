#include "core/plan/visits.h"

#include <algorithm>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/plan/slot_places.h"

namespace hlm {
namespace {

constexpr int64_t kSlotAlign = 256;  // bytes

int64_t SlotBytesOf(const PiecePlan& piece, int64_t element_bytes) {
  return RoundUp(CheckedMul(piece.elements(), element_bytes), kSlotAlign);
}

int64_t SlotBytesOf(const PieceList& pieces, int64_t unit, int64_t element_bytes) {
  int64_t bytes = 0;
  for (const PiecePlan& piece : pieces.Of(unit)) bytes = CheckedAdd(bytes, SlotBytesOf(piece, element_bytes));
  return bytes;
}

}  // namespace

std::string VisitName(const Visit& visit) {
  switch (visit.kind) {
    case VisitKind::kEmbed:
      return "embedding forward";
    case VisitKind::kBlockForward:
      return StrCat("block forward ", visit.layer);
    case VisitKind::kHead:
      return "head";
    case VisitKind::kBlockBackward:
      return StrCat("block backward ", visit.layer);
    case VisitKind::kEmbedBackward:
      return "embedding backward";
  }
  return "unknown";
}

int64_t SlotBytes(const ModelLayout& layout, const PieceList& pieces, int64_t slots, int64_t element_bytes) {
  const auto of = [&](int64_t unit) { return SlotBytesOf(pieces, unit, element_bytes); };
  int64_t blocks = 0, run = 0;  // of the last `slots` blocks
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    run = CheckedAdd(run, of(layout.BlockUnit(layer)));
    if (layer >= slots) run -= of(layout.BlockUnit(layer - slots));
    int64_t shared = 0;  // of these blocks, each slab once
    std::vector<char> counted(layout.shared.size(), 0);
    for (int64_t l = std::max<int64_t>(0, layer - slots + 1); !layout.shared.empty() && l <= layer; ++l) {
      const int64_t unit = layout.SharedUnit(l);
      if (unit < 0 || std::exchange(counted[static_cast<size_t>(layout.shared_of[static_cast<size_t>(l)])], 1) != 0) continue;
      shared = CheckedAdd(shared, of(unit));
    }
    blocks = std::max(blocks, CheckedAdd(run, shared));
  }
  const int64_t head = of(layout.HeadUnit()) + (layout.tied ? of(layout.NormUnit()) : 0);
  return CheckedAdd(blocks, std::max(of(layout.EmbeddingUnit()), head));
}

std::vector<Visit> MakeVisits(const ModelLayout& layout, const PieceList& pieces, int64_t sweeps, bool forward_only,
                              const SlotSpace& space) {
  const int64_t layers = layout.layers();
  using Units = std::vector<int64_t>;
  const auto visit = [&](VisitKind kind, int64_t layer, int64_t sweep, const Units& units, const Units& gradients) {
    Visit made{kind, layer, sweep, {}, forward_only ? Units{} : gradients};
    for (const int64_t unit : units) {
      for (int64_t p = pieces.First(unit); p < pieces.First(unit + 1); ++p) {
        made.uses.push_back({.piece = p, .bytes = SlotBytesOf(pieces[p], space.element_bytes)});
      }
    }
    return made;
  };
  const auto block = [&](int64_t l) {
    Units units = {layout.BlockUnit(l)};
    if (layout.SharedUnit(l) >= 0) units.push_back(layout.SharedUnit(l));
    return units;
  };
  // The backward pass comes to a slab's first user last.
  const auto complete = [&](int64_t l) {
    Units units = {layout.BlockUnit(l)};
    if (layout.SharedUnit(l) >= 0 && layout.UsersOf(l).first == l) units.push_back(layout.SharedUnit(l));
    return units;
  };
  std::vector<Visit> visits;
  for (int64_t sweep = 0; sweep < sweeps; ++sweep) {
    visits.push_back(visit(VisitKind::kEmbed, -1, sweep, {layout.EmbeddingUnit()}, {}));
    for (int64_t l = 0; l < layers; ++l) visits.push_back(visit(VisitKind::kBlockForward, l, sweep, block(l), {}));
    // A tied matrix is the embedding's piece with a second user.
    const Units head = layout.tied ? Units{layout.HeadUnit(), layout.NormUnit()} : Units{layout.HeadUnit()};
    visits.push_back(visit(VisitKind::kHead, -1, sweep, head, {layout.NormUnit()}));
    if (forward_only) continue;
    for (int64_t l = layers - 1; l >= 0; --l) visits.push_back(visit(VisitKind::kBlockBackward, l, sweep, block(l), complete(l)));
    // Most embeddings have nothing but tables there, whose gradients need no weights.
    const Units embedding = layout.embedding->reads_weights_backward() ? Units{layout.EmbeddingUnit()} : Units{};
    visits.push_back(visit(VisitKind::kEmbedBackward, -1, sweep, embedding, {layout.EmbeddingUnit()}));
  }
  AssignSlots(visits, space);
  return visits;
}

int64_t UploadBytes(const PieceList& pieces, const std::vector<Visit>& visits, int64_t element_bytes) {
  int64_t bytes = 0;
  for (const Visit& visit : visits) {
    for (const SlotUse& use : visit.uses) {
      if (use.upload) bytes += pieces[use.piece].elements() * element_bytes;
    }
  }
  return bytes;
}

}  // namespace hlm
