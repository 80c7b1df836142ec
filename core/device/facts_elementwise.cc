// The facts of activations, of embeddings, of the loss and of conversions.
#include "core/device/facts_builder.h"

namespace hlm {

OpFacts FactsOf(const SwiGluArgs& a) {
  FactsBuilder facts("SwiGlu");
  facts.Type(a.type).Sizes({a.tokens, a.width});
  facts.Reads("SwiGlu.gate_up", a.gate_up, Elements(a.tokens * 2 * a.width, a.type));
  facts.Writes("SwiGlu.y", a.y, Elements(a.tokens * a.width, a.type));
  return facts.Moves();
}

OpFacts FactsOf(const SwiGluBackwardArgs& a) {
  FactsBuilder facts("SwiGluBackward");
  facts.Type(a.type).Sizes({a.tokens, a.width});
  facts.Reads("SwiGluBackward.gate_up", a.gate_up, Elements(a.tokens * 2 * a.width, a.type));
  facts.Reads("SwiGluBackward.dy", a.dy, Elements(a.tokens * a.width, a.type));
  facts.Writes("SwiGluBackward.dgate_up", a.dgate_up, Elements(a.tokens * 2 * a.width, a.type), {a.gate_up});
  return facts.Moves();
}

// Of the table only the rows that tokens name are moved.
OpFacts FactsOf(const EmbeddingArgs& a) {
  FactsBuilder facts("Embedding");
  facts.Type(a.type).Sizes({a.tokens, a.width, a.vocab});
  if (a.scale != 1 || a.addend != nullptr) throw Unimplemented("Embedding with a scale or an addend");
  facts.Reads("Embedding.ids", a.ids, Ints(a.tokens));
  facts.Reads("Embedding.table", a.table, Elements(a.vocab * a.width, a.type));
  facts.Writes("Embedding.y", a.y, Elements(a.tokens * a.width, a.type));
  return facts.Moves(2.0 * static_cast<double>(Elements(a.tokens * a.width, a.type)));
}

OpFacts FactsOf(const EmbeddingBackwardArgs& a) {
  FactsBuilder facts("EmbeddingBackward");
  facts.Type(a.type).Sizes({a.tokens, a.width, a.vocab});
  if (a.scale != 1 || a.skip >= 0) throw Unimplemented("EmbeddingBackward with a scale or a row that is skipped");
  facts.Reads("EmbeddingBackward.ids", a.ids, Ints(a.tokens));
  facts.Reads("EmbeddingBackward.dy", a.dy, Elements(a.tokens * a.width, a.type));
  facts.Writes("EmbeddingBackward.dtable", a.dtable, Floats(a.vocab * a.width));
  return facts.Moves(static_cast<double>(Elements(a.tokens * a.width, a.type) + 2 * Floats(a.tokens * a.width)));
}

OpFacts FactsOf(const CrossEntropyArgs& a) {
  FactsBuilder facts("CrossEntropy");
  facts.Type(a.type).Sizes({a.rows, a.vocab});
  if (a.logit_scale != 1 || a.soft_cap != 0) throw Unimplemented("CrossEntropy with a scale or a cap of logits");
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
