// The units of a model and the layout of each unit's slab.
//
// A unit is what is streamed and updated as a whole: the embedding, each block, what several blocks share, the head. Its parameters
// lie in one contiguous slab at fixed offsets, so a layer reads them in place. Matrices that one product uses together are neighbours
// without padding: q, k, v are one [q + 2 kv, hidden] matrix, gate and up one [2 intermediate, hidden] matrix.
#ifndef HORIZON_LM_CORE_MODEL_LAYOUT_H_
#define HORIZON_LM_CORE_MODEL_LAYOUT_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/layers/block.h"
#include "core/layers/embedding.h"
#include "core/layers/head.h"
#include "core/model/names.h"
#include "core/model/spec.h"

namespace hlm {

enum class UnitKind { kEmbedding, kBlock, kShared, kFinalNorm, kHead };
const char* Name(UnitKind kind);

struct TensorSpec {
  std::string name;            // as in the Hugging Face file: "model.layers.0.self_attn.q_proj.weight"
  std::vector<int64_t> shape;  // row-major, as in the file
  int64_t offset = 0;          // elements from the start of the slab
  int64_t elements = 0;
  TensorInit init = TensorInit::kNormal;
  std::shared_ptr<const TensorOrder> order = nullptr;  // null: the slab has the elements as the file has them
  bool trains = true;
  double number = 0;  // of kNumber
  // It lies in so many equal slices in the slab, so far apart: what a file packs of all experts is a slice of each in the slab.
  int64_t slices = 1, slice_stride = 0;
  int64_t end() const { return offset + (slices - 1) * slice_stride + elements / slices; }
  bool Decays() const { return trains && shape.size() >= 2; }
};

// work(at, done, n): elements [begin + done, begin + done + n) of the tensor lie at [at, at + n) of its unit's slab.
template <class Work>
void EachRun(const TensorSpec& tensor, int64_t begin, int64_t n, const Work& work) {
  const int64_t slice = tensor.elements / tensor.slices;
  for (int64_t done = 0; done < n;) {
    const int64_t at = begin + done, run = tensor.slices == 1 ? n : std::min(slice - at % slice, n - done);
    work(tensor.offset + (tensor.slices == 1 ? at : at / slice * tensor.slice_stride + at % slice), done, run);
    done += run;
  }
}

struct UnitSpec {
  UnitKind kind = UnitKind::kBlock;
  int64_t layer = -1;               // of a block
  std::string name;                 // "embedding", "block.3", "shared.0", "final_norm", "head"
  std::vector<TensorSpec> tensors;  // in slab order
  int64_t elements = 0;             // of the slab, padding included
  std::vector<Seam> seams = {};     // where it may be cut into pieces
};

// Elements of a slab that are of one tensor.
struct SlabRun {
  int64_t begin = 0, end = 0;
  const TensorSpec* tensor = nullptr;
};
// All of a unit, in the order of its slab.
std::vector<SlabRun> RunsOf(const UnitSpec& unit);

struct ModelLayout {
  // Untied: embedding, blocks, what they share, head (final norm and lm_head). Tied: embedding, blocks, what they share, final norm.
  std::vector<UnitSpec> units;
  std::vector<std::shared_ptr<const Block>> kinds;  // of blocks
  std::vector<int64_t> kind_of;                     // [layers]
  std::vector<int64_t> shared_of;                   // [layers] which slab the block reads beside its own; -1: none
  struct Users {
    int64_t first, last;  // layers
  };
  std::vector<Users> shared;  // slabs that several blocks read
  std::shared_ptr<const EmbeddingLayer> embedding;
  std::shared_ptr<const HeadLayer> head;
  bool tied = false;
  int64_t parameters = 0;  // without padding; a tied matrix counts once

  int64_t layers() const { return static_cast<int64_t>(kind_of.size()); }
  const Block& block(int64_t layer) const { return *kinds[static_cast<size_t>(kind_of[static_cast<size_t>(layer)])]; }

  int64_t EmbeddingUnit() const { return 0; }
  int64_t BlockUnit(int64_t layer) const { return 1 + layer; }
  // The slab that a block shares with others; -1: none.
  int64_t SharedUnit(int64_t layer) const {
    const int64_t shared = shared_of[static_cast<size_t>(layer)];
    return shared < 0 ? -1 : 1 + layers() + shared;
  }
  bool IsShared(int64_t unit) const { return units[static_cast<size_t>(unit)].kind == UnitKind::kShared; }
  // Users of the slab that a layer shares.
  const Users& UsersOf(int64_t layer) const { return shared[static_cast<size_t>(shared_of[static_cast<size_t>(layer)])]; }
  // All units in the order in which a forward pass first reads them.
  std::vector<int64_t> ForwardOrder() const;
  int64_t NormUnit() const { return static_cast<int64_t>(units.size()) - 1; }  // where the final norm lies
  int64_t HeadUnit() const { return tied ? 0 : NormUnit(); }                   // where the head's matrix lies
};

// `names`: of its family; Llama's fit the roles that Llama has.
ModelLayout MakeLayout(const ModelSpec& spec, const ModelNames& names = LlamaNames(), Seams seams = Seams::kDeclared);

// What a token goes through of the parameters: of routed experts as many as it chooses.
int64_t ActiveParameters(const ModelSpec& spec, const ModelLayout& layout);

// Where a tensor lies: its unit goes to *unit; nullptr where the model has none of that name.
const TensorSpec* FindTensor(const ModelLayout& layout, std::string_view name, int64_t* unit);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_LAYOUT_H_
