#include "samples/horizon/options/presets.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "samples/horizon/base/error.h"
#include "samples/horizon/options/machines.h"

namespace horizon {
namespace {

// Counts the parameters that a config means, from the published architectures.
int64_t Parameters(const nlohmann::json& config) {
  const int64_t hidden = config["hidden_size"], layers = config["num_hidden_layers"], vocabulary = config["vocab_size"];
  const int64_t heads = config["num_attention_heads"], kv_heads = config["num_key_value_heads"];
  const int64_t head_dim = config.value("head_dim", hidden / heads), intermediate = config["intermediate_size"];
  const int64_t q = heads * head_dim, kv = kv_heads * head_dim;
  int64_t block = hidden * (q + 2 * kv) + q * hidden + 3 * hidden * intermediate + 2 * hidden;
  if (config["model_type"] == "qwen2") block += q + 2 * kv;    // biases
  if (config["model_type"] == "qwen3") block += 2 * head_dim;  // query and key norms
  return layers * block + hidden + vocabulary * hidden * (config["tie_word_embeddings"] ? 1 : 2);
}

// The counts that the models' cards give.
TEST(PresetsTest, HaveThePublishedNumberOfParameters) {
  const std::map<std::string, int64_t> published = {
      {"qwen2.5-0.5b", 494032768},  {"qwen2.5-1.5b", 1543714304}, {"qwen2.5-7b", 7615616512}, {"qwen2.5-14b", 14770033664},
      {"qwen2.5-32b", 32763876352}, {"qwen2.5-72b", 72706203648}, {"llama3-8b", 8030261248},  {"llama3-70b", 70553706496},
      {"qwen3-8b", 8190735360},     {"mistral-7b", 7241732096},
  };
  for (const auto& [name, parameters] : published) {
    EXPECT_EQ(Parameters(nlohmann::json::parse(PresetConfig(name))), parameters) << name;
  }
  EXPECT_EQ(PresetNames().size(), published.size() + 1) << "all but tiny";
}

TEST(PresetsTest, TinyTakesBytes) { EXPECT_EQ(nlohmann::json::parse(PresetConfig("tiny"))["vocab_size"], 256); }

TEST(PresetsTest, AnUnknownNameIsWrongUsageAndNamesTheKnown) {
  try {
    PresetConfig("gpt-5");
    ADD_FAILURE();
  } catch (const UsageError& error) {
    for (const std::string& name : PresetNames()) EXPECT_NE(std::string(error.what()).find(name), std::string::npos);
  }
}

TEST(MachinesTest, EachNameIsOfAMachineAndOthersAreTold) {
  EXPECT_GT(MachineNames().size(), 10u);
  for (const std::string& name : MachineNames()) {
    ASSERT_NE(MachineText(name), nullptr) << name;
    EXPECT_TRUE(nlohmann::json::parse(MachineText(name)).contains("host_bytes")) << name;
    EXPECT_EQ(CheckMachine(name), "");
  }
  EXPECT_EQ(MachineText("rtx4090-24g-128g.json"), nullptr) << "a file";
  EXPECT_EQ(CheckMachine("there/is_none"), "") << "whoever reads the file says so";
  const std::string wrong = CheckMachine("rtx4090-128g");
  EXPECT_NE(wrong.find("did you mean rtx4090-24g-128g?"), std::string::npos) << wrong;
}

}  // namespace
}  // namespace horizon
