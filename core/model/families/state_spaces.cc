#include "core/model/families/state_spaces.h"

#include "core/base/error.h"

namespace hlm {
namespace {

bool IsInfinity(const JsonValue& value) {
  if (value.IsLiteral()) return value.Literal().text == "Infinity";
  const JsonValue* written = value.Find("__float__");  // as transformers 5 writes it
  return written != nullptr && written->IsText("Infinity");
}

}  // namespace

void ReadStepLimit(const ConfigValues& config, StateSpaceSpec& space) {
  constexpr const char* kKey = "time_step_limit";
  if (!config.HasValue(kKey)) return;
  const JsonValue& limit = config.Value(kKey);
  const bool two = limit.IsArray() && limit.Items().size() == 2;
  const bool least = two && limit.Items()[0].IsNumber() && limit.Items()[0].Number() >= 0;
  const bool endless = two && IsInfinity(limit.Items()[1]), most = two && limit.Items()[1].IsNumber();
  if (!least || !(endless || most) || (most && !(limit.Items()[1].Number() > limit.Items()[0].Number()))) {
    throw InvalidArgument(kConfig, ": ", kKey,
                          " must be a list of two numbers, the second above the first and the first not below 0, found ",
                          PrintableJson(limit));
  }
  space.least_step = limit.Items()[0].Number();
  space.most_step = endless ? 0 : limit.Items()[1].Number();
}

void ReadChunk(const ConfigValues& config, const char* key) {
  if (config.HasValue(key)) config.Int(key, 1, kMostPositions);
}

void CheckStateSpace(const StateSpaceSpec& space, int64_t inner, const char* heads, const char* groups) {
  if (space.heads * space.head_dim != inner) {
    throw InvalidArgument(kConfig, ": ", heads, " is ", space.heads, "; with heads of ", space.head_dim, " that makes ",
                          space.heads * space.head_dim, " channels, but there are ", inner);
  }
  if (space.heads % space.groups != 0 || inner % space.groups != 0) {
    throw InvalidArgument(kConfig, ": ", heads, " is ", space.heads, "; it must be a multiple of ", groups, ", ", space.groups);
  }
}

StateSpaceSpec ReadStateSpace(const ConfigValues& config, int64_t inner) {
  StateSpaceSpec space;
  space.heads = config.IntOr("mamba_n_heads", 128, 1, kMostHeads);
  const bool given = config.HasValue("mamba_d_head") && !config.Value("mamba_d_head").IsText("auto");
  if (!given && inner % space.heads != 0) {
    throw InvalidArgument(kConfig, ": mamba_n_heads is ", space.heads,
                          "; without mamba_d_head it must divide the number of channels, ", inner);
  }
  space.head_dim = given ? config.Int("mamba_d_head", 1, kMostHeadDim) : inner / space.heads;
  space.groups = config.IntOr("mamba_n_groups", 1, 1, kMostHeads);
  space.state_dim = config.IntOr("mamba_d_state", 256, 1, kMostHeadDim);
  space.taps = config.IntOr("mamba_d_conv", 4, 1, 1 << 20);
  space.conv_bias = config.BoolOr("mamba_conv_bias", true);
  space.in_bias = space.out_bias = config.BoolOr("mamba_proj_bias", false);
  space.norm_groups = space.groups;
  CheckStateSpace(space, inner, "mamba_n_heads", "mamba_n_groups");
  ReadStepLimit(config, space);
  ReadChunk(config, "mamba_chunk_size");
  config.Take("use_mamba_kernels");
  return space;
}

void NameStateSpace(const std::string& mixer, const StateSpaceSpec& space, ModelNames& names) {
  const int64_t inner = space.heads * space.head_dim;
  const auto name = [&](const char* role, const char* path) { names.layer[role].path = mixer + path; };
  name("mamba.in", "in_proj.weight");
  name("mamba.in_bias", "in_proj.bias");
  names.layer["mamba.conv"] = {.path = mixer + "conv1d.weight",
                               .shape = {inner + 2 * space.groups * space.state_dim, 1, space.taps}};
  name("mamba.conv_bias", "conv1d.bias");
  name("mamba.a_log", "A_log");
  name("mamba.dt_bias", "dt_bias");
  name("mamba.d", "D");
  names.layer["mamba.norm"] = {.path = mixer + "norm.weight", .shape = {inner}};
  name("mamba.out", "out_proj.weight");
  name("mamba.out_bias", "out_proj.bias");
}

}  // namespace hlm
