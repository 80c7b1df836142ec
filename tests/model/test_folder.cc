#include "tests/model/test_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/dtype.h"

namespace hlm {

namespace fs = std::filesystem;

TestFolder::TestFolder() {
  std::string name = ::testing::TempDir() + "/model_test_XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw Internal("cannot make ", name);
  path_ = fs::canonical(name).string();
}
TestFolder::~TestFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

void WriteText(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  if (!file) throw Internal("cannot write ", path);
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Internal("cannot read ", path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> List(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string TinyConfig(const std::string& family, const std::string& changes) {
  std::string type = family;
  type[0] = static_cast<char>(type[0] - 'A' + 'a');
  Json config = {{"architectures", {family + "ForCausalLM"}},
                 {"model_type", type},
                 {"vocab_size", 40},
                 {"hidden_size", 16},
                 {"intermediate_size", 24},
                 {"num_hidden_layers", 2},
                 {"num_attention_heads", 4},
                 {"num_key_value_heads", 2},
                 {"head_dim", 6}};
  config.update(Json::parse(changes));
  return config.dump(1);
}

namespace {
std::string Encode(float value, const std::string& dtype) {
  if (dtype == "F32") return std::string(reinterpret_cast<const char*>(&value), 4);
  const uint16_t narrow = dtype == "BF16" ? FloatToBf16(value) : FloatToF16(value);
  return std::string(reinterpret_cast<const char*>(&narrow), 2);
}
}  // namespace

void FileBuilder::Add(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape) {
  int64_t elements = 1;
  for (const int64_t extent : shape) elements *= extent;
  std::string bytes;
  for (int64_t i = 0; i < elements; ++i) bytes += Encode(0.5f * static_cast<float>(i % 100 + 1), dtype);
  AddRaw(name, dtype, shape, bytes);
}

void FileBuilder::AddRaw(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape,
                         const std::string& bytes) {
  header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {data.size(), data.size() + bytes.size()}}};
  data += bytes;
}

std::string FileBuilder::Bytes(const std::string& header_text) const {
  const uint64_t length = header_text.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header_text + data;
}

FileBuilder ModelFile(const Model& model, const std::string& dtype, const std::vector<std::string>& skip,
                      const std::map<std::string, Replacement>& replace) {
  FileBuilder file;
  for (const UnitSpec& unit : model.layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      if (std::find(skip.begin(), skip.end(), tensor.name) != skip.end()) continue;
      const auto other = replace.find(tensor.name);
      if (other == replace.end()) {
        file.Add(tensor.name, dtype, tensor.shape);
      } else {
        file.Add(tensor.name, other->second.dtype, other->second.shape);
      }
    }
  }
  return file;
}

FileBuilder Renamed(const FileBuilder& file, const std::string& own, const std::string& prefix) {
  FileBuilder renamed;
  for (const auto& [name, entry] : file.header.items()) {
    const size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    renamed.AddRaw(name.rfind(own, 0) == 0 ? prefix + name.substr(own.size()) : name, entry["dtype"], entry["shape"],
                   file.data.substr(begin, end - begin));
  }
  return renamed;
}

void WriteModelFolder(const std::string& folder, const std::string& config, const std::string& dtype) {
  fs::create_directory(folder);
  WriteText(folder + "/config.json", config);
  WriteText(folder + "/model.safetensors", ModelFile(*Model::Create(config, 0), dtype).Bytes());
}

std::vector<float> ReadAll(const Model& model, const TensorSpec& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.elements));
  model.weights().Read(tensor, 0, tensor.elements, values.data());
  return values;
}

TensorReader WeightsOf(const Model& model) {
  return
      [&model](const TensorSpec& tensor, int64_t begin, int64_t n, float* out) { model.weights().Read(tensor, begin, n, out); };
}

void ExpectError(Code code, const std::vector<std::string>& fragments, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(CodeName(error.code()), std::string(CodeName(code))) << error.message();
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
    for (const std::string& fragment : fragments) {
      EXPECT_NE(error.message().find(fragment), std::string::npos) << "'" << fragment << "' is not in: " << error.message();
    }
    return;
  }
  ADD_FAILURE() << "no error; expected " << CodeName(code) << (fragments.empty() ? "" : " with " + fragments[0]);
}

}  // namespace hlm
