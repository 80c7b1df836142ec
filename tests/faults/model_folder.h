// Model folders as files, made and damaged without the library: a small safetensors writer.
#ifndef HORIZON_LM_TESTS_FAULTS_MODEL_FOLDER_H_
#define HORIZON_LM_TESTS_FAULTS_MODEL_FOLDER_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {

// One tensor of a safetensors file. Offsets are made from the order of the file unless they are set.
struct FileTensor {
  std::string name;
  std::string dtype = "F32";
  std::vector<int64_t> shape;
  std::string bytes;
  int64_t begin = -1, end = -1;  // what the header says instead of the truth
};

inline std::string FloatBytes(int64_t n, int64_t seed) {
  std::string bytes(static_cast<size_t>(n) * sizeof(float), '\0');
  for (int64_t i = 0; i < n; ++i) {
    const float value = 0.1f * std::sin(static_cast<float>(i * 13 + seed * 101));
    std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof(float), &value, sizeof(value));
  }
  return bytes;
}

inline void SetFloat(FileTensor& tensor, int64_t element, float value) {
  std::memcpy(tensor.bytes.data() + static_cast<size_t>(element) * sizeof(float), &value, sizeof(value));
}

// The tensors of TinyConfig's model.
inline std::vector<FileTensor> TinyTensors() {
  std::vector<FileTensor> tensors;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    int64_t n = 1;
    for (const int64_t extent : shape) n *= extent;
    const auto seed = static_cast<int64_t>(tensors.size());
    tensors.push_back({.name = name, .shape = std::move(shape), .bytes = FloatBytes(n, seed)});
  };
  add("model.embed_tokens.weight", {48, 32});
  for (int layer = 0; layer < 2; ++layer) {
    const std::string block = "model.layers." + std::to_string(layer) + ".";
    add(block + "input_layernorm.weight", {32});
    add(block + "self_attn.q_proj.weight", {32, 32});
    add(block + "self_attn.k_proj.weight", {16, 32});
    add(block + "self_attn.v_proj.weight", {16, 32});
    add(block + "self_attn.o_proj.weight", {32, 32});
    add(block + "post_attention_layernorm.weight", {32});
    add(block + "mlp.gate_proj.weight", {64, 32});
    add(block + "mlp.up_proj.weight", {64, 32});
    add(block + "mlp.down_proj.weight", {32, 64});
  }
  add("model.norm.weight", {32});
  add("lm_head.weight", {48, 32});
  return tensors;
}

inline FileTensor& Find(std::vector<FileTensor>& tensors, const std::string& name) {
  for (FileTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::invalid_argument("no tensor " + name);
}

inline std::string ShapeJson(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t extent : shape) text += (text.empty() ? "" : ",") + std::to_string(extent);
  return "[" + text + "]";
}

inline std::string HeaderJson(const std::vector<FileTensor>& tensors) {
  std::string json = R"({"__metadata__":{"format":"pt"})";
  int64_t at = 0;
  for (const FileTensor& tensor : tensors) {
    const int64_t end = at + static_cast<int64_t>(tensor.bytes.size());
    json += ",\"" + tensor.name + "\":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":" + ShapeJson(tensor.shape) +
            ",\"data_offsets\":" + ShapeJson({tensor.begin < 0 ? at : tensor.begin, tensor.end < 0 ? end : tensor.end}) + "}";
    at = end;
  }
  return json + "}";
}

// A safetensors file as bytes; `length` overrides the header's length.
inline std::string SafetensorsBytes(const std::string& header, const std::string& data, int64_t length = -1) {
  const uint64_t said = length < 0 ? header.size() : static_cast<uint64_t>(length);
  return std::string(reinterpret_cast<const char*>(&said), sizeof(said)) + header + data;
}

inline std::string Data(const std::vector<FileTensor>& tensors) {
  std::string data;
  for (const FileTensor& tensor : tensors) data += tensor.bytes;
  return data;
}

inline std::string SafetensorsBytes(const std::vector<FileTensor>& tensors) {
  return SafetensorsBytes(HeaderJson(tensors), Data(tensors));
}

// A folder of files by name, under the test's own temporary folder.
inline std::string WriteFolder(const std::string& name, const std::map<std::string, std::string>& files) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("folder_" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const auto& [file, bytes] : files) {
    std::ofstream out(folder / file, std::ios::binary);
    out << bytes;
    out.flush();
    EXPECT_TRUE(out.good()) << folder / file;
  }
  return folder.string();
}

inline std::string WriteModel(const std::string& name, const std::vector<FileTensor>& tensors,
                              const std::string& config = TinyConfig()) {
  return WriteFolder(name, {{"config.json", config}, {"model.safetensors", SafetensorsBytes(tensors)}});
}

// The whole way with a good folder still works: open, plan, create, a step that learns.
inline void ExpectEverythingStillWorks() {
  hlm_model* raw_model = nullptr;
  ASSERT_OK(hlm_model_open(WriteModel("good", TinyTensors()).c_str(), &raw_model));
  const Model model(raw_model);
  const Plan plan = TinyPlan(model.get());
  hlm_trainer* raw_trainer = nullptr;
  ASSERT_OK(hlm_trainer_create(model.get(), plan.get(), nullptr, &raw_trainer));
  const Trainer trainer(raw_trainer);
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, &metrics));
  EXPECT_EQ(metrics.tokens, 25);
  EXPECT_EQ(metrics.skipped, 0);
  EXPECT_TRUE(std::isfinite(metrics.loss));
}

}  // namespace hlm_test

#endif  // HORIZON_LM_TESTS_FAULTS_MODEL_FOLDER_H_
