// The facts of the operations that mix tokens otherwise than attention does.
#include "core/device/facts_builder.h"

namespace hlm {
namespace {

template <class Args>
void ConvReads(FactsBuilder& facts, const Args& a, const FactsBuilder::Lines& lines) {
  HLM_CHECK(a.taps <= kMostConvTaps, facts.operation(), " over ", a.taps, " tokens; at most ", kMostConvTaps);
  facts.Reads("CausalConv.positions", a.positions, Ints(a.tokens));
  facts.Reads("CausalConv.x", a.x, lines);
  facts.MayRead("CausalConv.before", a.before, lines);
  facts.MayRead("CausalConv.after", a.after, lines);
  facts.Reads("CausalConv.w", a.w, Elements(a.channels * a.taps, a.type));
  facts.MayRead("CausalConv.bias", a.bias, Elements(a.channels, a.type));
}

template <class Args>
void GateReads(FactsBuilder& facts, const Args& a) {
  HLM_CHECK(a.least >= 0 && a.most > a.least && a.beta_scale > 0, facts.operation(), " with steps from ", a.least, " to ", a.most,
            " and beta times ", a.beta_scale);
  facts.Reads("DecayGates.a", a.a, {a.tokens, a.heads, a.width, a.type});
  facts.MayRead("DecayGates.b", a.b, {a.tokens, a.heads, 1, a.type});
  facts.Reads("DecayGates.a_log", a.a_log, Elements(a.heads, a.type));
  facts.Reads("DecayGates.dt_bias", a.dt_bias, Elements(a.heads * a.width, a.type));
}

template <class Args>
void DeltaReads(FactsBuilder& facts, const Args& a) {
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.key_heads, a.key_dim, a.value_dim}).Heads(a.heads, a.key_heads);
  HLM_CHECK(a.scale > 0 && a.epsilon >= 0, facts.operation(), " with a scale of ", a.scale, " and an epsilon of ", a.epsilon);
  facts.Docs(a.documents, a.tokens, "DeltaRule.offsets", "DeltaRule.host_offsets");
  facts.Reads("DeltaRule.q", a.q, {a.tokens, a.key_heads, a.key_dim, a.type});
  facts.Reads("DeltaRule.k", a.k, {a.tokens, a.key_heads, a.key_dim, a.type});
  facts.Reads("DeltaRule.v", a.v, {a.tokens, a.heads, a.value_dim, a.type});
  facts.Reads("DeltaRule.g", a.g, Floats(a.tokens * a.heads * (a.by_channel ? a.key_dim : 1)));
  facts.Reads("DeltaRule.beta", a.beta, Floats(a.tokens * a.heads));
}

template <class Args>
void StateReads(FactsBuilder& facts, const Args& a) {
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.groups, a.head_dim, a.state_dim}).Heads(a.heads, a.groups);
  facts.Docs(a.documents, a.tokens, "StateSpace.offsets", "StateSpace.host_offsets");
  facts.Reads("StateSpace.x", a.x, {a.tokens, a.heads, a.head_dim, a.type});
  facts.Reads("StateSpace.b", a.b, {a.tokens, a.groups, a.state_dim, a.type});
  facts.Reads("StateSpace.c", a.c, {a.tokens, a.groups, a.state_dim, a.type});
  facts.Reads("StateSpace.g", a.g, Floats(a.tokens * a.heads));
  facts.Reads("StateSpace.step", a.step, Floats(a.tokens * a.heads));
  facts.Reads("StateSpace.d", a.d, Elements(a.heads, a.type));
}

// Products with the state, `whole` of them, and within chunks of 64 tokens, of which half the pairs count.
double ChunkFlops(int64_t tokens, int64_t heads, double whole, double width) {
  return 2.0 * static_cast<double>(tokens) * static_cast<double>(heads) * (whole + 32 * width);
}

}  // namespace

OpFacts FactsOf(const DecayGatesArgs& a) {
  FactsBuilder facts("DecayGates");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.width});
  GateReads(facts, a);
  const size_t all = Floats(a.tokens * a.heads * a.width);
  facts.Writes("DecayGates.g", a.g, all);
  facts.MayWrite("DecayGates.step", a.step, all);
  if (a.b.data != nullptr) facts.Writes("DecayGates.beta", a.beta, Floats(a.tokens * a.heads));
  return facts.Moves();
}

OpFacts FactsOf(const DecayGatesBackwardArgs& a) {
  FactsBuilder facts("DecayGatesBackward");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.width});
  GateReads(facts, a);
  const size_t all = Floats(a.tokens * a.heads * a.width);
  facts.Reads("DecayGatesBackward.dg", a.dg, all);
  facts.MayRead("DecayGatesBackward.dstep", a.dstep, all);
  if (a.b.data != nullptr) {
    facts.Reads("DecayGatesBackward.dbeta", a.dbeta, Floats(a.tokens * a.heads));
    facts.Writes("DecayGatesBackward.db", a.db, {a.tokens, a.heads, 1, a.type});
  }
  facts.Writes("DecayGatesBackward.da", a.da, {a.tokens, a.heads, a.width, a.type});
  facts.Writes("DecayGatesBackward.da_log", a.da_log, Floats(a.heads));
  facts.Writes("DecayGatesBackward.ddt_bias", a.ddt_bias, Floats(a.heads * a.width));
  return facts.Moves();
}

OpFacts FactsOf(const DeltaRuleArgs& a) {
  FactsBuilder facts("DeltaRule");
  DeltaReads(facts, a);
  facts.Writes("DeltaRule.out", a.out, {a.tokens, a.heads, a.value_dim, a.type});
  const auto k = static_cast<double>(a.key_dim), v = static_cast<double>(a.value_dim);
  return facts.Products(ChunkFlops(a.tokens, a.heads, 3 * k * v, 2 * k + 2 * v));
}

OpFacts FactsOf(const DeltaRuleBackwardArgs& a) {
  FactsBuilder facts("DeltaRuleBackward");
  DeltaReads(facts, a);
  const FactsBuilder::Lines keys{a.tokens, a.key_heads, a.key_dim, a.type}, values{a.tokens, a.heads, a.value_dim, a.type};
  facts.Reads("DeltaRuleBackward.dout", a.dout, values);
  facts.Writes("DeltaRuleBackward.dq", a.dq, keys);
  facts.Writes("DeltaRuleBackward.dk", a.dk, keys);
  facts.Writes("DeltaRuleBackward.dv", a.dv, values);
  facts.Writes("DeltaRuleBackward.dg", a.dg, Floats(a.tokens * a.heads * (a.by_channel ? a.key_dim : 1)));
  facts.Writes("DeltaRuleBackward.dbeta", a.dbeta, Floats(a.tokens * a.heads));
  const auto k = static_cast<double>(a.key_dim), v = static_cast<double>(a.value_dim);
  return facts.Products(ChunkFlops(a.tokens, a.heads, 8 * k * v, 5 * k + 5 * v));
}

OpFacts FactsOf(const StateSpaceArgs& a) {
  FactsBuilder facts("StateSpace");
  StateReads(facts, a);
  facts.Writes("StateSpace.y", a.y, {a.tokens, a.heads, a.head_dim, a.type});
  const auto n = static_cast<double>(a.state_dim), p = static_cast<double>(a.head_dim);
  return facts.Products(ChunkFlops(a.tokens, a.heads, 2 * n * p, n + p));
}

OpFacts FactsOf(const StateSpaceBackwardArgs& a) {
  FactsBuilder facts("StateSpaceBackward");
  StateReads(facts, a);
  const FactsBuilder::Lines rows{a.tokens, a.heads, a.head_dim, a.type}, shared{a.tokens, a.groups, a.state_dim, a.type};
  facts.Reads("StateSpaceBackward.dy", a.dy, rows);
  facts.Writes("StateSpaceBackward.dx", a.dx, rows);
  facts.Writes("StateSpaceBackward.db", a.db, shared);
  facts.Writes("StateSpaceBackward.dc", a.dc, shared);
  facts.Writes("StateSpaceBackward.dg", a.dg, Floats(a.tokens * a.heads));
  facts.Writes("StateSpaceBackward.dstep", a.dstep, Floats(a.tokens * a.heads));
  facts.Writes("StateSpaceBackward.dd", a.dd, Floats(a.heads));
  const auto n = static_cast<double>(a.state_dim), p = static_cast<double>(a.head_dim);
  return facts.Products(ChunkFlops(a.tokens, a.heads, 6 * n * p, 3 * n + 2 * p));
}

OpFacts FactsOf(const CausalConvArgs& a) {
  FactsBuilder facts("CausalConv");
  facts.Type(a.type).Sizes({a.tokens, a.channels, a.taps});
  const FactsBuilder::Lines lines{a.tokens, 1, a.channels, a.type};
  ConvReads(facts, a, lines);
  facts.Writes("CausalConv.y", a.y, lines);
  return facts.Moves();
}

OpFacts FactsOf(const CausalConvBackwardArgs& a) {
  FactsBuilder facts("CausalConvBackward");
  facts.Type(a.type).Sizes({a.tokens, a.channels, a.taps});
  const FactsBuilder::Lines lines{a.tokens, 1, a.channels, a.type};
  ConvReads(facts, a, lines);
  facts.Reads("CausalConvBackward.dy", a.dy, lines);
  facts.Writes("CausalConvBackward.dx", a.dx, lines);
  if (a.before.data != nullptr) facts.Writes("CausalConvBackward.dbefore", a.dbefore, lines);
  if (a.after.data != nullptr) facts.Writes("CausalConvBackward.dafter", a.dafter, lines);
  facts.Writes("CausalConvBackward.dw", a.dw, Floats(a.channels * a.taps));
  if (a.bias != nullptr) facts.Writes("CausalConvBackward.dbias", a.dbias, Floats(a.channels));
  return facts.Moves();
}

}  // namespace hlm
