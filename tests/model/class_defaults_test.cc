// What a config.json leaves out, or says by a key's second name, means what the class in transformers makes of it
// (tools/goldens/make_class_defaults.py).
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/base/error.h"
#include "core/model/config.h"
#include "core/model/spec_json.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

// The specification, or the refusal.
std::string Meaning(const Json& config) {
  try {
    return SpecJson(ParseConfig(config.dump()));
  } catch (const Error& error) {
    return StrCat("refused: ", error.message());
  }
}

bool Refused(const std::string& meaning) { return meaning.rfind("refused: ", 0) == 0; }

Json Changed(Json config, const Json& gone, const Json& set) {
  for (const Json& key : gone) config.erase(key.get<std::string>());
  for (const auto& [key, value] : set.items()) config[key] = value;
  return config;
}

TEST(ClassDefaults, WhatAFileLeavesOutIsWhatTransformersAssumes) {
  const Json lines = Json::parse(ReadText("tests/model/class_defaults.json"));
  std::map<std::string, Json> full;
  for (const Json& line : lines) {
    if (line.contains("full")) full[line["type"]] = line["full"];
  }
  int compared = 0;
  for (const Json& line : lines) {
    if (line.contains("full")) continue;
    const Json& whole = full.at(line["type"]);
    const std::string means = Meaning(Changed(whole, line["unsaid"], line["means"]));
    if (Refused(means)) continue;  // sizes of the class that do not go with the tiny ones
    EXPECT_EQ(Meaning(Changed(whole, line["gone"], line["said"])), means) << line["type"] << ": " << line["case"];
    ++compared;
  }
  EXPECT_GT(compared, 2000);
}

// As EXAONE 3.5's folders have them.
TEST(ClassDefaults, ExaonesOwnNamesOfKeys) {
  Json config =
      Json::parse(R"({"architectures": ["ExaoneForCausalLM"], "model_type": "exaone", "vocab_size": 61, "hidden_size": 24,
      "intermediate_size": 40, "num_attention_heads": 4, "num_key_value_heads": 2, "num_layers": 3, "layer_norm_epsilon": 1e-3,
      "activation_function": "gelu", "rope_theta": 1000000})");
  const ModelSpec spec = ParseConfig(config.dump());
  EXPECT_EQ(spec.layers(), 3);
  EXPECT_EQ(spec.head.norm.epsilon, 1e-3);
  EXPECT_EQ(FirstOf<MlpSpec>(spec)->function, Function::kGelu);
  config["num_layers"] = 0;
  ExpectError(Code::kInvalidArgument, {"num_hidden_layers", "0"}, [&] { ParseConfig(config.dump()); });
}

Json Gemma4(int layers, const Json& per_layer) {
  Json config = Json::parse(R"({"model_type": "gemma4_text", "vocab_size": 61, "hidden_size": 24, "intermediate_size": 40,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "hidden_size_per_layer_input": 0})");
  config["num_hidden_layers"] = layers;
  config["per_layer_config"] = per_layer;
  return config;
}

// Of twelve layers transformers writes the sixth as 05.
TEST(ClassDefaults, LayersAreNumbersWhateverZerosStandBeforeThem) {
  const ModelSpec spec = ParseConfig(Gemma4(12, {{"05", {{"head_dim", 16}}}, {"11", {{"head_dim", 16}}}}).dump());
  for (int64_t layer = 0; layer < 12; ++layer) {
    const BodySpec& body = spec.block(layer).branches.front().bodies.front().body;
    EXPECT_EQ(std::get<AttentionSpec>(body).head_dim, layer % 6 == 5 ? 16 : 8) << layer;
  }
  for (const char* name : {"12", "012", "x", "", "-1", "4294967301"}) {
    ExpectError(Code::kInvalidArgument, {"per_layer_config", name, "names no layer of 12"}, [&] {
      ParseConfig(Gemma4(12, {{name, {{"head_dim", 16}}}}).dump());
    });
  }
  ExpectError(Code::kInvalidArgument, {"per_layer_config", "5", "twice"}, [] {
    ParseConfig(Gemma4(12, {{"05", {{"head_dim", 16}}}, {"5", {{"head_dim", 16}}}}).dump());
  });
}

// These classes never tie, whatever the key says: their folders have both tensors.
TEST(ClassDefaults, HeadsOfTheirOwn) {
  const std::string sizes = R"("vocab_size": 61, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 4,
      "num_attention_heads": 4, "num_key_value_heads": 4, "pad_token_id": 0, "tie_word_embeddings": true})";
  for (const char* type : {"nemotron_h", "kimi_linear"})
    EXPECT_FALSE(ParseConfig(StrCat(R"({"model_type": ")", type, R"(", )", sizes)).tied) << type;
  EXPECT_TRUE(ParseConfig(R"({"model_type": "llama", )" + sizes).tied);
}

// Phi-3's class takes yarn and su for names of longrope, and no other kind.
TEST(ClassDefaults, PhisKindsOfRotaryEmbeddings) {
  const std::string start = R"({"model_type": "phi3", "vocab_size": 61, "hidden_size": 16, "intermediate_size": 40,
      "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4, "pad_token_id": 0, "rope_scaling": {"type": ")";
  const std::string factors = R"(", "short_factor": [1.0, 1.5], "long_factor": [2.0, 3.0]}})";
  for (const char* name : {"yarn", "su"})
    EXPECT_EQ(Meaning(Json::parse(start + name + factors)), Meaning(Json::parse(start + "longrope" + factors))) << name;
  EXPECT_FALSE(Refused(Meaning(Json::parse(start + "yarn" + factors))));
  for (const char* name : {"linear", "dynamic"})
    ExpectError(Code::kUnimplemented, {"rope_type", name, "longrope"},
                [&] { ParseConfig(start + name + R"(", "factor": 2.0}})"); });
}

// Phi-3's class has a number of its own beside the settings, which counts more than the one in them.
TEST(ClassDefaults, PhisPositionsOfTheTrainingBefore) {
  const std::string start = R"({"model_type": "phi3", "vocab_size": 61, "hidden_size": 16, "intermediate_size": 40,
      "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4, "pad_token_id": 0, "max_position_embeddings": 8192, )";
  const std::string rope =
      R"("rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1, 1], "long_factor": [2, 2])";
  EXPECT_EQ(ParseConfig(start + rope + "}}").ropes.front().original_max_positions, 4096);
  EXPECT_EQ(ParseConfig(start + rope + R"(, "original_max_position_embeddings": 2048}})").ropes.front().original_max_positions,
            4096);
  EXPECT_EQ(
      ParseConfig(start + R"("original_max_position_embeddings": 2048, )" + rope + "}}").ropes.front().original_max_positions,
      2048);
}

// What a class does not read, or what it writes beside the settings that it reads.
TEST(ClassDefaults, KeysBesideTheSettings) {
  const auto theta = [](const char* type, const char* rest) {
    return ParseConfig(
               StrCat(
                   R"({"vocab_size": 61, "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 4,
               "num_key_value_heads": 4, "head_dim": 8, "pad_token_id": 0, "model_type": ")",
                   type, R"(", )", rest, "}"))
        .ropes.front()
        .theta;
  };
  EXPECT_EQ(theta("gpt_neox", R"("rope_theta": 500.0)"), 10000.0);
  EXPECT_EQ(theta("gpt_neox", R"("rope_theta": 500.0, "rotary_emb_base": 300)"), 300.0);
  EXPECT_EQ(theta("gpt_neox", R"("rope_theta": 500.0, "rope_parameters": {"rope_theta": 400.0})"), 400.0);
  EXPECT_EQ(theta("cohere2_moe", R"("rope_theta": 500.0, "rope_parameters": {"rope_theta": 400.0})"), 400.0);
  EXPECT_EQ(theta("cohere2_moe", R"("rope_theta": 500.0, "rope_scaling": {"rope_type": "linear", "factor": 2})"), 500.0);
}

// Most classes round down; a few refuse; no class has heads of nothing.
TEST(ClassDefaults, HeadsThatDoNotDivideTheWidth) {
  const auto config = [](const char* type, int hidden, int heads) {
    return StrCat(
        R"({"vocab_size": 61, "intermediate_size": 40, "num_hidden_layers": 1, "num_key_value_heads": 1, "model_type": ")", type,
        R"(", "hidden_size": )", hidden, R"(, "num_attention_heads": )", heads, "}");
  };
  EXPECT_EQ(FirstOf<AttentionSpec>(ParseConfig(config("olmo2", 26, 3)))->head_dim, 8);
  ExpectError(Code::kInvalidArgument, {"hidden_size is 26", "multiple", "3"}, [&] { ParseConfig(config("llama", 26, 3)); });
  ExpectError(Code::kInvalidArgument, {"hidden_size is 2", "multiple", "3"}, [&] { ParseConfig(config("olmo2", 2, 3)); });
}

}  // namespace
}  // namespace hlm
