#include "samples/horizon/gguf/safetensors.h"

#include <bit>
#include <cstring>
#include <filesystem>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/json.h"

namespace horizon {
namespace {

constexpr uint64_t kLargestHeader = 256 << 20;

float FromHalf(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float small = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -small : small;
}

}  // namespace

std::vector<char> SavedTensor::Read() const {
  std::vector<char> bytes(end - begin);
  file->ReadAt(begin, bytes.data(), bytes.size());
  return bytes;
}

std::vector<float> SavedTensor::Floats() const {
  const std::vector<char> bytes = Read();
  std::vector<float> values(bytes.size() / (dtype == "F32" ? 4 : 2));
  if (dtype == "F32") {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t raw;
    std::memcpy(&raw, bytes.data() + 2 * i, 2);
    values[i] = dtype == "BF16" ? std::bit_cast<float>(static_cast<uint32_t>(raw) << 16) : FromHalf(raw);
  }
  return values;
}

SavedTensors::SavedTensors(const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".safetensors")) continue;
    files_.push_back(std::make_unique<DataFile>(path));
    const DataFile& file = *files_.back();
    uint64_t length = 0;
    if (file.size() >= sizeof(length)) file.ReadAt(0, &length, sizeof(length));
    if (length == 0 || length > kLargestHeader || length > file.size() - sizeof(length))
      throw Error(path + ": is no safetensors file");
    std::string header(length, '\0');
    file.ReadAt(sizeof(length), header.data(), length);
    const Json parsed = Json::parse(header, nullptr, false);
    if (!parsed.is_object()) throw Error(path + ": its header is no JSON object");
    const size_t base = sizeof(length) + length;
    for (const auto& [name, about] : parsed.items()) {
      if (name == "__metadata__") continue;
      const auto& places = about.at("data_offsets");
      const size_t begin = base + places.at(0).get<size_t>(), end = base + places.at(1).get<size_t>();
      if (begin > end || end > file.size()) throw Error(path + ": " + name + " lies outside the file");
      tensors_[name] = {&file, about.at("dtype").get<std::string>(), about.at("shape").get<std::vector<int64_t>>(), begin, end};
    }
  }
}

}  // namespace horizon
