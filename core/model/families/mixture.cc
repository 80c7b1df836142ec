#include "core/model/families/mixture.h"

#include "core/base/counted.h"
#include "core/base/error.h"

namespace hlm {
namespace {

int64_t ReadSize(const ConfigValues& config, const char* key, int64_t likely, int64_t most) {
  return likely > 0 ? config.IntOr(key, likely, 1, most) : config.Int(key, 1, most);
}

}  // namespace

ExpertsSpec ReadExperts(const ConfigValues& config, const MixtureKeys& keys) {
  ExpertsSpec experts;
  const char* count = keys.count.front();
  for (const char* key : keys.count) {
    if (config.HasValue(key)) count = key;
  }
  experts.count = ReadSize(config, count, keys.likely_count, kMostExperts);
  experts.chosen = ReadSize(config, keys.chosen, keys.likely_chosen, kMostExperts);
  experts.intermediate = ReadSize(config, keys.width, keys.likely_width, kMostIntermediate);
  if (experts.chosen > experts.count) {
    throw InvalidArgument(kConfig, ": ", keys.chosen, " is ", experts.chosen, "; the model has ",
                          Counted(experts.count, "expert"), " (", count, ")");
  }
  return experts;
}

void ReadBalancing(const ConfigValues& config, double likely, ModelSpec& spec) {
  if (!config.HasValue("output_router_logits") || !config.Bool("output_router_logits")) return;
  spec.balance = config.HasValue("router_aux_loss_coef") ? config.Real("router_aux_loss_coef", 0, 1e6) : likely;
}

void ReadGroups(const ConfigValues& config, int64_t experts, RouterSpec& router, const GroupDefaults& defaults) {
  const auto read = [&](const char* key, int64_t likely) {
    return config.HasValue(key) ? config.Int(key, 1, kMostExperts) : config.Has(key) ? 1 : likely;
  };
  router.groups = read("n_group", defaults.groups);
  router.best_groups = read("topk_group", defaults.best);
  if (experts % router.groups != 0) {
    throw InvalidArgument(kConfig, ": n_group is ", router.groups, "; the number of experts, ", experts,
                          ", must be a multiple of it");
  }
  if (router.best_groups > router.groups) {
    throw InvalidArgument(kConfig, ": topk_group is ", router.best_groups, "; it must be at most n_group, ", router.groups);
  }
}

RouterSpec ReadBiasedRouter(const ConfigValues& config, const ExpertsSpec& experts, double scale, const GroupDefaults& groups) {
  RouterSpec router{.score = RouterScore::kSigmoid, .choice_bias = true, .sum_add = 1e-20, .group_of_two = true};
  RefuseUnlessNamed(config, "scoring_func",
                    {"sigmoid", "noaux_tc"});  // the second is the choice's name, which some files have here
  RefuseUnlessNamed(config, "topk_method", {"noaux_tc"});
  router.normalize = config.BoolOr("norm_topk_prob", true);
  router.scale = config.RealOr("routed_scaling_factor", scale, 1e-9, 1e9);
  ReadGroups(config, experts.count, router, groups);
  const int64_t eligible = experts.count / router.groups * router.best_groups;
  if (experts.chosen > eligible) {
    throw InvalidArgument(kConfig, ": num_experts_per_tok is ", experts.chosen, "; topk_group allows ",
                          Counted(eligible, "expert"));
  }
  return router;
}

std::vector<int64_t> ReadNumbers(const ConfigValues& config, const char* key) {
  std::vector<int64_t> numbers;
  if (!config.HasValue(key)) return numbers;
  const JsonValue& list = config.Value(key);
  if (!list.IsArray()) throw InvalidArgument(kConfig, ": ", key, " must be a list, found ", PrintableJson(list));
  for (const JsonValue& item : list.Items()) {
    const std::optional<int64_t> number = item.IsWhole() ? item.Int() : std::nullopt;
    if (!number) throw InvalidArgument(kConfig, ": ", key, " holds ", PrintableJson(item), ", which is not a whole number");
    numbers.push_back(*number);
  }
  return numbers;
}

MlpSpec Shared(int64_t intermediate) { return {.intermediate = intermediate, .shared = true}; }

int64_t ReadSharedCount(const ConfigValues& config, const char* key, int64_t likely) {
  if (config.Has(key) && !config.HasValue(key)) return 0;
  return config.IntOr(key, likely, 0, 1024);
}

std::vector<BodySpec> WithShared(const ExpertsSpec& experts, int64_t count, bool bias) {
  if (count == 0 && bias) {
    throw Unimplemented(kConfig, ": no shared experts and mlp_bias: a bias alone beside the experts is not supported");
  }
  if (count == 0) return {experts};
  MlpSpec shared = Shared(experts.intermediate * count);
  shared.in_bias = shared.out_bias = bias;
  return {experts, shared};
}

BlockSpec WithBodies(BlockSpec block, const std::vector<BodySpec>& bodies) {
  for (BranchSpec& branch : block.branches) {
    for (size_t i = 0; i < branch.bodies.size(); ++i) {
      if (!std::holds_alternative<MlpSpec>(branch.bodies[i].body)) continue;
      const auto at = branch.bodies.erase(branch.bodies.begin() + static_cast<int64_t>(i));
      std::vector<BranchBody> items;
      items.reserve(bodies.size());
      for (const BodySpec& body : bodies) items.push_back({body, {}});
      branch.bodies.insert(at, items.begin(), items.end());
      return block;
    }
  }
  throw Internal("a block without an MLP");
}

std::vector<bool> SparseLayers(const ConfigValues& config, int64_t layers, int64_t dense_first) {
  const int64_t dense =
      config.HasValue("first_k_dense_replace") ? config.Int("first_k_dense_replace", 0, kMostLayers) : dense_first;
  std::vector<bool> sparse;
  for (int64_t layer = 0; layer < layers; ++layer) sparse.push_back(layer >= dense);
  if (!config.HasValue("mlp_layer_types")) return sparse;
  const JsonValue& types = config.Value("mlp_layer_types");
  if (!types.IsArray() || static_cast<int64_t>(types.Items().size()) != layers) {
    throw InvalidArgument(kConfig, ": mlp_layer_types must be a list of num_hidden_layers = ", layers, " names, found ",
                          types.IsArray() ? StrCat(types.Items().size()) : PrintableJson(types));
  }
  for (size_t layer = 0; layer < sparse.size(); ++layer) {
    const JsonValue& type = types.Items()[layer];
    if (!type.IsText("dense") && !type.IsText("sparse")) {
      throw Unimplemented(kConfig, ": mlp_layer_types holds ", PrintableJson(type), "; dense and sparse are supported");
    }
    sparse[layer] = type.IsText("sparse");
  }
  return sparse;
}

void NameExperts(const MixtureNames& paths, ModelNames& names) {
  const std::string experts = std::string(paths.experts) + ".{}.", shared = std::string(paths.shared) + ".";
  names.layer["experts.before"] = names.layer["shared.before"] = names.layer["mlp.before"];
  names.layer["experts.router"].path = paths.router;
  names.layer["experts.gate"].path = experts + paths.gate + ".weight";
  names.layer["experts.up"].path = experts + paths.up + ".weight";
  names.layer["experts.down"].path = experts + paths.down + ".weight";
  for (const char* part : {"gate", "up", "down"}) {
    names.layer[StrCat("shared.", part)].path = StrCat(shared, part, "_proj.weight");
    names.layer[StrCat("shared.", part, "_bias")].path = StrCat(shared, part, "_proj.bias");
  }
  if (paths.packed) return;
  NameTable& stacked = names.other_layers.emplace_back();
  const std::string own = paths.own_experts != nullptr ? paths.own_experts : paths.experts;
  stacked["experts.gate_up"].path = own + ".gate_up_proj";
  stacked["experts.down"].path = own + ".down_proj";
  if (paths.own_router != nullptr) stacked["experts.router"].path = paths.own_router;
  if (paths.own_choice_bias != nullptr) stacked["experts.choice_bias"].path = paths.own_choice_bias;
}

void NamePackedExperts(ModelNames& names) {
  NameExperts({.router = "block_sparse_moe.router.layer.weight", .packed = true}, names);
  names.layer["experts.gate_up"] = {.path = "block_sparse_moe.input_linear.weight"};
  names.layer["experts.down"] = {.path = "block_sparse_moe.output_linear.weight"};
  names.layer["shared.gate_up"] = {.path = "shared_mlp.input_linear.weight"};
  names.layer["shared.down"] = {.path = "shared_mlp.output_linear.weight"};
}

void CarryLayersBehind(const ConfigValues& config, int64_t layers, ModelNames& names) {
  int64_t behind = 0;
  for (const char* key : {"num_nextn_predict_layers", "num_mtp_layers"}) {
    if (config.HasValue(key)) behind = config.Int(key, 0, kMostLayers);
  }
  for (int64_t layer = layers; layer < layers + behind; ++layer) names.carried_below.push_back(StrCat(names.layers, layer, "."));
}

}  // namespace hlm
