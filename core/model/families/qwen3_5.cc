// Qwen3.5 (dense, text): three layers of the gated delta rule to one of attention with an output gate.
#include "core/model/families/qwen_hybrids.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const QwenHybrid hybrid = ReadQwenHybrid(config, {.kv_heads = 4}, spec, names);
  for (const bool full : hybrid.full) spec.AddLayer(full ? hybrid.attends : hybrid.recurs);
  NameApart(names);
}

}  // namespace

extern const Family kQwen35Family;
const Family kQwen35Family = {"Qwen3_5ForCausalLM", "qwen3_5_text", Read};

}  // namespace hlm
