// The slabs of a model: names and shapes as transformers has them, neighbours without gaps, nothing that overlaps.
#include "core/model/layout.h"

#include <gtest/gtest.h>

#include <set>

#include "core/model/config.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

ModelLayout LayoutOf(const std::string& family, const char* changes = "{}") {
  return MakeLayout(ParseConfig(TinyConfig(family, changes)));
}

std::vector<int64_t> ShapeOf(const ModelLayout& layout, const char* name) {
  int64_t unit = -1;
  const TensorSpec* tensor = FindTensor(layout, name, &unit);
  return tensor == nullptr ? std::vector<int64_t>{-1} : tensor->shape;
}

TEST(Layout, TensorsLieInOrderWithinTheirSlab) {
  for (const char* family : {"Llama", "Mistral", "Qwen2", "Qwen3"}) {
    for (const char* changes : {"{}", R"({"tie_word_embeddings": true})"}) {
      const ModelLayout layout = LayoutOf(family, changes);
      int64_t parameters = 0;
      std::set<std::string> names;
      for (const UnitSpec& unit : layout.units) {
        int64_t end = 0;
        for (const TensorSpec& tensor : unit.tensors) {
          EXPECT_GE(tensor.offset, end) << tensor.name;
          EXPECT_LT(tensor.offset - end, kSlabAlign) << tensor.name;
          end = tensor.offset + tensor.elements;
          parameters += tensor.elements;
          EXPECT_TRUE(names.insert(tensor.name).second) << tensor.name;
        }
        EXPECT_EQ(unit.elements % kSlabAlign, 0);
        EXPECT_GE(unit.elements, end);
        EXPECT_LT(unit.elements - end, kSlabAlign);
      }
      EXPECT_EQ(layout.parameters, parameters);
    }
  }
}

TEST(Layout, ShapesOfEachFamily) {
  const ModelLayout qwen3 = LayoutOf("Qwen3");
  EXPECT_EQ(ShapeOf(qwen3, "model.embed_tokens.weight"), (std::vector<int64_t>{40, 16}));
  EXPECT_EQ(ShapeOf(qwen3, "model.layers.1.self_attn.q_proj.weight"), (std::vector<int64_t>{24, 16}));
  EXPECT_EQ(ShapeOf(qwen3, "model.layers.1.self_attn.k_proj.weight"), (std::vector<int64_t>{12, 16}));
  EXPECT_EQ(ShapeOf(qwen3, "model.layers.1.self_attn.o_proj.weight"), (std::vector<int64_t>{16, 24}));
  EXPECT_EQ(ShapeOf(qwen3, "model.layers.1.self_attn.q_norm.weight"), (std::vector<int64_t>{6}));
  EXPECT_EQ(ShapeOf(qwen3, "model.layers.0.mlp.down_proj.weight"), (std::vector<int64_t>{16, 24}));
  EXPECT_EQ(ShapeOf(qwen3, "lm_head.weight"), (std::vector<int64_t>{40, 16}));
  EXPECT_EQ(ShapeOf(qwen3, "model.layers.0.self_attn.q_proj.bias"), (std::vector<int64_t>{-1}));

  const ModelLayout qwen2 = LayoutOf("Qwen2");
  EXPECT_EQ(ShapeOf(qwen2, "model.layers.0.self_attn.v_proj.bias"), (std::vector<int64_t>{12}));
  EXPECT_EQ(ShapeOf(qwen2, "model.layers.0.self_attn.o_proj.bias"), (std::vector<int64_t>{-1}));
  EXPECT_EQ(ShapeOf(qwen2, "model.layers.0.self_attn.q_norm.weight"), (std::vector<int64_t>{-1}));

  const ModelLayout llama = LayoutOf("Llama", R"({"attention_bias": true, "mlp_bias": true})");
  EXPECT_EQ(ShapeOf(llama, "model.layers.0.self_attn.o_proj.bias"), (std::vector<int64_t>{16}));
  EXPECT_EQ(ShapeOf(llama, "model.layers.0.mlp.up_proj.bias"), (std::vector<int64_t>{24}));
  EXPECT_EQ(ShapeOf(llama, "model.layers.2.mlp.up_proj.bias"), (std::vector<int64_t>{-1}));
}

TEST(Layout, QueryKeyValueAndGateUpAreOneMatrixEach) {
  const ModelLayout layout = LayoutOf("Qwen2");
  const auto at = [&](const char* name) {
    int64_t unit = -1;
    return FindTensor(layout, name, &unit)->offset;
  };
  const auto group = [&](const char* role) {
    for (const WeightGroup& one : layout.block(0).declaration().groups()) {
      if (one.role == role) return one.offset;
    }
    return int64_t{-1};
  };
  EXPECT_EQ(at("model.layers.0.self_attn.q_proj.weight"), group("attention.qkv"));
  EXPECT_EQ(at("model.layers.0.self_attn.k_proj.weight"), group("attention.qkv") + 24 * 16);
  EXPECT_EQ(at("model.layers.0.self_attn.v_proj.weight"), group("attention.qkv") + (24 + 12) * 16);
  EXPECT_EQ(at("model.layers.0.self_attn.v_proj.bias"), group("attention.qkv_bias") + 24 + 12);
  EXPECT_EQ(at("model.layers.0.mlp.up_proj.weight"), group("mlp.gate_up") + 24 * 16);
}

TEST(Layout, TiedEmbeddingsHaveNoHeadOfTheirOwn) {
  const ModelLayout tied = LayoutOf("Llama", R"({"tie_word_embeddings": true})");
  EXPECT_EQ(ShapeOf(tied, "lm_head.weight"), (std::vector<int64_t>{-1}));
  EXPECT_EQ(tied.HeadUnit(), tied.EmbeddingUnit());
  EXPECT_EQ(tied.units.back().kind, UnitKind::kFinalNorm);
  const ModelLayout untied = LayoutOf("Llama");
  EXPECT_EQ(untied.HeadUnit(), untied.NormUnit());
  EXPECT_EQ(untied.parameters - tied.parameters, 40 * 16);
}

TEST(Layout, TheHeadReadsItsMatrixWhereItLies) {
  for (const char* changes : {"{}", R"({"tie_word_embeddings": true})"}) {
    const ModelLayout layout = LayoutOf("Llama", changes);
    int64_t unit = -1;
    const TensorSpec* matrix = FindTensor(layout, layout.tied ? "model.embed_tokens.weight" : "lm_head.weight", &unit);
    ASSERT_NE(matrix, nullptr);
    EXPECT_EQ(unit, layout.HeadUnit());
    EXPECT_EQ(layout.head->matrix(), matrix->offset);
    EXPECT_EQ(layout.head->bias(), -1);
  }
}

TEST(Layout, TheHeadDeclaresAChunkOfLogitsNotAll) {
  const ModelLayout layout = LayoutOf("Llama");
  const Declaration& head = layout.head->declaration();
  constexpr int64_t kTokens = 64, kChunk = 16, kHidden = 16, kVocab = 40;
  const auto bytes = [&](DType type, bool forward_only) {
    return PlaceTemporaries(head, type, kTokens, kChunk, forward_only).total;
  };
  constexpr int64_t kStates = kTokens * kHidden, kLogits = kChunk * kVocab;
  EXPECT_EQ(bytes(DType::kBF16, true), 2 * kStates + 4 * kLogits);
  EXPECT_EQ(bytes(DType::kBF16, false), 2 * (2 * kStates) + 4 * kLogits + 2 * kLogits);
  // The gradient of logits takes their place.
  EXPECT_EQ(bytes(DType::kF32, false), 2 * (4 * kStates) + 4 * kLogits);
}

}  // namespace
}  // namespace hlm
