#include "core/model/rope.h"

#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr double kLeastTheta = 1.0, kMostTheta = 1e18;
constexpr double kLeastFactor = 1e-6, kMostFactor = 1e6;
constexpr int64_t kMostPositions = (int64_t{1} << 31) - 1;
constexpr double kDefaultTheta = 10000.0;  // of all four families

std::string RopeType(const ConfigValues& rope) {
  const bool has_new = rope.HasValue("rope_type"), has_legacy = rope.HasValue("type");
  if (!has_new && !has_legacy) return "default";
  const std::string type = rope.String(has_new ? "rope_type" : "type");
  if (has_new && has_legacy && rope.String("type") != type) {
    throw InvalidArgument(rope.where(), ": rope_type is ", Printable(type), " but type is ", Printable(rope.String("type")));
  }
  return type;
}

void RefuseUnknownKeys(const ConfigValues& rope) {
  for (const auto& [key, value] : rope.object().Members()) {
    const bool known = key == "rope_type" || key == "type" || key == "rope_theta" || key == "factor" ||
                       key == "low_freq_factor" || key == "high_freq_factor" || key == "original_max_position_embeddings" ||
                       key == "partial_rotary_factor";
    if (!known && !value.IsNull()) {
      throw Unimplemented(rope.where(), ": ", Printable(key), " = ", PrintableJson(value), " is not supported");
    }
  }
  if (!rope.HasValue("partial_rotary_factor")) return;
  const JsonValue& share = rope.Value("partial_rotary_factor");
  if (!share.IsNumber() || share.Number() != 1.0) {
    throw Unimplemented(rope.where(), ": partial_rotary_factor = ", PrintableJson(share), " is not supported (only 1 is)");
  }
}

double Theta(const ConfigValues& config, const ConfigValues* rope) {
  const bool outside = config.HasValue("rope_theta"), inside = rope != nullptr && rope->HasValue("rope_theta");
  const double theta = outside ? config.Real("rope_theta", kLeastTheta, kMostTheta) : kDefaultTheta;
  if (!inside) return theta;
  const double inner = rope->Real("rope_theta", kLeastTheta, kMostTheta);
  if (outside && inner != theta) {
    throw InvalidArgument(config.where(), ": rope_theta is ", theta, " but ", rope->where(), ": rope_theta is ", inner);
  }
  return inner;
}

int64_t OriginalPositions(const ConfigValues& config, const ConfigValues& rope, int64_t max_positions) {
  constexpr const char* kKey = "original_max_position_embeddings";
  const bool outside = config.HasValue(kKey), inside = rope.HasValue(kKey);
  const int64_t inner = inside ? rope.Int(kKey, 1, kMostPositions) : max_positions;
  const int64_t outer = outside ? config.Int(kKey, 1, kMostPositions) : inner;
  if (outside && inside && inner != outer) {
    throw InvalidArgument(config.where(), ": ", kKey, " is ", outer, " but ", rope.where(), ": ", kKey, " is ", inner);
  }
  return outer;
}

RopeSpec ParseObject(const ConfigValues& config, const ConfigValues& rope, int64_t max_positions) {
  const std::string type = RopeType(rope);
  if (type != "default" && type != "linear" && type != "llama3") {
    throw Unimplemented(rope.where(), ": rope_type ", Printable(type), " is not supported (default, linear and llama3 are)");
  }
  RefuseUnknownKeys(rope);
  RopeSpec spec;
  spec.theta = Theta(config, &rope);
  if (type == "default") return spec;
  spec.factor = rope.Real("factor", kLeastFactor, kMostFactor);
  spec.kind = RopeSpec::Kind::kLinear;
  if (type == "linear") return spec;
  spec.kind = RopeSpec::Kind::kLlama3;
  spec.low_frequency_factor = rope.Real("low_freq_factor", kLeastFactor, kMostFactor);
  spec.high_frequency_factor = rope.Real("high_freq_factor", kLeastFactor, kMostFactor);
  if (spec.high_frequency_factor <= spec.low_frequency_factor) {
    throw InvalidArgument(rope.where(), ": high_freq_factor is ", spec.high_frequency_factor,
                          "; it must be above low_freq_factor, ", spec.low_frequency_factor);
  }
  spec.original_max_positions = OriginalPositions(config, rope, max_positions);
  return spec;
}

bool Same(const RopeSpec& a, const RopeSpec& b) {
  return a.kind == b.kind && a.theta == b.theta && a.factor == b.factor && a.low_frequency_factor == b.low_frequency_factor &&
         a.high_frequency_factor == b.high_frequency_factor && a.original_max_positions == b.original_max_positions;
}

}  // namespace

RopeSpec ParseRope(const ConfigValues& config, int64_t max_positions) {
  std::optional<RopeSpec> found;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!config.HasValue(key)) continue;
    const ConfigValues rope(config.Value(key), config.where() + ": " + key);
    if (rope.object().IsEmpty()) continue;
    const RopeSpec spec = ParseObject(config, rope, max_positions);
    if (found && !Same(*found, spec)) {
      throw InvalidArgument(config.where(), ": rope_scaling and rope_parameters say different things");
    }
    found = spec;
  }
  if (found) return *found;
  RopeSpec spec;
  spec.theta = Theta(config, nullptr);
  return spec;
}

// In float, operation for operation as transformers computes its buffer: checkpoints were trained with these values, and the last
// bit of a frequency, times a position of 100,000, is an angle that shows.
std::vector<double> RotaryFrequencies(const ModelSpec& spec) {
  const RopeSpec& rope = spec.rope;
  const float theta = static_cast<float>(rope.theta), factor = static_cast<float>(rope.factor);
  std::vector<double> frequencies(static_cast<size_t>(spec.head_dim / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(spec.head_dim);
    float frequency = 1.0f / std::pow(theta, exponent);
    if (rope.kind == RopeSpec::Kind::kLinear) frequency /= factor;
    if (rope.kind == RopeSpec::Kind::kLlama3) {
      // Long wavelengths are stretched by the factor, short ones stay, those between are blended (Llama 3.1's rule).
      const double context = static_cast<double>(rope.original_max_positions);
      const float wavelength = static_cast<float>(2.0 * std::numbers::pi) * (1.0f / frequency);
      const float longest_kept = static_cast<float>(context / rope.high_frequency_factor);
      const float shortest_stretched = static_cast<float>(context / rope.low_frequency_factor);
      if (wavelength > shortest_stretched) {
        frequency /= factor;
      } else if (!(wavelength < longest_kept)) {
        const float low = static_cast<float>(rope.low_frequency_factor);
        const float range = static_cast<float>(rope.high_frequency_factor - rope.low_frequency_factor);
        const float smooth = ((1.0f / wavelength) * static_cast<float>(context) - low) / range;
        frequency = (1.0f - smooth) * frequency / factor + smooth * frequency;
      }
    }
    frequencies[i] = frequency;
  }
  return frequencies;
}

}  // namespace hlm
