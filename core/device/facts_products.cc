// The facts of the operations that are products: linear layers and attention.
#include <algorithm>

#include "core/device/facts_builder.h"

namespace hlm {
namespace {

double LinearFlops(int64_t tokens, int64_t in, int64_t out) {
  return 2.0 * static_cast<double>(tokens) * static_cast<double>(in) * static_cast<double>(out);
}

// Pairs of a query and a key that it sees, of one head.
double SeenPairs(const Documents& documents, int64_t window, int64_t chunk) {
  const auto pairs_of = [&](int64_t length) {
    const auto n = static_cast<double>(length);
    const double most = window > 0 ? std::min(n, static_cast<double>(window)) : n;
    return most * (most + 1) / 2 + (n - most) * most;
  };
  double pairs = 0;
  for (int64_t d = 0; d < documents.count; ++d) {
    const int64_t length = documents.host_offsets[d + 1] - documents.host_offsets[d];
    const int64_t piece = chunk > 0 ? std::min(chunk, length) : length;
    const int64_t whole = length / piece;
    pairs += static_cast<double>(whole) * pairs_of(piece) + pairs_of(length % piece);
  }
  return pairs;
}

// Multiplications and additions of `elements` of each pair and head.
template <class Args>
double PairFlops(const Args& a, int64_t window, int64_t chunk, int64_t elements) {
  return 2.0 * SeenPairs(a.documents, window, chunk) * static_cast<double>(a.heads) * static_cast<double>(elements);
}

FactsBuilder& CheckKind(FactsBuilder& facts, const AttentionKind& kind) {
  HLM_CHECK(kind.scale > 0, facts.operation(), " with a scale of ", kind.scale);
  HLM_CHECK(kind.window >= 0 && kind.chunk >= 0 && kind.soft_cap >= 0, facts.operation(), " with window ", kind.window,
            ", chunk ", kind.chunk, ", cap ", kind.soft_cap);
  return facts;
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
  return facts.Products(PairFlops(a, a.window, 0, 2 * a.head_dim));
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
  return facts.Products(PairFlops(a, a.window, 0, 5 * a.head_dim));
}

OpFacts FactsOf(const ViewAttentionArgs& a) {
  FactsBuilder facts("ViewAttention");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.kv_heads, a.head_dim, a.value_dim}).Heads(a.heads, a.kv_heads);
  CheckKind(facts, a.kind).Docs(a.documents, a.tokens, "ViewAttention.offsets", "ViewAttention.host_offsets");
  facts.Reads("ViewAttention.q", a.q, {a.tokens, a.heads, a.head_dim, a.type});
  facts.Reads("ViewAttention.k", a.k, {a.tokens, a.kv_heads, a.head_dim, a.type});
  facts.Reads("ViewAttention.v", a.v, {a.tokens, a.kv_heads, a.value_dim, a.type});
  facts.MayRead("ViewAttention.sinks", a.sinks, Elements(a.heads, a.type));
  facts.MayRead("ViewAttention.slopes", a.slopes, Floats(a.heads));
  facts.Writes("ViewAttention.out", a.out, {a.tokens, a.heads, a.value_dim, a.type});
  facts.Writes("ViewAttention.lse", a.lse, Floats(a.tokens * a.heads));
  return facts.Products(PairFlops(a, a.kind.window, a.kind.chunk, a.head_dim + a.value_dim));
}

OpFacts FactsOf(const ViewAttentionBackwardArgs& a) {
  FactsBuilder facts("ViewAttentionBackward");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.kv_heads, a.head_dim, a.value_dim}).Heads(a.heads, a.kv_heads);
  CheckKind(facts, a.kind).Docs(a.documents, a.tokens, "ViewAttentionBackward.offsets", "ViewAttentionBackward.host_offsets");
  const FactsBuilder::Lines queries{a.tokens, a.heads, a.head_dim, a.type}, keys{a.tokens, a.kv_heads, a.head_dim, a.type};
  const FactsBuilder::Lines values{a.tokens, a.kv_heads, a.value_dim, a.type}, outs{a.tokens, a.heads, a.value_dim, a.type};
  facts.Reads("ViewAttentionBackward.q", a.q, queries);
  facts.Reads("ViewAttentionBackward.k", a.k, keys);
  facts.Reads("ViewAttentionBackward.v", a.v, values);
  facts.MayRead("ViewAttentionBackward.sinks", a.sinks, Elements(a.heads, a.type));
  facts.MayRead("ViewAttentionBackward.slopes", a.slopes, Floats(a.heads));
  facts.Reads("ViewAttentionBackward.out", a.out, outs);
  facts.Reads("ViewAttentionBackward.dout", a.dout, outs);
  facts.Reads("ViewAttentionBackward.lse", a.lse, Floats(a.tokens * a.heads));
  facts.Writes("ViewAttentionBackward.dq", a.dq, queries);
  facts.Writes("ViewAttentionBackward.dk", a.dk, keys);
  facts.Writes("ViewAttentionBackward.dv", a.dv, values);
  facts.MayWrite("ViewAttentionBackward.dsinks", a.dsinks, Floats(a.heads));
  HLM_CHECK(a.dsinks == nullptr || a.sinks != nullptr, "ViewAttentionBackward with a gradient of sinks that are not there");
  return facts.Products(PairFlops(a, a.kind.window, a.kind.chunk, 3 * a.head_dim + 2 * a.value_dim));
}

}  // namespace hlm
