// Configurations that are absurd or not supported, through the C ABI: refused by key and value.
#include <string>

#include "tests/faults/model_folder.h"

namespace hlm_test {
namespace {

class BadConfig : public testing::Test {
 protected:
  void TearDown() override { ExpectEverythingStillWorks(); }

  void ExpectRefused(const std::string& config, int32_t code, std::initializer_list<std::string> parts) {
    SCOPED_TRACE(config.substr(0, 300));
    hlm_model* model = nullptr;
    ExpectError(hlm_model_create(config.c_str(), 0, &model), code, parts);
    EXPECT_EQ(model, nullptr);
    // The same from a folder, with the folder's name in front.
    const std::string folder =
        WriteFolder("config", {{"config.json", config}, {"model.safetensors", SafetensorsBytes(TinyTensors())}});
    ExpectError(hlm_model_open(folder.c_str(), &model), code, parts);
    ExpectError(hlm_model_open(folder.c_str(), &model), code, {folder, "config.json"});
    EXPECT_EQ(model, nullptr);
  }

  // TinyConfig with `key` set to `value` (added where it is not there; left out where `value` is empty).
  static std::string With(const std::string& key, const std::string& value) {
    std::string config = TinyConfig();
    const std::string quoted = "\"" + key + "\":";
    const size_t at = config.find(quoted);
    if (at == std::string::npos) return "{" + quoted + " " + value + ", " + config.substr(1);
    size_t end = config.find_first_of(",}", at);
    if (config[config.find_first_not_of(' ', at + quoted.size())] == '[') end = config.find(']', at) + 1;
    if (value.empty()) return config.erase(at, end + 1 - at);
    return config.replace(at, end - at, quoted + " " + value);
  }
};

TEST_F(BadConfig, AbsurdValues) {
  for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"}) {
    for (const char* value : {"0", "-1", "1e30", "9223372036854775807", "18446744073709551616", "1.5", "\"32\"", "[]", "true"}) {
      ExpectRefused(With(key, value), HLM_INVALID_ARGUMENT, {key});
    }
    ExpectRefused(With(key, ""), HLM_INVALID_ARGUMENT, {key, "missing"});
  }
  ExpectRefused(With("num_key_value_heads", "3"), HLM_INVALID_ARGUMENT, {"num_key_value_heads", "3"});
  ExpectRefused(With("num_attention_heads", "5"), HLM_INVALID_ARGUMENT, {"num_attention_heads", "5"});
  ExpectRefused(With("head_dim", "7"), HLM_INVALID_ARGUMENT, {"head_dim", "7"});
  ExpectRefused(With("rms_norm_eps", "-1"), HLM_INVALID_ARGUMENT, {"rms_norm_eps"});
  ExpectRefused(With("rope_theta", "0"), HLM_INVALID_ARGUMENT, {"rope_theta"});
}

TEST_F(BadConfig, SizesWhoseProductsWouldOverflow) {
  std::string config = With("hidden_size", "1048576");
  config.replace(config.find("\"vocab_size\": 48"), 16, "\"vocab_size\": 2147483647");
  ExpectRefused(config, HLM_INVALID_ARGUMENT, {"hidden_size", "1048576"});
}

TEST_F(BadConfig, NotJson) {
  ExpectRefused("{", HLM_INVALID_ARGUMENT, {"config.json", "JSON"});
  ExpectRefused("[]", HLM_INVALID_ARGUMENT, {"config.json"});
  ExpectRefused("\xff\xfe", HLM_INVALID_ARGUMENT, {"config.json"});
  ExpectRefused(std::string(2000000, '['), HLM_INVALID_ARGUMENT, {"config.json", "nested"});
  ExpectRefused("{\"a\": " + std::string(500000, '[') + std::string(500000, ']') + "}", HLM_INVALID_ARGUMENT,
                {"config.json", "nested"});
}

TEST_F(BadConfig, WhatChangesTheMathematicsIsRefusedByName) {
  ExpectRefused(With("architectures", "[\"Grok1ForCausalLM\"]"), HLM_UNIMPLEMENTED, {"Grok1ForCausalLM"});
  ExpectRefused(With("hidden_act", "\"mish\""), HLM_UNIMPLEMENTED, {"hidden_act", "mish"});
  ExpectRefused(With("rope_scaling", R"({"rope_type": "axial", "factor": 4.0})"), HLM_UNIMPLEMENTED, {"axial"});
  ExpectRefused(With("quantization_config", R"({"bits": 4})"), HLM_UNIMPLEMENTED, {"quantization_config"});
}

}  // namespace
}  // namespace hlm_test
