#include "core/text/tokenizer/wire_reader.h"

#include <bit>

#include "core/base/error.h"

namespace hlm {

void WireReader::Fail(const std::string& what) const { throw InvalidArgument(where_, ": ", what, " at byte ", base_ + at_); }

uint64_t WireReader::ReadVarint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (at_ == bytes_.size()) Fail("the file ends inside a number");
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    value |= shift < 64 ? uint64_t{byte & 0x7fu} << shift : 0;
    if (byte < 0x80) return value;
  }
  Fail("a number of more than ten bytes");
}

std::string_view WireReader::ReadFixed(size_t n) {
  if (bytes_.size() - at_ < n) Fail("the file ends inside a value");
  const std::string_view bytes = bytes_.substr(at_, n);
  at_ += n;
  return bytes;
}

std::string_view WireReader::ReadBytes() {
  const uint64_t length = ReadVarint();
  if (length > bytes_.size() - at_) Fail("a value that is longer than what holds it");
  return ReadFixed(static_cast<size_t>(length));
}

bool WireReader::Next() {
  if (!taken_) {
    switch (kind_) {
      case kVarint:
        ReadVarint();
        break;
      case kFixed64:
        ReadFixed(8);
        break;
      case kBytes:
        ReadBytes();
        break;
      default:
        ReadFixed(4);
    }
  }
  taken_ = true;
  if (at_ == bytes_.size()) return false;
  const uint64_t tag = ReadVarint();
  kind_ = static_cast<uint32_t>(tag & 7);
  if (tag >> 3 == 0 || tag >> 3 >= 1u << 29) Fail("a field without a valid number");
  if (kind_ != kVarint && kind_ != kFixed64 && kind_ != kBytes && kind_ != kFixed32) Fail("a field of an unknown kind");
  field_ = static_cast<int>(tag >> 3);
  taken_ = false;
  return true;
}

void WireReader::Take(Kind kind, const char* name) {
  if (kind_ != kind || taken_) Fail(StrCat("field ", field_, " is no ", name));
  taken_ = true;
}

int64_t WireReader::Varint() {
  Take(kVarint, "number");
  return static_cast<int64_t>(ReadVarint());
}

float WireReader::Float() {
  Take(kFixed32, "float");
  uint32_t bits = 0;
  const std::string_view bytes = ReadFixed(4);
  for (size_t i = 0; i < 4; ++i) bits |= uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return std::bit_cast<float>(bits);
}

std::string_view WireReader::Bytes() {
  Take(kBytes, "text");
  return ReadBytes();
}

WireReader WireReader::Message() {
  const std::string_view bytes = Bytes();
  return WireReader(bytes, where_, base_ + at_ - bytes.size());
}

}  // namespace hlm
