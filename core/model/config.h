// config.json -> ModelSpec.
#ifndef HORIZON_LM_CORE_MODEL_CONFIG_H_
#define HORIZON_LM_CORE_MODEL_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/dtype.h"
#include "core/model/names.h"
#include "core/model/spec.h"

namespace hlm {

inline constexpr int64_t kMostConfigBytes = int64_t{16} << 20;

// What a config.json says: the mathematics, and what the tensors are called.
struct ModelConfig {
  ModelSpec spec;
  ModelNames names;
};

// Reads the text of a Hugging Face config.json of one of the families (families/). Sizes must be there; other keys default to what the
// family's configuration class in transformers says. Messages begin with "config.json". UNIMPLEMENTED, by name, for another
// architecture and for settings that would change the mathematics (config_refusals.h); INVALID_ARGUMENT, naming key, value and limit,
// for what is absurd, missing, contradictory or not JSON.
ModelConfig ReadConfig(const std::string& json_text);
ModelSpec ParseConfig(const std::string& json_text);

// The text to save beside weights of type `saved`: `json_text` with torch_dtype and dtype set, without quantization_config, and with
// architectures and model_type where they were missing (transformers needs them to choose the class). All else, order included, stays
// as it was; where `saved` is nothing, as weights are packed as the source's are, so do types and quantization_config.
std::string ConfigForSaving(const std::string& json_text, const ModelSpec& spec, std::optional<DType> saved);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_CONFIG_H_
