#include "core/model/layout.h"

#include <algorithm>
#include <utility>

#include "core/base/checked.h"
#include "core/base/counted.h"
#include "core/model/tensor_order.h"

namespace hlm {
namespace {

// A tensor for each row of the member.
void AddRows(const WeightMember& member, const DiskName& name, size_t number, const std::string& prefix,
             std::vector<TensorSpec>& tensors) {
  const int64_t rows = member.shape.front();
  for (int64_t row = 0; row < rows; ++row) {
    WeightMember one = member;
    one.shape.erase(one.shape.begin());
    one.elements = member.elements / rows;
    one.offset = member.offset + row * one.elements;
    DiskName path = name;
    path.path = name.path.substr(0, number) + std::to_string(row) + name.path.substr(number + 2);
    tensors.push_back(MakeTensor({one}, path, prefix));
  }
}

// A run of the member's rows for each of several tensors.
void AddChunks(const WeightMember& member, const DiskName& name, const std::string& prefix, std::vector<TensorSpec>& tensors) {
  const int64_t rows = member.shape.front(), row = member.elements / rows,
                each = CeilDiv(rows, static_cast<int64_t>(name.chunks.size()));
  const size_t mark = name.path.find("[]");
  HLM_CHECK(mark != std::string::npos, name.path);
  int64_t begin = 0;
  for (size_t c = 0; c < name.chunks.size(); ++c) {
    WeightMember one = member;
    one.shape.front() = name.chunk_rows.empty() ? std::min(each, rows - begin) : name.chunk_rows[c];
    if (one.shape.front() < 1)
      throw InvalidArgument("the tensor in the role ", member.role, " has ", Counted(rows, "row"), ", too few for ",
                            Counted(name.chunks.size(), "tensor"));
    one.elements = one.shape.front() * row;
    one.offset = member.offset + begin * row;
    DiskName own = name;
    begin += one.shape.front();
    own.path = name.path.substr(0, mark) + name.chunks[c] + name.path.substr(mark + 2);
    if (!own.shape.empty()) own.shape.front() = one.shape.front();
    tensors.push_back(MakeTensor({one}, own, prefix));
  }
}

bool HasNumber(const DiskName& name) { return name.path.find("{}") != std::string::npos; }

// What a numbered group's tensor is called: its number stands for "{}".
DiskName Numbered(const DiskName& name, int64_t number) {
  DiskName own = name;
  const size_t at = number < 0 ? std::string::npos : name.path.find("{}");
  if (at != std::string::npos) own.path.replace(at, 2, std::to_string(number));
  return own;
}

// Adds a numbered group's tensor: one of its own where the name has a place for the number, else the next slice of one that all share.
void AddSlice(TensorSpec tensor, int64_t number, bool own, std::vector<TensorSpec>& tensors) {
  if (number < 0 || own) {
    tensors.push_back(std::move(tensor));
    return;
  }
  if (number == 0) {
    tensor.shape.insert(tensor.shape.begin(), 1);
    tensors.push_back(std::move(tensor));
    return;
  }
  const auto whole =
      std::find_if(tensors.rbegin(), tensors.rend(), [&](const TensorSpec& one) { return one.name == tensor.name; });
  HLM_CHECK(whole != tensors.rend() && whole->slices == number, tensor.name);
  if (number == 1) whole->slice_stride = tensor.offset - whole->offset;
  HLM_CHECK(tensor.offset == whole->offset + number * whole->slice_stride, tensor.name);
  ++whole->slices;
  ++whole->shape.front();
  whole->elements = CheckedAdd(whole->elements, tensor.elements);
}

// The tensors of a group on disk: one of its own name, or one a member.
void AddTensors(const WeightGroup& group, const NameTable& names, const std::string& prefix, std::vector<TensorSpec>& tensors) {
  if (const auto whole = names.find(group.role); whole != names.end() && group.members.size() > 1) {
    AddSlice(MakeTensor(group.members, Numbered(whole->second, group.number), prefix), group.number, HasNumber(whole->second),
             tensors);
    return;
  }
  for (size_t m = 0; m < group.members.size();) {
    const auto found = names.find(group.members[m].role);
    if (found == names.end()) throw Unimplemented("the family has no name for the tensor in the role ", group.members[m].role);
    const auto first = group.members.begin() + static_cast<int64_t>(m);
    HLM_CHECK(found->second.members <= group.members.end() - first, group.role);
    if (const size_t row = found->second.path.find("{}"); group.number < 0 && row != std::string::npos) {
      AddRows(*first, found->second, row, prefix, tensors);
      ++m;
      continue;
    }
    if (!found->second.chunks.empty()) {
      AddChunks(*first, found->second, prefix, tensors);
      ++m;
      continue;
    }
    AddSlice(MakeTensor({first, first + found->second.members}, Numbered(found->second, group.number), prefix), group.number,
             HasNumber(found->second), tensors);
    m += static_cast<size_t>(found->second.members);
  }
}

void AddUnit(ModelLayout& layout, UnitKind kind, int64_t layer, std::string name, const SlabDeclaration& slab,
             const NameTable& names, const std::string& prefix) {
  UnitSpec unit{kind, layer, std::move(name), {}, slab.elements(), slab.seams};
  for (const WeightGroup& group : slab.groups) AddTensors(group, names, prefix, unit.tensors);
  for (const TensorSpec& tensor : unit.tensors) layout.parameters = CheckedAdd(layout.parameters, tensor.elements);
  layout.units.push_back(std::move(unit));
}

void AddEmbedding(const ModelSpec& spec, const ModelNames& names, ModelLayout& layout) {
  layout.embedding = std::make_shared<const EmbeddingLayer>(spec);
  const NameTable table = {{"table", {names.embedding}},
                           {"positions", {names.positions}},
                           {"product", {names.embedding_product}},
                           {"norm", {names.embedding_norm}},
                           {"norm_bias", {names.embedding_norm_bias}},
                           {"input_table", {"embed_tokens_per_layer.weight"}},
                           {"input_product", {"per_layer_model_projection.weight"}},
                           {"input_norm", {"per_layer_projection_norm.weight"}}};
  AddUnit(layout, UnitKind::kEmbedding, -1, "embedding", layout.embedding->declaration().own(), table, names.prefix);
}

void AddHead(const ModelSpec& spec, const ModelNames& names, ModelLayout& layout) {
  layout.head = std::make_shared<const HeadLayer>(spec, *layout.embedding);
  const NameTable table = {{"norm", {names.prefix + names.final_norm}},
                           {"norm_bias", {names.prefix + names.final_norm_bias}},
                           {"product", {names.prefix + names.head_product}},
                           {"matrix", {names.head}},
                           {"bias", {names.head_bias}}};
  AddUnit(layout, spec.tied ? UnitKind::kFinalNorm : UnitKind::kHead, -1, spec.tied ? "final_norm" : "head",
          layout.head->declaration().own(), table, "");
}

// Which slabs blocks share, and who reads them.
void FindShared(const ModelSpec& spec, ModelLayout& layout) {
  for (int64_t layer = 0; layer < spec.layers(); ++layer) {
    const int64_t shared = spec.block(layer).shared, count = static_cast<int64_t>(layout.shared.size());
    layout.shared_of.push_back(shared);
    if (shared < 0) continue;
    HLM_CHECK(shared <= count, "shared slab ", shared, " of layer ", layer, " behind ", count);
    if (shared == count) layout.shared.push_back({layer, layer});
    ModelLayout::Users& users = layout.shared[static_cast<size_t>(shared)];
    users.last = layer;
    HLM_CHECK(layout.block(layer).declaration().shared().end == layout.block(users.first).declaration().shared().end, "layers ",
              users.first, " and ", layer, " share a slab of two sizes");
  }
}

// The names of layer `layer`, the `turn`th of those that share a slab, below the prefix of all layers.
NameTable NamesOfSharing(const NameTable& names, int64_t layer, int64_t first, int64_t turn) {
  NameTable own = names;
  for (auto& [role, name] : own) {
    if (const size_t mark = name.path.find("<>"); mark != std::string::npos) name.path.replace(mark, 2, std::to_string(turn));
    name.path = StrCat(name.with_shared ? first : layer, ".", name.path);
  }
  return own;
}

void AddBlocks(const ModelSpec& spec, const ModelNames& names, ModelLayout& layout) {
  const std::string prefix = names.prefix + names.layers;
  int64_t turn = 0;
  for (int64_t layer = 0; layer < spec.layers(); ++layer) {
    const SlabDeclaration& own = layout.block(layer).declaration().own();
    const std::string name = StrCat("block.", layer);
    if (layout.shared_of[static_cast<size_t>(layer)] < 0) {
      AddUnit(layout, UnitKind::kBlock, layer, name, own, names.layer, StrCat(prefix, layer, "."));
    } else {
      AddUnit(layout, UnitKind::kBlock, layer, name, own,
              NamesOfSharing(names.sharing, layer, layout.UsersOf(layer).first, turn++), prefix);
    }
  }
  for (size_t s = 0; s < layout.shared.size(); ++s) {
    const int64_t first = layout.shared[s].first;
    AddUnit(layout, UnitKind::kShared, -1, StrCat("shared.", s), layout.block(first).declaration().shared(), names.sharing,
            StrCat(prefix, first, "."));
  }
}

}  // namespace

const char* Name(UnitKind kind) {
  switch (kind) {
    case UnitKind::kEmbedding:
      return "embedding";
    case UnitKind::kBlock:
      return "block";
    case UnitKind::kShared:
      return "shared";
    case UnitKind::kFinalNorm:
      return "final_norm";
    case UnitKind::kHead:
      return "head";
  }
  return "unknown";
}

std::vector<SlabRun> RunsOf(const UnitSpec& unit) {
  std::vector<SlabRun> runs;
  for (const TensorSpec& tensor : unit.tensors) {
    EachRun(tensor, 0, tensor.elements, [&](int64_t at, int64_t, int64_t n) { runs.push_back({at, at + n, &tensor}); });
  }
  std::sort(runs.begin(), runs.end(), [](const SlabRun& a, const SlabRun& b) { return a.begin < b.begin; });
  return runs;
}

ModelLayout MakeLayout(const ModelSpec& spec, const ModelNames& names, Seams seams) {
  ModelLayout layout;
  layout.tied = spec.tied;
  layout.kind_of = spec.kind_of;
  for (const BlockSpec& block : spec.kinds) layout.kinds.push_back(std::make_shared<const Block>(block, spec, seams));

  FindShared(spec, layout);
  AddEmbedding(spec, names, layout);
  AddBlocks(spec, names, layout);
  AddHead(spec, names, layout);
  return layout;
}

std::vector<int64_t> ModelLayout::ForwardOrder() const {
  std::vector<int64_t> order = {EmbeddingUnit()};
  for (int64_t layer = 0; layer < layers(); ++layer) {
    order.push_back(BlockUnit(layer));
    if (SharedUnit(layer) >= 0 && UsersOf(layer).first == layer) order.push_back(SharedUnit(layer));
  }
  order.push_back(NormUnit());
  return order;
}

int64_t ActiveParameters(const ModelSpec& spec, const ModelLayout& layout) {
  int64_t active = layout.parameters;
  for (int64_t layer = 0; layer < layout.layers(); ++layer) {
    const ExpertsSpec* router = FindRouter(spec.block(layer));
    if (router == nullptr) continue;
    int64_t experts = 0;  // parameters
    for (const WeightGroup& group : layout.block(layer).declaration().groups()) {
      for (const WeightMember& member : group.members) experts += group.number < 0 ? 0 : member.elements;
    }
    active -= experts / router->count * (router->count - router->chosen);
  }
  return active;
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
