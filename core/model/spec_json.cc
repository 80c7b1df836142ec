#include "core/model/spec_json.h"

#include "core/io/json_writer.h"

namespace hlm {
namespace {

// One list of fields for each part.
void Write(JsonWriter& json, const NormSpec& n) {
  json.BeginObject();
  json.Member("kind", static_cast<int64_t>(n.kind))
      .Member("epsilon", n.epsilon)
      .Member("weight", n.weight)
      .Member("bias", n.bias);
  json.Member("plus_one", n.plus_one).Member("late_rounding", n.late_rounding);
  json.EndObject();
}

void Write(JsonWriter& json, const RopeSpec& r) {
  json.BeginObject();
  json.Member("kind", static_cast<int64_t>(r.kind))
      .Member("theta", r.theta)
      .Member("dim", r.dim)
      .Member("interleaved", r.interleaved);
  json.Member("factor", r.factor).Member("low_frequency_factor", r.low_frequency_factor);
  json.Member("high_frequency_factor", r.high_frequency_factor).Member("original_max_positions", r.original_max_positions);
  json.Member("beta_fast", r.beta_fast).Member("beta_slow", r.beta_slow).Member("truncate", r.truncate);
  json.Member("attention_factor", r.attention_factor).Member("still_pairs", r.still_pairs).Member("reversed", r.reversed);
  // What models without these are called stays.
  if (r.odd) json.Member("odd", true);
  if (r.long_attention_factor != 0) json.Member("long_attention_factor", r.long_attention_factor);
  json.Key("short_factors").BeginArray();
  for (const double factor : r.short_factors) json.Value(factor);
  json.EndArray();
  json.Key("long_factors").BeginArray();
  for (const double factor : r.long_factors) json.Value(factor);
  json.EndArray();
  json.EndObject();
}

void Write(JsonWriter& json, const AttentionSpec& a) {
  json.BeginObject();
  json.Member("body", "attention").Member("heads", a.heads).Member("kv_heads", a.kv_heads).Member("head_dim", a.head_dim);
  json.Member("qkv_bias", a.qkv_bias).Member("o_bias", a.o_bias).Member("rope", a.rope).Member("scale", a.scale);
  json.Member("window", a.window).Member("chunk", a.chunk).Member("softcap", a.softcap).Member("sinks", a.sinks);
  json.Member("gate", a.gate).Member("gate_apart", a.gate_apart).Member("gate_by_head", a.gate_by_head);
  json.Member("alibi", a.alibi).Member("value_is_key", a.value_is_key).Member("clip", a.clip);
  json.Member("temperature", a.temperature).Member("gives", a.gives).Member("takes", a.takes);
  json.Key("qk_norm");
  Write(json, a.qk_norm.norm);
  json.Member("qk_norm_whole", a.qk_norm.whole).Member("qk_norm_own_weights", a.qk_norm.own_weights);
  json.Member("qk_norm_after_rope", a.qk_norm.after_rope);
  json.Key("v_norm");
  Write(json, a.v_norm);
  json.EndObject();
}

void Write(JsonWriter& json, const MlpSpec& m) {
  json.BeginObject();
  json.Member("body", "mlp").Member("intermediate", m.intermediate).Member("function", static_cast<int64_t>(m.function));
  json.Member("gated", m.gated).Member("in_bias", m.in_bias).Member("out_bias", m.out_bias).Member("shared", m.shared);
  json.Member("gate_scale", m.gate_scale);
  json.EndObject();
}

void Write(JsonWriter& json, const ShortConvSpec& c) {
  json.BeginObject().Member("body", "short_conv").Member("taps", c.taps).Member("bias", c.bias).EndObject();
}

// SiLU was the only one that mixers had, and their text has no word of it.
void WriteMixerFunction(JsonWriter& json, Function function) {
  if (function != Function::kSilu) json.Member("function", static_cast<int64_t>(function));
}

void Write(JsonWriter& json, const DeltaRuleSpec& d) {
  json.BeginObject();
  json.Member("body", "delta_rule").Member("heads", d.heads).Member("key_heads", d.key_heads).Member("key_dim", d.key_dim);
  json.Member("value_dim", d.value_dim).Member("taps", d.taps).Member("beta_scale", d.beta_scale);
  WriteMixerFunction(json, d.function);
  json.Key("norm");
  Write(json, d.norm);
  json.EndObject();
}

void Write(JsonWriter& json, const StateSpaceSpec& s) {
  json.BeginObject();
  json.Member("body", "state_space").Member("heads", s.heads).Member("head_dim", s.head_dim).Member("groups", s.groups);
  json.Member("state_dim", s.state_dim).Member("taps", s.taps).Member("in_bias", s.in_bias).Member("conv_bias", s.conv_bias);
  json.Member("out_bias", s.out_bias);
  json.Member("least_step", s.least_step).Member("most_step", s.most_step);
  json.Key("norm");
  Write(json, s.norm);
  json.Member("norm_groups", s.norm_groups).Member("norm_before_gate", s.norm_before_gate);
  WriteMixerFunction(json, s.function);
  json.Key("scales").BeginArray();
  for (const double scale : s.scales) json.Value(scale);
  json.EndArray();
  json.EndObject();
}

void Write(JsonWriter& json, const ChannelDeltaSpec& d) {
  json.BeginObject();
  json.Member("body", "channel_delta").Member("heads", d.heads).Member("key_dim", d.key_dim).Member("value_dim", d.value_dim);
  json.Member("taps", d.taps).Member("rank", d.rank);
  WriteMixerFunction(json, d.function);
  json.Key("norm");
  Write(json, d.norm);
  json.EndObject();
}

void Write(JsonWriter& json, const SelectiveScanSpec& s) {
  json.BeginObject();
  json.Member("body", "selective_scan").Member("channels", s.channels).Member("state_dim", s.state_dim).Member("rank", s.rank);
  json.Member("taps", s.taps).Member("in_bias", s.in_bias).Member("conv_bias", s.conv_bias).Member("out_bias", s.out_bias);
  WriteMixerFunction(json, s.function);
  json.Key("norm");
  Write(json, s.norm);
  json.EndObject();
}

void Write(JsonWriter& json, const GatedRecurrenceSpec& g) {
  json.BeginObject();
  json.Member("body", "gated_recurrence").Member("channels", g.channels).Member("heads", g.heads).Member("taps", g.taps);
  json.Member("function", static_cast<int64_t>(g.function));
  json.EndObject();
}

void Write(JsonWriter& json, const SharedLayerSpec& l) {
  json.BeginObject();
  json.Member("body", "shared layer").Member("side", l.side).Member("in_width", l.attention.in_width);
  json.Member("attention_adapter", l.attention.adapter_rank).Member("mlp_adapter", l.mlp.adapter_rank);
  json.Key("attention");
  Write(json, l.attention);
  json.Key("mlp");
  Write(json, l.mlp);
  json.Key("norm");
  Write(json, l.norm);
  json.EndObject();
}

void Write(JsonWriter& json, const LatentAttentionSpec& a) {
  json.BeginObject();
  json.Member("body", "latent attention")
      .Member("heads", a.heads)
      .Member("query_rank", a.query_rank)
      .Member("key_rank", a.key_rank);
  json.Member("still_dim", a.still_dim).Member("rope_dim", a.rope_dim).Member("value_dim", a.value_dim);
  json.Member("down_bias", a.down_bias).Member("o_bias", a.o_bias).Member("rope", a.rope).Member("scale", a.scale);
  json.Key("norm");
  Write(json, a.norm);
  json.EndObject();
}

void Write(JsonWriter& json, const LayerInputSpec& i) {
  json.BeginObject();
  json.Member("body", "layer input")
      .Member("width", i.width)
      .Member("function", static_cast<int64_t>(i.function))
      .Member("side", i.side);
  json.EndObject();
}

void Write(JsonWriter& json, const ExpertsSpec& e) {
  json.BeginObject();
  json.Member("body", "experts").Member("count", e.count).Member("chosen", e.chosen).Member("intermediate", e.intermediate);
  json.Member("function", static_cast<int64_t>(e.function)).Member("gated", e.gated).Member("in_bias", e.in_bias);
  json.Member("out_bias", e.out_bias).Member("limit", e.limit).Member("alpha", e.alpha).Member("weigh_input", e.weigh_input);
  json.Member("shared", e.shared).Member("latent", e.latent).Member("latent_bias", e.latent_bias);
  json.Key("before");
  Write(json, e.before);
  const RouterSpec& r = e.router;
  json.Key("router").BeginObject();
  json.Member("score", static_cast<int64_t>(r.score)).Member("bias", r.bias).Member("choice_bias", r.choice_bias);
  json.Member("normalize", r.normalize).Member("sum_add", r.sum_add).Member("sum_least", r.sum_least).Member("scale", r.scale);
  json.Member("groups", r.groups).Member("best_groups", r.best_groups).Member("group_of_two", r.group_of_two);
  json.Member("nearness", r.nearness).Member("in_scale", r.in_scale).Member("expert_scale", r.expert_scale);
  json.Key("before");
  Write(json, r.before);
  json.EndObject();
  json.EndObject();
}

void Write(JsonWriter& json, const BranchSpec& branch) {
  json.BeginObject();
  json.Key("before");
  Write(json, branch.before);
  json.Key("bodies").BeginArray();
  for (const BranchBody& item : branch.bodies) {
    json.BeginObject().Key("before");
    Write(json, item.before);
    json.Member("in_scale", item.in_scale).Member("out_scale", item.out_scale);
    json.Key("after");
    Write(json, item.after);
    json.Key("body");
    std::visit([&](const auto& body) { Write(json, body); }, item.body);
    json.EndObject();
  }
  json.EndArray();
  json.Key("after");
  Write(json, branch.after);
  json.Member("scale", branch.scale).Member("normed_residual", branch.normed_residual);
  if (branch.whole_residual) json.Member("whole_residual", true);
  json.Key("last");
  Write(json, branch.last);
  json.EndObject();
}

std::string Whole(const ModelSpec& spec) {
  JsonWriter json;
  json.BeginObject();
  json.Member("architecture", spec.architecture).Member("vocab_size", spec.vocab).Member("hidden_size", spec.hidden);
  json.Member("num_hidden_layers", spec.layers()).Member("tie_word_embeddings", spec.tied);
  json.Key("embedding").BeginObject();
  json.Member("scale", spec.embedding.scale)
      .Member("rounded_scale", spec.embedding.rounded_scale)
      .Member("positions", spec.embedding.positions);
  json.Member("position_offset", spec.embedding.position_offset).Member("pad_token", spec.embedding.pad_token);
  if (spec.embedding.side >= 0) json.Member("side", spec.embedding.side);
  json.Key("norm");
  Write(json, spec.embedding.norm);
  const LayerInputsSpec& inputs = spec.embedding.layer_inputs;
  json.Member("width", spec.embedding.width).Key("layer_inputs").BeginObject();
  json.Member("vocab", inputs.vocab).Member("width", inputs.width).Member("table_scale", inputs.table_scale);
  json.Member("sum_scale", inputs.sum_scale).Member("side", inputs.side).Key("norm");
  Write(json, inputs.norm);
  json.EndObject().EndObject();
  json.Key("kinds").BeginArray();
  for (const BlockSpec& block : spec.kinds) {
    json.BeginArray();
    for (const BranchSpec& branch : block.branches) Write(json, branch);
    json.Value(block.scaled);
    if (block.shared >= 0) json.Value(block.shared);
    json.EndArray();
  }
  json.EndArray();
  json.Member("kind_of", spec.kind_of);
  json.Key("ropes").BeginArray();
  for (const RopeSpec& rope : spec.ropes) Write(json, rope);
  json.EndArray();
  json.Key("slopes").BeginArray();
  for (const double slope : spec.slopes) json.Value(slope);
  json.EndArray();
  json.Key("temperatures").BeginArray();
  for (const TemperatureSpec& t : spec.temperatures) json.Value(t.scale).Value(t.span).Value(t.shift);
  json.EndArray();
  json.Member("sides", spec.sides);
  json.Key("head").BeginObject().Key("norm");
  Write(json, spec.head.norm);
  json.Member("bias", spec.head.bias)
      .Member("scale", spec.head.scale)
      .Member("softcap", spec.head.softcap)
      .Member("width", spec.head.width);
  json.EndObject();
  json.EndObject();
  return json.text();
}

// As the first release wrote it; `a` and `m` are those of the first layer, which the families of that release have everywhere.
std::string Classic(const ModelSpec& spec, const AttentionSpec& a, const MlpSpec& m) {
  JsonWriter json;
  json.BeginObject();
  json.Member("architecture", spec.architecture);
  json.Member("vocab_size", spec.vocab).Member("hidden_size", spec.hidden).Member("intermediate_size", m.intermediate);
  json.Member("num_hidden_layers", spec.layers()).Member("num_attention_heads", a.heads);
  json.Member("num_key_value_heads", a.kv_heads).Member("head_dim", a.head_dim);
  json.Member("rms_norm_eps", spec.head.norm.epsilon).Member("tie_word_embeddings", spec.tied);
  json.Member("qkv_bias", a.qkv_bias)
      .Member("o_bias", a.o_bias)
      .Member("mlp_bias", m.in_bias)
      .Member("qk_norm", a.qk_norm.norm.on());
  json.Member("windows", Windows(spec));
  const RopeSpec& rope = spec.ropes.front();
  const bool scaled = rope.kind != RopeSpec::Kind::kDefault, llama3 = rope.kind == RopeSpec::Kind::kLlama3;
  json.Member("rope", llama3 ? "llama3" : scaled ? "linear" : "default").Member("rope_theta", rope.theta);
  if (scaled) json.Member("rope_factor", rope.factor);
  if (llama3) {
    json.Member("rope_low_freq_factor", rope.low_frequency_factor).Member("rope_high_freq_factor", rope.high_frequency_factor);
    json.Member("rope_original_max_position_embeddings", rope.original_max_positions);
  }
  json.EndObject();
  return json.text();
}

bool IsClassic(const ModelSpec& spec) {
  const bool family = spec.family == "llama" || spec.family == "mistral" || spec.family == "qwen2" || spec.family == "qwen3";
  const RopeSpec::Kind kind = spec.ropes.empty() ? RopeSpec::Kind::kYarn : spec.ropes.front().kind;
  return family && (kind == RopeSpec::Kind::kDefault || kind == RopeSpec::Kind::kLinear || kind == RopeSpec::Kind::kLlama3);
}

}  // namespace

std::string SpecJson(const ModelSpec& spec) {
  const AttentionSpec* attention = FirstOf<AttentionSpec>(spec);
  const MlpSpec* mlp = FirstOf<MlpSpec>(spec);
  const bool classic = IsClassic(spec) && attention != nullptr && mlp != nullptr && mlp->function == Function::kSilu;
  return classic ? Classic(spec, *attention, *mlp) : Whole(spec);
}

}  // namespace hlm
