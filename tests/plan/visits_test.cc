// The order of a pass, and that its slots are assigned so that nothing in use is ever overwritten.
#include "core/plan/visits.h"

#include <gtest/gtest.h>

#include <map>

namespace hlm {
namespace {

ModelLayout Layout(int64_t layers, bool tied) {
  ModelSpec s;
  s.vocab = 32, s.hidden = 8, s.tied = tied;
  const NormSpec norm{.kind = NormType::kRms};
  s.head.norm = norm;
  BlockSpec block;
  block.branches.push_back({.before = norm, .bodies = {{AttentionSpec{.heads = 2, .kv_heads = 1, .head_dim = 4, .rope = -1}, {}}}, .after = {}});
  block.branches.push_back({.before = norm, .bodies = {{MlpSpec{.intermediate = 16}, {}}}, .after = {}});
  for (int64_t layer = 0; layer < layers; ++layer) s.AddLayer(block);
  return MakeLayout(s);
}

TEST(Visits, ABlockCrossesTheLinkTwiceASweepTheHeadAndTheEmbeddingOnce) {
  for (const int64_t slots : {1, 2, 3}) {
    const ModelLayout layout = Layout(12, false);
    std::map<int64_t, int> uploads;
    for (const Visit& visit : MakeVisits(layout, 1, false, slots, slots - 1)) {
      for (const SlotUse& use : visit.uses) uploads[use.unit] += use.upload;
    }
    EXPECT_EQ(uploads[layout.EmbeddingUnit()], 1);
    EXPECT_EQ(uploads[layout.HeadUnit()], 1);
    // The last blocks of the forward pass are still there for the backward pass: as many as there are slots.
    for (int64_t l = 0; l < 12; ++l) EXPECT_EQ(uploads[layout.BlockUnit(l)], l >= 12 - slots ? 1 : 2) << "block " << l << ", slots " << slots;
  }
}

TEST(Visits, ATiedMatrixComesUpOnceForBothItsUsers) {
  const ModelLayout layout = Layout(4, true);
  int uploads = 0;
  for (const Visit& visit : MakeVisits(layout, 1, false, 2, 1)) {
    for (const SlotUse& use : visit.uses) uploads += use.unit == layout.EmbeddingUnit() && use.upload;
  }
  EXPECT_EQ(uploads, 1);
}

TEST(Visits, NoSlotIsOverwrittenBeforeItsLastUserIsEnqueued) {
  for (const bool tied : {false, true}) {
    for (const int64_t layers : {1, 2, 3, 7, 20}) {
      for (const int64_t slots : {1, 2, 3, 5, 30}) {
        for (int64_t prefetch = 0; prefetch < slots && prefetch < 6; ++prefetch) {
          for (const int64_t sweeps : {1, 2, 3}) {
            const auto visits = MakeVisits(Layout(layers, tied), sweeps, false, slots, prefetch);
            // Replay: loads in the order in which they are enqueued, uses in the order of the visits.
            std::map<std::pair<SlotClass, int64_t>, int64_t> content;
            const auto load = [&](int64_t after) {
              for (size_t v = static_cast<size_t>(after + 1); v < visits.size(); ++v) {
                for (const SlotUse& use : visits[v].uses) {
                  if (use.upload && use.upload_after == after) content[{use.slot_class, use.slot}] = use.unit;
                }
              }
            };
            load(-1);
            for (size_t v = 0; v < visits.size(); ++v) {
              for (const SlotUse& use : visits[v].uses) {
                ASSERT_EQ((content[{use.slot_class, use.slot}]), use.unit) << "visit " << v << " layers " << layers << " slots " << slots;
                ASSERT_LT(use.slot, use.slot_class == SlotClass::kBlock ? slots : 1);
              }
              load(static_cast<int64_t>(v));
            }
          }
        }
      }
    }
  }
}

TEST(Visits, EachGradientGoesDownOnceASweepAndATiedOneLast) {
  for (const bool tied : {false, true}) {
    const ModelLayout layout = Layout(5, tied);
    std::vector<int64_t> order;
    for (const Visit& visit : MakeVisits(layout, 1, false, 2, 1)) {
      if (visit.gradient_unit >= 0) order.push_back(visit.gradient_unit);
    }
    ASSERT_EQ(order.size(), layout.units.size());
    for (size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], static_cast<int64_t>(order.size() - 1 - i));
  }
}

}  // namespace
}  // namespace hlm
