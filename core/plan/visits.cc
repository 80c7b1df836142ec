#include "core/plan/visits.h"

#include <algorithm>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/plan/groups.h"
#include "core/plan/slot_places.h"

namespace hlm {
namespace {

constexpr int64_t kSlotAlign = 256;  // bytes

int64_t SlotBytesOf(const PiecePlan& piece) { return RoundUp(piece.bytes(), kSlotAlign); }

int64_t SlotBytesOf(const PieceList& pieces, int64_t unit) {
  int64_t bytes = 0;
  for (const PiecePlan& piece : pieces.Of(unit)) bytes = CheckedAdd(bytes, SlotBytesOf(piece));
  return bytes;
}

int64_t SlotBytesOf(const PieceList& pieces, const std::vector<int64_t>& some) {
  int64_t bytes = 0;
  for (const int64_t p : some) bytes = CheckedAdd(bytes, SlotBytesOf(pieces[p]));
  return bytes;
}

std::vector<int64_t> PiecesOf(const ExpertGroup& group) {
  std::vector<int64_t> pieces;
  for (int64_t p = group.first_piece; p < group.end_piece; ++p) pieces.push_back(p);
  return pieces;
}

std::vector<int64_t> PiecesOf(const PieceList& pieces, int64_t unit) {
  std::vector<int64_t> own;
  for (int64_t p = pieces.First(unit); p < pieces.First(unit + 1); ++p) own.push_back(p);
  return own;
}

// The visits of a block forward, in order: what they compute, the pieces that they read, and those whose gradient is complete when the
// backward pass has been there.
struct BlockVisit {
  StageOf stage;
  std::vector<int64_t> pieces, gradients;
};
std::vector<BlockVisit> VisitsOfBlock(const ModelLayout& layout, const PieceList& pieces, int64_t layer) {
  const std::vector<ExpertGroup> groups = GroupsOf(layout, pieces, layer);
  const std::vector<int64_t> core = CoreOf(pieces, layout.BlockUnit(layer), groups);
  if (const int64_t shared = layout.SharedUnit(layer); shared >= 0) {
    HLM_CHECK(groups.empty(), "block ", layer, " shares a slab and has groups of experts");
    BlockVisit visit{{}, core, core};
    const std::vector<int64_t> more = PiecesOf(pieces, shared);
    visit.pieces.insert(visit.pieces.end(), more.begin(), more.end());
    // The backward pass comes to a slab's first user last.
    if (layout.UsersOf(layer).first == layer) visit.gradients = visit.pieces;
    return {visit};
  }
  if (groups.empty()) return {{{}, core, core}};
  // Before the experts a block's backward pass only makes again what it needs.
  std::vector<BlockVisit> visits = {{{Stage::kBefore}, core, {}}};
  for (const ExpertGroup& group : groups)
    visits.push_back({{Stage::kGroup, group.first, group.count}, PiecesOf(group), PiecesOf(group)});
  visits.push_back({{Stage::kAfter}, core, core});
  return visits;
}

std::string BlockName(const char* way, const Visit& visit) {
  const StageOf& stage = visit.stage;
  std::string block = StrCat("block ", way, " ", visit.layer);
  switch (stage.kind) {
    case Stage::kWhole:
      return block;
    case Stage::kBefore:
      return block + ", before the experts";
    case Stage::kGroup:
      return StrCat(block, ", experts ", stage.first_expert, " to ", stage.first_expert + stage.experts - 1);
    case Stage::kAfter:
      return block + ", behind the experts";
  }
  return block;
}

}  // namespace

std::string VisitName(const Visit& visit) {
  switch (visit.kind) {
    case VisitKind::kEmbed:
      return "embedding forward";
    case VisitKind::kBlockForward:
      return BlockName("forward", visit);
    case VisitKind::kHead:
      return "head";
    case VisitKind::kBlockBackward:
      return BlockName("backward", visit);
    case VisitKind::kEmbedBackward:
      return "embedding backward";
  }
  return "unknown";
}

int64_t SlotBytes(const ModelLayout& layout, const PieceList& pieces, int64_t slots) {
  const auto of = [&](int64_t unit) { return SlotBytesOf(pieces, unit); };
  // Of each visit forward: a group of experts lies beside its block's core, and a slab that blocks share is there once.
  struct Bytes {
    int64_t layer, core, group;
  };
  std::vector<Bytes> visits;
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    const std::vector<BlockVisit> own = VisitsOfBlock(layout, pieces, layer);
    const int64_t unit = layout.SharedUnit(layer);
    const int64_t core = SlotBytesOf(pieces, own.front().pieces) - (unit < 0 ? 0 : of(unit));
    for (const BlockVisit& visit : own)
      visits.push_back({layer, core, visit.stage.kind == Stage::kGroup ? SlotBytesOf(pieces, visit.pieces) : 0});
  }
  int64_t blocks = 0;
  for (size_t first = 0; first < visits.size(); ++first) {
    int64_t run = 0, layer = -1;
    std::vector<char> there(layout.shared.size(), 0);
    for (size_t v = first; v < visits.size() && v < first + static_cast<size_t>(slots); ++v) {
      run = CheckedAdd(run, visits[v].group);
      if (visits[v].layer != layer) run = CheckedAdd(run, visits[v].core);
      layer = visits[v].layer;
      const int64_t shared = layout.shared_of[static_cast<size_t>(layer)];
      if (shared < 0 || std::exchange(there[static_cast<size_t>(shared)], 1) != 0) continue;
      run = CheckedAdd(run, of(layout.SharedUnit(layer)));
    }
    blocks = std::max(blocks, run);
  }
  const int64_t head = of(layout.HeadUnit()) + (layout.tied ? of(layout.NormUnit()) : 0);
  return CheckedAdd(blocks, std::max(of(layout.EmbeddingUnit()), head));
}

std::vector<Visit> MakeVisits(const ModelLayout& layout, const PieceList& pieces, int64_t sweeps, bool forward_only,
                              const SlotSpace& space, int64_t first_backward) {
  const int64_t layers = layout.layers();
  const auto read = [&](Visit& visit, const std::vector<int64_t>& some) {
    for (const int64_t p : some) visit.uses.push_back({.piece = p, .bytes = SlotBytesOf(pieces[p])});
  };
  const auto visit = [&](VisitKind kind, int64_t sweep, std::initializer_list<int64_t> units, int64_t gradient_unit) {
    Visit made{.kind = kind, .sweep = sweep, .uses = {}, .gradients = {}};
    for (const int64_t unit : units) read(made, PiecesOf(pieces, unit));
    if (!forward_only && gradient_unit >= 0) made.gradients = PiecesOf(pieces, gradient_unit);
    return made;
  };
  std::vector<std::vector<BlockVisit>> blocks;
  for (int64_t l = 0; l < layers; ++l) blocks.push_back(VisitsOfBlock(layout, pieces, l));
  const auto of_block = [&](VisitKind kind, int64_t layer, int64_t sweep, const BlockVisit& from) {
    Visit made{.kind = kind, .layer = layer, .stage = from.stage, .sweep = sweep, .uses = {}, .gradients = {}};
    read(made, from.pieces);
    if (kind == VisitKind::kBlockBackward) made.gradients = from.gradients;
    return made;
  };
  std::vector<Visit> visits;
  for (int64_t sweep = 0; sweep < sweeps; ++sweep) {
    visits.push_back(visit(VisitKind::kEmbed, sweep, {layout.EmbeddingUnit()}, -1));
    for (int64_t l = 0; l < layers; ++l) {
      for (const BlockVisit& from : blocks[static_cast<size_t>(l)])
        visits.push_back(of_block(VisitKind::kBlockForward, l, sweep, from));
    }
    // A tied matrix is the embedding's piece with a second user.
    visits.push_back(layout.tied ? visit(VisitKind::kHead, sweep, {layout.HeadUnit(), layout.NormUnit()}, layout.NormUnit())
                                 : visit(VisitKind::kHead, sweep, {layout.HeadUnit()}, layout.NormUnit()));
    if (forward_only) continue;
    for (int64_t l = layers - 1; l >= std::max<int64_t>(first_backward, 0); --l) {
      // The last groups of the forward pass may still be there: backward begins with them.
      std::vector<BlockVisit> own = blocks[static_cast<size_t>(l)];
      if (own.size() > 1) std::reverse(own.begin() + 1, own.end() - 1);
      for (const BlockVisit& from : own) visits.push_back(of_block(VisitKind::kBlockBackward, l, sweep, from));
    }
    if (first_backward >= 0) continue;
    // Most embeddings have nothing but tables there, whose gradients need no weights.
    visits.push_back(layout.embedding->reads_weights_backward()
                         ? visit(VisitKind::kEmbedBackward, sweep, {layout.EmbeddingUnit()}, layout.EmbeddingUnit())
                         : visit(VisitKind::kEmbedBackward, sweep, {}, layout.EmbeddingUnit()));
  }
  AssignSlots(visits, space);
  return visits;
}

int64_t UploadBytes(const PieceList& pieces, const std::vector<Visit>& visits, const std::function<double(const Visit&)>& moved) {
  double bytes = 0;
  for (const Visit& visit : visits) {
    for (const SlotUse& use : visit.uses) {
      if (use.upload) bytes += moved(visit) * static_cast<double>(pieces[use.piece].bytes());
    }
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace hlm
