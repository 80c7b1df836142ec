// The facts of activations, of embeddings, of the loss and of conversions.
#include "core/device/facts_builder.h"

namespace hlm {

OpFacts FactsOf(const SwiGluArgs& a) {
  FactsBuilder facts("SwiGlu");
  facts.Type(a.type).Sizes({a.tokens, a.width});
  facts.Rows(a.range, "SwiGlu.offsets");
  facts.Reads("SwiGlu.gate_up", a.gate_up, Elements(a.tokens * 2 * a.width, a.type));
  facts.Writes("SwiGlu.y", a.y, Elements(a.tokens * a.width, a.type));
  return facts.Moves();
}

OpFacts FactsOf(const SwiGluBackwardArgs& a) {
  FactsBuilder facts("SwiGluBackward");
  facts.Type(a.type).Sizes({a.tokens, a.width});
  facts.Rows(a.range, "SwiGluBackward.offsets");
  facts.Reads("SwiGluBackward.gate_up", a.gate_up, Elements(a.tokens * 2 * a.width, a.type));
  facts.Reads("SwiGluBackward.dy", a.dy, Elements(a.tokens * a.width, a.type));
  facts.Writes("SwiGluBackward.dgate_up", a.dgate_up, Elements(a.tokens * 2 * a.width, a.type), {a.gate_up});
  return facts.Moves();
}

namespace {

template <class Args>
void CheckNumbers(const FactsBuilder& facts, const Args& a) {
  const ActFunction kind = a.kind;
  const XieluArgs& xielu = a.xielu;
  HLM_CHECK(kind != ActFunction::kClip || a.limit > 0, facts.operation(), " clips at ", a.limit);
  HLM_CHECK(kind != ActFunction::kXielu || (xielu.alpha_p != nullptr && xielu.alpha_n != nullptr), facts.operation(),
            " without one of its arrays: xIELU's alphas");
}

}  // namespace

OpFacts FactsOf(const ActivateArgs& a) {
  FactsBuilder facts("Activate");
  facts.Type(a.type).Sizes({a.rows, a.heads, a.width});
  CheckNumbers(facts, a);
  const FactsBuilder::Lines lines{a.rows, a.heads, a.width, a.type};
  facts.Rows(a.range, "Activate.offsets");
  facts.Reads("Activate.x", a.x, lines);
  facts.MayRead("Activate.up", a.up, lines);
  if (a.kind == ActFunction::kXielu) {
    for (const void* number : {a.xielu.alpha_p, a.xielu.alpha_n, a.xielu.beta, a.xielu.epsilon}) {
      facts.MayRead("Activate.xielu", number, Elements(1, a.type));
    }
  }
  facts.Writes("Activate.y", a.y, lines, {a.x.data});
  return facts.Moves();
}

OpFacts FactsOf(const ActivateBackwardArgs& a) {
  FactsBuilder facts("ActivateBackward");
  facts.Type(a.type).Sizes({a.rows, a.heads, a.width});
  CheckNumbers(facts, a);
  const FactsBuilder::Lines lines{a.rows, a.heads, a.width, a.type};
  HLM_CHECK(a.kind != ActFunction::kXielu || a.range.offsets == nullptr, "ActivateBackward of xIELU for some rows");
  facts.Rows(a.range, "ActivateBackward.offsets");
  facts.Reads("ActivateBackward.x", a.x, lines);
  facts.MayRead("ActivateBackward.up", a.up, lines);
  facts.Reads("ActivateBackward.dy", a.dy, lines);
  facts.Writes("ActivateBackward.dx", a.dx, lines, {a.x.data, a.dy.data});
  if (a.up.data != nullptr) facts.Writes("ActivateBackward.dup", a.dup, lines, {a.up.data, a.dy.data});
  if (a.kind == ActFunction::kXielu) {
    for (const void* number : {a.xielu.alpha_p, a.xielu.alpha_n, a.xielu.beta, a.xielu.epsilon}) {
      facts.MayRead("ActivateBackward.xielu", number, Elements(1, a.type));
    }
    facts.MayWrite("ActivateBackward.dalpha_p", a.dalpha_p, Floats(1));
    facts.MayWrite("ActivateBackward.dalpha_n", a.dalpha_n, Floats(1));
  }
  return facts.Moves();
}

OpFacts FactsOf(const ClampedGluArgs& a) {
  FactsBuilder facts("ClampedGlu");
  facts.Type(a.type).Sizes({a.tokens, a.width});
  facts.Rows(a.range, "ClampedGlu.offsets");
  facts.Reads("ClampedGlu.gate_up", a.gate_up, Elements(a.tokens * 2 * a.width, a.type));
  facts.Writes("ClampedGlu.y", a.y, Elements(a.tokens * a.width, a.type));
  return facts.Moves();
}

OpFacts FactsOf(const ClampedGluBackwardArgs& a) {
  FactsBuilder facts("ClampedGluBackward");
  facts.Type(a.type).Sizes({a.tokens, a.width});
  facts.Rows(a.range, "ClampedGluBackward.offsets");
  facts.Reads("ClampedGluBackward.gate_up", a.gate_up, Elements(a.tokens * 2 * a.width, a.type));
  facts.Reads("ClampedGluBackward.dy", a.dy, Elements(a.tokens * a.width, a.type));
  facts.Writes("ClampedGluBackward.dgate_up", a.dgate_up, Elements(a.tokens * 2 * a.width, a.type), {a.gate_up});
  return facts.Moves();
}

OpFacts FactsOf(const GateHeadsArgs& a) {
  FactsBuilder facts("GateHeads");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.width});
  facts.Reads("GateHeads.x", a.x, Elements(a.tokens * a.heads * a.width, a.type));
  facts.Reads("GateHeads.gate", a.gate, Elements(a.tokens * a.heads, a.type));
  facts.Writes("GateHeads.y", a.y, Elements(a.tokens * a.heads * a.width, a.type), {a.x});
  return facts.Moves();
}

OpFacts FactsOf(const GateHeadsBackwardArgs& a) {
  FactsBuilder facts("GateHeadsBackward");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.width});
  facts.Reads("GateHeadsBackward.x", a.x, Elements(a.tokens * a.heads * a.width, a.type));
  facts.Reads("GateHeadsBackward.gate", a.gate, Elements(a.tokens * a.heads, a.type));
  facts.Reads("GateHeadsBackward.dy", a.dy, Elements(a.tokens * a.heads * a.width, a.type));
  facts.Writes("GateHeadsBackward.dx", a.dx, Elements(a.tokens * a.heads * a.width, a.type), {a.x, a.dy});
  facts.Writes("GateHeadsBackward.dgate", a.dgate, Elements(a.tokens * a.heads, a.type), {a.gate});
  return facts.Moves();
}

OpFacts FactsOf(const ScaleAddArgs& a) {
  FactsBuilder facts("ScaleAdd");
  facts.Type(a.type).Sizes({a.n});
  facts.MayRead("ScaleAdd.x", a.x, Elements(a.n, a.type));
  facts.Reads("ScaleAdd.z", a.z, Elements(a.n, a.type));
  facts.MayRead("ScaleAdd.factor", a.factor, Elements(1, a.type));
  facts.Writes("ScaleAdd.y", a.y, Elements(a.n, a.type), {a.x, a.z});
  return facts.Moves();
}

OpFacts FactsOf(const CapLogitsArgs& a) {
  FactsBuilder facts("CapLogits");
  facts.Sizes({a.n});
  facts.Reads("CapLogits.x", a.x, Floats(a.n));
  facts.Writes("CapLogits.y", a.y, Floats(a.n), {a.x});
  return facts.Moves();
}

// Of the table only the rows that tokens name are moved.
OpFacts FactsOf(const EmbeddingArgs& a) {
  FactsBuilder facts("Embedding");
  facts.Type(a.type).Sizes({a.tokens, a.width, a.vocab});
  facts.Reads("Embedding.ids", a.ids, Ints(a.tokens));
  facts.Reads("Embedding.table", a.table, Elements(a.vocab * a.width, a.type));
  facts.MayRead("Embedding.addend", a.addend, Elements(a.tokens * a.width, a.type));
  facts.Writes("Embedding.y", a.y, Elements(a.tokens * a.width, a.type), {a.addend});
  return facts.Moves((a.addend == nullptr ? 2.0 : 3.0) * static_cast<double>(Elements(a.tokens * a.width, a.type)));
}

OpFacts FactsOf(const EmbeddingBackwardArgs& a) {
  FactsBuilder facts("EmbeddingBackward");
  facts.Type(a.type).Sizes({a.tokens, a.width, a.vocab});
  facts.Reads("EmbeddingBackward.ids", a.ids, Ints(a.tokens));
  facts.Reads("EmbeddingBackward.dy", a.dy, Elements(a.tokens * a.width, a.type));
  facts.Writes("EmbeddingBackward.dtable", a.dtable, Floats(a.vocab * a.width));
  return facts.Moves(static_cast<double>(Elements(a.tokens * a.width, a.type) + 2 * Floats(a.tokens * a.width)));
}

OpFacts FactsOf(const CrossEntropyArgs& a) {
  FactsBuilder facts("CrossEntropy");
  facts.Type(a.type).Sizes({a.rows, a.vocab});
  HLM_CHECK(a.logit_scale > 0 && a.soft_cap >= 0, "CrossEntropy with logits scaled by ", a.logit_scale, " and capped at ",
            a.soft_cap);
  const int64_t all = a.rows * a.vocab;
  facts.Reads("CrossEntropy.logits", a.logits, Floats(all));
  facts.Reads("CrossEntropy.targets", a.targets, Ints(a.rows));
  if (a.dlogits != nullptr) facts.Reads("CrossEntropy.weights", a.weights, Floats(a.rows));
  facts.MayRead("CrossEntropy.entropy_weights", a.entropy_weights, Floats(a.rows));
  facts.Writes("CrossEntropy.nll", a.nll, Floats(a.rows));
  facts.MayWrite("CrossEntropy.entropies", a.entropies, Floats(a.rows));
  facts.MayWrite("CrossEntropy.best", a.best, Floats(a.rows));
  const void* in_place = a.type == DType::kF32 ? a.logits : nullptr;
  facts.MayWrite("CrossEntropy.dlogits", a.dlogits, Elements(all, a.type), {in_place});
  return facts.Moves();
}

OpFacts FactsOf(const CastArgs& a) {
  FactsBuilder facts("Cast");
  facts.Type(a.x_type).Type(a.y_type).Sizes({a.n});
  facts.Reads("Cast.x", a.x, Elements(a.n, a.x_type));
  facts.Writes("Cast.y", a.y, Elements(a.n, a.y_type), {a.x_type == a.y_type ? a.x : nullptr});
  return facts.Moves();
}

}  // namespace hlm
