#include "core/layers/latent_attention.h"

#include <cmath>

namespace hlm {
namespace {

std::byte* Place(void* rows, int64_t element, DType type) {
  return static_cast<std::byte*>(rows) + element * static_cast<int64_t>(SizeOf(type));
}

}  // namespace

LatentAttentionBody::LatentAttentionBody(const LatentAttentionSpec& spec, const ModelSpec& model, Declaration& d)
    : spec_(spec), rope_(spec.rope < 0 ? RopeSpec{} : model.ropes[static_cast<size_t>(spec.rope)]) {
  constexpr TensorInit kNormal = TensorInit::kNormal, kZero = TensorInit::kZero;
  d.Width("q_lora_rank", spec.query_rank);
  d.Width("kv_lora_rank", spec.key_rank);
  d.Width("qk_nope_head_dim", spec.still_dim);
  d.Width("qk_rope_head_dim", spec.rope_dim);
  d.Width("v_head_dim", spec.value_dim);
  d.HeadWidth("a head's width", spec.HeadDim());
  const auto linear = [&](const std::string& role, int64_t in, int64_t out, bool bias) {
    LinearPart part{.in = in, .out = out, .weight = d.Weight(role, {out, in}, kNormal)};
    if (bias) part.bias = d.Weight(role + "_bias", {out}, kZero);
    return part;
  };
  if (narrow()) {
    query_down_ = linear("q_a", model.hidden, spec.query_rank, spec.down_bias);
    saved_.query_latent = d.Saved("query latent", spec.query_rank, Remake::kProduct);
    query_norm_ = NormPart(spec.norm, {.width = spec.query_rank}, "q_a_norm", d);
    saved_.query_normed = d.Saved("query latent behind the norm", spec.query_rank, Remake::kPass);
    query_ = linear("q_b", spec.query_rank, Queries(), false);
    temps_.dquery_normed = d.Temp("d query latent", spec.query_rank);
  } else {
    query_ = linear("q", model.hidden, Queries(), false);
  }
  saved_.q = d.Saved("q", Queries(), Remake::kProduct);
  key_down_ = linear("kv_a", model.hidden, Latents(), spec.down_bias);
  saved_.key_latent = d.Saved("key latent", Latents(), Remake::kProduct);
  key_norm_ = NormPart(spec.norm, {.width = spec.key_rank}, "kv_a_norm", d);
  saved_.key_normed = d.Saved("key latent behind the norm", spec.key_rank, Remake::kPass);
  key_value_ = linear("kv_b", spec.key_rank, spec.heads * Expanded(), false);
  saved_.expanded = d.Saved("keys and values", spec.heads * Expanded(), Remake::kProduct);
  saved_.k = d.Saved("k", Queries(), Remake::kPass);
  saved_.out = d.Saved("out", Values(), Remake::kProduct);
  saved_.lse = d.Saved("lse", spec.heads, Remake::kCheap, TokenType::kF32);
  o_ = linear("o", Values(), model.hidden, spec.o_bias);

  temps_.dout = d.Temp("d out", Values());
  temps_.dq = d.Temp("d q", Queries());
  temps_.dk = d.Temp("d k", Queries());
  temps_.dexpanded = d.Temp("d keys and values", spec.heads * Expanded());
  temps_.dkey_normed = d.Temp("d key latent behind the norm", spec.key_rank);
  temps_.dkey_latent = d.Temp("d key latent", Latents());
  temps_.dx = d.Temp("d x of queries", model.hidden);
}

AttentionKind LatentAttentionBody::Kind() const {
  const double scale = spec_.scale > 0 ? spec_.scale : 1.0 / std::sqrt(static_cast<double>(spec_.HeadDim()));
  return {.scale = static_cast<float>(scale)};
}

void LatentAttentionBody::Turn(const BlockRun& r, int64_t heads, const View& x, const MutableView& y, bool back) const {
  r.ops.Rotary(r.stream, {.type = r.type,
                          .tokens = r.micro.tokens,
                          .heads = heads,
                          .head_dim = spec_.rope_dim,
                          .rotary_dim = rope_.dim,
                          .interleaved = rope_.interleaved,
                          .back = back,
                          .x = x,
                          .y = y,
                          .positions = r.micro.turns,
                          .table = spec_.rope < 0 ? nullptr : r.rotary[spec_.rope]});
}

void LatentAttentionBody::CopyStill(const BlockRun& r, const View& x, const MutableView& y) const {
  r.ops.Rotary(r.stream, {.type = r.type,
                          .tokens = r.micro.tokens,
                          .heads = spec_.heads,
                          .head_dim = spec_.still_dim,
                          .x = x,
                          .y = y,
                          .positions = r.micro.turns});
}

void LatentAttentionBody::MakeQueries(const BlockRun& r, const void* x) const {
  const void* from = x;
  if (narrow()) {
    if (r.Missing({saved_.query_latent})) query_down_.Forward(r, x, nullptr, r.Saved(saved_.query_latent));
    if (r.Missing({saved_.query_normed}) || query_norm_.Missing(r))
      query_norm_.Forward(r, {r.Saved(saved_.query_latent)}, {r.Saved(saved_.query_normed)});
    from = r.Saved(saved_.query_normed);
  }
  if (!r.Missing({saved_.q})) return;
  query_.Forward(r, from, nullptr, r.Saved(saved_.q));
  const MutableView turned{Place(r.Saved(saved_.q), spec_.still_dim, r.type), Queries(), spec_.HeadDim()};
  if (spec_.rope >= 0) Turn(r, spec_.heads, turned, turned, false);
}

void LatentAttentionBody::MakeKeys(const BlockRun& r, const void* x) const {
  if (r.Missing({saved_.key_latent})) key_down_.Forward(r, x, nullptr, r.Saved(saved_.key_latent));
  if (r.Missing({saved_.key_normed}) || key_norm_.Missing(r))
    key_norm_.Forward(r, {r.Saved(saved_.key_latent), Latents()}, {r.Saved(saved_.key_normed)});
  if (r.Missing({saved_.expanded})) key_value_.Forward(r, r.Saved(saved_.key_normed), nullptr, r.Saved(saved_.expanded));
  if (!r.Missing({saved_.k})) return;
  if (spec_.still_dim > 0)
    CopyStill(r, {r.Saved(saved_.expanded), spec_.heads * Expanded(), Expanded()},
              {r.Saved(saved_.k), Queries(), spec_.HeadDim()});
  // One vector for all heads.
  Turn(r, spec_.heads, {Place(r.Saved(saved_.key_latent), spec_.key_rank, r.type), Latents(), 0},
       {Place(r.Saved(saved_.k), spec_.still_dim, r.type), Queries(), spec_.HeadDim()}, false);
}

void LatentAttentionBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  MakeQueries(r, x);
  MakeKeys(r, x);
  if (r.Missing({saved_.out, saved_.lse})) {
    r.ops.ViewAttention(r.stream,
                        {.type = r.type,
                         .kind = Kind(),
                         .tokens = r.micro.tokens,
                         .heads = spec_.heads,
                         .kv_heads = spec_.heads,
                         .head_dim = spec_.HeadDim(),
                         .value_dim = spec_.value_dim,
                         .documents = r.micro.documents,
                         .q = {r.Saved(saved_.q)},
                         .k = {r.Saved(saved_.k)},
                         .v = {Place(r.Saved(saved_.expanded), spec_.still_dim, r.type), spec_.heads * Expanded(), Expanded()},
                         .out = {r.Saved(saved_.out)},
                         .lse = r.Saved<float>(saved_.lse)});
  }
  if (y != nullptr) o_.Forward(r, r.Saved(saved_.out), addend, y);
}

void LatentAttentionBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  o_.Backward(r, dy, r.Saved(saved_.out), r.Temp(temps_.dout));
  const int64_t row = spec_.heads * Expanded();
  r.ops.ViewAttentionBackward(r.stream, {.type = r.type,
                                         .kind = Kind(),
                                         .tokens = r.micro.tokens,
                                         .heads = spec_.heads,
                                         .kv_heads = spec_.heads,
                                         .head_dim = spec_.HeadDim(),
                                         .value_dim = spec_.value_dim,
                                         .documents = r.micro.documents,
                                         .q = {r.Saved(saved_.q)},
                                         .k = {r.Saved(saved_.k)},
                                         .v = {Place(r.Saved(saved_.expanded), spec_.still_dim, r.type), row, Expanded()},
                                         .out = {r.Saved(saved_.out)},
                                         .dout = {r.Temp(temps_.dout)},
                                         .lse = r.Saved<float>(saved_.lse),
                                         .dq = {r.Temp(temps_.dq)},
                                         .dk = {r.Temp(temps_.dk)},
                                         .dv = {Place(r.Temp(temps_.dexpanded), spec_.still_dim, r.type), row, Expanded()}});
  // Keys: what does not turn goes on with the values, what turns is the sum over the heads.
  if (spec_.still_dim > 0)
    CopyStill(r, {r.Temp(temps_.dk), Queries(), spec_.HeadDim()}, {r.Temp(temps_.dexpanded), row, Expanded()});
  key_value_.Backward(r, r.Temp(temps_.dexpanded), r.Saved(saved_.key_normed), r.Temp(temps_.dkey_normed));
  key_norm_.Backward(r, {r.Saved(saved_.key_latent), Latents()}, {r.Temp(temps_.dkey_normed)}, {},
                     {r.Temp(temps_.dkey_latent), Latents()});
  const MutableView dshared{Place(r.Temp(temps_.dkey_latent), spec_.key_rank, r.type), Latents(), spec_.rope_dim};
  r.ops.SumHeads(r.stream, {.type = r.type,
                            .tokens = r.micro.tokens,
                            .heads = spec_.heads,
                            .width = spec_.rope_dim,
                            .x = {Place(r.Temp(temps_.dk), spec_.still_dim, r.type), Queries(), spec_.HeadDim()},
                            .y = dshared});
  if (spec_.rope >= 0) Turn(r, 1, dshared, dshared, true);
  key_down_.Backward(r, r.Temp(temps_.dkey_latent), x, dx);
  // Queries.
  const MutableView turned{Place(r.Temp(temps_.dq), spec_.still_dim, r.type), Queries(), spec_.HeadDim()};
  if (spec_.rope >= 0) Turn(r, spec_.heads, turned, turned, true);
  if (narrow()) {
    query_.Backward(r, r.Temp(temps_.dq), r.Saved(saved_.query_normed), r.Temp(temps_.dquery_normed));
    query_norm_.Backward(r, {r.Saved(saved_.query_latent)}, {r.Temp(temps_.dquery_normed)}, {}, {r.Temp(temps_.dquery_normed)});
    query_down_.Backward(r, r.Temp(temps_.dquery_normed), x, r.Temp(temps_.dx));
  } else {
    query_.Backward(r, r.Temp(temps_.dq), x, r.Temp(temps_.dx));
  }
  const int64_t hidden = key_down_.in;
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden, .x = dx, .z = r.Temp(temps_.dx), .y = dx});
}

}  // namespace hlm
