// Text models inside something larger: which part of config.json is read, and what is assumed where it is silent.
#include "core/model/wrappers.h"

#include <gtest/gtest.h>

#include "core/model/config.h"
#include "core/model/model.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

constexpr const char* kEyes = R"("vision_config": {"hidden_size": 1152, "num_hidden_layers": 27})";

std::string With(const std::string& members) { return "{" + members + ", " + kEyes + "}"; }

TEST(Wrappers, SizesThatTheFileLeavesOutAreTheTextClasss) {
  // As Gemma 3's 4B folder has it.
  const ModelSpec gemma =
      ParseConfig(With(R"("architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config":
      {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34, "sliding_window": 1024,
       "rope_scaling": {"factor": 8.0, "rope_type": "linear"}})"));
  EXPECT_EQ(gemma.vocab, 262208);
  EXPECT_EQ(gemma.layers(), 34);
  EXPECT_EQ(FirstOf<AttentionSpec>(gemma)->heads, 8);
  EXPECT_EQ(FirstOf<AttentionSpec>(gemma)->head_dim, 256);
  EXPECT_TRUE(gemma.tied);
  // As LLaVA 1.5 has it.
  const ModelSpec llava =
      ParseConfig(With(R"("model_type": "llava", "text_config": {"max_position_embeddings": 4096, "model_type": "llama",
      "rms_norm_eps": 1e-05, "vocab_size": 32064})"));
  EXPECT_EQ(llava.vocab, 32064);
  EXPECT_EQ(llava.hidden, 4096);
  EXPECT_EQ(llava.layers(), 32);
  EXPECT_EQ(FirstOf<MlpSpec>(llava)->intermediate, 11008);
  EXPECT_FALSE(llava.tied);
  // The class of the text model is known where the file does not name it.
  EXPECT_EQ(FirstOf<MlpSpec>(ParseConfig(With(R"("model_type": "mistral3", "text_config": {})")))->intermediate, 14336);
}

// Voxtral's configuration has numbers of its own for its text; EXAONE 4.5's first folders a name of their own for EXAONE 4.
TEST(Wrappers, WhatTheWholesClassSaysOfItsText) {
  const auto text = [](const std::string& config) {
    return ReadConfig(With(R"("model_type": "voxtral", "text_config": {)" + config + "}"));
  };
  const ModelConfig voxtral = text(R"("model_type": "llama")");
  EXPECT_EQ(voxtral.spec.vocab, 131072);
  EXPECT_EQ(voxtral.spec.layers(), 30);
  EXPECT_EQ(voxtral.spec.ropes[0].theta, 1e8);
  EXPECT_EQ(FirstOf<AttentionSpec>(voxtral.spec)->heads, 32);
  EXPECT_EQ(FirstOf<AttentionSpec>(voxtral.spec)->kv_heads, 8);
  EXPECT_EQ(FirstOf<AttentionSpec>(voxtral.spec)->head_dim, 128);
  EXPECT_FALSE(voxtral.spec.tied);
  EXPECT_EQ(voxtral.names.prefix, "language_model.model.");
  EXPECT_EQ(
      text(R"("rope_parameters": {"rope_type": "default", "rope_theta": 500.0}, "num_hidden_layers": 2)").spec.ropes[0].theta,
      500);
  for (const char* type : {"exaone4", "exaone4_5_text"}) {
    const ModelConfig exaone =
        ReadConfig(With(StrCat(R"("model_type": "exaone4_5", "text_config": {"model_type": ")", type, R"("})")));
    EXPECT_EQ(exaone.spec.vocab, 102400);
    EXPECT_EQ(exaone.names.prefix, "model.language_model.");
    EXPECT_EQ(FirstOf<AttentionSpec>(exaone.spec)->window, 4096);
  }
}

// Wherever it stands.
TEST(Wrappers, AQuantizationThatIsGoneIsNotSaved) {
  for (const char* members : {R"("model_type": "mistral3", "text_config": {"quantization_config": {"quant_method": "fp8"}})",
                              R"("model_type": "mistral3", "text_config": {}, "quantization_config": {"quant_method": "fp8"})"}) {
    const std::string config = With(members);
    const ModelSpec spec = ParseConfig(config);
    EXPECT_EQ(ConfigForSaving(config, spec, DType::kBF16).find("quantization_config"), std::string::npos) << config;
    EXPECT_NE(ConfigForSaving(config, spec, std::nullopt).find("quantization_config"), std::string::npos) << config;
  }
}

TEST(Wrappers, ATextModelThatIsAloneHasNoSuchSizes) {
  ExpectError(Code::kInvalidArgument, {"hidden_size", "missing"},
              [] { ParseConfig(R"({"model_type": "llama", "vocab_size": 32064})"); });
}

// As transformers ties them: the whole's word counts for nothing.
TEST(Wrappers, Llama4TiesWhereItsTextSaysSo) {
  for (const char* whole : {"true", "false"}) {
    const auto tied = [&](const std::string& text) {
      return ParseConfig(With(StrCat(R"("model_type": "llama4", "tie_word_embeddings": )", whole, R"(, "text_config": {)", text,
                                     R"("model_type": "llama4_text", "num_local_experts": 4, "num_experts_per_tok": 1})")))
          .tied;
    };
    EXPECT_TRUE(tied(R"("tie_word_embeddings": true, )")) << whole;
    EXPECT_FALSE(tied(R"("tie_word_embeddings": false, )")) << whole;
    EXPECT_FALSE(tied("")) << whole;
  }
}

constexpr const char* kFlat =
    R"("hidden_size": 1536, "intermediate_size": 8960, "num_attention_heads": 12, "num_hidden_layers": 28,
    "num_key_value_heads": 2, "vocab_size": 151936, "max_window_layers": 28, "sliding_window": 32768, "use_sliding_window": false,
    "rope_theta": 1000000.0, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]})";

TEST(Wrappers, QwenVlWithoutATextConfig) {
  const std::string outer = R"("architectures": ["Qwen2VLForConditionalGeneration"], "model_type": "qwen2_vl", )";
  const ModelConfig flat = ReadConfig(With(outer + R"("tie_word_embeddings": true, )" + kFlat));
  EXPECT_TRUE(flat.spec.tied);
  EXPECT_EQ(flat.spec.architecture, "Qwen2VLForConditionalGeneration");
  EXPECT_EQ(FirstOf<AttentionSpec>(flat.spec)->kv_heads, 2);
  EXPECT_TRUE(FirstOf<AttentionSpec>(flat.spec)->qkv_bias);
  EXPECT_EQ(flat.names.prefix, "model.");
  const ModelConfig nested = ReadConfig(With(outer + R"("text_config": {"tie_word_embeddings": true, )" + kFlat + "}"));
  EXPECT_EQ(nested.spec.kinds, flat.spec.kinds);
  EXPECT_EQ(nested.spec.ropes, flat.spec.ropes);
  EXPECT_TRUE(nested.spec.tied);
  EXPECT_FALSE(ParseConfig(With(outer + kFlat)).tied);
}

// [experts, rows, columns] of what transformers writes, or each matrix the other way, as the hub's files have it.
TEST(Wrappers, PackedExpertsLieEitherWay) {
  const std::string config = With(R"("model_type": "qwen3_vl_moe", "text_config": {"hidden_size": 16, "num_hidden_layers": 1,
      "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 16, "num_experts": 3, "num_experts_per_tok": 2,
      "moe_intermediate_size": 6})");
  const TestFolder folder;
  WriteText(folder / "config.json", config);
  const std::string at = "model.language_model.layers.0.mlp.experts.";
  const auto read = [&](const FileBuilder& file, const std::string& name) {
    WriteText(folder / "model.safetensors", file.Bytes());
    const auto model = Model::Open(folder.path());
    for (const UnitSpec& unit : model->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) {
        if (tensor.name == at + name) return tensor.shape;
      }
    }
    return std::vector<int64_t>();
  };
  const auto reference = Model::Create(config, 0);
  const FileBuilder ours = ModelFile(*reference);
  EXPECT_EQ(read(ours, "gate_up_proj"), (std::vector<int64_t>{3, 12, 16}));
  EXPECT_EQ(read(ours, "down_proj"), (std::vector<int64_t>{3, 16, 6}));
  const FileBuilder hubs =
      ModelFile(*reference, "F32", {}, {{at + "gate_up_proj", {"F32", {3, 16, 12}}}, {at + "down_proj", {"F32", {3, 6, 16}}}});
  EXPECT_EQ(read(hubs, "gate_up_proj"), (std::vector<int64_t>{3, 16, 12}));
  EXPECT_EQ(read(hubs, "down_proj"), (std::vector<int64_t>{3, 6, 16}));
}

// Released folders hold keys and values of layers that read another's: they go through, whatever the prefix.
TEST(Wrappers, KeysThatNobodyReadsAreCarried) {
  const std::string text = R"("model_type": "gemma4_text", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 16,
      "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "global_head_dim": 8,
      "hidden_size_per_layer_input": 0, "num_kv_shared_layers": 2, "sliding_window": 4,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"])";
  const auto check = [](const std::string& config, const std::string& own, const std::string& prefix) {
    SCOPED_TRACE(prefix);
    const TestFolder folder;
    const std::string source = folder / "source", out = folder / "out";
    const auto reference = Model::Create(config, 0);
    const std::vector<std::string> unread = {
        prefix + "layers.2.self_attn.k_proj.weight", prefix + "layers.3.self_attn.k_norm.weight",
        prefix + "layers.3.self_attn.k_proj.weight", prefix + "layers.3.self_attn.v_proj.weight"};
    const auto write = [&](const std::vector<std::string>& others) {
      FileBuilder file = Renamed(ModelFile(*reference), own, prefix);
      for (const std::string& name : others) file.Add(name, "F32", {8, 16});
      WriteModelFolder(source, config);
      WriteText(source + "/model.safetensors", file.Bytes());
    };
    write(unread);
    const auto model = Model::Open(source);
    SaveFolder(*model, WeightsOf(*model), out, {});
    std::vector<std::string> carried;
    for (const CarriedTensor& tensor : Model::Open(out)->weights().Carried()) carried.push_back(tensor.name);
    EXPECT_EQ(carried, unread);
    // Of a layer with keys of its own there is nothing to carry, nor of another prefix.
    for (const std::string& name :
         {prefix + "layers.1.self_attn.k_extra.weight", std::string("other.layers.3.self_attn.k_proj.weight")}) {
      write({name});
      ExpectError(Code::kInvalidArgument, {name, "not part of the model"}, [&] { Model::Open(source); });
    }
  };
  check("{" + text + "}", "model.", "model.");
  const std::string whole = With(R"("model_type": "gemma4", "text_config": {)" + text + "}");
  check(whole, "language_model.model.", "language_model.model.");
  check(whole, "language_model.model.", "model.language_model.");
}

// transformers saves its class of Qwen3.5's text under the names of the whole.
TEST(Wrappers, TheTextClassMayHaveTheNamesOfTheWhole) {
  const std::string config = R"({"model_type": "qwen3_5_text", "vocab_size": 16, "hidden_size": 16, "intermediate_size": 16,
      "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "linear_num_key_heads": 1,
      "linear_num_value_heads": 2, "linear_key_head_dim": 4, "linear_value_head_dim": 4, "full_attention_interval": 2})";
  const auto reference = Model::Create(config, 0);
  const TestFolder folder;
  for (const std::string prefix : {"model.", "model.language_model."}) {
    const std::string source = folder / prefix, out = source + "out";
    WriteModelFolder(source, config);
    WriteText(source + "/model.safetensors", Renamed(ModelFile(*reference), "model.", prefix).Bytes());
    const auto model = Model::Open(source);
    SaveFolder(*model, WeightsOf(*model), out, {});
    int64_t unit = 0;
    EXPECT_NE(FindTensor(Model::Open(out)->layout(), prefix + "layers.1.mlp.up_proj.weight", &unit), nullptr) << prefix;
    EXPECT_NE(FindTensor(Model::Open(out)->layout(), "lm_head.weight", &unit), nullptr) << prefix;
  }
}

TEST(Wrappers, AllThatIsMissingInsideIsTold) {
  ExpectError(Code::kUnimplemented, {"text_config: ", "rope_type ntk", "hidden_act", "mish", "attn_logit_softcapping = 50"}, [] {
    ParseConfig(With(R"("model_type": "internvl", "text_config": {"model_type": "qwen2", "rope_scaling": {"type": "ntk"},
        "hidden_act": "mish", "attn_logit_softcapping": 50})"));
  });
}

TEST(Wrappers, AnErrorNamesThePart) {
  ExpectError(Code::kInvalidArgument, {"text_config", "num_attention_heads", "0"}, [] {
    ParseConfig(With(R"("model_type": "llava", "text_config": {"model_type": "llama", "num_attention_heads": 0})"));
  });
  ExpectError(Code::kUnimplemented, {"text_config", "model_type", "deepseek_v4"},
              [] { ParseConfig(With(R"("model_type": "internvl", "text_config": {"model_type": "deepseek_v4"})")); });
  // Their heads leave it out, and their text models' own do not.
  ExpectError(Code::kUnimplemented, {"text_config", "logits_scaling = 8", "LlavaNextForConditionalGeneration"}, [] {
    ParseConfig(With(R"("model_type": "llava_next", "text_config": {"model_type": "granite", "hidden_size": 16, "vocab_size": 16,
        "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "logits_scaling": 8.0})"));
  });
  ExpectError(Code::kUnimplemented, {"model_type", "paligemma", "its text_config is gemma, which is taken alone"},
              [] { ParseConfig(With(R"("model_type": "paligemma", "text_config": {"model_type": "gemma"})")); });
}

}  // namespace
}  // namespace hlm
