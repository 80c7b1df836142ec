// Reading rotary embeddings: rope_theta, rope_scaling and rope_parameters in all the forms that configuration files have.
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

using Kind = RopeSpec::Kind;

constexpr double kLeastTheta = 1.0, kMostTheta = 1e18;
constexpr double kLeastFactor = 1e-6, kMostFactor = 1e6;

struct KindName {
  const char* name;
  Kind kind;
};
constexpr std::array<KindName, 8> kKinds = {{{"default", Kind::kDefault},
                                             {"linear", Kind::kLinear},
                                             {"dynamic", Kind::kDynamic},
                                             {"llama3", Kind::kLlama3},
                                             {"yarn", Kind::kYarn},
                                             {"longrope", Kind::kLongRope},
                                             {"su", Kind::kLongRope},  // what Phi-3's first files called it
                                             {"proportional", Kind::kProportional}}};

Kind ReadKind(const ConfigValues& rope, bool sections) {
  const bool has_new = rope.HasValue("rope_type"), has_legacy = rope.HasValue("type");
  if (!has_new && !has_legacy) return Kind::kDefault;
  // Files with sections call it so.
  const auto read = [&](const char* key) {
    return sections && rope.Value(key).IsText("mrope") ? std::string("default") : rope.String(key);
  };
  const std::string type = read(has_new ? "rope_type" : "type");
  if (has_new && has_legacy && read("type") != type) {
    throw InvalidArgument(rope.where(), ": rope_type is ", Printable(type), " but type is ", Printable(rope.String("type")));
  }
  for (const KindName& known : kKinds) {
    if (type == known.name) return known.kind;
  }
  throw Unimplemented(rope.where(), ": rope_type ", Printable(type),
                      " is not supported (default, linear, dynamic, llama3, yarn, longrope and proportional are)");
}

void RefuseUnknownKeys(const ConfigValues& rope) {
  for (const auto& [key, value] : rope.object().Members()) {
    if (!rope.Taken(key) && !value.IsNull())
      throw Unimplemented(rope.where(), ": ", Printable(key), " = ", PrintableJson(value), " is not supported");
  }
}

// What the settings say; else the key beside them, which must not say another thing; else the fallback.
double Number(const RopeRules& rules, const ConfigValues& config, const char* beside, const ConfigValues& rope, const char* key,
              double fallback, double least, double most) {
  const bool outside = beside != nullptr && config.HasValue(beside), inside = rope.HasValue(key);
  const double value = outside ? config.Real(beside, least, most) : fallback;
  if (!inside) return value;
  const double inner = rope.Real(key, least, most);
  if (outside && inner != value && !rules.beside_is_stale) {
    throw InvalidArgument(config.where(), ": ", beside, " is ", value, " but ", rope.where(), ": ", key, " is ", inner);
  }
  return inner;
}

int64_t OriginalPositions(const RopeRules& rules, const ConfigValues& config, const ConfigValues& rope, int64_t max_positions) {
  constexpr const char* kKey = "original_max_position_embeddings";
  const bool outside = config.HasValue(kKey), inside = rope.HasValue(kKey);
  const int64_t inner = inside ? rope.Int(kKey, 1, kMostPositions) : max_positions;
  const int64_t outer = outside ? config.Int(kKey, 1, kMostPositions) : rules.original_positions.value_or(inner);
  if (outside && inside && inner != outer) {
    throw InvalidArgument(config.where(), ": ", kKey, " is ", outer, " but ", rope.where(), ": ", kKey, " is ", inner);
  }
  return outer;
}

std::vector<double> Factors(const ConfigValues& rope, const char* key, int64_t count) {
  const JsonValue& list = rope.Value(key);
  if (!list.IsArray() || static_cast<int64_t>(list.Items().size()) != count) {
    throw InvalidArgument(rope.where(), ": ", key, " must be a list of ", count, " numbers, one for each rotated pair, found ",
                          list.IsArray() ? StrCat(list.Items().size()) : PrintableJson(list));
  }
  std::vector<double> factors;
  for (const JsonValue& factor : list.Items()) {
    if (!factor.IsNumber() || !(factor.Number() >= kLeastFactor && factor.Number() <= kMostFactor)) {
      throw InvalidArgument(rope.where(), ": ", key, " holds ", PrintableJson(factor), "; it must be a number in [", kLeastFactor,
                            ", ", kMostFactor, "]");
    }
    factors.push_back(factor.Number());
  }
  return factors;
}

void ReadYarn(const RopeRules& rules, const ConfigValues& config, const ConfigValues& rope, int64_t max_positions, bool by_type,
              RopeSpec& spec) {
  spec.original_max_positions = OriginalPositions(rules, config, rope, max_positions);
  spec.factor = rope.HasValue("factor") ? rope.Real("factor", kLeastFactor, kMostFactor)
                                        : static_cast<double>(max_positions) / static_cast<double>(spec.original_max_positions);
  if (rope.HasValue("beta_fast")) spec.beta_fast = rope.Real("beta_fast", 1e-3, 1e6);
  if (rope.HasValue("beta_slow")) spec.beta_slow = rope.Real("beta_slow", 1e-3, 1e6);
  if (spec.beta_fast < spec.beta_slow) {
    throw InvalidArgument(rope.where(), ": beta_fast is ", spec.beta_fast, "; it must not be below beta_slow, ", spec.beta_slow);
  }
  rope.Take("attn_factor");  // in files of the hub; transformers computes the factor itself
  const bool truncate = !rope.HasValue("truncate") || rope.Bool("truncate");
  spec.truncate = truncate || by_type;  // transformers looks for it beside the types of layers, not below them
  const double scale = rope.HasValue("mscale") ? rope.Real("mscale", 0, 1e3) : 0;
  const double scale_all = rope.HasValue("mscale_all_dim") ? rope.Real("mscale_all_dim", 0, 1e3) : 0;
  const auto of = [&](double m) { return spec.factor <= 1 ? 1.0 : 0.1 * m * std::log(spec.factor) + 1.0; };
  spec.attention_factor = rope.HasValue("attention_factor") ? rope.Real("attention_factor", 0, 1e3)
                          : scale != 0 && scale_all != 0    ? of(scale) / of(scale_all)
                                                            : of(1);
}

void ReadLongRope(const RopeRules& rules, const ConfigValues& config, const ConfigValues& rope, int64_t max_positions,
                  RopeSpec& spec) {
  spec.original_max_positions = OriginalPositions(rules, config, rope, max_positions);
  spec.short_factors = Factors(rope, "short_factor", spec.dim / 2);
  spec.long_factors = Factors(rope, "long_factor", spec.dim / 2);
  spec.factor = rope.HasValue("factor") ? rope.Real("factor", kLeastFactor, kMostFactor)
                                        : static_cast<double>(max_positions) / static_cast<double>(spec.original_max_positions);
  const double logs = std::log(spec.factor) / std::log(static_cast<double>(spec.original_max_positions));
  spec.attention_factor = rope.HasValue("attention_factor") ? rope.Real("attention_factor", 0, 1e3)
                          : spec.factor <= 1                ? 1.0
                                                            : std::sqrt(1 + logs);
}

// An odd number of dimensions that turn, by int(head_dim * partial_rotary_factor): transformers' classes whose heads turn in part take
// as many angles as there are pairs, a last one of half a pair among them, and turn as many dimensions as they have angles for. Phi's,
// StableLM's and Persimmon's count the dimensions apart, and fail; so do yarn, which has no ramp for the last pair, and longrope's
// lists, of which classes want one factor fewer than there are pairs.
void RoundUp(const RopeRules& rules, const RopeDefaults& defaults, int64_t head_dim, RopeSpec& spec) {
  const bool angles =
      spec.kind == Kind::kDefault || spec.kind == Kind::kLinear || spec.kind == Kind::kDynamic || spec.kind == Kind::kLlama3;
  if (spec.dim % 2 == 0 || spec.dim == head_dim || !angles || !rules.partly || !defaults.odd) return;
  ++spec.dim;
  spec.odd = true;
}

// Settings under a name that no type of layer has would be heard by nobody.
void RefuseUnknownTypes(const ConfigValues& rope) {
  for (const auto& [name, value] : rope.object().Members()) {
    if (value.IsObject() && !name.ends_with("_attention")) {
      throw InvalidArgument(rope.where(), ": ", Printable(name), " = ", PrintableJson(value),
                            " is of no type of layer; full_attention and sliding_attention are");
    }
  }
}

// `by_type`: of a class that has settings for each type of layer.
RopeSpec ReadObject(const RopeRules& rules, const ConfigValues& config, const ConfigValues& rope, int64_t head_dim,
                    int64_t max_positions, bool by_type, const RopeDefaults& defaults) {
  RopeSpec spec;
  spec.kind = ReadKind(rope, defaults.sections);
  if (rules.long_alone && spec.kind == Kind::kYarn) spec.kind = Kind::kLongRope;
  if (rules.long_alone && spec.kind != Kind::kDefault && spec.kind != Kind::kLongRope) {
    throw Unimplemented(rope.where(), ": rope_type ",
                        PrintableJson(rope.Value(rope.HasValue("rope_type") ? "rope_type" : "type")),
                        " is not supported for this family; default and longrope are");
  }
  spec.theta = Number(rules, config, rules.theta, rope, "rope_theta", defaults.theta, kLeastTheta, kMostTheta);
  spec.interleaved = defaults.interleaved;
  const double partial = Number(rules, config, rules.partial, rope, "partial_rotary_factor", defaults.partial, 0.0, 1.0);
  if (partial != 1 && !rules.partly && spec.kind != Kind::kProportional) {
    throw Unimplemented(rope.where(), ": partial_rotary_factor = ", partial,
                        " is not supported for this family, whose heads turn as a whole");
  }
  spec.dim = static_cast<int64_t>(static_cast<double>(head_dim) * partial);
  RoundUp(rules, defaults, head_dim, spec);
  switch (spec.kind) {
    case Kind::kDefault:
      RefuseUnless(rope, "factor", Off::kOne, "rope_type default");
      break;
    case Kind::kLinear:
      spec.factor = rope.Real("factor", kLeastFactor, kMostFactor);
      break;
    case Kind::kDynamic:
      if (defaults.alpha && rope.HasValue("alpha") && rope.Real("alpha", 0, kMostFactor) != 0) {
        spec.kind = Kind::kDefault;
        const double dim = static_cast<double>(head_dim);
        spec.theta *= std::pow(rope.Real("alpha", kLeastFactor, kMostFactor), dim / (dim - 2));
        for (const char* key : {"factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"}) rope.Take(key);
        break;
      }
      spec.factor = rope.Real("factor", kLeastFactor, kMostFactor);
      spec.original_max_positions = max_positions;
      break;
    case Kind::kLlama3:
      spec.factor = rope.Real("factor", kLeastFactor, kMostFactor);
      spec.low_frequency_factor = rope.Real("low_freq_factor", kLeastFactor, kMostFactor);
      spec.high_frequency_factor = rope.Real("high_freq_factor", kLeastFactor, kMostFactor);
      if (spec.high_frequency_factor < spec.low_frequency_factor) {
        throw InvalidArgument(rope.where(), ": high_freq_factor is ", spec.high_frequency_factor,
                              "; it must not be below low_freq_factor, ", spec.low_frequency_factor);
      }
      spec.original_max_positions = OriginalPositions(rules, config, rope, max_positions);
      break;
    case Kind::kYarn:
      ReadYarn(rules, config, rope, max_positions, by_type, spec);
      break;
    case Kind::kLongRope:
      ReadLongRope(rules, config, rope, max_positions, spec);
      break;
    case Kind::kProportional:
      // Frequencies as if all dimensions turned, of which the later ones stand still.
      if (rope.HasValue("factor")) spec.factor = rope.Real("factor", kLeastFactor, kMostFactor);
      spec.still_pairs = head_dim / 2 - static_cast<int64_t>(partial * static_cast<double>(head_dim)) / 2;
      spec.dim = head_dim;
      break;
  }
  // Of another kind, but harmless where it says what is so anyway.
  if (spec.kind != Kind::kDefault) rope.Take("original_max_position_embeddings");
  if (rope.HasValue("attention_factor") && !rope.Taken("truncate") && spec.kind != Kind::kLongRope)
    RefuseUnless(rope, "attention_factor", Off::kOne, "this rope_type");
  if (spec.dim < 2 || spec.dim % 2 != 0) {
    throw InvalidArgument(rope.where(), ": partial_rotary_factor ", partial, " of head_dim ", head_dim, " turns ", spec.dim,
                          " dimensions; it must be an even number of them, at least 2");
  }
  if (spec.kind == Kind::kDynamic && spec.FrequencyDim() == 2) {
    throw InvalidArgument(rope.where(), ": rope_type dynamic turns 2 dimensions of head_dim ", head_dim,
                          "; its base needs more than one pair");
  }
  for (const char* key : defaults.own_keys) rope.Take(key);
  if (defaults.sections) {
    for (const char* key : {"mrope_section", "mrope_interleaved"}) rope.Take(key);
  }
  RefuseUnknownKeys(rope);
  return spec;
}

}  // namespace

RopeSpec ReadRope(const ConfigValues& config, int64_t head_dim, int64_t max_positions, const RopeDefaults& defaults,
                  const char* layer_type) {
  const RopeRules rules{.partly = defaults.partial != 1};
  return ReadRopeBy(rules, config, head_dim, max_positions, defaults, layer_type);
}

RopeSpec ReadRopeBy(const RopeRules& rules, const ConfigValues& config, int64_t head_dim, int64_t max_positions,
                    const RopeDefaults& defaults, const char* layer_type) {
  std::optional<RopeSpec> found;
  const auto read = [&](const RopeRules& by, const JsonValue& value, const std::string& where) {
    const ConfigValues whole(value, where);
    if (layer_type != nullptr) RefuseUnknownTypes(whole);
    const bool nested = layer_type != nullptr && whole.HasValue(layer_type);
    const ConfigValues rope(nested ? whole.Value(layer_type) : whole.object(), nested ? where + ": " + layer_type : where);
    return ReadObject(by, config, rope, head_dim, max_positions, layer_type != nullptr, defaults);
  };
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const bool other_name = std::string(key) == "rope_scaling";
    if (!config.HasValue(key) || (other_name && !rules.scaling)) continue;
    const std::string where = config.where() + ": " + key;
    const ConfigValues whole(config.Value(key), where);
    if (whole.object().IsEmpty() || (!other_name && rules.by_type && !whole.HasValue(layer_type))) continue;
    const RopeSpec spec = read(rules, config.Value(key), where);
    if (found && !(*found == spec))
      throw InvalidArgument(config.where(), ": rope_scaling and rope_parameters say different things");
    found = spec;
  }
  if (found) return *found;
  const JsonValue unsaid = ParseJson(config.HasValue("rope_parameters") ? "{}" : rules.unsaid, config.where());
  RopeRules own = rules;
  own.beside_is_stale = true;  // the file does not contradict itself
  return read(own, unsaid, config.where());
}

}  // namespace hlm
