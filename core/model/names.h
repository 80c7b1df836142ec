// What the tensors of a model are called on disk, and how they lie there: from the roles that layers declare to names, per family.
#ifndef HORIZON_LM_CORE_MODEL_NAMES_H_
#define HORIZON_LM_CORE_MODEL_NAMES_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/model/fp8.h"

namespace hlm {

// How a tensor's elements on disk become those of the slab. Seen as `batch` matrices each, the slab has [rows, columns] of them.
struct TensorOrder {
  int64_t batch = 1, rows = 0, columns = 0;
  bool transposed = false;      // on disk a matrix is [columns, rows]
  std::vector<int64_t> row_of;  // [rows] slab row r is disk row row_of[r]; empty: as it is

  bool operator==(const TensorOrder&) const = default;
};

enum class RowOrder {
  kAsIs,
  kTransposed,  // [in, out], as GPT-2 keeps its products
  kGrouped,  // `groups` of rows follow each other, each with its share of every member: fused q, k and v by head or by key head
};

struct DiskName {
  std::string
      path;  // below the layer's prefix: "self_attn.q_proj.weight"; with "{}": one tensor for each row, or expert, by its number
  RowOrder order = RowOrder::kAsIs;
  int64_t groups = 0;               // of kGrouped
  int64_t members = 1;              // the tensor is this member of the group and those behind it, so many in all
  std::vector<int64_t> shape = {};  // where it is another on disk than the members make
  bool scalar = false;              // of no dimension
  // Not one tensor but several, one behind the other, of as many rows each but for what is left for the last (torch.chunk); the
  // words that stand for "[]" in the path: {"q", "k", "v"}.
  std::vector<std::string> chunks = {};
  std::vector<int64_t> chunk_rows = {};  // [chunks] where they are others
  // Below the prefix of the first layer that reads the same shared slab; "<>" in the path stands for the layer's number among all that
  // share one.
  bool with_shared = false;
};

// By role. A group of neighbours ("attention.qkv") may have one name of its own; else each member ("attention.q") has one.
using NameTable = std::map<std::string, DiskName>;

struct ModelNames {
  std::string prefix = "model.";   // before every name but the head's
  std::string layers = "layers.";  // then the layer's number and a dot
  NameTable layer;
  // Of these roles in folders that have other names for them than transformers writes by itself: a table for each such way.
  std::vector<NameTable> other_layers = {};
  NameTable sharing = {};  // of layers that share a slab with others, in place of `layer`; and of that slab
  std::string embedding = "embed_tokens.weight", positions = "embed_positions.weight";
  std::string embedding_product, head_product;  // of embeddings narrower than the model
  std::string embedding_norm, embedding_norm_bias;
  std::string final_norm = "norm.weight", final_norm_bias = "norm.bias";
  std::string head = "lm_head.weight", head_bias = "lm_head.bias";
  // Other prefixes under which folders have the same tensors ("language_model.model."), and their heads.
  std::vector<std::string> other_prefixes = {};
  std::vector<std::string> other_heads = {};  // [other_prefixes]
  // Tensors of a folder that are not trained and stay as they are: buffers, towers for pictures.
  std::vector<std::string> carried_prefixes = {}, carried_suffixes = {};
  std::vector<std::string> carried_below = {};     // as carried_prefixes, below `prefix`, whichever the folder has
  std::vector<std::string> ignored_suffixes = {};  // what old files have and nobody reads
  bool clears_pad_row = false;                     // the class makes the padding row zeros whenever it reads a folder
  Fp8Format fp8 = {};                              // of the folder's F8_E4M3 tensors
};

// Renames roles: {{"mlp.up", "mlp.fc1.weight"}, ...}.
void Rename(ModelNames& names, const std::vector<std::pair<const char*, const char*>>& paths);

// Llama's names, which most families use.
ModelNames LlamaNames();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_NAMES_H_
