// Every option that only a mixture of experts has, on one whose router is a softmax and one of sigmoids with a bias for the choice.
#include <utility>

#include "tests/bits/rig.h"

namespace hlm_bits {
namespace {

using Variants = std::vector<std::pair<std::string, PlanChange>>;

Variants RouterTerms(bool has_bias) {
  Variants variants;
  const std::pair<const char*, int32_t> scopes[] = {
      {"step", HLM_AUX_SCOPE_STEP}, {"group", HLM_AUX_SCOPE_GROUP}, {"sequence", HLM_AUX_SCOPE_SEQUENCE}};
  for (const auto& [name, scope] : scopes) {
    variants.emplace_back(std::string("aux_") + name, [scope = scope](hlm_plan_options& o) {
      o.router_aux_loss_coef = 0.05, o.router_aux_loss_scope = scope, o.reduction_groups = 2, o.micro_batch = 1;
    });
  }
  variants.emplace_back("z", [](hlm_plan_options& o) { o.router_z_loss_coef = 0.01; });
  if (has_bias) variants.emplace_back("bias", [](hlm_plan_options& o) { o.router_bias_rate = 0.01; });
  return variants;
}

Variants Experts() {
  constexpr int64_t kPieceBytes = 16384;  // each expert, or a few, of these models
  return {
      {"whole", nullptr},
      {"groups", [](hlm_plan_options& o) { o.max_piece_bytes = kPieceBytes, o.experts_up = HLM_EXPERTS_UP_ALL; }},
      {"groups_sweeps2_recompute",
       [](hlm_plan_options& o) {
         o.max_piece_bytes = kPieceBytes, o.experts_up = HLM_EXPERTS_UP_ALL, o.sweeps = 2;
         o.activations = HLM_ACTIVATIONS_RECOMPUTE;
       }},
      {"routed", [](hlm_plan_options& o) { o.max_piece_bytes = kPieceBytes, o.experts_up = HLM_EXPERTS_UP_ROUTED; }},
      {"unrouted_skip", [](hlm_plan_options& o) { o.unrouted = HLM_UNROUTED_SKIP; }},
      {"unrouted_skip_routed",
       [](hlm_plan_options& o) {
         o.max_piece_bytes = kPieceBytes, o.experts_up = HLM_EXPERTS_UP_ROUTED, o.unrouted = HLM_UNROUTED_SKIP;
       }},
      {"freeze_routers", [](hlm_plan_options& o) { o.freeze = "*.gate.weight"; }},
  };
}

}  // namespace

void RunMixtures(Record& record) {
  for (const char* name : {"mixtral", "minimax_m2"}) {
    Variants variants = RouterTerms(std::string(name) == "minimax_m2");
    for (auto& variant : Experts()) variants.push_back(std::move(variant));
    for (const bool bf16 : {false, true}) {
      for (const auto& [option, change] : variants) {
        record.Run(std::string("mixtures/") + name + (bf16 ? "/bf16/" : "/f32/") + option, [&](Case& c) {
          const Golden golden = hlm_golden::LoadGolden(std::string("../families/") + name);
          Rig rig(c, golden, bf16 ? HLM_DTYPE_BF16 : HLM_DTYPE_F32, change);
          rig.Steps("", 4);
          rig.State("");
        });
      }
    }
  }
}

}  // namespace hlm_bits
