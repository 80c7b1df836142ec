// The units of a model and the layout of each unit's slab.
//
// A unit is what is streamed and updated as a whole: the embedding, each block, the head. Its parameters lie in one
// contiguous slab at fixed offsets, so a layer reads them in place. Matrices that one product uses together are neighbours
// without padding: q, k, v are one [q + 2 kv, hidden] matrix, gate and up one [2 intermediate, hidden] matrix.
#ifndef HORIZON_LM_CORE_MODEL_LAYOUT_H_
#define HORIZON_LM_CORE_MODEL_LAYOUT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/spec.h"

namespace hlm {

// Groups of tensors start at multiples of this many elements; a slab's size is a multiple of it. Padding is always zero.
// 256: a block of 8-bit moments (cpu_optim) never crosses a border between tensors that decay and tensors that do not.
inline constexpr int64_t kSlabAlign = 256;

enum class UnitKind { kEmbedding, kBlock, kFinalNorm, kHead };
const char* Name(UnitKind kind);

enum class TensorInit { kNormal, kOne, kZero };

struct TensorSpec {
  std::string name;            // as in the Hugging Face file: "model.layers.0.self_attn.q_proj.weight"
  std::vector<int64_t> shape;  // row-major
  int64_t offset = 0;          // elements from the start of the slab
  int64_t elements = 0;
  TensorInit init = TensorInit::kNormal;
  bool Decays() const { return shape.size() >= 2; }
};

struct UnitSpec {
  UnitKind kind = UnitKind::kBlock;
  int64_t layer = -1;  // of a block
  std::string name;    // "embedding", "block.3", "final_norm", "head"
  std::vector<TensorSpec> tensors;  // in slab order
  int64_t elements = 0;             // of the slab, padding included
};

// Offsets in elements from the start of the slab; -1 where the model has no such tensor.
struct BlockOffsets {
  int64_t input_norm, qkv, qkv_bias, q_norm, k_norm, o, o_bias, post_norm, gate_up, gate_up_bias, down, down_bias;
};
struct HeadOffsets {
  int64_t norm;    // in the head's slab, or in the final norm's own slab where embeddings are tied
  int64_t weight;  // in the head's slab, or in the embedding's slab where embeddings are tied
};

struct ModelLayout {
  // Untied: embedding, blocks, head (final norm and lm_head). Tied: embedding, blocks, final norm.
  std::vector<UnitSpec> units;
  BlockOffsets block;  // the same for every block
  HeadOffsets head;
  bool tied = false;
  int64_t parameters = 0;  // without padding; a tied matrix counts once

  int64_t EmbeddingUnit() const { return 0; }
  int64_t BlockUnit(int64_t layer) const { return 1 + layer; }
  int64_t NormUnit() const { return static_cast<int64_t>(units.size()) - 1; }  // where the final norm lies
  int64_t HeadUnit() const { return tied ? 0 : NormUnit(); }                   // where the head's matrix lies
};

ModelLayout MakeLayout(const ModelSpec& spec);

// Where a tensor lies: its unit goes to *unit; nullptr where the model has none of that name.
const TensorSpec* FindTensor(const ModelLayout& layout, std::string_view name, int64_t* unit);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_LAYOUT_H_
