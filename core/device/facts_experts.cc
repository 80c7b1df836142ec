// The facts of routing, and of products whose rows belong to several experts.
#include "core/device/facts_builder.h"

namespace hlm {
namespace {

template <class Args>
FactsBuilder& CheckChoice(FactsBuilder& facts, const Args& a) {
  facts.Sizes({a.tokens, a.experts, a.chosen});
  HLM_CHECK(a.chosen <= a.experts, facts.operation(), " of ", a.chosen, " of ", a.experts, " experts");
  return facts;
}

template <class Args>
void CheckKind(FactsBuilder& facts, const Args& a) {
  const RouteKind& k = a.kind;
  HLM_CHECK(k.groups >= 1 && a.experts % k.groups == 0 && k.best_groups >= 1 && k.best_groups <= k.groups, facts.operation(),
            " with ", k.best_groups, " of ", k.groups, " groups of ", a.experts, " experts");
  HLM_CHECK(a.chosen <= k.best_groups * (a.experts / k.groups), facts.operation(), " of ", a.chosen, " experts of ",
            k.best_groups, " groups");
  HLM_CHECK(k.score != RouteScore::kSparseMixer || (a.chosen == 2 && k.nearness >= 0 && k.groups == 1), facts.operation(), " of ",
            a.chosen, " experts by sparsemixer, in ", k.groups, " groups");
}

// `count` arrays of `width` elements, `stride` apart.
View Apart(const void* data, int64_t stride) { return {data, stride}; }
MutableView Apart(float* data, int64_t stride) { return {data, stride}; }

template <class Args>
FactsBuilder& CheckGrouped(FactsBuilder& facts, const Args& a) {
  const ExpertRange& r = a.range;
  facts.Type(a.type).Sizes({a.rows, a.in, a.out, r.experts, r.count});
  HLM_CHECK(r.first >= 0 && r.first + r.count <= r.experts, facts.operation(), " of experts ", r.first, " to ", r.first + r.count,
            " of ", r.experts);
  return facts;
}

// As if rows fell evenly, where the range is not all experts.
template <class Args>
double GroupedFlops(const Args& a) {
  return 2.0 * static_cast<double>(a.rows) * static_cast<double>(a.in) * static_cast<double>(a.out) *
         static_cast<double>(a.range.count) / static_cast<double>(a.range.experts);
}

}  // namespace

OpFacts FactsOf(const RouteArgs& a) {
  FactsBuilder facts("Route");
  facts.Type(a.type);
  CheckChoice(facts, a);
  CheckKind(facts, a);
  facts.Reads("Route.logits", a.logits, Floats(a.tokens * a.experts));
  facts.MayRead("Route.bias", a.bias, Elements(a.experts, a.type));
  facts.Writes("Route.choice", a.choice, Ints(a.tokens * a.chosen));
  facts.Writes("Route.weights", a.weights, Floats(a.tokens * a.chosen));
  return facts.Moves();
}

OpFacts FactsOf(const RouteBackwardArgs& a) {
  FactsBuilder facts("RouteBackward");
  facts.Type(a.type);
  CheckChoice(facts, a);
  CheckKind(facts, a);
  facts.Reads("RouteBackward.logits", a.logits, Floats(a.tokens * a.experts));
  facts.Reads("RouteBackward.choice", a.choice, Ints(a.tokens * a.chosen));
  facts.Reads("RouteBackward.dweights", a.dweights, Floats(a.tokens * a.chosen));
  facts.MayRead("RouteBackward.balance", a.balance, Floats(a.experts));
  facts.Writes("RouteBackward.dlogits", a.dlogits, Elements(a.tokens * a.experts, a.type));
  return facts.Moves();
}

OpFacts FactsOf(const ScaleChoicesArgs& a) {
  FactsBuilder facts("ScaleChoices");
  facts.Type(a.type);
  CheckChoice(facts, a);
  facts.Reads("ScaleChoices.choice", a.choice, Ints(a.tokens * a.chosen));
  facts.Reads("ScaleChoices.scales", a.scales, Elements(a.experts, a.type));
  facts.Reads("ScaleChoices.x", a.x, Floats(a.tokens * a.chosen));
  facts.Writes("ScaleChoices.y", a.y, Floats(a.tokens * a.chosen), {a.x});
  return facts.Moves();
}

OpFacts FactsOf(const ScaleChoicesBackwardArgs& a) {
  FactsBuilder facts("ScaleChoicesBackward");
  facts.Type(a.type);
  CheckChoice(facts, a);
  facts.Reads("ScaleChoicesBackward.choice", a.choice, Ints(a.tokens * a.chosen));
  facts.Reads("ScaleChoicesBackward.scales", a.scales, Elements(a.experts, a.type));
  facts.Reads("ScaleChoicesBackward.x", a.x, Floats(a.tokens * a.chosen));
  facts.Reads("ScaleChoicesBackward.dy", a.dy, Floats(a.tokens * a.chosen));
  facts.Writes("ScaleChoicesBackward.dx", a.dx, Floats(a.tokens * a.chosen), {a.dy});
  facts.Writes("ScaleChoicesBackward.dscales", a.dscales, Floats(a.experts));
  return facts.Moves();
}

OpFacts FactsOf(const RouteLoadArgs& a) {
  FactsBuilder facts("RouteLoad");
  CheckChoice(facts, a);
  facts.Reads("RouteLoad.logits", a.logits, Floats(a.tokens * a.experts));
  facts.Reads("RouteLoad.choice", a.choice, Ints(a.tokens * a.chosen));
  facts.Writes("RouteLoad.counts", a.counts, Floats(a.experts));
  facts.Writes("RouteLoad.probabilities", a.probabilities, Floats(a.experts));
  facts.Writes("RouteLoad.squares", a.squares, Floats(1));
  return facts.Moves();
}

OpFacts FactsOf(const SortChoicesArgs& a) {
  FactsBuilder facts("SortChoices");
  CheckChoice(facts, a);
  HLM_CHECK(a.tokens <= INT32_MAX / a.chosen, "SortChoices of ", a.tokens, " tokens, ", a.chosen, " choices each");
  facts.Reads("SortChoices.choice", a.choice, Ints(a.tokens * a.chosen));
  facts.Writes("SortChoices.offsets", a.offsets, Ints(a.experts + 1));
  facts.Writes("SortChoices.rows", a.rows, Ints(a.tokens * a.chosen));
  facts.Writes("SortChoices.sources", a.sources, Ints(a.tokens * a.chosen));
  return facts.Moves();
}

OpFacts FactsOf(const GatherRowsArgs& a) {
  FactsBuilder facts("GatherRows");
  facts.Type(a.type).Sizes({a.tokens, a.chosen, a.width});
  facts.Rows(a.range, "GatherRows.offsets");
  facts.Reads("GatherRows.x", a.x, Elements(a.tokens * a.width, a.type));
  facts.Reads("GatherRows.sources", a.sources, Ints(a.tokens * a.chosen));
  facts.MayRead("GatherRows.weights", a.weights, Floats(a.tokens * a.chosen));
  facts.Writes("GatherRows.y", a.y, Elements(a.tokens * a.chosen * a.width, a.type));
  return facts.Moves();
}

OpFacts FactsOf(const CombineRowsArgs& a) {
  FactsBuilder facts("CombineRows");
  facts.Type(a.type).Sizes({a.tokens, a.chosen, a.width});
  facts.Reads("CombineRows.x", a.x, Elements(a.tokens * a.chosen * a.width, a.type));
  facts.Reads("CombineRows.rows", a.rows, Ints(a.tokens * a.chosen));
  facts.MayRead("CombineRows.weights", a.weights, Floats(a.tokens * a.chosen));
  facts.MayRead("CombineRows.addend", a.addend, Elements(a.tokens * a.width, a.type));
  facts.Writes("CombineRows.y", a.y, Elements(a.tokens * a.width, a.type), {a.addend});
  return facts.Moves();
}

OpFacts FactsOf(const RowDotsArgs& a) {
  FactsBuilder facts("RowDots");
  facts.Type(a.type).Sizes({a.tokens, a.chosen, a.width});
  facts.Reads("RowDots.a", a.a, Elements(a.tokens * a.chosen * a.width, a.type));
  facts.Reads("RowDots.rows", a.rows, Ints(a.tokens * a.chosen));
  if (a.count != 0) facts.Reads("RowDots.choice", a.choice, Ints(a.tokens * a.chosen));
  if (a.with == DotWith::kExpert) {
    facts.Sizes({a.count});
    facts.Reads("RowDots.b", Apart(a.b, a.stride), {a.count, 1, a.width, a.type});
  } else {
    facts.Reads("RowDots.b", a.b, Elements(a.tokens * (a.with == DotWith::kRow ? a.chosen : 1) * a.width, a.type));
  }
  facts.MayRead("RowDots.divisors", a.divisors, Floats(a.tokens * a.chosen));
  facts.Writes("RowDots.y", a.y, Floats(a.tokens * a.chosen));
  return facts.Moves();
}

OpFacts FactsOf(const GroupedLinearArgs& a) {
  FactsBuilder facts("GroupedLinear");
  CheckGrouped(facts, a);
  facts.Reads("GroupedLinear.offsets", a.range.offsets, Ints(a.range.experts + 1));
  facts.Reads("GroupedLinear.x", a.x, Elements(a.rows * a.in, a.type));
  facts.Reads("GroupedLinear.w", Apart(a.w, a.w_stride), {a.range.count, 1, a.out * a.in, a.type});
  if (a.bias != nullptr) facts.Reads("GroupedLinear.bias", Apart(a.bias, a.bias_stride), {a.range.count, 1, a.out, a.type});
  facts.Writes("GroupedLinear.y", a.y, Elements(a.rows * a.out, a.type));
  return facts.Products(GroupedFlops(a));
}

OpFacts FactsOf(const GroupedLinearBackwardInputArgs& a) {
  FactsBuilder facts("GroupedLinearBackwardInput");
  CheckGrouped(facts, a);
  facts.Reads("GroupedLinearBackwardInput.offsets", a.range.offsets, Ints(a.range.experts + 1));
  facts.Reads("GroupedLinearBackwardInput.dy", a.dy, Elements(a.rows * a.out, a.type));
  facts.Reads("GroupedLinearBackwardInput.w", Apart(a.w, a.w_stride), {a.range.count, 1, a.out * a.in, a.type});
  facts.Writes("GroupedLinearBackwardInput.dx", a.dx, Elements(a.rows * a.in, a.type));
  return facts.Products(GroupedFlops(a));
}

OpFacts FactsOf(const GroupedLinearBackwardWeightArgs& a) {
  FactsBuilder facts("GroupedLinearBackwardWeight");
  CheckGrouped(facts, a);
  facts.Reads("GroupedLinearBackwardWeight.offsets", a.range.offsets, Ints(a.range.experts + 1));
  facts.Reads("GroupedLinearBackwardWeight.dy", a.dy, Elements(a.rows * a.out, a.type));
  facts.Reads("GroupedLinearBackwardWeight.x", a.x, Elements(a.rows * a.in, a.type));
  facts.Writes("GroupedLinearBackwardWeight.dw", Apart(a.dw, a.dw_stride), {a.range.count, 1, a.out * a.in, DType::kF32});
  if (a.dbias != nullptr) {
    facts.Writes("GroupedLinearBackwardWeight.dbias", Apart(a.dbias, a.dbias_stride), {a.range.count, 1, a.out, DType::kF32});
  }
  return facts.Products(GroupedFlops(a));
}

}  // namespace hlm
