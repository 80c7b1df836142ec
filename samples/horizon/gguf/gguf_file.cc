#include "samples/horizon/gguf/gguf_file.h"

#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

// A value's type.
constexpr uint32_t kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9;
constexpr uint64_t kAlignment = 32;

template <class T>
void Put(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PutText(std::string& out, const std::string& text) {
  Put<uint64_t>(out, text.size());
  out += text;
}

uint64_t Aligned(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

void GgufWriter::Key(const std::string& key, uint32_t type) {
  ++count_;
  PutText(members_, key);
  Put(members_, type);
}

void GgufWriter::Add(const std::string& key, uint32_t value) {
  Key(key, kU32);
  Put(members_, value);
}

void GgufWriter::Add(const std::string& key, float value) {
  Key(key, kF32);
  Put(members_, value);
}

void GgufWriter::Add(const std::string& key, bool value) {
  Key(key, kBool);
  Put<uint8_t>(members_, value ? 1 : 0);
}

void GgufWriter::Add(const std::string& key, const std::string& value) {
  Key(key, kString);
  PutText(members_, value);
}

void GgufWriter::Add(const std::string& key, const std::vector<std::string>& values) {
  Key(key, kArray);
  Put(members_, kString);
  Put<uint64_t>(members_, values.size());
  for (const std::string& value : values) PutText(members_, value);
}

void GgufWriter::Add(const std::string& key, const std::vector<float>& values) {
  Key(key, kArray);
  Put(members_, kF32);
  Put<uint64_t>(members_, values.size());
  for (const float value : values) Put(members_, value);
}

void GgufWriter::Add(const std::string& key, const std::vector<int32_t>& values) {
  Key(key, kArray);
  Put(members_, kI32);
  Put<uint64_t>(members_, values.size());
  for (const int32_t value : values) Put(members_, value);
}

void GgufWriter::AddTensor(const std::string& name, const std::vector<int64_t>& shape, GgufType type,
                           std::function<std::vector<char>()> bytes) {
  uint64_t size = static_cast<uint64_t>(BytesOf(type));
  for (const int64_t dimension : shape) size *= static_cast<uint64_t>(dimension);
  tensors_.push_back({name, shape, type, std::move(bytes), size});
}

void GgufWriter::Write(const std::string& path) const {
  std::string head = "GGUF";
  Put<uint32_t>(head, 3);
  Put<uint64_t>(head, tensors_.size());
  Put<uint64_t>(head, count_);
  head += members_;
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    PutText(head, tensor.name);
    Put<uint32_t>(head, static_cast<uint32_t>(tensor.shape.size()));
    for (auto dimension = tensor.shape.rbegin(); dimension != tensor.shape.rend(); ++dimension)
      Put<uint64_t>(head, static_cast<uint64_t>(*dimension));
    Put<uint32_t>(head, static_cast<uint32_t>(tensor.type));
    Put<uint64_t>(head, offset);
    offset += Aligned(tensor.size);
  }
  head.resize(Aligned(head.size()), '\0');

  const std::string work = path + ".tmp";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(work.c_str(), "we"), std::fclose);
  const auto fail = [&](const std::string& what) {
    const int failure = errno != 0 ? errno : EIO;
    std::remove(work.c_str());
    throw Error(path + ": " + what + ": " + std::strerror(failure));
  };
  if (file == nullptr) fail("cannot be opened for writing");
  const auto write = [&](const char* data, size_t n) {
    if (std::fwrite(data, 1, n, file.get()) != n) fail("writing failed");
  };
  try {
    write(head.data(), head.size());
    for (const Tensor& tensor : tensors_) {
      std::vector<char> bytes = tensor.bytes();
      if (bytes.size() != tensor.size)
        throw Error(tensor.name + ": has " + std::to_string(bytes.size()) + " bytes, not " + std::to_string(tensor.size));
      bytes.resize(Aligned(bytes.size()), '\0');
      write(bytes.data(), bytes.size());
    }
  } catch (...) {
    std::remove(work.c_str());
    throw;
  }
  if (std::fflush(file.get()) != 0 || fsync(fileno(file.get())) != 0 || std::rename(work.c_str(), path.c_str()) != 0)
    fail("writing failed");
}

}  // namespace horizon
