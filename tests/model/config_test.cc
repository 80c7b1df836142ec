// config.json -> ModelSpec: the same mathematics as transformers reads from the same file.
#include "core/model/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "tests/model/config_goldens.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

TEST(Config, EverySettingAndDefaultIsTransformers) {
  ASSERT_GT(ConfigGoldens().size(), 60u);
  for (const ConfigGolden& golden : ConfigGoldens()) {
    SCOPED_TRACE(golden.json);
    const Json json = Json::parse(golden.json);
    const ModelSpec spec = ParseConfig(golden.json);
    EXPECT_EQ(spec.architecture, json["architectures"][0].get<std::string>());
    EXPECT_EQ(spec.vocab, json["vocab_size"]);
    EXPECT_EQ(spec.hidden, json["hidden_size"]);
    EXPECT_EQ(FirstOf<MlpSpec>(spec)->intermediate, json["intermediate_size"]);
    EXPECT_EQ(spec.layers(), json["num_hidden_layers"]);
    const AttentionSpec attention = *FirstOf<AttentionSpec>(spec);
    EXPECT_EQ(attention.heads, json["num_attention_heads"]);
    EXPECT_EQ(attention.kv_heads, golden.kv_heads);
    EXPECT_EQ(attention.head_dim, golden.head_dim);
    EXPECT_EQ(spec.max_positions, golden.max_positions);
    EXPECT_EQ(spec.head.norm.epsilon, golden.rms_epsilon);
    EXPECT_EQ(spec.initializer_range, golden.initializer_range);
    EXPECT_EQ(spec.tied, golden.tied);
    EXPECT_EQ(attention.qkv_bias, golden.qkv_bias);
    EXPECT_EQ(attention.o_bias, golden.o_bias);
    EXPECT_EQ(FirstOf<MlpSpec>(spec)->in_bias, golden.mlp_bias);
    EXPECT_EQ(attention.qk_norm.norm.on(), golden.qk_norm);
    EXPECT_EQ(Windows(spec), golden.windows);

    const std::vector<double> frequencies = RotaryFrequencies(spec.ropes[0]);
    ASSERT_EQ(frequencies.size(), golden.frequencies.size());
    for (size_t i = 0; i < frequencies.size(); ++i) {
      EXPECT_NEAR(frequencies[i] / golden.frequencies[i], 1.0, 2e-7) << i;  // one unit in the last place of a float, at most two
    }
  }
}

TEST(Config, TheFamilyComesFromEitherKey) {
  for (const char* family : {"Llama", "Mistral", "Qwen2", "Qwen3"}) {
    for (const char* key : {"architectures", "model_type"}) {
      Json config = Json::parse(TinyConfig(family));
      config.erase(key);
      EXPECT_EQ(ParseConfig(config.dump()).architecture, std::string(family) + "ForCausalLM");
      config[key] = nullptr;
      EXPECT_EQ(ParseConfig(config.dump()).architecture, std::string(family) + "ForCausalLM");
    }
  }
}

// What transformers 5.24's classes make of an odd number: an angle for half a pair as well, and a dimension more that turns.
TEST(Config, AnOddNumberOfDimensionsTurnsOneMore) {
  const auto rope = [](const std::string& family, const std::string& settings, int64_t head_dim = 10) {
    const std::string changes = R"({"head_dim": )" + std::to_string(head_dim) + R"(, "rope_parameters": )" + settings + "}";
    return ParseConfig(TinyConfig(family, changes)).ropes.at(0);
  };
  const auto near = [](const RopeSpec& spec, const std::vector<double>& wanted, int64_t length = 0) {
    const std::vector<double> frequencies = RotaryFrequencies(spec, length);
    ASSERT_EQ(frequencies.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(frequencies[i] / wanted[i], 1.0, 3e-7) << i;
  };
  for (const char* family : {"Glm", "Nemotron"}) {
    const RopeSpec half = rope(family, R"({"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.5})");
    EXPECT_EQ(half.dim, 6);
    EXPECT_EQ(half.FrequencyDim(), 5);
    near(half, {1.0, std::pow(1000.0, -0.4), std::pow(1000.0, -0.8)});
  }
  // All of a head, of which the factor leaves out less than a dimension.
  EXPECT_EQ(rope("Glm", R"({"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.9})").dim, 10);
  const RopeSpec one = rope("Glm", R"({"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.1})");
  EXPECT_EQ(one.dim, 2);
  near(one, {1.0});
  near(rope("Glm", R"({"rope_type": "linear", "factor": 4.0, "rope_theta": 1000.0, "partial_rotary_factor": 0.3})"),
       {0.25, std::pow(1000.0, -2.0 / 3) / 4});
  const RopeSpec dynamic =
      rope("Glm", R"({"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1000.0, "partial_rotary_factor": 0.5})");
  const double base = 1000.0 * std::pow(3.0, 5.0 / 3);  // of twice the length
  near(dynamic, {1.0, std::pow(base, -0.4), std::pow(base, -0.8)}, 2 * dynamic.original_max_positions);
  // An even number is what it was.
  EXPECT_EQ(rope("Glm", R"({"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.4})").FrequencyDim(), 4);
}

TEST(Config, TheTwoSpellingsOfRotarySettingsAreOne) {
  const char* legacy =
      R"({"rope_theta": 5e5, "rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
                           "original_max_position_embeddings": 8192}})";
  const char* newer = R"({"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                          "high_freq_factor": 4, "original_max_position_embeddings": 8192}})";
  const RopeSpec a = ParseConfig(TinyConfig("Llama", legacy)).ropes[0], b = ParseConfig(TinyConfig("Llama", newer)).ropes[0];
  for (const RopeSpec& rope : {a, b}) {
    EXPECT_EQ(rope.kind, RopeSpec::Kind::kLlama3);
    EXPECT_EQ(rope.theta, 5e5);
    EXPECT_EQ(rope.factor, 8);
    EXPECT_EQ(rope.low_frequency_factor, 1);
    EXPECT_EQ(rope.high_frequency_factor, 4);
    EXPECT_EQ(rope.original_max_positions, 8192);
  }
}

// transformers looks for YaRN's truncate beside the types of layers: the word below a type is not heard.
TEST(Config, SettingsByTypeOfLayerAreTruncated) {
  const auto frequencies = [](const std::string& family, const std::string& settings, size_t rope) {
    const std::string changes = R"({"head_dim": 8, "hidden_size": 32, "rope_parameters": )" + settings + "}";
    return RotaryFrequencies(ParseConfig(TinyConfig(family, changes)).ropes.at(rope));
  };
  const std::string yarn = R"({"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0, "beta_fast": 3.0, "truncate": false,
                               "original_max_position_embeddings": 64})";
  const std::string by_type = R"({"sliding_attention": {"rope_type": "default"}, "full_attention": )" + yarn + "}";
  EXPECT_NEAR(frequencies("Olmo3", by_type, 1)[1] / 0.11114246398210526, 1.0, 3e-7);
  EXPECT_NEAR(frequencies("Llama", yarn, 0)[1] / 0.1165764331817627, 1.0, 3e-7);
}

// As Llama 4 Scout has them: every wavelength is either long or short, and none is between.
TEST(Config, EqualFactorsOfFrequenciesBlendNothing) {
  const auto frequencies = [](const char* settings) {
    return RotaryFrequencies(
        ParseConfig(TinyConfig("Llama", StrCat(R"({"head_dim": 32, "rope_theta": 5e5, "rope_scaling": )", settings, "}")))
            .ropes[0],
        1);
  };
  const auto plain = frequencies(R"({"rope_type": "default"})");
  const auto scaled = frequencies(R"({"rope_type": "llama3", "factor": 16.0, "low_freq_factor": 1.0, "high_freq_factor": 1.0,
                                      "original_max_position_embeddings": 8192})");
  for (size_t i = 0; i < plain.size(); ++i)
    EXPECT_EQ(scaled[i], 2 * std::numbers::pi / plain[i] > 8192 ? plain[i] / 16 : plain[i]) << i;
  EXPECT_NE(scaled.back(), plain.back());
}

TEST(Config, AFactorOfOneChangesNothing) {
  EXPECT_EQ(ParseConfig(TinyConfig("Llama", R"({"rope_scaling": {"type": "default", "factor": 1.0}})")).ropes[0],
            ParseConfig(TinyConfig("Llama")).ropes[0]);
  ExpectError(Code::kUnimplemented, {"rope_scaling", "factor = 2"},
              [] { ParseConfig(TinyConfig("Llama", R"({"rope_scaling": {"type": "default", "factor": 2.0}})")); });
}

TEST(Config, BothSpellingsTogetherMustAgree) {
  const char* agree = R"({"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2},
                          "rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 2}})";
  EXPECT_EQ(ParseConfig(TinyConfig("Llama", agree)).ropes[0].factor, 2);
  const char* disagree =
      R"({"rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "linear", "factor": 3}})";
  ExpectError(Code::kInvalidArgument, {"rope_scaling", "rope_parameters"}, [&] { ParseConfig(TinyConfig("Llama", disagree)); });
  const char* thetas = R"({"rope_theta": 5e5, "rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}})";
  ExpectError(Code::kInvalidArgument, {"rope_theta", "500000", "10000"}, [&] { ParseConfig(TinyConfig("Llama", thetas)); });
}

TEST(Config, LastOfEqualKeysWins) {
  std::string text = TinyConfig("Llama");
  text.insert(1, R"("rms_norm_eps": 0.5, "rms_norm_eps": 0.25,)");
  EXPECT_EQ(ParseConfig(text).head.norm.epsilon, 0.25);
}

TEST(Config, HarmlessKeysAreIgnored) {
  const char* harmless =
      R"({"bos_token_id": 1, "eos_token_id": [1, 2], "pad_token_id": null, "use_cache": false, "torch_dtype": "float8",
      "transformers_version": "9.9", "_name_or_path": "x/y", "temperature": 0.7, "id2label": {"0": "A"},
      "somebody_elses_key": {"a": [1]}})";
  EXPECT_EQ(ParseConfig(TinyConfig("Llama", harmless)).hidden, 16);
}

TEST(Config, SavingKeepsAllButTheType) {
  const std::string text =
      TinyConfig("Qwen2", R"({"torch_dtype": "float32", "zebra": 1e-06, "apple": {"z": 1, "a": [true, null]}})");
  const Json before = Json::parse(text);
  const ModelSpec spec = ParseConfig(text);
  const Json after = Json::parse(ConfigForSaving(text, spec, DType::kBF16));
  Json expected = before;
  expected["torch_dtype"] = "bfloat16";
  EXPECT_EQ(after.dump(), expected.dump());  // order too
}

TEST(Config, SavingNamesTheTypeInTheKeysThatAreThere) {
  const auto saved = [](const char* changes, DType type) {
    const std::string text = TinyConfig("Llama", changes);
    return Json::parse(ConfigForSaving(text, ParseConfig(text), type));
  };
  const Json both = saved(R"({"dtype": "float32", "torch_dtype": "float32"})", DType::kF16);
  EXPECT_EQ(both["dtype"], "float16");
  EXPECT_EQ(both["torch_dtype"], "float16");
  const Json newer = saved(R"({"dtype": "bfloat16"})", DType::kF32);
  EXPECT_EQ(newer["dtype"], "float32");
  EXPECT_FALSE(newer.contains("torch_dtype"));
  EXPECT_EQ(saved("{}", DType::kBF16)["torch_dtype"], "bfloat16");
}

TEST(Config, SavingAddsWhatTransformersNeedsToChooseTheClass) {
  Json config = Json::parse(TinyConfig("Qwen3"));
  config.erase("architectures");
  const std::string by_type = config.dump();
  EXPECT_EQ(Json::parse(ConfigForSaving(by_type, ParseConfig(by_type), DType::kF32))["architectures"],
            Json({"Qwen3ForCausalLM"}));
  config["architectures"] = {"Qwen3ForCausalLM"};
  config["model_type"] = nullptr;
  const std::string by_name = config.dump();
  EXPECT_EQ(Json::parse(ConfigForSaving(by_name, ParseConfig(by_name), DType::kF32))["model_type"], "qwen3");
}

}  // namespace
}  // namespace hlm
