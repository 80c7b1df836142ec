// The facts of norms and of the rotary embedding.
#include "core/device/facts_builder.h"

namespace hlm {

OpFacts FactsOf(const RmsNormArgs& a) {
  FactsBuilder facts("RmsNorm");
  facts.Type(a.type).Sizes({a.rows, a.width});
  const size_t all = Elements(a.rows * a.width, a.type);
  facts.Reads("RmsNorm.x", a.x, all);
  facts.Reads("RmsNorm.w", a.w, Elements(a.width, a.type));
  facts.Writes("RmsNorm.y", a.y, all);
  facts.Writes("RmsNorm.rstd", a.rstd, Floats(a.rows));
  return facts.Moves();
}

OpFacts FactsOf(const RmsNormBackwardArgs& a) {
  FactsBuilder facts("RmsNormBackward");
  facts.Type(a.type).Sizes({a.rows, a.width});
  const size_t all = Elements(a.rows * a.width, a.type);
  facts.Reads("RmsNormBackward.x", a.x, all);
  facts.Reads("RmsNormBackward.w", a.w, Elements(a.width, a.type));
  facts.Reads("RmsNormBackward.rstd", a.rstd, Floats(a.rows));
  facts.Reads("RmsNormBackward.dy", a.dy, all);
  facts.MayRead("RmsNormBackward.residual", a.residual, all);
  facts.Writes("RmsNormBackward.dx", a.dx, all, {a.residual, a.dy});
  facts.Writes("RmsNormBackward.dw", a.dw, Floats(a.width));
  return facts.Moves();
}

// The table's length is not known here: it is never written while a model runs, and not declared.
OpFacts FactsOf(const QkRotaryArgs& a) {
  FactsBuilder facts("QkRotary");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.kv_heads, a.head_dim}).Heads(a.heads, a.kv_heads);
  HLM_CHECK(a.head_dim % 2 == 0, "QkRotary with an odd head_dim of ", a.head_dim);
  HLM_CHECK(a.table != nullptr, "QkRotary without one of its arrays: QkRotary.table is null");
  const int64_t turned = a.heads + a.kv_heads;
  facts.Reads("QkRotary.positions", a.positions, Ints(a.tokens));
  if (a.q_norm != nullptr) {
    facts.Reads("QkRotary.q_norm", a.q_norm, Elements(a.head_dim, a.type));
    facts.Reads("QkRotary.k_norm", a.k_norm, Elements(a.head_dim, a.type));
  }
  facts.Writes("QkRotary.qkv", a.qkv, Elements(a.tokens * (turned + a.kv_heads) * a.head_dim, a.type));
  if (a.q_norm != nullptr) {
    facts.Writes("QkRotary.qk_raw", a.qk_raw, Elements(a.tokens * turned * a.head_dim, a.type));
    facts.Writes("QkRotary.qk_rstd", a.qk_rstd, Floats(a.tokens * turned));
  }
  return facts.Moves();
}

OpFacts FactsOf(const QkRotaryBackwardArgs& a) {
  FactsBuilder facts("QkRotaryBackward");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.kv_heads, a.head_dim}).Heads(a.heads, a.kv_heads);
  HLM_CHECK(a.head_dim % 2 == 0, "QkRotaryBackward with an odd head_dim of ", a.head_dim);
  HLM_CHECK(a.table != nullptr, "QkRotaryBackward without one of its arrays: QkRotaryBackward.table is null");
  const int64_t turned = a.heads + a.kv_heads;
  facts.Reads("QkRotaryBackward.positions", a.positions, Ints(a.tokens));
  if (a.q_norm != nullptr) {
    facts.Reads("QkRotaryBackward.q_norm", a.q_norm, Elements(a.head_dim, a.type));
    facts.Reads("QkRotaryBackward.k_norm", a.k_norm, Elements(a.head_dim, a.type));
    facts.Reads("QkRotaryBackward.qk_raw", a.qk_raw, Elements(a.tokens * turned * a.head_dim, a.type));
    facts.Reads("QkRotaryBackward.qk_rstd", a.qk_rstd, Floats(a.tokens * turned));
  }
  facts.Writes("QkRotaryBackward.dqkv", a.dqkv, Elements(a.tokens * (turned + a.kv_heads) * a.head_dim, a.type));
  if (a.q_norm != nullptr) {
    facts.Writes("QkRotaryBackward.dq_norm", a.dq_norm, Floats(a.head_dim));
    facts.Writes("QkRotaryBackward.dk_norm", a.dk_norm, Floats(a.head_dim));
  }
  return facts.Moves();
}

OpFacts FactsOf(const NormArgs& a) {
  FactsBuilder facts("Norm");
  facts.Type(a.type).Sizes({a.rows, a.heads, a.width});
  const FactsBuilder::Lines lines{a.rows, a.heads, a.width, a.type};
  const int64_t weights = a.by_head ? a.heads * a.width : a.width;
  facts.Reads("Norm.x", a.x, lines);
  facts.MayRead("Norm.w", a.w, Elements(weights, a.type));
  facts.MayRead("Norm.bias", a.bias, Elements(weights, a.type));
  facts.Writes("Norm.y", a.y, lines);
  if (a.kind.center) facts.Writes("Norm.mean", a.mean, Floats(a.rows * a.heads));
  facts.Writes("Norm.rstd", a.rstd, Floats(a.rows * a.heads));
  return facts.Moves();
}

OpFacts FactsOf(const NormBackwardArgs& a) {
  FactsBuilder facts("NormBackward");
  facts.Type(a.type).Sizes({a.rows, a.heads, a.width});
  const FactsBuilder::Lines lines{a.rows, a.heads, a.width, a.type};
  const int64_t weights = a.by_head ? a.heads * a.width : a.width;
  facts.Reads("NormBackward.x", a.x, lines);
  facts.MayRead("NormBackward.w", a.w, Elements(weights, a.type));
  if (a.kind.center) facts.Reads("NormBackward.mean", a.mean, Floats(a.rows * a.heads));
  facts.Reads("NormBackward.rstd", a.rstd, Floats(a.rows * a.heads));
  facts.Reads("NormBackward.dy", a.dy, lines);
  facts.MayRead("NormBackward.residual", a.residual, lines);
  facts.Writes("NormBackward.dx", a.dx, lines, {a.residual.data, a.dy.data});
  facts.MayWrite("NormBackward.dw", a.dw, Floats(weights));
  facts.MayWrite("NormBackward.dbias", a.dbias, Floats(weights));
  return facts.Moves();
}

OpFacts FactsOf(const RotaryArgs& a) {
  FactsBuilder facts("Rotary");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.head_dim});
  HLM_CHECK(a.rotary_dim >= 0 && a.rotary_dim % 2 == 0 && a.rotary_dim <= a.head_dim, "Rotary of ", a.rotary_dim,
            " elements of heads of ", a.head_dim);
  HLM_CHECK(a.table != nullptr || a.rotary_dim == 0, "Rotary without one of its arrays: Rotary.table is null");
  const FactsBuilder::Lines lines{a.tokens, a.heads, a.head_dim, a.type};
  facts.Reads("Rotary.x", a.x, lines);
  facts.Writes("Rotary.y", a.y, lines, {a.x.data});
  facts.Reads("Rotary.positions", a.positions, Ints(a.tokens));
  return facts.Moves();
}

OpFacts FactsOf(const SumHeadsArgs& a) {
  FactsBuilder facts("SumHeads");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.width});
  facts.Reads("SumHeads.x", a.x, {a.tokens, a.heads, a.width, a.type});
  facts.Writes("SumHeads.y", a.y, {a.tokens, 1, a.width, a.type});
  return facts.Moves();
}

}  // namespace hlm
