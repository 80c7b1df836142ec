// Qwen3-Next: the gated delta rule, its first product in two tensors by key heads; experts with a gated shared one, or a dense MLP.
#include "core/model/families/qwen_hybrids.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const QwenHybrid hybrid = ReadQwenHybrid(config, {.intermediate = 5632}, spec, names);
  ReadBalancing(config, 0.001, spec);
  const ExpertsSpec experts = ReadQwenExperts(config, {.likely_count = 512, .likely_chosen = 10, .likely_width = 512}, true);
  const std::vector<BodySpec> bodies = {experts, ReadGatedShared(config, 512)};
  const BlockSpec attends = WithBodies(hybrid.attends, bodies), recurs = WithBodies(hybrid.recurs, bodies);
  const std::vector<bool> sparse = QwenSparseLayers(config, hybrid.sizes.layers, experts);
  for (size_t layer = 0; layer < sparse.size(); ++layer) {
    spec.AddLayer(sparse[layer] ? (hybrid.full[layer] ? attends : recurs)
                                : (hybrid.full[layer] ? hybrid.attends : hybrid.recurs));
  }
  // Each key head's rows follow each other: its own, then those of its values' heads.
  const int64_t key_heads = Find<DeltaRuleSpec>(hybrid.recurs)->key_heads;
  names.layer["delta.q"] = {
      .path = "linear_attn.in_proj_qkvz.weight", .order = RowOrder::kGrouped, .groups = key_heads, .members = 4};
  names.layer["delta.b"] = {
      .path = "linear_attn.in_proj_ba.weight", .order = RowOrder::kGrouped, .groups = key_heads, .members = 2};
  NameQwenExperts(names);
}

}  // namespace

extern const Family kQwen3NextFamily;
const Family kQwen3NextFamily = {"Qwen3NextForCausalLM", "qwen3_next", Read};

}  // namespace hlm
