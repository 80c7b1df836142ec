// Reads a message of Protocol Buffers' wire format field by field, without generated code: a number and a kind, then a value.
//
//   for (WireReader reader(bytes, where); reader.Next();) { switch (reader.field()) { case 1: ... reader.Bytes() ... } }
//
// A value that nobody takes is stepped over. What is not in the format is INVALID_ARGUMENT naming the byte.
// (https://protobuf.dev/programming-guides/encoding)
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_WIRE_READER_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_WIRE_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hlm {

class WireReader {
 public:
  // `bytes` is borrowed; its first is byte `base` of the file. `where` begins every message.
  WireReader(std::string_view bytes, std::string where, size_t base = 0) : bytes_(bytes), where_(std::move(where)), base_(base) {}

  bool Next();  // to the next field; false at the end
  int field() const { return field_; }

  // The field's value, which must be of this kind.
  int64_t Varint();
  bool Bool() { return Varint() != 0; }
  float Float();
  std::string_view Bytes();
  // A message inside this one; it ends before this one goes on.
  WireReader Message();

  [[noreturn]] void Fail(const std::string& what) const;  // "<where>: <what> at byte <here>"

 private:
  enum Kind : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  void Take(Kind kind, const char* name);
  uint64_t ReadVarint();
  std::string_view ReadFixed(size_t n);
  std::string_view ReadBytes();

  std::string_view bytes_;
  std::string where_;
  size_t base_;
  size_t at_ = 0;
  int field_ = 0;
  uint32_t kind_ = 0;
  bool taken_ = true;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_WIRE_READER_H_
