// A family of decoders: how its config.json is read, and what its tensors are called. One file each; families.cc lists them.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_FAMILY_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_FAMILY_H_

#include <span>
#include <string>

#include "core/model/config_values.h"
#include "core/model/names.h"
#include "core/model/spec.h"

namespace hlm {

struct Family {
  const char* architecture;  // "LlamaForCausalLM"
  const char* model_type;    // "llama"
  // Fills in what differs from an empty specification and from Llama's names. A key that it asks for is taken; keys that would change
  // the mathematics and that nobody asked for are refused afterwards.
  void (*read)(const ConfigValues& config, ModelSpec& spec, ModelNames& names);
  const char* other_architecture = nullptr;  // under which transformers saves it as well
};

std::span<const Family* const> Families();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_FAMILY_H_
