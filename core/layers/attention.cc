#include "core/layers/attention.h"

#include <cmath>

#include "core/base/error.h"

namespace hlm {
namespace {

std::byte* Place(void* rows, int64_t element, DType type) {
  return static_cast<std::byte*>(rows) + element * static_cast<int64_t>(SizeOf(type));
}

bool IsFused(const AttentionSpec& a, const RopeSpec& rope) {
  const NormSpec& n = a.qk_norm.norm;
  const bool norm = !n.on() || (n.kind == NormType::kRms && n.weight && !n.bias && !n.plus_one && !n.late_rounding &&
                                !a.qk_norm.whole && !a.qk_norm.own_weights && !a.qk_norm.after_rope);
  const bool turned = a.rope >= 0 && rope.dim == a.head_dim && !rope.interleaved;
  return norm && turned && a.scale == 0 && a.chunk == 0 && a.softcap == 0 && !a.sinks && !a.gate && !a.alibi && !a.value_is_key &&
         a.temperature < 0 && a.clip == 0 && a.gives < 0 && a.takes < 0 && !a.v_norm.on() && a.adapter_rank == 0;
}

}  // namespace

AttentionBody::AttentionBody(const AttentionSpec& spec, const ModelSpec& model, Declaration& d)
    : spec_(spec), rope_(spec.rope < 0 ? RopeSpec{} : model.ropes[static_cast<size_t>(spec.rope)]), fused_(IsFused(spec, rope_)) {
  // The norm would undo the scale, and read what was turned where it is clipped.
  HLM_CHECK(!spec.qk_norm.after_rope || (spec.temperature < 0 && spec.clip == 0), "norms behind rope with a temperature or clip");
  HLM_CHECK(spec.clip == 0 || (spec.gives < 0 && spec.takes < 0 && !spec.value_is_key && !spec.gate && !spec.v_norm.on()),
            "a clip of shared keys, of gates or of normed values");
  d.Width("head_dim", spec.head_dim);
  d.HeadWidth("head_dim", spec.head_dim);
  const int64_t in = spec.in_width > 0 ? spec.in_width : model.hidden;
  HLM_CHECK(!Adapted() || (spec.takes < 0 && !spec.value_is_key && !spec.gate && spec.clip == 0),
            "adapters of attention with shared keys, gates or clips");
  DeclareWeights(in, model.hidden, d);
  fused_ ? DeclareFused(d) : DeclareByViews(d);
  saved_.out = d.Saved("out", Query(), Remake::kProduct);
  saved_.lse = d.Saved("lse", spec.heads, Remake::kCheap, TokenType::kF32);
  if (spec.gate) {
    saved_.gated = d.Saved("gated out", Query(), Remake::kPass);
    temps_.dgated = d.Temp("d gated out", Query());
  }
  if (Apart()) {
    saved_.gate_rows = d.Saved("gate", gate_product_.out, Remake::kProduct);
    temps_.dgate_rows = d.Temp("d gate", gate_product_.out);
    temps_.dgate_input = d.Temp("d x of the gate", in);
  }
  temps_.dout = d.Temp("d out", Query());
  temps_.dqkv = d.Temp("d qkv", RawWidth());
  HLM_CHECK(spec.gives < 0 || spec.v_norm.on() || !spec.value_is_key, "shared keys that are values without a norm");
  if (spec.gives >= 0 || spec.takes >= 0) temps_.dkv = d.Temp("d k and v", 2 * Key());
  if (spec.value_is_key) temps_.dv = d.Temp("d v", Key());
  if (spec.value_is_key && !spec.v_norm.on()) temps_.dk = d.Temp("d k", Key());
}

void AttentionBody::DeclareAdapters(Declaration& d) {
  const std::pair<const char*, int64_t> parts[] = {{"q", 0}, {"k", KeyPlace()}, {"v", ValuePlace()}};
  for (const auto& [role, place] : parts) {
    LinearPart product = qkv_product_;
    product.out = place == 0 ? Query() : Key();
    product.weight += place * product.in;
    if (product.bias >= 0) product.bias += place;
    parts_.push_back({place, product, AdapterPart(product.in, product.out, spec_.adapter_rank, role, d)});
  }
  temps_.dx_part = d.Temp("d x of a part", qkv_product_.in);
}

void AttentionBody::DeclareWeights(int64_t in, int64_t hidden, Declaration& d) {
  constexpr TensorInit kZero = TensorInit::kZero;
  std::vector<WeightMember> matrices = {{"q", {Query(), in}}}, biases = {{"q_bias", {Query()}, kZero}};
  const auto add = [&](const std::string& role, int64_t rows) {
    matrices.push_back({role, {rows, in}});
    biases.push_back({role + "_bias", {rows}, kZero});
  };
  if (Gate() > 0) add("gate", Gate());
  if (spec_.takes < 0) add("k", Key());
  if (spec_.takes < 0 && !spec_.value_is_key) add("v", Key());
  qkv_product_.in = in, qkv_product_.out = RawWidth();
  qkv_product_.weight = d.Weights("qkv", std::move(matrices));
  if (spec_.qkv_bias) qkv_product_.bias = d.Weights("qkv_bias", std::move(biases));
  if (Apart()) {
    gate_product_.in = in, gate_product_.out = spec_.gate_by_head ? spec_.heads : Query();
    gate_product_.weight = d.Weight("gate", {gate_product_.out, in}, TensorInit::kNormal);
  }
  if (Adapted()) DeclareAdapters(d);
  if (fused_) {
    if (spec_.qk_norm.norm.on()) {
      weights_.q_norm = d.Weight("q_norm", {spec_.head_dim}, TensorInit::kOne);
      weights_.k_norm = d.Weight("k_norm", {spec_.head_dim}, TensorInit::kOne);
    }
  } else {
    const QkNormSpec& norm = spec_.qk_norm;
    const auto shape = [&](int64_t heads) {
      return norm.whole ? NormShape{1, heads * spec_.head_dim} : NormShape{heads, spec_.head_dim, norm.own_weights};
    };
    q_norm_part_ = NormPart(norm.norm, shape(spec_.heads), "q_norm", d);
    if (spec_.takes < 0) k_norm_part_ = NormPart(norm.norm, shape(spec_.kv_heads), "k_norm", d);
    if (spec_.takes < 0) v_norm_part_ = NormPart(spec_.v_norm, {spec_.kv_heads, spec_.head_dim}, "v_norm", d);
    if (spec_.sinks) weights_.sinks = d.Weight("sinks", {spec_.heads}, TensorInit::kNormal);
  }
  o_.in = Query(), o_.out = hidden;
  o_.weight = d.Weight("o", {hidden, Query()}, TensorInit::kNormal);
  if (spec_.o_bias) o_.bias = d.Weight("o_bias", {hidden}, kZero);
}

void AttentionBody::DeclareFused(Declaration& d) {
  saved_.qkv = d.Saved("qkv", RawWidth(), Remake::kProduct);
  if (!spec_.qk_norm.norm.on()) return;
  saved_.qk_raw = d.Saved("qk before the norm", Query() + Key(), Remake::kProduct);
  saved_.qk_rstd = d.Saved("qk rstd", spec_.heads + spec_.kv_heads, Remake::kCheap, TokenType::kF32);
}

void AttentionBody::DeclareByViews(Declaration& d) {
  // Without a norm the rotary embedding turns the product's rows in place. With one, what it read is kept; keys that are values
  // as well must not be turned where they lie, nor what tells where it was clipped.
  const bool turned = spec_.rope >= 0 || spec_.temperature >= 0;
  normed_ = spec_.qk_norm.norm.on() || spec_.value_is_key || (spec_.clip > 0 && turned);
  saved_.raw = d.Saved("qkv", RawWidth(), Remake::kProduct);
  if (normed_) saved_.qk = d.Saved("qk behind the norm", Query() + OwnKey(), Remake::kPass);
  if (v_norm_part_.on()) saved_.v = d.Saved("v behind the norm", Key(), Remake::kPass);
  if (spec_.clip > 0 && spec_.qk_norm.norm.on()) saved_.clipped = d.Saved("clipped qk", Query() + OwnKey(), Remake::kPass);
}

AttentionKind AttentionBody::Kind() const {
  const double scale = spec_.scale > 0 ? spec_.scale : 1.0 / std::sqrt(static_cast<double>(spec_.head_dim));
  return {.scale = static_cast<float>(scale),
          .window = spec_.window,
          .chunk = spec_.chunk,
          .soft_cap = static_cast<float>(spec_.softcap)};
}

void AttentionBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  fused_ ? ForwardFused(r, x) : ForwardByViews(r, x);
  if (spec_.gate) ForwardGate(r, x);
  if (y != nullptr) o_.Forward(r, r.Saved(spec_.gate ? saved_.gated : saved_.out), addend, y);
}

void AttentionBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  if (spec_.gate) {
    BackwardGate(r, dy);
  } else {
    o_.Backward(r, dy, r.Saved(saved_.out), r.Temp(temps_.dout));
  }
  fused_ ? BackwardFused(r) : BackwardByViews(r);
  BackwardProject(r, x, dx);
  if (!Apart()) return;
  gate_product_.Backward(r, r.Temp(temps_.dgate_rows), x, r.Temp(temps_.dgate_input));
  r.ops.ScaleAdd(r.stream,
                 {.type = r.type, .n = r.micro.tokens * gate_product_.in, .x = dx, .z = r.Temp(temps_.dgate_input), .y = dx});
}

MutableView AttentionBody::Row(const BlockRun& r, void* rows, int64_t place) const {
  if (Adapted()) return {Place(rows, r.micro.tokens * place, r.type), place < Query() ? Query() : Key()};
  return {Place(rows, place, r.type), RawWidth()};
}

void AttentionBody::Project(const BlockRun& r, const void* x) const {
  if (!Adapted()) return qkv_product_.Forward(r, x, nullptr, r.Saved(saved_.raw));
  for (const Part& part : parts_) {
    void* y = Row(r, r.Saved(saved_.raw), part.place).data;
    part.product.Forward(r, x, nullptr, y);
    part.adapter.Forward(r, x, y);
  }
}

void AttentionBody::BackwardProject(const BlockRun& r, const void* x, void* dx) const {
  if (!Adapted()) return qkv_product_.Backward(r, r.Temp(temps_.dqkv), x, dx);
  for (const Part& part : parts_) {
    const void* dy = Row(r, r.Temp(temps_.dqkv), part.place).data;
    void* own = part.place == 0 ? dx : r.Temp(temps_.dx_part);
    part.product.Backward(r, dy, x, own);
    if (own != dx) r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * part.product.in, .x = dx, .z = own, .y = dx});
    part.adapter.Backward(r, dy, x, dx);
  }
}

void AttentionBody::ForwardFused(const BlockRun& r, const void* x) const {
  if (r.Missing({saved_.qkv, saved_.qk_raw, saved_.qk_rstd})) {
    qkv_product_.Forward(r, x, nullptr, r.Saved(saved_.qkv));
    r.ops.QkRotary(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .heads = spec_.heads,
                              .kv_heads = spec_.kv_heads,
                              .head_dim = spec_.head_dim,
                              .epsilon = static_cast<float>(spec_.qk_norm.norm.epsilon),
                              .qkv = r.Saved(saved_.qkv),
                              .positions = r.micro.turns,
                              .table = r.rotary[spec_.rope],
                              .q_norm = r.Weight(weights_.q_norm),
                              .k_norm = r.Weight(weights_.k_norm),
                              .qk_raw = r.Saved(saved_.qk_raw),
                              .qk_rstd = r.Saved<float>(saved_.qk_rstd)});
  }
  if (r.Missing({saved_.out, saved_.lse})) {
    r.ops.Attention(r.stream, {.type = r.type,
                               .tokens = r.micro.tokens,
                               .heads = spec_.heads,
                               .kv_heads = spec_.kv_heads,
                               .head_dim = spec_.head_dim,
                               .window = spec_.window,
                               .documents = r.micro.documents,
                               .qkv = r.Saved(saved_.qkv),
                               .out = r.Saved(saved_.out),
                               .lse = r.Saved<float>(saved_.lse)});
  }
}

void AttentionBody::BackwardFused(const BlockRun& r) const {
  r.ops.AttentionBackward(r.stream, {.type = r.type,
                                     .tokens = r.micro.tokens,
                                     .heads = spec_.heads,
                                     .kv_heads = spec_.kv_heads,
                                     .head_dim = spec_.head_dim,
                                     .window = spec_.window,
                                     .documents = r.micro.documents,
                                     .qkv = r.Saved(saved_.qkv),
                                     .out = r.Saved(saved_.out),
                                     .dout = r.Temp(temps_.dout),
                                     .lse = r.Saved<float>(saved_.lse),
                                     .dqkv = r.Temp(temps_.dqkv)});
  r.ops.QkRotaryBackward(r.stream, {.type = r.type,
                                    .tokens = r.micro.tokens,
                                    .heads = spec_.heads,
                                    .kv_heads = spec_.kv_heads,
                                    .head_dim = spec_.head_dim,
                                    .dqkv = r.Temp(temps_.dqkv),
                                    .positions = r.micro.turns,
                                    .table = r.rotary[spec_.rope],
                                    .q_norm = r.Weight(weights_.q_norm),
                                    .k_norm = r.Weight(weights_.k_norm),
                                    .qk_raw = r.Saved(saved_.qk_raw),
                                    .qk_rstd = r.Saved<float>(saved_.qk_rstd),
                                    .dq_norm = r.Gradient(weights_.q_norm),
                                    .dk_norm = r.Gradient(weights_.k_norm),
                                    .accumulate = r.accumulate});
}

void AttentionBody::Rotate(const BlockRun& r, int64_t heads, const View& x, const MutableView& y, bool query, bool back) const {
  const float* scales = query && spec_.temperature >= 0 ? r.temperatures[spec_.temperature] : nullptr;
  if (spec_.rope < 0 && scales == nullptr && x.data == y.data) return;
  r.ops.Rotary(r.stream, {.type = r.type,
                          .tokens = r.micro.tokens,
                          .heads = heads,
                          .head_dim = spec_.head_dim,
                          .rotary_dim = spec_.rope < 0 ? 0 : rope_.dim,
                          .interleaved = rope_.interleaved,
                          .back = back,
                          .x = x,
                          .y = y,
                          .positions = r.micro.turns,
                          .table = spec_.rope < 0 ? nullptr : r.rotary[spec_.rope],
                          .scales = scales});
}

MutableView AttentionBody::SideKeys(const BlockRun&, void* side) const { return {side, 2 * Key()}; }

MutableView AttentionBody::SideValues(const BlockRun& r, void* side) const { return {Place(side, Key(), r.type), 2 * Key()}; }

void AttentionBody::AddTo(const BlockRun& r, void* sum, const void* more) const {
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * 2 * Key(), .x = sum, .z = more, .y = sum});
}

void AttentionBody::Copy(const BlockRun& r, int64_t heads, const View& x, const MutableView& y) const {
  r.ops.Rotary(r.stream, {.type = r.type,
                          .tokens = r.micro.tokens,
                          .heads = heads,
                          .head_dim = spec_.head_dim,
                          .x = x,
                          .y = y,
                          .positions = r.micro.turns});
}

void AttentionBody::ForwardByViews(const BlockRun& r, const void* x) const {
  const bool own = spec_.takes < 0;
  const auto raw = [&](int64_t place) { return Row(r, r.Saved(saved_.raw), place); };
  const auto apart = [&](int64_t place) { return MutableView{Place(r.Saved(saved_.qk), place, r.type), Query() + OwnKey()}; };
  const MutableView raw_q = raw(0), raw_k = raw(KeyPlace()), raw_v = raw(ValuePlace());
  const bool clips = spec_.clip > 0;
  const bool before = spec_.qk_norm.norm.on() && !spec_.qk_norm.after_rope,
             after = spec_.qk_norm.norm.on() && spec_.qk_norm.after_rope;
  const auto turn = [&](const View& from_q, const MutableView& q, const View& from_k, const MutableView& k) {
    Rotate(r, spec_.heads, from_q, q, true, false);
    if (own) Rotate(r, spec_.kv_heads, from_k, k, false, false);
  };

  if (r.Missing({saved_.raw})) {
    Project(r, x);
    if (clips && saved_.clipped < 0) Clip(r, RawWidth(), {r.Saved(saved_.raw)}, {r.Saved(saved_.raw)});
    if (saved_.clipped >= 0) Clip(r, Key(), raw_v, raw_v);
    // What the norm reads is turned first, or there is no norm.
    if (after || !normed_) turn(raw_q, raw_q, raw_k, raw_k);
  }
  if (normed_ && (r.Missing({saved_.qk, saved_.clipped}) || q_norm_part_.Missing(r) || k_norm_part_.Missing(r))) {
    const MutableView q = apart(0), k = apart(Query());
    // What was clipped is kept beside what was turned.
    const MutableView normed_q = saved_.clipped >= 0 ? Clipped(r, 0) : q,
                      normed_k = saved_.clipped >= 0 ? Clipped(r, Query()) : k;
    if (spec_.qk_norm.norm.on()) {
      q_norm_part_.Forward(r, raw_q, normed_q);
      if (own) k_norm_part_.Forward(r, raw_k, normed_k);
    }
    if (saved_.clipped >= 0) Clip(r, Query() + Key(), normed_q, normed_q);
    if (before) {
      turn(normed_q, q, normed_k, k);
    } else if (!after) {
      turn(raw_q, q, raw_k, k);
    }
  }
  if (v_norm_part_.on() && (r.Missing({saved_.v}) || v_norm_part_.Missing(r)))
    v_norm_part_.Forward(r, raw_v, {r.Saved(saved_.v)});
  if (!r.Missing({saved_.out, saved_.lse})) return;
  const MutableView k = !own ? SideKeys(r, r.sides[static_cast<size_t>(spec_.takes)]) : normed_ ? apart(Query()) : raw_k;
  const MutableView v = !own                ? SideValues(r, r.sides[static_cast<size_t>(spec_.takes)])
                        : v_norm_part_.on() ? MutableView{r.Saved(saved_.v)}
                                            : raw_v;
  if (spec_.gives >= 0) {
    void* side = r.sides[static_cast<size_t>(spec_.gives)];
    Copy(r, spec_.kv_heads, k, SideKeys(r, side));
    Copy(r, spec_.kv_heads, v, SideValues(r, side));
  }
  r.ops.ViewAttention(r.stream, {.type = r.type,
                                 .kind = Kind(),
                                 .tokens = r.micro.tokens,
                                 .heads = spec_.heads,
                                 .kv_heads = spec_.kv_heads,
                                 .head_dim = spec_.head_dim,
                                 .value_dim = spec_.head_dim,
                                 .documents = r.micro.documents,
                                 .q = normed_ ? apart(0) : raw_q,
                                 .k = k,
                                 .v = v,
                                 .sinks = r.Weight(weights_.sinks),
                                 .slopes = spec_.alibi ? r.slopes : nullptr,
                                 .out = {r.Saved(saved_.out)},
                                 .lse = r.Saved<float>(saved_.lse)});
}

void AttentionBody::BackwardByViews(const BlockRun& r) const {
  const bool own = spec_.takes < 0, gives = spec_.gives >= 0;
  const auto raw = [&](int64_t place) { return View(Row(r, r.Saved(saved_.raw), place)); };
  const auto apart = [&](int64_t place) { return View{Place(r.Saved(saved_.qk), place, r.type), Query() + OwnKey()}; };
  const auto gradient = [&](int64_t place) { return Row(r, r.Temp(temps_.dqkv), place); };
  void* beside = r.Temp(temps_.dkv);  // of keys and values that more than this layer reads
  void* side = own ? nullptr : r.sides[static_cast<size_t>(spec_.takes)];
  const MutableView dq = gradient(0);
  MutableView dk = beside != nullptr ? SideKeys(r, beside)
                   : temps_.dk >= 0  ? MutableView{r.Temp(temps_.dk)}
                                     : gradient(KeyPlace());
  MutableView dv = beside != nullptr    ? SideValues(r, beside)
                   : spec_.value_is_key ? MutableView{r.Temp(temps_.dv)}
                                        : gradient(ValuePlace());
  r.ops.ViewAttentionBackward(r.stream, {.type = r.type,
                                         .kind = Kind(),
                                         .tokens = r.micro.tokens,
                                         .heads = spec_.heads,
                                         .kv_heads = spec_.kv_heads,
                                         .head_dim = spec_.head_dim,
                                         .value_dim = spec_.head_dim,
                                         .documents = r.micro.documents,
                                         .q = normed_ ? apart(0) : raw(0),
                                         .k = !own      ? View(SideKeys(r, side))
                                              : normed_ ? apart(Query())
                                                        : raw(KeyPlace()),
                                         .v = !own                ? View(SideValues(r, side))
                                              : v_norm_part_.on() ? View{r.Saved(saved_.v)}
                                                                  : raw(ValuePlace()),
                                         .sinks = r.Weight(weights_.sinks),
                                         .slopes = spec_.alibi ? r.slopes : nullptr,
                                         .out = {r.Saved(saved_.out)},
                                         .dout = {r.Temp(temps_.dout)},
                                         .lse = r.Saved<float>(saved_.lse),
                                         .dq = dq,
                                         .dk = dk,
                                         .dv = dv,
                                         .dsinks = r.Gradient(weights_.sinks),
                                         .accumulate = r.accumulate});
  if (!own) AddTo(r, r.side_gradients[static_cast<size_t>(spec_.takes)], beside);
  if (gives) {
    AddTo(r, beside, r.side_gradients[static_cast<size_t>(spec_.gives)]);
    Copy(r, spec_.kv_heads, dk, gradient(KeyPlace()));
    dk = gradient(KeyPlace());
  }
  const bool norm = spec_.qk_norm.norm.on(), after = norm && spec_.qk_norm.after_rope;
  const auto turn = [&] {
    Rotate(r, spec_.heads, dq, dq, true, true);
    if (own) Rotate(r, spec_.kv_heads, dk, dk, false, true);
  };
  if (!after) turn();
  if (saved_.clipped >= 0) {
    ClipBackward(r, Query(), Clipped(r, 0), dq);
    ClipBackward(r, Key(), Clipped(r, Query()), dk);
    ClipBackward(r, Key(), raw(ValuePlace()), dv);
  }
  if (norm) {
    q_norm_part_.Backward(r, raw(0), dq, {}, dq);
    if (own) k_norm_part_.Backward(r, raw(KeyPlace()), dk, {}, dk);
  }
  if (after) turn();
  if (v_norm_part_.on()) {
    // Values that are keys as well have their gradient added to the keys'.
    const bool shared = spec_.value_is_key;
    v_norm_part_.Backward(r, raw(ValuePlace()), dv, shared ? View(dk) : View{}, shared ? dk : gradient(ValuePlace()));
  } else if (own && spec_.value_is_key) {
    r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * Key(), .x = dk.data, .z = dv.data, .y = dk.data});
    Copy(r, spec_.kv_heads, dk, gradient(KeyPlace()));
  } else if (gives) {
    Copy(r, spec_.kv_heads, dv, gradient(ValuePlace()));
  }
  if (spec_.clip > 0 && saved_.clipped < 0) ClipBackward(r, RawWidth(), {r.Saved(saved_.raw)}, {r.Temp(temps_.dqkv)});
}

}  // namespace hlm
