// What the files of families share: sizes, norms, activations, windows and rotary embeddings as configuration classes of transformers
// write them.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_COMMON_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_COMMON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/families/family.h"

namespace hlm {

inline constexpr const char* kConfig = "config.json";

// Bounds that no model comes near. Token ids are 32-bit; the others keep every product of sizes far from 63 bits.
inline constexpr int64_t kMostVocab = (int64_t{1} << 31) - 1;
inline constexpr int64_t kMostPositions = (int64_t{1} << 31) - 1;
inline constexpr int64_t kMostHidden = int64_t{1} << 20;
inline constexpr int64_t kMostIntermediate = int64_t{1} << 24;
inline constexpr int64_t kMostHeads = int64_t{1} << 16;
inline constexpr int64_t kMostHeadDim = int64_t{1} << 16;
inline constexpr int64_t kMostLayers = int64_t{1} << 14;

// What a family's configuration class assumes where a key is missing.
struct SizeDefaults {
  std::optional<int64_t> kv_heads = std::nullopt;  // nothing: as many as query heads
  std::optional<int64_t> head_dim = std::nullopt;  // nothing: hidden_size / num_attention_heads
  int64_t max_positions = 2048;
  bool tied = false;
  double initializer_range = 0.02;
  std::optional<int64_t> pad_token = std::nullopt;
  std::optional<int64_t> intermediate = std::nullopt;  // nothing: the key must be there
  bool even_heads = true;                              // heads turn as a whole, so they are even
  bool whole_heads = false;  // the class refuses a width that the heads do not divide; the others round down
};

struct Sizes {
  int64_t layers = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate = 0;
};

// The row that pad_token_id names gets no gradient from the lookup, as torch's Embedding with a padding_idx.
void ReadPadToken(const ConfigValues& config, std::optional<int64_t> fallback, ModelSpec& spec);

// Reads vocab_size, hidden_size, num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim, intermediate_size,
// max_position_embeddings, tie_word_embeddings and initializer_range; fills in the specification's share.
Sizes ReadSizes(const ConfigValues& config, const SizeDefaults& defaults, ModelSpec& spec);

NormSpec RmsNorm(const ConfigValues& config, const char* key = "rms_norm_eps", double fallback = 1e-6);
NormSpec LayerNorm(const ConfigValues& config, const char* key, double fallback, bool bias);

AttentionSpec Attention(const Sizes& sizes);

// The activation by its name in transformers; UNIMPLEMENTED for others.
Function ReadFunction(const ConfigValues& config, const char* key, Function fallback);

// RMS norm whose product with the weight comes before the rounding; Gemma's with 1 + w.
NormSpec LateRmsNorm(const ConfigValues& config, const char* key, double fallback, bool plus_one = false);
// Norms behind the branches too, or only there.
BlockSpec PostNormBlock(const NormSpec& before, const NormSpec& after, const AttentionSpec& attention, const MlpSpec& mlp);
// Attention and MLP of one norm, added together.
BlockSpec ParallelBlock(const NormSpec& norm, const AttentionSpec& attention, const MlpSpec& mlp);

// before -> attention -> before -> MLP, each with its own norm: Llama's block.
BlockSpec PreNormBlock(const NormSpec& norm, const AttentionSpec& attention, const MlpSpec& mlp);

// sliding_window where use_sliding_window allows it; `by_window_alone`: use_sliding_window does not count (Mistral).
std::optional<int64_t> ReadWindow(const ConfigValues& config, bool by_window_alone, std::optional<int64_t> fallback = 4096);

// layer_types, one name a layer, each one of `known`; nothing where the key is missing or null.
std::optional<std::vector<std::string>> ReadLayerTypes(const ConfigValues& config, int64_t layers,
                                                       const std::vector<std::string>& known);

// The rotary embedding of heads of `head_dim`: rope_theta, rope_scaling, rope_parameters, partial_rotary_factor. `layer_type`: where
// rope_parameters has one object for each type of layer.
struct RopeDefaults {
  double theta = 10000.0;
  double partial = 1.0;
  bool interleaved = false;
  bool alpha = false;                      // rope_type dynamic with `alpha` stretches the base, for all lengths alike (Hunyuan)
  std::vector<const char*> own_keys = {};  // in the same object, read by the family
  bool odd = true;        // an odd number of dimensions turns one more, where heads turn in part; false: none may
  bool sections = false;  // sections for pictures' positions, which are the same for text
};
RopeSpec ReadRope(const ConfigValues& config, int64_t head_dim, int64_t max_positions, const RopeDefaults& defaults = {},
                  const char* layer_type = nullptr);

// ALiBi's slope of each head (Press, Smith and Lewis 2022, section 3).
std::vector<double> AlibiSlopes(int64_t heads);

// Types of layers by layer_types, or by a pattern: every `pattern`-th layer is full, the others slide.
std::vector<bool> SlidingLayers(const ConfigValues& config, int64_t layers, int64_t pattern);

// Refuses a key whose value is not the one with which it changes nothing.
enum class Off { kNull, kFalse, kTrue, kZero, kOne, kEmpty };
void RefuseUnless(const ConfigValues& config, const char* key, Off off, const std::string& architecture);
// Where the family has one way alone: refuses a text that is none of `names`.
void RefuseUnlessNamed(const ConfigValues& config, const char* key, const std::vector<const char*>& names);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_COMMON_H_
