#include "samples/horizon/data/tokens.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "samples/horizon/base/error.h"
#include "samples/horizon/data/packed_text.h"

namespace horizon {
namespace {

// Elements of a .npy file lie at any address that the header's length leaves them at.
template <typename T>
T Load(const unsigned char* data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

// Calls f with a value of the element's C++ type, so that loops are compiled for each type.
template <typename F>
auto WithType(Element element, F f) {
  switch (element) {
    case Element::kUint16:
      return f(uint16_t{});
    case Element::kInt32:
      return f(int32_t{});
    case Element::kUint32:
      return f(uint32_t{});
    case Element::kInt64:
      return f(int64_t{});
    case Element::kUint8:
      break;
  }
  return f(uint8_t{});
}

constexpr int64_t kPart = 1 << 18;  // elements that are read at a time
constexpr size_t kMostHeader = 1 << 17;

}  // namespace

TokenFile::TokenFile(const std::string& path, const TextReader& text) : file_(path) {
  if (path.ends_with(".npy")) {
    std::vector<unsigned char> begin(std::min(file_.size(), kMostHeader));
    file_.ReadAt(0, begin.data(), begin.size());
    const NpyHeader header = ParseNpy(path, begin.data(), file_.size());
    element_ = header.element;
    shape_ = header.shape;
    data_offset_ = header.data_offset;
  } else if (NameOfText(path).ends_with(".txt") && text) {
    text_ids_ = text(path);
    element_ = Element::kInt32;
    shape_ = {static_cast<int64_t>(text_ids_.size())};
  } else if (NameOfText(path).ends_with(".txt")) {
    if (IsPacked(file_)) unpacked_ = Unpack(file_);
    shape_ = {static_cast<int64_t>(IsPacked(file_) ? unpacked_.size() : file_.size())};
  } else {
    throw Error(path + ": its name ends in neither .npy (token ids) nor .txt (bytes as ids); examples (JSONL) need --task");
  }
  size_ = 1;
  for (const int64_t dimension : shape_) size_ *= dimension;
}

const unsigned char* TokenFile::InMemory() const {
  if (!text_ids_.empty()) return reinterpret_cast<const unsigned char*>(text_ids_.data());
  return unpacked_.empty() ? nullptr : reinterpret_cast<const unsigned char*>(unpacked_.data());
}

void TokenFile::Read(int64_t begin, int64_t n, unsigned char* out) const {
  const size_t width = ElementBytes(element_), offset = static_cast<size_t>(begin) * width,
               bytes = static_cast<size_t>(n) * width;
  if (const unsigned char* elements = InMemory()) {
    std::memcpy(out, elements + offset, bytes);
  } else {
    file_.ReadAt(data_offset_ + offset, out, bytes);
  }
}

int64_t TokenFile::At(int64_t index) const {
  unsigned char element[8];
  Read(index, 1, element);
  return WithType(element_, [&](auto type) { return static_cast<int64_t>(Load<decltype(type)>(element, 0)); });
}

void TokenFile::Copy(int64_t begin, std::span<int32_t> out) const {
  const auto n = static_cast<int64_t>(out.size());
  std::vector<unsigned char> part(ElementBytes(element_) * static_cast<size_t>(std::min(n, kPart)));
  for (int64_t at = 0; at < n; at += kPart) {
    const int64_t count = std::min(n - at, kPart);
    Read(begin + at, count, part.data());
    WithType(element_, [&](auto type) {
      for (int64_t i = 0; i < count; ++i) {
        out[static_cast<size_t>(at + i)] = static_cast<int32_t>(Load<decltype(type)>(part.data(), i));
      }
    });
  }
}

template <class Bad>
int64_t TokenFile::FirstBad(uint64_t& hash, Bad bad) const {
  XXH3_state_t hasher;
  XXH3_64bits_reset(&hasher);
  std::vector<unsigned char> part(ElementBytes(element_) * static_cast<size_t>(std::min(size_, kPart)));
  for (int64_t at = 0; at < size_; at += kPart) {
    const int64_t count = std::min(size_ - at, kPart);
    Read(at, count, part.data());
    XXH3_64bits_update(&hasher, part.data(), ElementBytes(element_) * static_cast<size_t>(count));
    const int64_t found = WithType(element_, [&](auto type) -> int64_t {
      for (int64_t i = 0; i < count; ++i) {
        if (bad(static_cast<int64_t>(Load<decltype(type)>(part.data(), i)), at + i)) return at + i;
      }
      return -1;
    });
    if (found >= 0) return found;
  }
  hash = XXH3_64bits_digest(&hasher);
  return -1;
}

uint64_t TokenFile::CheckIds(int64_t vocab_size) const {
  uint64_t hash = 0;
  const int64_t bad = FirstBad(hash, [&](int64_t id, int64_t) { return id < 0 || id >= vocab_size; });
  if (bad < 0) return hash;
  throw Error(path() + ": " + (element_ == Element::kUint8 ? "byte " : "id ") + std::to_string(At(bad)) + " at " + Place(bad) +
              " is outside the vocabulary [0, " + std::to_string(vocab_size) + ")");
}

uint64_t TokenFile::CheckLabels(int64_t vocab_size, int64_t row_length) const {
  uint64_t hash = 0;
  const int64_t bad = FirstBad(hash, [&](int64_t label, int64_t index) {
    return label != kIgnoredLabel && (label < 0 || label >= vocab_size) && index % row_length != 0;
  });
  if (bad < 0) return hash;
  throw Error(path() + ": label " + std::to_string(At(bad)) + " at " + Place(bad) +
              " is neither -100 nor in the vocabulary [0, " + std::to_string(vocab_size) + ")");
}

std::string TokenFile::Place(int64_t index) const {
  if (shape_.size() == 1) return "position " + std::to_string(index);
  return "row " + std::to_string(index / shape_[1]) + ", column " + std::to_string(index % shape_[1]);
}

}  // namespace horizon
