// Folders and models for the tests of core/model: small, and easy to damage.
#ifndef HORIZON_LM_TESTS_MODEL_TEST_FOLDER_H_
#define HORIZON_LM_TESTS_MODEL_TEST_FOLDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/model/model.h"

namespace hlm {

using Json = nlohmann::ordered_json;  // what the library reads and writes, seen by another implementation

// A folder of the test's own, removed at the end.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void WriteText(const std::string& path, const std::string& bytes);
std::string ReadText(const std::string& path);
// The names in a folder, sorted, hidden ones included.
std::vector<std::string> List(const std::string& folder);

// A configuration of the family ("Llama", "Mistral", "Qwen2", "Qwen3") with 2 layers and 16 hidden, changed by the keys of the
// JSON object `changes`.
std::string TinyConfig(const std::string& family, const std::string& changes = "{}");

// A safetensors file in the making: raw bytes by tensor, written as a valid file unless the header is changed first.
class FileBuilder {
 public:
  // Adds a tensor of values 0.5, 1, 1.5, ... (exact in every type) after the others. `dtype` is F32, BF16 or F16.
  void Add(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape);
  void AddRaw(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape, const std::string& bytes);

  Json header = Json::object();
  std::string data;

  std::string Bytes() const { return Bytes(header.dump()); }
  std::string Bytes(const std::string& header_text) const;
};

// Adds every tensor of the model, in its order. `skip` and `replace` by name: the dtype and shape to write instead.
struct Replacement {
  std::string dtype;
  std::vector<int64_t> shape;
};
FileBuilder ModelFile(const Model& model, const std::string& dtype = "F32", const std::vector<std::string>& skip = {},
                      const std::map<std::string, Replacement>& replace = {});
// Its tensors, with `prefix` in place of `own` where their names begin with that.
FileBuilder Renamed(const FileBuilder& file, const std::string& own, const std::string& prefix);

// Writes a folder with this config.json and a model.safetensors with every tensor.
void WriteModelFolder(const std::string& folder, const std::string& config, const std::string& dtype = "F32");

// All values of a tensor.
std::vector<float> ReadAll(const Model& model, const TensorSpec& tensor);
// Reads from the model's own weights.
TensorReader WeightsOf(const Model& model);

// Runs the action and expects an Error with this code, whose message is one line and has every fragment in it.
void ExpectError(Code code, const std::vector<std::string>& fragments, const std::function<void()>& action);

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_MODEL_TEST_FOLDER_H_
