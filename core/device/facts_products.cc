// The facts of the operations that are products: linear layers and attention.
#include <algorithm>

#include "core/device/facts_builder.h"

namespace hlm {
namespace {

double LinearFlops(int64_t tokens, int64_t in, int64_t out) {
  return 2.0 * static_cast<double>(tokens) * static_cast<double>(in) * static_cast<double>(out);
}

// Pairs of a query and a key that it sees, of one head.
double SeenPairs(const Documents& documents, int64_t window) {
  double pairs = 0;
  for (int64_t d = 0; d < documents.count; ++d) {
    const auto n = static_cast<double>(documents.host_offsets[d + 1] - documents.host_offsets[d]);
    const double most = window > 0 ? std::min(n, static_cast<double>(window)) : n;
    pairs += most * (most + 1) / 2 + (n - most) * most;
  }
  return pairs;
}

template <class Args>
double AttentionFlops(const Args& a, int products) {
  return 2.0 * products * SeenPairs(a.documents, a.window) * static_cast<double>(a.heads) * static_cast<double>(a.head_dim);
}

}  // namespace

OpFacts FactsOf(const LinearArgs& a) {
  FactsBuilder facts("Linear");
  facts.Type(a.type);
  HLM_CHECK(a.y_type == a.type || a.y_type == DType::kF32, "Linear of ", Name(a.type), " with a result of ", Name(a.y_type));
  facts.Sizes({a.tokens, a.in, a.out});
  facts.Reads("Linear.x", a.x, Elements(a.tokens * a.in, a.type));
  facts.Reads("Linear.w", a.w, Elements(a.out * a.in, a.type));
  facts.MayRead("Linear.bias", a.bias, Elements(a.out, a.type));
  facts.MayRead("Linear.addend", a.addend, Elements(a.tokens * a.out, a.y_type));
  facts.Writes("Linear.y", a.y, Elements(a.tokens * a.out, a.y_type), {a.addend});
  return facts.Products(LinearFlops(a.tokens, a.in, a.out));
}

OpFacts FactsOf(const LinearBackwardInputArgs& a) {
  FactsBuilder facts("LinearBackwardInput");
  facts.Type(a.type).Sizes({a.tokens, a.in, a.out});
  facts.Reads("LinearBackwardInput.dy", a.dy, Elements(a.tokens * a.out, a.type));
  facts.Reads("LinearBackwardInput.w", a.w, Elements(a.out * a.in, a.type));
  facts.Writes("LinearBackwardInput.dx", a.dx, Elements(a.tokens * a.in, a.type));
  return facts.Products(LinearFlops(a.tokens, a.in, a.out));
}

OpFacts FactsOf(const LinearBackwardWeightArgs& a) {
  FactsBuilder facts("LinearBackwardWeight");
  facts.Type(a.type).Sizes({a.tokens, a.in, a.out});
  facts.Reads("LinearBackwardWeight.dy", a.dy, Elements(a.tokens * a.out, a.type));
  facts.Reads("LinearBackwardWeight.x", a.x, Elements(a.tokens * a.in, a.type));
  facts.Writes("LinearBackwardWeight.dw", a.dw, Floats(a.out * a.in));
  facts.MayWrite("LinearBackwardWeight.dbias", a.dbias, Floats(a.out));
  return facts.Products(LinearFlops(a.tokens, a.in, a.out));
}

OpFacts FactsOf(const AttentionArgs& a) {
  FactsBuilder facts("Attention");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.kv_heads, a.head_dim}).Heads(a.heads, a.kv_heads);
  facts.Docs(a.documents, a.tokens, "Attention.offsets", "Attention.host_offsets");
  facts.Reads("Attention.qkv", a.qkv, Elements(a.tokens * (a.heads + 2 * a.kv_heads) * a.head_dim, a.type));
  facts.Writes("Attention.out", a.out, Elements(a.tokens * a.heads * a.head_dim, a.type));
  facts.Writes("Attention.lse", a.lse, Floats(a.tokens * a.heads));
  return facts.Products(AttentionFlops(a, 2));
}

OpFacts FactsOf(const AttentionBackwardArgs& a) {
  FactsBuilder facts("AttentionBackward");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.kv_heads, a.head_dim}).Heads(a.heads, a.kv_heads);
  facts.Docs(a.documents, a.tokens, "AttentionBackward.offsets", "AttentionBackward.host_offsets");
  const size_t qkv = Elements(a.tokens * (a.heads + 2 * a.kv_heads) * a.head_dim, a.type);
  const size_t out = Elements(a.tokens * a.heads * a.head_dim, a.type);
  facts.Reads("AttentionBackward.qkv", a.qkv, qkv);
  facts.Reads("AttentionBackward.out", a.out, out);
  facts.Reads("AttentionBackward.dout", a.dout, out);
  facts.Reads("AttentionBackward.lse", a.lse, Floats(a.tokens * a.heads));
  facts.Writes("AttentionBackward.dqkv", a.dqkv, qkv);
  return facts.Products(AttentionFlops(a, 5));
}

}  // namespace hlm
