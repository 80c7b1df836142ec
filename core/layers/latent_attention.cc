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
  const auto linear = [&](const std::string& role, int64_t in, int64_t out, bool bias) {
    LinearPart part{.in = in, .out = out, .weight = d.Weight(role, {out, in}, kNormal)};
    if (bias) part.bias = d.Weight(role + "_bias", {out}, kZero);
    return part;
  };
  if (narrow()) {
    query_down_ = linear("q_a", model.hidden, spec.query_rank, spec.down_bias);
    query_latent_ = d.Saved("query latent", spec.query_rank, Remake::kProduct);
    query_norm_ = NormPart(spec.norm, {.width = spec.query_rank}, "q_a_norm", d);
    query_normed_ = d.Saved("query latent behind the norm", spec.query_rank, Remake::kPass);
    query_ = linear("q_b", spec.query_rank, Queries(), false);
    dquery_normed_ = d.Temp("d query latent", spec.query_rank);
  } else {
    query_ = linear("q", model.hidden, Queries(), false);
  }
  q_ = d.Saved("q", Queries(), Remake::kProduct);
  key_down_ = linear("kv_a", model.hidden, Latents(), spec.down_bias);
  key_latent_ = d.Saved("key latent", Latents(), Remake::kProduct);
  key_norm_ = NormPart(spec.norm, {.width = spec.key_rank}, "kv_a_norm", d);
  key_normed_ = d.Saved("key latent behind the norm", spec.key_rank, Remake::kPass);
  key_value_ = linear("kv_b", spec.key_rank, spec.heads * Expanded(), false);
  expanded_ = d.Saved("keys and values", spec.heads * Expanded(), Remake::kProduct);
  k_ = d.Saved("k", Queries(), Remake::kPass);
  out_ = d.Saved("out", Values(), Remake::kProduct);
  lse_ = d.Saved("lse", spec.heads, Remake::kCheap, TokenType::kF32);
  o_ = linear("o", Values(), model.hidden, spec.o_bias);

  dout_ = d.Temp("d out", Values());
  dq_ = d.Temp("d q", Queries());
  dk_ = d.Temp("d k", Queries());
  dexpanded_ = d.Temp("d keys and values", spec.heads * Expanded());
  dkey_normed_ = d.Temp("d key latent behind the norm", spec.key_rank);
  dkey_latent_ = d.Temp("d key latent", Latents());
  dx_ = d.Temp("d x of queries", model.hidden);
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
    if (r.Missing({query_latent_})) query_down_.Forward(r, x, nullptr, r.Saved(query_latent_));
    if (r.Missing({query_normed_}) || query_norm_.Missing(r))
      query_norm_.Forward(r, {r.Saved(query_latent_)}, {r.Saved(query_normed_)});
    from = r.Saved(query_normed_);
  }
  if (!r.Missing({q_})) return;
  query_.Forward(r, from, nullptr, r.Saved(q_));
  const MutableView turned{Place(r.Saved(q_), spec_.still_dim, r.type), Queries(), spec_.HeadDim()};
  if (spec_.rope >= 0) Turn(r, spec_.heads, turned, turned, false);
}

void LatentAttentionBody::MakeKeys(const BlockRun& r, const void* x) const {
  if (r.Missing({key_latent_})) key_down_.Forward(r, x, nullptr, r.Saved(key_latent_));
  if (r.Missing({key_normed_}) || key_norm_.Missing(r))
    key_norm_.Forward(r, {r.Saved(key_latent_), Latents()}, {r.Saved(key_normed_)});
  if (r.Missing({expanded_})) key_value_.Forward(r, r.Saved(key_normed_), nullptr, r.Saved(expanded_));
  if (!r.Missing({k_})) return;
  if (spec_.still_dim > 0)
    CopyStill(r, {r.Saved(expanded_), spec_.heads * Expanded(), Expanded()}, {r.Saved(k_), Queries(), spec_.HeadDim()});
  // One vector for all heads.
  Turn(r, spec_.heads, {Place(r.Saved(key_latent_), spec_.key_rank, r.type), Latents(), 0},
       {Place(r.Saved(k_), spec_.still_dim, r.type), Queries(), spec_.HeadDim()}, false);
}

void LatentAttentionBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  MakeQueries(r, x);
  MakeKeys(r, x);
  if (r.Missing({out_, lse_})) {
    r.ops.ViewAttention(r.stream,
                        {.type = r.type,
                         .kind = Kind(),
                         .tokens = r.micro.tokens,
                         .heads = spec_.heads,
                         .kv_heads = spec_.heads,
                         .head_dim = spec_.HeadDim(),
                         .value_dim = spec_.value_dim,
                         .documents = r.micro.documents,
                         .q = {r.Saved(q_)},
                         .k = {r.Saved(k_)},
                         .v = {Place(r.Saved(expanded_), spec_.still_dim, r.type), spec_.heads * Expanded(), Expanded()},
                         .out = {r.Saved(out_)},
                         .lse = r.Saved<float>(lse_)});
  }
  if (y != nullptr) o_.Forward(r, r.Saved(out_), addend, y);
}

void LatentAttentionBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  o_.Backward(r, dy, r.Saved(out_), r.Temp(dout_));
  const int64_t row = spec_.heads * Expanded();
  r.ops.ViewAttentionBackward(r.stream, {.type = r.type,
                                         .kind = Kind(),
                                         .tokens = r.micro.tokens,
                                         .heads = spec_.heads,
                                         .kv_heads = spec_.heads,
                                         .head_dim = spec_.HeadDim(),
                                         .value_dim = spec_.value_dim,
                                         .documents = r.micro.documents,
                                         .q = {r.Saved(q_)},
                                         .k = {r.Saved(k_)},
                                         .v = {Place(r.Saved(expanded_), spec_.still_dim, r.type), row, Expanded()},
                                         .out = {r.Saved(out_)},
                                         .dout = {r.Temp(dout_)},
                                         .lse = r.Saved<float>(lse_),
                                         .dq = {r.Temp(dq_)},
                                         .dk = {r.Temp(dk_)},
                                         .dv = {Place(r.Temp(dexpanded_), spec_.still_dim, r.type), row, Expanded()}});
  // Keys: what does not turn goes on with the values, what turns is the sum over the heads.
  if (spec_.still_dim > 0) CopyStill(r, {r.Temp(dk_), Queries(), spec_.HeadDim()}, {r.Temp(dexpanded_), row, Expanded()});
  key_value_.Backward(r, r.Temp(dexpanded_), r.Saved(key_normed_), r.Temp(dkey_normed_));
  key_norm_.Backward(r, {r.Saved(key_latent_), Latents()}, {r.Temp(dkey_normed_)}, {}, {r.Temp(dkey_latent_), Latents()});
  const MutableView dshared{Place(r.Temp(dkey_latent_), spec_.key_rank, r.type), Latents(), spec_.rope_dim};
  r.ops.SumHeads(r.stream, {.type = r.type,
                            .tokens = r.micro.tokens,
                            .heads = spec_.heads,
                            .width = spec_.rope_dim,
                            .x = {Place(r.Temp(dk_), spec_.still_dim, r.type), Queries(), spec_.HeadDim()},
                            .y = dshared});
  if (spec_.rope >= 0) Turn(r, 1, dshared, dshared, true);
  key_down_.Backward(r, r.Temp(dkey_latent_), x, dx);
  // Queries.
  const MutableView turned{Place(r.Temp(dq_), spec_.still_dim, r.type), Queries(), spec_.HeadDim()};
  if (spec_.rope >= 0) Turn(r, spec_.heads, turned, turned, true);
  if (narrow()) {
    query_.Backward(r, r.Temp(dq_), r.Saved(query_normed_), r.Temp(dquery_normed_));
    query_norm_.Backward(r, {r.Saved(query_latent_)}, {r.Temp(dquery_normed_)}, {}, {r.Temp(dquery_normed_)});
    query_down_.Backward(r, r.Temp(dquery_normed_), x, r.Temp(dx_));
  } else {
    query_.Backward(r, r.Temp(dq_), x, r.Temp(dx_));
  }
  const int64_t hidden = key_down_.in;
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden, .x = dx, .z = r.Temp(dx_), .y = dx});
}

}  // namespace hlm
