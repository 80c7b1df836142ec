#include "core/plan/visits.h"

#include <algorithm>

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
    blocks = std::max(blocks, run);
  }
  const int64_t head = of(layout.HeadUnit()) + (layout.tied ? of(layout.NormUnit()) : 0);
  return CheckedAdd(blocks, std::max(of(layout.EmbeddingUnit()), head));
}

std::vector<Visit> MakeVisits(const ModelLayout& layout, const PieceList& pieces, int64_t sweeps, bool forward_only,
                              const SlotSpace& space) {
  const int64_t layers = layout.layers();
  const auto visit = [&](VisitKind kind, int64_t layer, int64_t sweep, std::initializer_list<int64_t> units,
                         int64_t gradient_unit) {
    Visit made{kind, layer, sweep, {}, forward_only ? -1 : gradient_unit};
    for (const int64_t unit : units) {
      for (int64_t p = pieces.First(unit); p < pieces.First(unit + 1); ++p) {
        made.uses.push_back({.piece = p, .bytes = SlotBytesOf(pieces[p], space.element_bytes)});
      }
    }
    return made;
  };
  std::vector<Visit> visits;
  for (int64_t sweep = 0; sweep < sweeps; ++sweep) {
    visits.push_back(visit(VisitKind::kEmbed, -1, sweep, {layout.EmbeddingUnit()}, -1));
    for (int64_t l = 0; l < layers; ++l) visits.push_back(visit(VisitKind::kBlockForward, l, sweep, {layout.BlockUnit(l)}, -1));
    // A tied matrix is the embedding's piece with a second user.
    visits.push_back(layout.tied ? visit(VisitKind::kHead, -1, sweep, {layout.HeadUnit(), layout.NormUnit()}, layout.NormUnit())
                                 : visit(VisitKind::kHead, -1, sweep, {layout.HeadUnit()}, layout.NormUnit()));
    if (forward_only) continue;
    for (int64_t l = layers - 1; l >= 0; --l) {
      visits.push_back(visit(VisitKind::kBlockBackward, l, sweep, {layout.BlockUnit(l)}, layout.BlockUnit(l)));
    }
    // Most embeddings have nothing but tables there, whose gradients need no weights.
    visits.push_back(layout.embedding->reads_weights_backward()
                         ? visit(VisitKind::kEmbedBackward, -1, sweep, {layout.EmbeddingUnit()}, layout.EmbeddingUnit())
                         : visit(VisitKind::kEmbedBackward, -1, sweep, {}, layout.EmbeddingUnit()));
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
