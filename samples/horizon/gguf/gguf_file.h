// GGUF, the file of llama.cpp, as it is written: version 3, little-endian; members, then the tensors' names and places, then their bytes.
#ifndef HORIZON_LM_SAMPLES_HORIZON_GGUF_GGUF_FILE_H_
#define HORIZON_LM_SAMPLES_HORIZON_GGUF_GGUF_FILE_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace horizon {

enum class GgufType : uint32_t { kF32 = 0, kF16 = 1, kBF16 = 30 };

inline int64_t BytesOf(GgufType type) { return type == GgufType::kF32 ? 4 : 2; }

class GgufWriter {
 public:
  void Add(const std::string& key, uint32_t value);
  void Add(const std::string& key, float value);
  void Add(const std::string& key, bool value);
  void Add(const std::string& key, const std::string& value);
  void Add(const std::string& key, const char* value) { Add(key, std::string(value)); }
  void Add(const std::string& key, const std::vector<std::string>& values);
  void Add(const std::string& key, const std::vector<float>& values);
  void Add(const std::string& key, const std::vector<int32_t>& values);

  // `shape` is the outermost dimension first, as a matrix [rows, columns]. `bytes` is called while the file is written, and gives all of the
  // tensor.
  void AddTensor(const std::string& name, const std::vector<int64_t>& shape, GgufType type,
                 std::function<std::vector<char>()> bytes);

  // Under another name first: a file of this name is whole.
  void Write(const std::string& path) const;

 private:
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    GgufType type;
    std::function<std::vector<char>()> bytes;
    uint64_t size;
  };
  void Key(const std::string& key, uint32_t type);

  std::string members_;
  uint64_t count_ = 0;
  std::vector<Tensor> tensors_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_GGUF_GGUF_FILE_H_
