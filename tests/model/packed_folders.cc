#include "tests/model/packed_folders.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/base/dtype.h"
#include "core/model/safetensors.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

constexpr const char* kGptOss =
    R"({"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 41, "max_position_embeddings": 64, "sliding_window": 4,
        "num_local_experts": 3, "num_experts_per_tok": 1, "rope_theta": 10000.0, "torch_dtype": "bfloat16",
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]}})";

std::string ScaleBytes(int64_t count, const std::string& dtype) {
  std::string bytes;
  for (int64_t i = 0; i < count; ++i) {
    const float scale = 0.37f * static_cast<float>(i % 11 + 1) / 448.0f;
    if (dtype == "F32") bytes += BytesOf<float>({scale});
    if (dtype == "BF16") bytes += BytesOf<uint16_t>({FloatToBf16(scale)});
    if (dtype == "F16") bytes += BytesOf<uint16_t>({FloatToF16(scale)});
    if (dtype == "F8_E8M0") bytes.push_back(static_cast<char>(110 + i % 9));
  }
  return bytes;
}

// Of element i of a block: any but -0, and a 6 in each.
int64_t FourBits(int64_t block, int64_t i) {
  const int64_t code = i == 7 ? 7 : (block * 31 + i * 7) % 16;
  return code == 8 ? 15 : code;
}

void WriteFolder(const std::string& folder, const std::string& config, const FileBuilder& file) {
  mkdir(folder.c_str(), 0755);
  WriteText(folder + "/config.json", config);
  WriteText(folder + "/model.safetensors", file.Bytes());
}

}  // namespace

std::map<std::string, StoredTensor> TensorsOf(const std::string& folder) {
  std::map<std::string, StoredTensor> tensors;
  for (const std::string& name : List(folder)) {
    if (!name.ends_with(".safetensors")) continue;
    const SafetensorsFile file(folder + "/" + name);
    for (const TensorEntry& entry : file.tensors()) {
      std::string bytes(static_cast<size_t>(entry.end - entry.begin), '\0');
      file.ReadBytes(entry, 0, bytes.size(), bytes.data());
      EXPECT_TRUE(tensors.emplace(entry.name, StoredTensor{entry.dtype, entry.shape, bytes}).second) << entry.name;
    }
  }
  return tensors;
}

void WriteFp8Folder(const std::string& folder, const std::string& quantization, const std::string& scale_dtype,
                    const std::string& more) {
  const auto model = Model::Create(TinyConfig("Llama"), 1);
  std::vector<std::string> packed;
  for (const UnitSpec& unit : model->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      if (tensor.shape.size() == 2 && (tensor.name == kFp8Gate || tensor.name.find("layers.1.") != std::string::npos))
        packed.push_back(tensor.name);
    }
  }
  FileBuilder file = ModelFile(*model, "BF16", packed, {{kFp8Norm, {"F32", {16}}}});
  for (const std::string& name : packed) {
    int64_t unit = 0;
    const std::vector<int64_t> shape = FindTensor(model->layout(), name, &unit)->shape;
    std::string codes;
    for (int64_t i = 0; i < shape[0] * shape[1]; ++i) codes.push_back(static_cast<char>(1 + i * 29 % 126 + i % 2 * 128));
    file.AddRaw(name, "F8_E4M3", shape, codes);
    const int64_t rows = (shape[0] + 4) / 5, columns = (shape[1] + 6) / 7;
    file.AddRaw(name + "_scale_inv", scale_dtype, {rows, columns}, ScaleBytes(rows * columns, scale_dtype));
  }
  if (!more.empty()) file.AddRaw(more, "F32", {}, BytesOf<float>({1}));
  WriteFolder(folder, TinyConfig("Llama", R"({"dtype": "bfloat16", "quantization_config": )" + quantization + "}"), file);
}

void WriteMxfp4Folder(const std::string& folder) {
  const auto model = Model::Create(kGptOss, 1);
  std::map<std::string, std::vector<int64_t>> packed;
  std::vector<std::string> names;
  for (const char* layer : {"0", "1"}) {
    const std::string experts = std::string("model.layers.") + layer + ".mlp.experts.";
    packed[experts + "gate_up_proj"] = {3, 128, 1};
    packed[experts + "down_proj"] = {3, 32, 2};
  }
  for (const auto& [name, shape] : packed) names.push_back(name);
  FileBuilder file = ModelFile(*model, "BF16", names);
  for (const auto& [name, shape] : packed) {
    std::string blocks, scales;
    for (int64_t b = 0; b < shape[0] * shape[1] * shape[2]; ++b) {
      scales.push_back(static_cast<char>(118 + b % 7));
      for (int64_t i = 0; i < 32; i += 2) blocks.push_back(static_cast<char>(FourBits(b, i) | FourBits(b, i + 1) << 4));
    }
    file.AddRaw(name + "_blocks", "U8", {shape[0], shape[1], shape[2], 16}, blocks);
    file.AddRaw(name + "_scales", "U8", shape, scales);
  }
  WriteFolder(folder, kGptOss, file);
}

}  // namespace hlm
