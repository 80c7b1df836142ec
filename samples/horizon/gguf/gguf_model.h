// A saved folder of a family that llama.cpp knows, as its file has it: names, shapes, settings.
#ifndef HORIZON_LM_SAMPLES_HORIZON_GGUF_GGUF_MODEL_H_
#define HORIZON_LM_SAMPLES_HORIZON_GGUF_GGUF_MODEL_H_

#include <string>

#include "samples/horizon/base/json.h"
#include "samples/horizon/gguf/gguf_file.h"
#include "samples/horizon/gguf/safetensors.h"

namespace horizon {

// Throws for a family or a setting that the file could not say: before anything is saved. `config` is the model's config.json.
void CheckGguf(const Json& config);

// `type` is that of matrices; vectors are f32. The tensors must outlive the writer.
void AddModel(const Json& config, const SavedTensors& tensors, GgufType type, GgufWriter& writer);

// The name of a tensor there; "" for one that has no place. `four_norms`: a layer has norms before and behind attention and the MLP.
std::string GgufName(const std::string& name, bool four_norms = false);

// Tokens, merges, special tokens and the chat template of a folder. Without a tokenizer the bytes are the ids.
void AddTokenizer(const std::string& folder, const Json& config, GgufWriter& writer);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_GGUF_GGUF_MODEL_H_
