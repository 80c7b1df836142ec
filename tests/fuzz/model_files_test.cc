// Mutations of valid files, and a corpus of nasty ones: whatever the bytes are, reading them either works or throws an Error.
// The seed is fixed, so a failure repeats; the mutation that failed is kept in the message.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "core/model/config.h"
#include "core/model/folder_weights.h"
#include "core/model/safetensors.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

std::string Hex(const std::string& bytes) {
  std::string text;
  for (const unsigned char byte : bytes.substr(0, 600)) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  // One to four small changes: bits, bytes, cuts, repeats, numbers and tokens that parsers trip over.
  std::string Mutate(std::string bytes) {
    for (size_t change = 1 + Below(4); change > 0 && !bytes.empty(); --change) {
      const size_t at = Below(bytes.size());
      const size_t length = std::min(bytes.size() - at, 1 + Below(24));
      switch (Below(8)) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << Below(8)));
          break;
        case 1:
          bytes[at] = static_cast<char>(Below(256));
          break;
        case 2:
          bytes.erase(at, length);
          break;
        case 3:
          bytes.insert(at, bytes.substr(Below(bytes.size()), length));
          break;
        case 4:
          bytes.resize(at);
          break;
        case 5:
          bytes.insert(at, kTokens[Below(std::size(kTokens))]);
          break;
        case 6:
          bytes.replace(at, length, kTokens[Below(std::size(kTokens))]);
          break;
        default:
          ReplaceNumber(bytes, at);
          break;
      }
    }
    return bytes;
  }
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

 private:
  static constexpr const char* kTokens[] = {"{",     "}",   "[",    "]",   "\"",     ":",           ",",  "null",
                                            "true",  "0",   "-1",   "1e9", "1e999",  "\\u0000",     "\\", "\xff",
                                            "[[[[[", "NaN", "BF16", "F32", "\"\":0", "__metadata__"};
  static constexpr const char* kNumbers[] = {"0",
                                             "-1",
                                             "1",
                                             "2",
                                             "3",
                                             "4294967296",
                                             "9223372036854775807",
                                             "9223372036854775808",
                                             "18446744073709551615",
                                             "36893488147419103232",
                                             "1.5",
                                             "1e-400",
                                             "2147483648"};

  void ReplaceNumber(std::string& bytes, size_t from) {
    const size_t begin = bytes.find_first_of("0123456789", from);
    if (begin == std::string::npos) return;
    const size_t end = std::min(bytes.find_first_not_of("0123456789", begin), bytes.size());
    bytes.replace(begin, end - begin, kNumbers[Below(std::size(kNumbers))]);
  }

  std::mt19937 random_;
};

// Counts how the inputs ended; an exception that is no Error fails the test with the input.
struct Outcome {
  int accepted = 0, refused = 0;

  template <class Action>
  void Run(const std::string& input, const Action& action) {
    try {
      action();
      ++accepted;
    } catch (const Error& error) {
      ++refused;
      EXPECT_FALSE(error.message().empty());
      EXPECT_EQ(error.message().find('\n'), std::string::npos) << Hex(input);
      EXPECT_NE(error.code(), Code::kInternal) << error.message() << " " << Hex(input);
      EXPECT_LT(error.message().size(), 2000u) << Hex(input);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << " escaped for " << Hex(input);
    }
  }
};

// Opens the file and reads every tensor that holds weights.
void ReadFile(const std::string& path) {
  const SafetensorsFile file(path);
  for (const TensorEntry& entry : file.tensors()) {
    const auto type = WeightType(entry.dtype);
    if (!type) continue;
    std::vector<float> values(static_cast<size_t>(entry.end - entry.begin) / SizeOf(*type));
    file.Read(entry, 0, static_cast<int64_t>(values.size()), values.data());
  }
}

TEST(Fuzz, MutatedSafetensors) {
  const TestFolder folder;
  const std::string path = folder / "x.safetensors";
  FileBuilder file;
  file.header["__metadata__"] = {{"format", "pt"}};
  file.Add("model.embed_tokens.weight", "BF16", {5, 4});
  file.Add("model.norm.weight", "F32", {4});
  file.Add("lm_head.weight", "F16", {5, 4});
  const std::string valid = file.Bytes();
  Mutator mutator(1);
  Outcome outcome;
  for (int i = 0; i < 4000; ++i) {
    // Half of the time only the JSON, under a length that fits: the length field would hide what lies behind it.
    const std::string bytes = i % 2 == 0 ? mutator.Mutate(valid) : file.Bytes(mutator.Mutate(file.header.dump()));
    WriteText(path, bytes);
    outcome.Run(bytes, [&] { ReadFile(path); });
  }
  EXPECT_GT(outcome.accepted, 50);  // mutations of the data
  EXPECT_GT(outcome.refused, 2000);
}

TEST(Fuzz, MutatedConfigs) {
  Mutator mutator(2);
  Outcome outcome;
  const std::string bases[] = {
      TinyConfig("Llama", R"({"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                              "high_freq_factor": 4, "original_max_position_embeddings": 8192}})"),
      TinyConfig("Mistral", R"({"sliding_window": 4096, "hidden_act": "silu"})"),
      TinyConfig("Qwen2", R"({"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1, "rms_norm_eps": 1e-6})"),
      TinyConfig("Qwen3", R"({"rope_parameters": {"rope_theta": 1e6, "rope_type": "linear", "factor": 2},
                              "layer_types": ["full_attention", "full_attention"]})")};
  for (int i = 0; i < 10000; ++i) {
    const std::string text = mutator.Mutate(bases[i % 4]);
    outcome.Run(text, [&] {
      const ModelSpec spec = ParseConfig(text);
      // What passes must be fit for use.
      EXPECT_EQ(static_cast<int64_t>(Windows(spec).size()), spec.layers());
      EXPECT_EQ(FirstOf<AttentionSpec>(spec)->heads % FirstOf<AttentionSpec>(spec)->kv_heads, 0);
      EXPECT_GT(MakeLayout(spec).parameters, 0);
      for (const double frequency : RotaryFrequencies(spec.ropes[0])) EXPECT_TRUE(frequency >= 0 && frequency <= 1e7) << text;
      ConfigForSaving(text, spec, DType::kBF16);
    });
  }
  EXPECT_GT(outcome.accepted, 200);
  EXPECT_GT(outcome.refused, 4000);
}

TEST(Fuzz, MutatedIndex) {
  const TestFolder folder;
  WriteModelFolder(folder / "model", TinyConfig("Llama", R"({"num_hidden_layers": 1})"));
  const std::string model = folder / "model", index = model + "/model.safetensors.index.json";
  std::filesystem::rename(model + "/model.safetensors", model + "/a.safetensors");
  const auto reference = Model::Create(ReadText(model + "/config.json"), 0);
  Json json;
  for (const UnitSpec& unit : reference->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) json["weight_map"][tensor.name] = "a.safetensors";
  }
  WriteText(index, json.dump());
  const FolderWeights valid(model, reference->layout());
  EXPECT_EQ(valid.dtype(), DType::kF32);
  Mutator mutator(3);
  Outcome outcome;
  for (int i = 0; i < 3000; ++i) {
    const std::string text = mutator.Mutate(json.dump());
    WriteText(index, text);
    outcome.Run(text, [&] { FolderWeights weights(model, reference->layout()); });
  }
  EXPECT_GT(outcome.refused, 1500);
}

// Inputs that have broken parsers of this kind elsewhere, each as both a header and a configuration.
TEST(Fuzz, Corpus) {
  const TestFolder folder;
  const std::string path = folder / "x.safetensors";
  const auto repeat = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  const std::string corpus[] = {
      "",
      std::string(1, '\0'),
      std::string(100, '\0'),
      "{",
      "}",
      "{}",
      "{\"\":{}}",
      "{\"a\":",
      "{\"a\":1,}",
      "{\"a\" 1}",
      "{'a':1}",
      "{\"a\":\"",
      "{\"a\":\"\\",
      "{\"a\":\"\\u12",
      "{\"a\":\"\\ud800\"}",
      "{\"a\":\"\xc0\x80\"}",
      "\xef\xbb\xbf{}",
      "{\"a\":1}//x",
      "{\"a\":00}",
      "{\"a\":-}",
      "{\"a\":1e}",
      "{\"a\":1e99999}",
      "{\"a\":-1e-99999}",
      "{\"a\":" + std::string(100'000, '9') + "}",
      "{\"a\":0." + std::string(100'000, '9') + "}",
      "{\"" + std::string(1'000'000, 'k') + "\":1}",
      "{\"a\":\"" + std::string(1'000'000, 'v') + "\"}",
      "{\"a\":[" + repeat("0,", 200'000) + "0]}",
      "{" + repeat("\"a\":1,", 50'000) + "\"a\":1}",
      repeat("{\"a\":", 63) + "{}" + repeat("}", 63),
      repeat("{\"a\":", 64) + "{}" + repeat("}", 64),
      repeat("{\"a\":[", 500'000),
      repeat("]", 500'000),
      "{\"a\":\"" + repeat("[", 500'000) + "\"}",
      std::string("{}\0", 3),
      std::string("{}\0\0\0garbage", 12),
      "{\"__metadata__\":{}}",
      "{\"__metadata__\":null}",
      "{\"__metadata__\":{},\"__metadata__\":{}}",
      R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
      R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
      R"({"a":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}})",
      R"({"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,0]}})",
      R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,0]}})",
      R"({"a":{"dtype":"","shape":[1],"data_offsets":[0,4]}})",
      "{\"a\\nb\":{\"dtype\":\"X\\u0007\",\"shape\":[1],\"data_offsets\":[0,4]}}",
  };
  Outcome outcome;
  const FileBuilder no_data;
  FileBuilder four_bytes;
  four_bytes.data = std::string(4, '\0');
  for (const std::string& text : corpus) {
    for (const std::string& bytes : {text, no_data.Bytes(text), four_bytes.Bytes(text)}) {
      WriteText(path, bytes);
      outcome.Run(bytes, [&] { ReadFile(path); });
    }
    outcome.Run(text, [&] { ParseConfig(text); });
  }
  EXPECT_GE(outcome.accepted, 4);  // {}, metadata, a scalar, an empty tensor
  EXPECT_GT(outcome.refused, 100);
}

}  // namespace
}  // namespace hlm
