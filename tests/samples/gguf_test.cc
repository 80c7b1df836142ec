// horizon export --gguf: read back by a reader of its own, tensor by tensor and member by member.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/samples/examples_support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Tensor {
  std::vector<uint64_t> dims;  // the innermost first
  uint32_t type = 0;
  std::string bytes;
};

// By the published description of the format.
class Gguf {
 public:
  explicit Gguf(const std::string& path) : file_(ReadFile(path)) {
    EXPECT_EQ(file_.substr(0, 4), "GGUF");
    at_ = 4;
    EXPECT_EQ(Take<uint32_t>(), 3u);
    const auto n_tensors = Take<uint64_t>(), n_members = Take<uint64_t>();
    for (uint64_t i = 0; i < n_members; ++i) {
      const std::string key = Text();
      members[key] = Value(Take<uint32_t>());
    }
    std::vector<std::pair<std::string, uint64_t>> places;
    for (uint64_t i = 0; i < n_tensors; ++i) {
      const std::string name = Text();
      Tensor& tensor = tensors[name];
      const auto n = Take<uint32_t>();
      for (uint32_t d = 0; d < n; ++d) tensor.dims.push_back(Take<uint64_t>());
      tensor.type = Take<uint32_t>();
      places.emplace_back(name, Take<uint64_t>());
    }
    const size_t base = (at_ + 31) / 32 * 32;
    for (const auto& [name, offset] : places) {
      EXPECT_EQ(offset % 32, 0u);
      size_t size = tensors[name].type == 0 ? 4 : 2;
      for (const uint64_t d : tensors[name].dims) size *= d;
      tensors[name].bytes = file_.substr(base + offset, size);
      EXPECT_EQ(tensors[name].bytes.size(), size) << name;
    }
  }

  std::map<std::string, json> members;
  std::map<std::string, Tensor> tensors;

 private:
  template <class T>
  T Take() {
    T value{};
    EXPECT_LE(at_ + sizeof(T), file_.size());
    std::memcpy(&value, file_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::string Text() {
    const auto n = Take<uint64_t>();
    at_ += n;
    return file_.substr(at_ - n, n);
  }
  json Value(uint32_t type) {
    switch (type) {
      case 4:
        return Take<uint32_t>();
      case 5:
        return Take<int32_t>();
      case 6:
        return Take<float>();
      case 7:
        return Take<uint8_t>() != 0;
      case 8:
        return Text();
      case 9: {
        json list = json::array();
        const auto of = Take<uint32_t>();
        const auto n = Take<uint64_t>();
        for (uint64_t i = 0; i < n; ++i) list.push_back(Value(of));
        return list;
      }
      default:
        ADD_FAILURE() << "type " << type;
        return nullptr;
    }
  }
  std::string file_;
  size_t at_ = 0;
};

struct Saved {
  std::vector<uint64_t> shape;
  std::string bytes;
};

std::map<std::string, Saved> ReadSafetensors(const std::string& path) {
  const std::string file = ReadFile(path);
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  const json header = json::parse(file.substr(8, length));
  std::map<std::string, Saved> tensors;
  for (const auto& [name, about] : header.items()) {
    if (name == "__metadata__") continue;
    const size_t begin = about["data_offsets"][0], end = about["data_offsets"][1];
    tensors[name] = {about["shape"].get<std::vector<uint64_t>>(), file.substr(8 + length + begin, end - begin)};
  }
  return tensors;
}

// A small model of a family, as a folder in `dtype` and as a file.
std::pair<std::map<std::string, Saved>, Gguf> Export(const std::string& name, const json& change, const std::string& dtype) {
  json config = json::parse(ReadFile(SmallConfig()));
  if (!change.is_null()) config.update(change);
  WriteFile(Scratch(name + ".json"), config.dump());
  const std::string folder = Scratch(name), file = Scratch(name + ".gguf");
  fs::remove_all(folder);
  fs::remove(file);
  const Result result = Horizon({"export", "--config", Scratch(name + ".json"), "--init-seed", "3", "--save-dtype", dtype,
                                 "--out", folder, "--gguf", file});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const auto& entry : fs::directory_iterator(Scratch(".")))
    EXPECT_EQ(entry.path().string().find(".gguf."), std::string::npos) << "left behind: " << entry.path();
  return {ReadSafetensors(folder + "/model.safetensors"), Gguf(file)};
}

// Rows of a head there are those of the two halves by turns.
std::string Paired(const std::string& bytes, size_t rows, size_t heads) {
  const size_t row = bytes.size() / rows, dim = rows / heads;
  std::string paired;
  for (size_t h = 0; h < heads; ++h) {
    for (size_t i = 0; i < dim / 2; ++i) {
      for (const size_t half : {size_t{0}, size_t{1}}) paired += bytes.substr((h * dim + half * dim / 2 + i) * row, row);
    }
  }
  return paired;
}

TEST(GgufTest, ALlamasTensorsAreThere) {
  for (const std::string dtype : {"bf16", "f16", "f32"}) {
    const auto [saved, gguf] = Export("llama-" + dtype, {}, dtype);
    const uint32_t type = dtype == "f32" ? 0 : dtype == "f16" ? 1 : 30;
    EXPECT_EQ(gguf.tensors.size(), saved.size());
    const auto same = [&](const std::string& own, const std::string& name) {
      ASSERT_TRUE(gguf.tensors.contains(own)) << own;
      const Tensor& tensor = gguf.tensors.at(own);
      EXPECT_EQ(tensor.type, type) << own;
      EXPECT_EQ(tensor.bytes, saved.at(name).bytes) << own;
      EXPECT_EQ(tensor.dims, (std::vector<uint64_t>(saved.at(name).shape.rbegin(), saved.at(name).shape.rend()))) << own;
    };
    same("token_embd.weight", "model.embed_tokens.weight");
    same("output.weight", "lm_head.weight");
    same("blk.1.attn_v.weight", "model.layers.1.self_attn.v_proj.weight");
    same("blk.1.attn_output.weight", "model.layers.1.self_attn.o_proj.weight");
    same("blk.0.ffn_gate.weight", "model.layers.0.mlp.gate_proj.weight");
    same("blk.0.ffn_up.weight", "model.layers.0.mlp.up_proj.weight");
    same("blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight");
    EXPECT_EQ(gguf.tensors.at("blk.0.attn_q.weight").bytes,
              Paired(saved.at("model.layers.0.self_attn.q_proj.weight").bytes, 32, 4));
    EXPECT_EQ(gguf.tensors.at("blk.0.attn_k.weight").bytes,
              Paired(saved.at("model.layers.0.self_attn.k_proj.weight").bytes, 16, 2));
    // New norms are ones; vectors are f32 whatever the matrices are.
    const Tensor& norm = gguf.tensors.at("output_norm.weight");
    EXPECT_EQ(norm.type, 0u);
    ASSERT_EQ(norm.bytes.size(), 128u);
    float one = 0;
    std::memcpy(&one, norm.bytes.data() + 64, 4);
    EXPECT_EQ(one, 1.0f);
  }
}

TEST(GgufTest, SettingsAreThere) {
  const auto [saved, gguf] = Export("settings", {{"rope_theta", 500000.0}}, "bf16");
  const std::map<std::string, json> wanted = {{"general.architecture", "llama"}, {"general.file_type", 32},
                                              {"llama.block_count", 2},          {"llama.context_length", 256},
                                              {"llama.embedding_length", 32},    {"llama.feed_forward_length", 64},
                                              {"llama.attention.head_count", 4}, {"llama.attention.head_count_kv", 2},
                                              {"llama.rope.dimension_count", 8}, {"llama.rope.freq_base", 500000.0},
                                              {"llama.vocab_size", 128},         {"tokenizer.ggml.model", "no_vocab"}};
  for (const auto& [key, value] : wanted) {
    ASSERT_TRUE(gguf.members.contains(key)) << key;
    EXPECT_EQ(gguf.members.at(key), value) << key;
  }
  EXPECT_FLOAT_EQ(gguf.members.at("llama.attention.layer_norm_rms_epsilon"), 1e-5f);
}

TEST(GgufTest, Qwen2And3KeepTheirRowsAndTheirOwnTensors) {
  const auto [two, gguf2] =
      Export("qwen2", {{"model_type", "qwen2"}, {"architectures", {"Qwen2ForCausalLM"}}, {"tie_word_embeddings", true}}, "bf16");
  EXPECT_EQ(gguf2.members.at("general.architecture"), "qwen2");
  EXPECT_EQ(gguf2.tensors.at("blk.0.attn_q.weight").bytes, two.at("model.layers.0.self_attn.q_proj.weight").bytes);
  EXPECT_EQ(gguf2.tensors.at("blk.0.attn_k.bias").type, 0u);
  EXPECT_FALSE(gguf2.tensors.contains("output.weight"));
  const auto [three, gguf3] =
      Export("qwen3", {{"model_type", "qwen3"}, {"architectures", {"Qwen3ForCausalLM"}}, {"head_dim", 16}}, "f16");
  EXPECT_EQ(gguf3.members.at("qwen3.attention.key_length"), 16);
  EXPECT_EQ(gguf3.tensors.at("blk.1.attn_q.weight").bytes, three.at("model.layers.1.self_attn.q_proj.weight").bytes);
  EXPECT_EQ(gguf3.tensors.at("blk.1.attn_q_norm.weight").dims, std::vector<uint64_t>{16});
}

// Norms multiply by 1 + weight; there are four a layer; of six layers five see a window.
TEST(GgufTest, AGemmasNormsAndWindowsAreThere) {
  json config = {{"model_type", "gemma3_text"},
                 {"architectures", {"Gemma3ForCausalLM"}},
                 {"hidden_activation", "gelu_pytorch_tanh"},
                 {"num_hidden_layers", 6},
                 {"head_dim", 8},
                 {"query_pre_attn_scalar", 8},
                 {"sliding_window", 16},
                 {"rope_theta", 1e6},
                 {"rope_local_base_freq", 1e4},
                 {"tie_word_embeddings", true}};
  const auto [saved, gguf] = Export("gemma3", config, "bf16");
  EXPECT_EQ(gguf.members.at("general.architecture"), "gemma3");
  EXPECT_EQ(gguf.members.at("gemma3.attention.sliding_window"), 16);
  EXPECT_EQ(gguf.members.at("gemma3.rope.freq_base"), 1e6);
  EXPECT_FALSE(gguf.tensors.contains("output.weight"));
  EXPECT_EQ(gguf.tensors.at("blk.0.attn_q.weight").bytes, saved.at("model.layers.0.self_attn.q_proj.weight").bytes);
  for (const char* name : {"output_norm", "blk.0.attn_norm", "blk.5.ffn_norm", "blk.5.post_attention_norm", "blk.5.post_ffw_norm",
                           "blk.5.attn_q_norm", "blk.0.attn_k_norm"}) {
    ASSERT_TRUE(gguf.tensors.contains(std::string(name) + ".weight")) << name;
    float one = 0;
    std::memcpy(&one, gguf.tensors.at(std::string(name) + ".weight").bytes.data(), 4);
    EXPECT_EQ(one, 1.0f) << name << ": new weights are zero";
  }
  config["query_pre_attn_scalar"] = 32;
  json whole = json::parse(ReadFile(SmallConfig()));
  whole.update(config);
  WriteFile(Scratch("scaled.json"), whole.dump());
  ExpectOneErrorLine(Horizon({"export", "--config", Scratch("scaled.json"), "--gguf", Scratch("scaled.gguf")}),
                     {"query_pre_attn_scalar 32", "gemma3 has 8"});
  whole["query_pre_attn_scalar"] = 8;
  whole["rope_local_base_freq"] = 5e4;
  WriteFile(Scratch("local.json"), whole.dump());
  ExpectOneErrorLine(Horizon({"export", "--config", Scratch("local.json"), "--gguf", Scratch("local.gguf")}),
                     {"base 50000", "layers with a window"});
}

// Its layers all have the same rotary positions, whatever their base; what a file leaves out is as transformers has it.
TEST(GgufTest, AGemma2OfAnotherBaseIsWritten) {
  for (const bool flat : {false, true}) {
    json config = {{"model_type", "gemma2"},
                   {"architectures", {"Gemma2ForCausalLM"}},
                   {"hidden_activation", "gelu_pytorch_tanh"},
                   {"head_dim", 8},
                   {"query_pre_attn_scalar", 8},
                   {"sliding_window", 16},
                   {"tie_word_embeddings", true}};
    if (flat) {
      config["rope_theta"] = nullptr;
      config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
    } else {
      config["rope_theta"] = 5e5;
    }
    const auto [saved, gguf] = Export(flat ? "gemma2-flat" : "gemma2-old", config, "bf16");
    EXPECT_EQ(gguf.members.at("gemma2.rope.freq_base"), 5e5);
    EXPECT_EQ(gguf.members.at("gemma2.attn_logit_softcapping"), 50.0);
    EXPECT_EQ(gguf.members.at("gemma2.final_logit_softcapping"), 30.0);
    EXPECT_EQ(gguf.tensors.at("blk.1.post_ffw_norm.weight").type, 0u);
  }
}

TEST(GgufTest, LongContextOfLlama3IsATensorOfDivisors) {
  const json rope = {{"rope_type", "llama3"},
                     {"factor", 8.0},
                     {"low_freq_factor", 1.0},
                     {"high_freq_factor", 4.0},
                     {"original_max_position_embeddings", 64}};
  const auto [saved, gguf] = Export("llama3", {{"rope_scaling", rope}}, "bf16");
  const Tensor& factors = gguf.tensors.at("rope_freqs.weight");
  ASSERT_EQ(factors.dims, std::vector<uint64_t>{4});
  float values[4];
  std::memcpy(values, factors.bytes.data(), sizeof(values));
  // Wavelengths 6.28, 62.8, 628, 6283 of a context of 64: below 64 / 4 as it is, above 64 by 8, between them by both.
  EXPECT_EQ(values[0], 1.0f);
  const double smooth = (64 / 62.83185307179586 - 1) / 3;
  EXPECT_FLOAT_EQ(values[1], static_cast<float>(1 / ((1 - smooth) / 8 + smooth)));
  EXPECT_EQ(values[2], 8.0f);
  EXPECT_EQ(values[3], 8.0f);
}

TEST(GgufTest, TheTokenizerComesAlong) {
  const std::string example = ExampleModel(), base = FreshFolder("gguf-base"), file = Scratch("tokens.gguf");
  fs::remove_all(base);
  ASSERT_EQ(Horizon({"export", "--config", example + "/config.json", "--out", base}).status, 0);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
    WriteFile(base + "/" + name, ReadFile(example + "/" + name));
  const Result result = Horizon({"export", "--model", base, "--gguf", file, "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(json::parse(result.out), (json{{"gguf", file}}));
  const Gguf gguf(file);
  const json tokenizer = json::parse(ReadFile(base + "/tokenizer.json"));
  const json& tokens = gguf.members.at("tokenizer.ggml.tokens");
  for (const auto& [text, id] : tokenizer["model"]["vocab"].items()) EXPECT_EQ(tokens[id.get<size_t>()], text);
  EXPECT_EQ(gguf.members.at("tokenizer.ggml.model"), "gpt2");
  EXPECT_EQ(gguf.members.at("tokenizer.ggml.merges").size(), tokenizer["model"]["merges"].size());
  EXPECT_EQ(tokens.size(), json::parse(ReadFile(base + "/config.json"))["vocab_size"].get<size_t>());
  EXPECT_EQ(gguf.members.at("tokenizer.ggml.token_type")[1], 3) << "<|im_start|> is special";
  EXPECT_NE(gguf.members.at("tokenizer.chat_template").get<std::string>().find("im_start"), std::string::npos);
}

TEST(GgufTest, ThePreTokenizerAndTheEndOfATurnHaveNames) {
  const std::string example = ExampleModel(), base = FreshFolder("gguf-pre"), file = Scratch("pre.gguf");
  fs::remove_all(base);
  ASSERT_EQ(Horizon({"export", "--config", example + "/config.json", "--out", base}).status, 0);
  WriteFile(base + "/tokenizer_config.json", ReadFile(example + "/tokenizer_config.json"));
  const json tokenizer = json::parse(ReadFile(example + "/tokenizer.json"));
  const auto members = [&](const json& pre_tokenizer, const json& ends) {
    json with = tokenizer;
    with["pre_tokenizer"] = pre_tokenizer;
    WriteFile(base + "/tokenizer.json", with.dump());
    WriteFile(base + "/generation_config.json", json({{"eos_token_id", ends}}).dump());
    fs::remove(file);
    const Result result = Horizon({"export", "--model", base, "--gguf", file});
    EXPECT_EQ(result.status, 0) << result.err;
    return Gguf(file).members;
  };
  const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  json cut = bytes;
  cut["use_regex"] = false;
  const auto sequence = [](const json& first, const json& second) {
    return json({{"type", "Sequence"}, {"pretokenizers", json::array({first, second})}});
  };
  const char* tekken =
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const json split = {{"type", "Split"}, {"pattern", {{"Regex", tekken}}}, {"behavior", "Isolated"}, {"invert", false}};
  EXPECT_EQ(members(bytes, 0).at("tokenizer.ggml.pre"), "gpt-2");
  EXPECT_EQ(members(sequence({{"type", "Digits"}, {"individual_digits", true}}, bytes), 0).at("tokenizer.ggml.pre"), "smollm");
  const auto several = members(sequence(split, cut), {0, 2});
  EXPECT_EQ(several.at("tokenizer.ggml.pre"), "tekken");
  EXPECT_EQ(several.at("tokenizer.ggml.eos_token_id"), 0);
  EXPECT_EQ(several.at("tokenizer.ggml.eot_token_id"), 2) << "<|im_end|>";
  EXPECT_EQ(members(bytes, {2, 0}).count("tokenizer.ggml.eot_token_id"), 0u) << "<|endoftext|> ends no turn";
}

TEST(GgufTest, WhatTheFileCannotSayIsRefused) {
  const auto expect = [&](const Words& words, int status, const Words& parts) {
    const Result result = Horizon(With({"export"}, words));
    EXPECT_EQ(result.status, status);
    ExpectOneErrorLine(result, parts);
  };
  json config = json::parse(ReadFile(SmallConfig()));
  config["model_type"] = "olmo2";
  config["architectures"] = {"Olmo2ForCausalLM"};
  WriteFile(Scratch("olmo.json"), config.dump());
  expect({"--config", Scratch("olmo.json"), "--gguf", Scratch("olmo.gguf")}, 1, {"olmo2", "llama, mistral, qwen2, qwen3, gemma"});
  expect({"--preset", "tiny", "--gguf", Scratch("tiny.bin")}, 2, {".gguf"});
  expect({"--preset", "tiny"}, 2, {"--out", "--gguf"});
  WriteFile(Scratch("there.gguf"), "x");
  expect({"--preset", "tiny", "--gguf", Scratch("there.gguf")}, 1, {"there.gguf", "--overwrite"});
  EXPECT_EQ(ReadFile(Scratch("there.gguf")), "x");
}

}  // namespace
}  // namespace horizon_test
