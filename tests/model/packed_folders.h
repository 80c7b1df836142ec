// Small folders whose weights are packed, and what lies in a folder's files.
#ifndef HORIZON_LM_TESTS_MODEL_PACKED_FOLDERS_H_
#define HORIZON_LM_TESTS_MODEL_PACKED_FOLDERS_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace hlm {

// A tensor as a file has it.
struct StoredTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
  bool operator==(const StoredTensor&) const = default;
};
// By name, of all files of a folder.
std::map<std::string, StoredTensor> TensorsOf(const std::string& folder);

template <class Number>
std::string BytesOf(const std::vector<Number>& numbers) {
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

inline constexpr const char* kFp8Blocks =
    R"({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [5, 7],
        "modules_to_not_convert": ["lm_head", "model.layers.0.mlp.up_proj"]})";
inline constexpr const char* kFp8Norm = "model.norm.weight";
inline constexpr const char* kFp8Gate = "model.layers.0.mlp.gate_proj.weight";  // [24, 16]

// Neither has a -0, which a step makes a 0 though its rate be 0.

// Llama of 40 ids: every product of layer 1 and the gate of layer 0 in blocks of 5 x 7, whose scales are no block's largest by 448; the
// last norm in F32; all else in BF16. `more`: a number of that name beside them.
void WriteFp8Folder(const std::string& folder, const std::string& quantization = kFp8Blocks,
                    const std::string& scale_dtype = "F32", const std::string& more = "");

// gpt-oss of 41 ids, 2 layers and 3 experts; each block has a 6.
void WriteMxfp4Folder(const std::string& folder);

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_MODEL_PACKED_FOLDERS_H_
