#include "core/model/layout.h"

#include <utility>

#include "core/base/checked.h"

namespace hlm {
namespace {

// Lays tensors into one slab. A group starts aligned; its members follow each other without padding.
class SlabBuilder {
 public:
  explicit SlabBuilder(UnitSpec& unit) : unit_(unit) {}

  int64_t BeginGroup() { return end_ = RoundUp(end_, kSlabAlign); }
  void Add(std::string name, std::vector<int64_t> shape, TensorInit init) {
    int64_t elements = 1;
    for (const int64_t extent : shape) elements = CheckedMul(elements, extent);
    unit_.tensors.push_back({std::move(name), std::move(shape), end_, elements, init});
    end_ = CheckedAdd(end_, elements);
  }
  int64_t AddAlone(std::string name, std::vector<int64_t> shape, TensorInit init) {
    const int64_t offset = BeginGroup();
    Add(std::move(name), std::move(shape), init);
    return offset;
  }
  void Finish() { unit_.elements = RoundUp(end_, kSlabAlign); }

 private:
  UnitSpec& unit_;
  int64_t end_ = 0;
};

UnitSpec MakeBlock(const ModelSpec& s, int64_t layer, BlockOffsets& at) {
  UnitSpec unit{UnitKind::kBlock, layer, StrCat("block.", layer), {}, 0};
  SlabBuilder slab(unit);
  const std::string prefix = StrCat("model.layers.", layer, ".");
  const std::string attention = prefix + "self_attn.", mlp = prefix + "mlp.";
  const int64_t q = s.QueryWidth(), k = s.KeyWidth(), h = s.hidden, i = s.intermediate;
  at = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

  at.input_norm = slab.AddAlone(prefix + "input_layernorm.weight", {h}, TensorInit::kOne);
  at.qkv = slab.BeginGroup();
  slab.Add(attention + "q_proj.weight", {q, h}, TensorInit::kNormal);
  slab.Add(attention + "k_proj.weight", {k, h}, TensorInit::kNormal);
  slab.Add(attention + "v_proj.weight", {k, h}, TensorInit::kNormal);
  if (s.qkv_bias) {
    at.qkv_bias = slab.BeginGroup();
    slab.Add(attention + "q_proj.bias", {q}, TensorInit::kZero);
    slab.Add(attention + "k_proj.bias", {k}, TensorInit::kZero);
    slab.Add(attention + "v_proj.bias", {k}, TensorInit::kZero);
  }
  if (s.qk_norm) {
    at.q_norm = slab.AddAlone(attention + "q_norm.weight", {s.head_dim}, TensorInit::kOne);
    at.k_norm = slab.AddAlone(attention + "k_norm.weight", {s.head_dim}, TensorInit::kOne);
  }
  at.o = slab.AddAlone(attention + "o_proj.weight", {h, q}, TensorInit::kNormal);
  if (s.o_bias) at.o_bias = slab.AddAlone(attention + "o_proj.bias", {h}, TensorInit::kZero);
  at.post_norm = slab.AddAlone(prefix + "post_attention_layernorm.weight", {h}, TensorInit::kOne);
  at.gate_up = slab.BeginGroup();
  slab.Add(mlp + "gate_proj.weight", {i, h}, TensorInit::kNormal);
  slab.Add(mlp + "up_proj.weight", {i, h}, TensorInit::kNormal);
  if (s.mlp_bias) {
    at.gate_up_bias = slab.BeginGroup();
    slab.Add(mlp + "gate_proj.bias", {i}, TensorInit::kZero);
    slab.Add(mlp + "up_proj.bias", {i}, TensorInit::kZero);
  }
  at.down = slab.AddAlone(mlp + "down_proj.weight", {h, i}, TensorInit::kNormal);
  if (s.mlp_bias) at.down_bias = slab.AddAlone(mlp + "down_proj.bias", {h}, TensorInit::kZero);
  slab.Finish();
  return unit;
}

}  // namespace

const char* Name(UnitKind kind) {
  switch (kind) {
    case UnitKind::kEmbedding: return "embedding";
    case UnitKind::kBlock: return "block";
    case UnitKind::kFinalNorm: return "final_norm";
    case UnitKind::kHead: return "head";
  }
  return "unknown";
}

ModelLayout MakeLayout(const ModelSpec& spec) {
  ModelLayout layout;
  layout.tied = spec.tied;

  UnitSpec embedding{UnitKind::kEmbedding, -1, "embedding", {}, 0};
  SlabBuilder embedding_slab(embedding);
  embedding_slab.AddAlone("model.embed_tokens.weight", {spec.vocab, spec.hidden}, TensorInit::kNormal);
  embedding_slab.Finish();
  layout.units.push_back(std::move(embedding));

  for (int64_t layer = 0; layer < spec.layers; ++layer) layout.units.push_back(MakeBlock(spec, layer, layout.block));

  UnitSpec last{spec.tied ? UnitKind::kFinalNorm : UnitKind::kHead, -1, spec.tied ? "final_norm" : "head", {}, 0};
  SlabBuilder last_slab(last);
  layout.head.norm = last_slab.AddAlone("model.norm.weight", {spec.hidden}, TensorInit::kOne);
  layout.head.weight = spec.tied ? 0 : last_slab.AddAlone("lm_head.weight", {spec.vocab, spec.hidden}, TensorInit::kNormal);
  last_slab.Finish();
  layout.units.push_back(std::move(last));

  for (const UnitSpec& unit : layout.units) {
    for (const TensorSpec& tensor : unit.tensors) layout.parameters = CheckedAdd(layout.parameters, tensor.elements);
  }
  return layout;
}

const TensorSpec* FindTensor(const ModelLayout& layout, std::string_view name, int64_t* unit) {
  for (size_t u = 0; u < layout.units.size(); ++u) {
    for (const TensorSpec& tensor : layout.units[u].tensors) {
      if (tensor.name == name) {
        *unit = static_cast<int64_t>(u);
        return &tensor;
      }
    }
  }
  return nullptr;
}

}  // namespace hlm
