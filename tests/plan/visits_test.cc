// The order of a pass, and that its slots are assigned so that nothing in use is ever overwritten.
#include "core/plan/visits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/plan/groups.h"

namespace hlm {
namespace {

constexpr int64_t kElementBytes = 2;

// Blocks with an MLP of each of these widths in turn.
ModelLayout Layout(int64_t layers, bool tied, const std::vector<int64_t>& widths = {16}, Seams seams = Seams::kDeclared) {
  ModelSpec s;
  s.vocab = 320, s.hidden = 8, s.tied = tied;
  const NormSpec norm{.kind = NormType::kRms};
  s.head.norm = norm;
  for (int64_t layer = 0; layer < layers; ++layer) {
    BlockSpec block;
    block.branches.push_back(
        {.before = norm, .bodies = {{AttentionSpec{.heads = 2, .kv_heads = 1, .head_dim = 4, .rope = -1}, {}}}, .after = {}});
    const int64_t width = widths[static_cast<size_t>(layer) % widths.size()];
    block.branches.push_back({.before = norm, .bodies = {{MlpSpec{.intermediate = width}, {}}}, .after = {}});
    s.AddLayer(block);
  }
  return MakeLayout(s, LlamaNames(), seams);
}

// Six blocks, of which the second, third, fifth and sixth read two slabs in turn.
ModelLayout SharingLayout() {
  ModelSpec s;
  s.vocab = 320, s.hidden = 8, s.tied = true;
  const NormSpec norm{.kind = NormType::kRms};
  s.head.norm = norm;
  s.sides = {8};
  s.embedding.side = 0;
  BlockSpec plain;
  plain.branches.push_back({.before = norm, .bodies = {{MlpSpec{.intermediate = 16}, {}}}, .after = {}});
  BlockSpec sharing = plain;
  sharing.branches.push_back(
      {.bodies = {{SharedLayerSpec{.attention = {.heads = 2, .kv_heads = 1, .head_dim = 4, .rope = -1, .in_width = 16},
                                   .mlp = {.intermediate = 64},
                                   .norm = norm},
                   {}}},
       .after = {}});
  ModelNames names = LlamaNames();
  names.sharing = names.layer;
  for (const char* role : {"before", "q", "k", "v", "o", "between", "gate", "up", "down", "linear"})
    names.sharing[std::string("shared_layer.") + role].path = role;
  for (const int64_t slab : {-1, 0, 1, -1, 0, 1}) {
    sharing.shared = slab;
    s.AddLayer(slab < 0 ? plain : sharing);
  }
  return MakeLayout(s, names);
}

PieceList Whole(const ModelLayout& layout) { return PieceList(layout, DType::kBF16, int64_t{1} << 40, int64_t{1} << 30); }

std::vector<Visit> Visits(const ModelLayout& layout, const PieceList& pieces, int64_t sweeps, bool forward_only, int64_t slots,
                          int64_t prefetch) {
  return MakeVisits(layout, pieces, sweeps, forward_only, {SlotBytes(layout, pieces, slots), prefetch});
}

std::map<int64_t, int> Uploads(const std::vector<Visit>& visits) {
  std::map<int64_t, int> uploads;
  for (const Visit& visit : visits) {
    for (const SlotUse& use : visit.uses) uploads[use.piece] += use.upload;
  }
  return uploads;
}

// Replays loads in the order in which they are enqueued and uses in the order of the visits, byte by byte.
void ExpectNothingIsOverwritten(const PieceList& pieces, const std::vector<Visit>& visits, int64_t space) {
  std::vector<int64_t> content(static_cast<size_t>(space / 256), -1);
  const auto range = [&](const SlotUse& use, const auto& work) {
    ASSERT_EQ(use.offset % 256, 0);
    ASSERT_LE(use.offset + use.bytes, space);
    ASSERT_GE(use.bytes, pieces[use.piece].elements() * kElementBytes);
    for (int64_t at = use.offset; at < use.offset + use.bytes; at += 256) work(content[static_cast<size_t>(at / 256)]);
  };
  const auto load = [&](int64_t after) {
    for (size_t v = static_cast<size_t>(after + 1); v < visits.size(); ++v) {
      for (const SlotUse& use : visits[v].uses) {
        if (use.upload && use.upload_after == after) range(use, [&](int64_t& piece) { piece = use.piece; });
      }
    }
  };
  // A piece is sent up again once the last visit that reads it where it lay before is enqueued.
  std::map<int64_t, int64_t> read;
  for (size_t v = 0; v < visits.size(); ++v) {
    for (const SlotUse& use : visits[v].uses) {
      const auto before = read.find(use.piece);
      if (use.upload && before != read.end()) {
        EXPECT_GE(use.upload_after, before->second) << VisitName(visits[v]);
      }
      read[use.piece] = static_cast<int64_t>(v);
    }
  }
  load(-1);
  for (size_t v = 0; v < visits.size(); ++v) {
    for (const SlotUse& use : visits[v].uses) {
      range(use, [&](int64_t& piece) { ASSERT_EQ(piece, use.piece) << VisitName(visits[v]); });
    }
    load(static_cast<int64_t>(v));
  }
}

// What a piece has on the link, from the numbers of elements alone.
TEST(Pieces, SayTheirBytes) {
  const ModelLayout layout = Layout(3, false, {16, 64});
  for (const auto& [type, element] : {std::pair(DType::kBF16, 2), std::pair(DType::kF32, 4)}) {
    const PieceList pieces(layout, type, int64_t{1} << 40, 4096);
    int64_t all = 0;
    for (size_t u = 0; u < layout.units.size(); ++u) {
      EXPECT_EQ(pieces.Bytes(static_cast<int64_t>(u)), layout.units[u].elements * element);
      all += layout.units[u].elements * element;
    }
    EXPECT_EQ(pieces.Bytes(), all);
    int64_t at = 0;
    for (const PartPlan& part : pieces[0].parts) {
      EXPECT_EQ(pieces[0].ByteOf(part.begin), at);
      at += (part.end - part.begin) * element;
    }
    EXPECT_EQ(pieces[0].bytes(), at);
  }
}

TEST(Visits, ABlockCrossesTheLinkTwiceASweepTheHeadAndTheEmbeddingOnce) {
  for (const int64_t slots : {1, 2, 3}) {
    const ModelLayout layout = Layout(12, false);
    std::map<int64_t, int> uploads = Uploads(Visits(layout, Whole(layout), 1, false, slots, slots - 1));
    EXPECT_EQ(uploads[layout.EmbeddingUnit()], 1);
    EXPECT_EQ(uploads[layout.HeadUnit()], 1);
    // The last blocks of the forward pass are still there for the backward pass: as many as there are slots.
    for (int64_t l = 0; l < 12; ++l)
      EXPECT_EQ(uploads[layout.BlockUnit(l)], l >= 12 - slots ? 1 : 2) << "block " << l << ", slots " << slots;
  }
}

TEST(Visits, ATiedMatrixComesUpOnceForBothItsUsers) {
  const ModelLayout layout = Layout(4, true);
  EXPECT_EQ(Uploads(Visits(layout, Whole(layout), 1, false, 2, 1))[layout.EmbeddingUnit()], 1);
}

TEST(Visits, NoSlotIsOverwrittenBeforeItsLastUserIsEnqueued) {
  for (const bool tied : {false, true}) {
    for (const int64_t layers : {1, 2, 3, 7, 20}) {
      for (const int64_t slots : {1, 2, 3, 5, 30}) {
        for (int64_t prefetch = 0; prefetch < slots && prefetch < 6; ++prefetch) {
          for (const int64_t sweeps : {1, 2, 3}) {
            SCOPED_TRACE(testing::Message() << "layers " << layers << " slots " << slots << " prefetch " << prefetch);
            const ModelLayout layout = Layout(layers, tied);
            const PieceList pieces = Whole(layout);
            const int64_t space = SlotBytes(layout, pieces, slots);
            ExpectNothingIsOverwritten(pieces, Visits(layout, pieces, sweeps, false, slots, prefetch), space);
          }
        }
      }
    }
  }
}

TEST(Visits, BlocksOfDifferentSizesTakeWhatTheyNeed) {
  const ModelLayout layout = Layout(12, false, {160, 16, 16});
  const PieceList pieces = Whole(layout);
  int64_t largest = 0, head = 0;
  for (int64_t l = 0; l < 12; ++l) largest = std::max(largest, pieces[layout.BlockUnit(l)].elements() * kElementBytes);
  head = pieces[layout.HeadUnit()].elements() * kElementBytes;
  for (const int64_t slots : {1, 2, 3, 5, 12}) {
    const int64_t space = SlotBytes(layout, pieces, slots);
    EXPECT_TRUE(slots == 1 || space < slots * largest + head) << space;
    for (int64_t prefetch = 0; prefetch < slots; ++prefetch) {
      for (const bool forward_only : {false, true}) {
        const std::vector<Visit> visits = Visits(layout, pieces, 2, forward_only, slots, prefetch);
        ExpectNothingIsOverwritten(pieces, visits, space);
        for (size_t v = 0; v < visits.size(); ++v) {
          for (const SlotUse& use : visits[v].uses) {
            EXPECT_TRUE(!use.upload || use.upload_after < static_cast<int64_t>(v));
          }
        }
      }
    }
  }
}

TEST(Visits, APieceIsARunOfWholeGroupsAndHasASlotOfItsOwn) {
  const ModelLayout layout = Layout(6, true, {160, 16}, Seams::kEverywhere);
  const PieceList whole = Whole(layout), cut(layout, DType::kBF16, 1, int64_t{1} << 30),
                  some(layout, DType::kBF16, 2 * kPieceAlign, int64_t{1} << 30);
  EXPECT_EQ(whole.size(), static_cast<int64_t>(layout.units.size()));
  EXPECT_GT(some.size(), whole.size());
  EXPECT_GT(cut.size(), some.size());
  for (const PieceList* pieces : {&whole, &cut, &some}) {
    for (int64_t unit = 0; unit < pieces->units(); ++unit) {
      int64_t at = 0;
      for (const PiecePlan& piece : pieces->Of(unit)) {
        EXPECT_EQ(piece.begin, at);
        EXPECT_EQ(piece.begin % kPieceAlign, 0);
        at = piece.end;
        for (const TensorSpec& tensor : layout.units[static_cast<size_t>(unit)].tensors) {
          EXPECT_TRUE(tensor.offset >= piece.end || tensor.offset + tensor.elements <= piece.begin ||
                      (tensor.offset >= piece.begin && tensor.offset + tensor.elements <= piece.end))
              << tensor.name;
        }
      }
      EXPECT_EQ(at, layout.units[static_cast<size_t>(unit)].elements);
    }
    for (const int64_t slots : {1, 2, 3, 4}) {
      const int64_t space = SlotBytes(layout, *pieces, slots);
      for (int64_t prefetch = 0; prefetch < slots; ++prefetch) {
        ExpectNothingIsOverwritten(*pieces, Visits(layout, *pieces, 2, false, slots, prefetch), space);
      }
    }
  }
}

// What must be cut is, what may be is where a piece would become too large.
TEST(Visits, PiecesAreCutAtSeamsOnly) {
  ModelLayout layout = Layout(1, false);
  UnitSpec& block = layout.units[1];
  block.elements = 10 * kPieceAlign;
  block.seams = {{2 * kPieceAlign, true}, {4 * kPieceAlign, false}, {6 * kPieceAlign, false}, {8 * kPieceAlign, false}};
  const auto borders = [&](int64_t most) {
    const PieceList pieces(layout, DType::kBF16, most, int64_t{1} << 30);
    std::vector<int64_t> ends;
    for (const PiecePlan& piece : pieces.Of(1)) ends.push_back(piece.end / kPieceAlign);
    return ends;
  };
  EXPECT_EQ(borders(int64_t{1} << 40), (std::vector<int64_t>{2, 10}));
  EXPECT_EQ(borders(4 * kPieceAlign), (std::vector<int64_t>{2, 6, 10}));
  EXPECT_EQ(borders(5 * kPieceAlign), (std::vector<int64_t>{2, 6, 10}));
  EXPECT_EQ(borders(6 * kPieceAlign), (std::vector<int64_t>{2, 8, 10}));
  EXPECT_EQ(borders(1), (std::vector<int64_t>{2, 4, 6, 8, 10}));
}

TEST(Visits, EachGradientGoesDownOnceASweepAndATiedOneLast) {
  for (const bool tied : {false, true}) {
    const ModelLayout layout = Layout(5, tied);
    std::vector<int64_t> order;
    for (const Visit& visit : Visits(layout, Whole(layout), 1, false, 2, 1)) {
      for (const int64_t piece : visit.gradients) order.push_back(piece);  // a piece is a unit here
    }
    ASSERT_EQ(order.size(), layout.units.size());
    for (size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], static_cast<int64_t>(order.size() - 1 - i));
  }
}

TEST(Visits, ASharedSlabsGradientGoesDownBehindItsFirstUserAlone) {
  const ModelLayout layout = SharingLayout();
  ASSERT_EQ(layout.units.size(), 10u);
  EXPECT_EQ(layout.units[7].name, "shared.0");
  EXPECT_EQ(layout.SharedUnit(4), 7);
  EXPECT_EQ(layout.SharedUnit(0), -1);
  EXPECT_EQ(layout.ForwardOrder(), (std::vector<int64_t>{0, 1, 2, 7, 3, 8, 4, 5, 6, 9}));
  std::vector<int64_t> order;
  for (const Visit& visit : Visits(layout, Whole(layout), 1, false, 2, 1)) {
    order.insert(order.end(), visit.gradients.begin(), visit.gradients.end());  // a piece is a unit here
  }
  EXPECT_EQ(order, (std::vector<int64_t>{9, 6, 5, 4, 3, 8, 2, 7, 1, 0}));
}

TEST(Visits, ASharedSlabIsThereForEachOfItsUsers) {
  const ModelLayout layout = SharingLayout();
  const PieceList pieces = Whole(layout);
  for (const int64_t slots : {1, 2, 3, 6}) {
    for (int64_t prefetch = 0; prefetch < slots; ++prefetch) {
      const std::vector<Visit> visits = Visits(layout, pieces, 2, false, slots, prefetch);
      ExpectNothingIsOverwritten(pieces, visits, SlotBytes(layout, pieces, slots));
      for (const Visit& visit : visits) {
        if (!visit.OfBlock()) continue;
        const int64_t shared = layout.SharedUnit(visit.layer);
        EXPECT_EQ(visit.uses.size(), shared < 0 ? 1u : 2u);
        EXPECT_EQ(visit.uses.back().piece, shared < 0 ? layout.BlockUnit(visit.layer) : shared);
      }
    }
  }
}

// A layout whose middle blocks have a mixture of eight experts of one piece's least size, with a shared MLP behind them.
ModelLayout MixtureLayout(int64_t layers) {
  ModelSpec s;
  s.vocab = 320, s.hidden = 8;
  const NormSpec norm{.kind = NormType::kRms};
  s.head.norm = norm;
  for (int64_t layer = 0; layer < layers; ++layer) {
    BlockSpec block;
    block.branches.push_back(
        {.before = norm, .bodies = {{AttentionSpec{.heads = 2, .kv_heads = 1, .head_dim = 4, .rope = -1}, {}}}, .after = {}});
    BranchSpec branch{.before = norm, .bodies = {}, .after = {}};
    if (layer > 0) {
      ExpertsSpec experts;
      experts.count = 8, experts.chosen = 2, experts.intermediate = 16;
      branch.bodies.push_back({experts, {}});
    }
    branch.bodies.push_back({MlpSpec{.intermediate = 16}, {}});
    block.branches.push_back(branch);
    s.AddLayer(block);
  }
  ModelNames names = LlamaNames();
  names.layer["experts.before"] = {"norm.weight"};
  names.layer["experts.router"] = {"router.weight"};
  for (const std::string role : {"gate", "up", "down"}) names.layer["experts." + role] = {"experts.{}." + role + ".weight"};
  return MakeLayout(s, names);
}

TEST(Visits, ABlockOfExpertsIsVisitedByGroups) {
  const ModelLayout layout = MixtureLayout(4);
  const PieceList whole = Whole(layout), pieces(layout, DType::kBF16, 2 * kPieceAlign, int64_t{1} << 30);
  EXPECT_TRUE(GroupsOf(layout, whole, 1).empty());
  EXPECT_TRUE(GroupsOf(layout, pieces, 0).empty());
  const std::vector<ExpertGroup> groups = GroupsOf(layout, pieces, 1);
  ASSERT_EQ(groups.size(), 4u);
  for (size_t g = 0; g < groups.size(); ++g) {
    EXPECT_EQ(groups[g].first, static_cast<int64_t>(2 * g));
    EXPECT_EQ(groups[g].count, 2);
    EXPECT_EQ(groups[g].end_piece, groups[g].first_piece + 1);
  }
  EXPECT_EQ(CoreOf(pieces, layout.BlockUnit(1), groups).size(), 2u);  // before the experts and behind them
  EXPECT_EQ(SweepVisits(layout, pieces), 2 * (1 + 3 * 6) + 3);
  // An accumulator for a group, slots for a core and some groups.
  EXPECT_LT(PlaceAccumulators(layout, pieces, {}).elements, PlaceAccumulators(layout, whole, {}).elements);
  EXPECT_EQ(PlaceAccumulators(layout, whole, {}).elements, layout.units[2].elements);
  for (const int64_t slots : {1, 2, 3, 5, 30}) {
    const int64_t space = SlotBytes(layout, pieces, slots);
    EXPECT_LE(space, SlotBytes(layout, whole, slots) + 1024);
    for (int64_t prefetch = 0; prefetch < slots && prefetch < 6; ++prefetch) {
      for (const bool forward_only : {false, true}) {
        SCOPED_TRACE(testing::Message() << slots << " slots, prefetch " << prefetch);
        const std::vector<Visit> visits = Visits(layout, pieces, 2, forward_only, slots, prefetch);
        ExpectNothingIsOverwritten(pieces, visits, space);
        std::map<int64_t, int> gradients;
        int64_t ends = 0;
        for (const Visit& visit : visits) {
          ends += visit.OfBlock() && visit.Ends();
          for (const int64_t piece : visit.gradients) {
            ++gradients[piece];
            // It is read where its gradient is made.
            EXPECT_TRUE(!visit.OfBlock() || std::any_of(visit.uses.begin(), visit.uses.end(),
                                                        [&](const SlotUse& use) { return use.piece == piece; }));
          }
        }
        EXPECT_EQ(ends, forward_only ? 2 * 4 : 2 * 2 * 4);
        EXPECT_EQ(gradients.size(), forward_only ? 0u : static_cast<size_t>(pieces.size()));
        for (const auto& [piece, times] : gradients) EXPECT_EQ(times, 2);
      }
    }
  }
  EXPECT_LT(SlotBytes(layout, pieces, 1), SlotBytes(layout, whole, 1));
}

// Where routed experts alone go up, no group goes before its block's core has computed the choice; else some do.
TEST(Visits, RoutedExpertsWaitForTheChoice) {
  const ModelLayout layout = MixtureLayout(3);
  const PieceList pieces(layout, DType::kBF16, 1, int64_t{1} << 30);
  for (const int64_t slots : {1, 4, 30}) {
    for (const bool routed : {false, true}) {
      SlotSpace space{SlotBytes(layout, pieces, slots), slots - 1};
      space.routed = routed;
      const std::vector<Visit> visits = MakeVisits(layout, pieces, 2, false, space);
      ExpectNothingIsOverwritten(pieces, visits, space.bytes);
      int64_t core = -1, early = 0;
      for (size_t v = 0; v < visits.size(); ++v) {
        if (visits[v].stage.kind == Stage::kBefore) core = static_cast<int64_t>(v);
        if (visits[v].kind != VisitKind::kBlockForward || visits[v].stage.kind != Stage::kGroup) continue;
        for (const SlotUse& use : visits[v].uses) early += use.upload && use.upload_after < core;
      }
      EXPECT_EQ(early > 0, !routed && slots > 1) << slots << " slots";
    }
  }
}

}  // namespace
}  // namespace hlm
