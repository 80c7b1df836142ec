// Classes of transformers whose shared experts are an MLP of width 0 where there are none: its tensors have no elements, lie in the files
// all the same, and stay in saved ones, which are loaded with none missing.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/model/test_folder.h"

namespace hlm {
namespace {

struct Case {
  const char *type, *keys, *count;
};

const Case kCases[] = {
    {"deepseek_v2",
     R"("n_routed_experts": 4, "q_lora_rank": null, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4,
                       "v_head_dim": 4)",
     "n_shared_experts"},
    {"deepseek_v3",
     R"("n_routed_experts": 4, "q_lora_rank": null, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4,
                       "v_head_dim": 4, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 0)",
     "n_shared_experts"},
    {"glm4_moe", R"("n_routed_experts": 4, "head_dim": 8, "first_k_dense_replace": 0)", "n_shared_experts"},
    {"dots1", R"("n_routed_experts": 4, "head_dim": 8)", "n_shared_experts"},
    {"solar_open", R"("n_routed_experts": 4, "head_dim": 8)", "n_shared_experts"},
    {"exaone_moe", R"("num_experts": 4, "head_dim": 8, "first_k_dense_replace": 0)", "num_shared_experts"},
    {"afmoe", R"("num_experts": 4, "head_dim": 8, "num_dense_layers": 0)", "num_shared_experts"},
};

std::string Config(const Case& c, const char* count) {
  return StrCat(R"({"model_type": ")", c.type, R"(", "vocab_size": 16, "hidden_size": 16, "num_hidden_layers": 1,
      "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 12, "moe_intermediate_size": 6,
      "num_experts_per_tok": 2, )",
                c.keys, R"(, ")", c.count, R"(": )", count, "}");
}

TEST(NoSharedExperts, AreNoneByZeroAndByNull) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.type);
    for (const char* count : {"0", "null"}) {
      const auto model = Model::Create(Config(c, count), 0);
      for (const UnitSpec& unit : model->layout().units) {
        for (const TensorSpec& tensor : unit.tensors) EXPECT_EQ(tensor.name.find("shared"), std::string::npos) << tensor.name;
      }
    }
  }
}

TEST(NoSharedExperts, TensorsWithoutElementsAreCarriedAlong) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.type);
    const std::string config = Config(c, "0");
    FileBuilder file = ModelFile(*Model::Create(config, 0));
    const std::string at = "model.layers.0.mlp.shared_experts.";
    file.AddRaw(at + "gate_proj.weight", "F32", {0, 16}, "");
    file.AddRaw(at + "up_proj.weight", "F32", {0, 16}, "");
    file.AddRaw(at + "down_proj.weight", "F32", {16, 0}, "");
    const TestFolder folder;
    WriteText(folder / "config.json", config);
    WriteText(folder / "model.safetensors", file.Bytes());
    const auto model = Model::Open(folder.path());
    std::vector<std::string> carried;
    for (const CarriedTensor& tensor : model->weights().Carried()) {
      carried.push_back(tensor.name);
      EXPECT_EQ(tensor.bytes, 0);
    }
    EXPECT_EQ(carried, (std::vector<std::string>{at + "down_proj.weight", at + "gate_proj.weight", at + "up_proj.weight"}));
  }
}

// The classes of Hy3 and Nemotron-H take the width of a dense MLP instead.
TEST(NoSharedExperts, AreAsWideAsADenseMlpWhereTheClassSaysSo) {
  const Case hy_v3{"hy_v3", R"("num_experts": 4, "head_dim": 8, "first_k_dense_replace": 0)", "num_shared_experts"};
  const Case nemotron_h{"nemotron_h", R"("n_routed_experts": 4, "head_dim": 8, "layers_block_type": ["moe"])",
                        "moe_shared_expert_intermediate_size"};
  for (const Case& c : {hy_v3, nemotron_h}) {
    SCOPED_TRACE(c.type);
    int seen = 0;
    const auto model = Model::Create(Config(c, "0"), 0);
    for (const UnitSpec& unit : model->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) {
        if (tensor.name.find("shared") == std::string::npos || tensor.name.find("down_proj") == std::string::npos) continue;
        EXPECT_EQ(tensor.shape, (std::vector<int64_t>{16, 12}));
        ++seen;
      }
    }
    EXPECT_EQ(seen, 1);
  }
}

// Granite 4 has an MLP of width 0 beside its experts, and nothing at all where it has none.
TEST(NoSharedExperts, OfGranite4NeedExperts) {
  const auto config = [](int experts) {
    return StrCat(R"({"model_type": "granitemoehybrid", "vocab_size": 16, "hidden_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 12, "num_experts_per_tok": 2,
        "layer_types": ["attention"], "mamba_n_heads": 4, "mamba_d_head": 8, "shared_intermediate_size": 0, "num_local_experts": )",
                  experts, "}");
  };
  const auto model = Model::Create(config(4), 0);
  for (const UnitSpec& unit : model->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) EXPECT_EQ(tensor.name.find("shared"), std::string::npos) << tensor.name;
  }
  ExpectError(Code::kInvalidArgument, {"shared_intermediate_size is 0"}, [&] { Model::Create(config(0), 0); });
}

// 16 x 0 with a bias of 16 is that bias.
TEST(NoSharedExperts, WithABiasAreRefused) {
  const Case biased{"deepseek_v2", R"("n_routed_experts": 4, "q_lora_rank": null, "kv_lora_rank": 8, "qk_nope_head_dim": 4,
                                      "qk_rope_head_dim": 4, "v_head_dim": 4, "mlp_bias": true)",
                    "n_shared_experts"};
  ExpectError(Code::kUnimplemented, {"no shared experts and mlp_bias"}, [&] { Model::Create(Config(biased, "0"), 0); });
}

}  // namespace
}  // namespace hlm
