#include "samples/horizon/data/tokens.h"

#include <cstring>

#include "samples/horizon/base/error.h"

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

// The first index whose element `bad` rejects, or -1.
template <typename Bad>
int64_t FirstBad(Element element, const unsigned char* data, int64_t size, Bad bad) {
  return WithType(element, [&](auto type) -> int64_t {
    for (int64_t i = 0; i < size; ++i) {
      if (bad(static_cast<int64_t>(Load<decltype(type)>(data, i)), i)) return i;
    }
    return -1;
  });
}

}  // namespace

TokenFile::TokenFile(const std::string& path, const TextReader& text) : file_(path) {
  if (path.ends_with(".npy")) {
    const NpyHeader header = ParseNpy(path, file_.data(), file_.size());
    element_ = header.element;
    shape_ = header.shape;
    data_ = file_.data() + header.data_offset;
  } else if (path.ends_with(".txt") && text) {
    text_ids_ = text(path);
    element_ = Element::kInt32;
    shape_ = {static_cast<int64_t>(text_ids_.size())};
    data_ = reinterpret_cast<const unsigned char*>(text_ids_.data());
  } else if (path.ends_with(".txt")) {
    shape_ = {static_cast<int64_t>(file_.size())};
    data_ = file_.data();
  } else {
    throw Error(path + ": its name ends in neither .npy (token ids) nor .txt (bytes as ids); examples (JSONL) need --task");
  }
  size_ = 1;
  for (const int64_t dimension : shape_) size_ *= dimension;
}

int64_t TokenFile::At(int64_t index) const {
  return WithType(element_, [&](auto type) { return static_cast<int64_t>(Load<decltype(type)>(data_, index)); });
}

void TokenFile::Copy(int64_t begin, std::span<int32_t> out) const {
  WithType(element_, [&](auto type) {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<int32_t>(Load<decltype(type)>(data_, begin + static_cast<int64_t>(i)));
    }
  });
}

void TokenFile::CheckIds(int64_t vocab_size) const {
  const int64_t bad = FirstBad(element_, data_, size_, [&](int64_t id, int64_t) { return id < 0 || id >= vocab_size; });
  if (bad < 0) return;
  throw Error(path() + ": " + (element_ == Element::kUint8 ? "byte " : "id ") + std::to_string(At(bad)) + " at " + Place(bad) +
              " is outside the vocabulary [0, " + std::to_string(vocab_size) + ")");
}

void TokenFile::CheckLabels(int64_t vocab_size, int64_t row_length) const {
  const int64_t bad = FirstBad(element_, data_, size_, [&](int64_t label, int64_t index) {
    return label != kIgnoredLabel && (label < 0 || label >= vocab_size) && index % row_length != 0;
  });
  if (bad < 0) return;
  throw Error(path() + ": label " + std::to_string(At(bad)) + " at " + Place(bad) +
              " is neither -100 nor in the vocabulary [0, " + std::to_string(vocab_size) + ")");
}

std::string TokenFile::Place(int64_t index) const {
  if (shape_.size() == 1) return "position " + std::to_string(index);
  return "row " + std::to_string(index / shape_[1]) + ", column " + std::to_string(index % shape_[1]);
}

}  // namespace horizon
