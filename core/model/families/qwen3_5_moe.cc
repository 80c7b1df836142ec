// Qwen3.5 with experts (text): Qwen3.5's layers, each with experts whose weights are normalised, and a gated shared one.
#include "core/model/families/qwen_hybrids.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const QwenHybrid hybrid = ReadQwenHybrid(config, {.intermediate = 1}, spec, names);  // there is no dense MLP
  ReadBalancing(config, 0.001, spec);
  ExpertsSpec experts = ReadExperts(config, {.likely_count = 256, .likely_chosen = 8, .likely_width = 512});
  experts.router.normalize = true;
  const std::vector<BodySpec> bodies = {experts, ReadGatedShared(config, 512)};
  const BlockSpec attends = WithBodies(hybrid.attends, bodies), recurs = WithBodies(hybrid.recurs, bodies);
  for (const bool full : hybrid.full) spec.AddLayer(full ? attends : recurs);
  NameApart(names);
  NameQwenExperts(names);
}

}  // namespace

extern const Family kQwen35MoeFamily;
const Family kQwen35MoeFamily = {"Qwen3_5MoeForCausalLM", "qwen3_5_moe_text", Read};

}  // namespace hlm
