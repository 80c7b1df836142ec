#include "core/layers/attention.h"

namespace hlm {

AttentionBody::AttentionBody(const AttentionSpec& spec, int64_t hidden, Declaration& d) : spec_(spec) {
  const int64_t q = spec.QueryWidth(), k = spec.KeyWidth();
  qkv_product_.in = hidden, qkv_product_.out = spec.QkvWidth();
  qkv_product_.weight = d.Weights("qkv", {{"q", {q, hidden}}, {"k", {k, hidden}}, {"v", {k, hidden}}});
  if (spec.qkv_bias) {
    constexpr TensorInit kZero = TensorInit::kZero;
    qkv_product_.bias = d.Weights("qkv_bias", {{"q_bias", {q}, kZero}, {"k_bias", {k}, kZero}, {"v_bias", {k}, kZero}});
  }
  if (spec.qk_norm.norm.on()) {
    q_norm_ = d.Weight("q_norm", {spec.head_dim}, TensorInit::kOne);
    k_norm_ = d.Weight("k_norm", {spec.head_dim}, TensorInit::kOne);
  }
  o_.in = q, o_.out = hidden;
  o_.weight = d.Weight("o", {hidden, q}, TensorInit::kNormal);
  if (spec.o_bias) o_.bias = d.Weight("o_bias", {hidden}, TensorInit::kZero);

  qkv_ = d.Saved("qkv", spec.QkvWidth(), Remake::kProduct);
  if (spec.qk_norm.norm.on()) {
    qk_raw_ = d.Saved("qk before the norm", q + k, Remake::kProduct);
    qk_rstd_ = d.Saved("qk rstd", spec.heads + spec.kv_heads, Remake::kCheap, TokenType::kF32);
  }
  out_ = d.Saved("out", q, Remake::kProduct);
  lse_ = d.Saved("lse", spec.heads, Remake::kCheap, TokenType::kF32);
  dout_ = d.Temp("d out", q);
  dqkv_ = d.Temp("d qkv", spec.QkvWidth());
}

void AttentionBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  if (r.Missing({qkv_, qk_raw_, qk_rstd_})) {
    qkv_product_.Forward(r, x, nullptr, r.Saved(qkv_));
    r.ops.QkRotary(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .heads = spec_.heads,
                              .kv_heads = spec_.kv_heads,
                              .head_dim = spec_.head_dim,
                              .epsilon = static_cast<float>(spec_.qk_norm.norm.epsilon),
                              .qkv = r.Saved(qkv_),
                              .positions = r.micro.positions,
                              .table = r.rotary[spec_.rope],
                              .q_norm = r.Weight(q_norm_),
                              .k_norm = r.Weight(k_norm_),
                              .qk_raw = r.Saved(qk_raw_),
                              .qk_rstd = r.Saved<float>(qk_rstd_)});
  }
  if (r.Missing({out_, lse_})) {
    r.ops.Attention(r.stream, {.type = r.type,
                               .tokens = r.micro.tokens,
                               .heads = spec_.heads,
                               .kv_heads = spec_.kv_heads,
                               .head_dim = spec_.head_dim,
                               .window = spec_.window,
                               .documents = r.micro.documents,
                               .qkv = r.Saved(qkv_),
                               .out = r.Saved(out_),
                               .lse = r.Saved<float>(lse_)});
  }
  if (y != nullptr) o_.Forward(r, r.Saved(out_), addend, y);
}

void AttentionBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  o_.Backward(r, dy, r.Saved(out_), r.Temp(dout_));
  r.ops.AttentionBackward(r.stream, {.type = r.type,
                                     .tokens = r.micro.tokens,
                                     .heads = spec_.heads,
                                     .kv_heads = spec_.kv_heads,
                                     .head_dim = spec_.head_dim,
                                     .window = spec_.window,
                                     .documents = r.micro.documents,
                                     .qkv = r.Saved(qkv_),
                                     .out = r.Saved(out_),
                                     .dout = r.Temp(dout_),
                                     .lse = r.Saved<float>(lse_),
                                     .dqkv = r.Temp(dqkv_)});
  r.ops.QkRotaryBackward(r.stream, {.type = r.type,
                                    .tokens = r.micro.tokens,
                                    .heads = spec_.heads,
                                    .kv_heads = spec_.kv_heads,
                                    .head_dim = spec_.head_dim,
                                    .dqkv = r.Temp(dqkv_),
                                    .positions = r.micro.positions,
                                    .table = r.rotary[spec_.rope],
                                    .q_norm = r.Weight(q_norm_),
                                    .k_norm = r.Weight(k_norm_),
                                    .qk_raw = r.Saved(qk_raw_),
                                    .qk_rstd = r.Saved<float>(qk_rstd_),
                                    .dq_norm = r.Gradient(q_norm_),
                                    .dk_norm = r.Gradient(k_norm_),
                                    .accumulate = r.accumulate});
  qkv_product_.Backward(r, r.Temp(dqkv_), x, dx);
}

}  // namespace hlm
