#include "samples/horizon/data/npy.h"

#include <cctype>
#include <cstring>
#include <optional>
#include <string_view>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

constexpr unsigned char kMagic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
constexpr size_t kLargestHeader = 1 << 16;  // NumPy writes about 100 bytes

// The header is a Python dictionary literal with the keys descr, fortran_order and shape, in any order. Only the literals that a
// plain array has are read.
class HeaderParser {
 public:
  HeaderParser(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  void Parse() {
    Expect('{');
    while (!Accept('}')) {
      const std::string key = String();
      Expect(':');
      if (key == "descr" && !descr) {
        if (Peek() != '\'' && Peek() != '"') Fail("its type is not a plain one (a structured array?)");
        descr = String();
      } else if (key == "fortran_order" && !fortran_order) {
        fortran_order = Boolean();
      } else if (key == "shape" && !shape) {
        shape = Tuple();
      } else {
        Fail("unexpected key '" + key + "' in its header");
      }
      if (!Accept(',') && Peek() != '}') Fail("damaged header");
    }
    if (Peek() != '\0') Fail("text behind its header");
    if (!descr || !fortran_order || !shape) Fail("its header lacks descr, fortran_order or shape");
  }

  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;

 private:
  [[noreturn]] void Fail(const std::string& what) const { throw Error(path_ + ": bad .npy file: " + what); }

  char Peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Accept(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  void Expect(char c) {
    if (!Accept(c)) Fail(std::string("expected '") + c + "' in its header");
  }
  std::string String() {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') Fail("expected a string in its header");
    const size_t end = text_.find(quote, ++at_);
    if (end == std::string_view::npos) Fail("unfinished string in its header");
    std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  bool Boolean() {
    Peek();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    Fail("fortran_order is neither True nor False");
  }
  std::vector<int64_t> Tuple() {
    std::vector<int64_t> values;
    Expect('(');
    while (!Accept(')')) {
      values.push_back(Number());
      if (!Accept(',') && Peek() != ')') Fail("damaged shape");
    }
    return values;
  }
  int64_t Number() {
    if (!std::isdigit(static_cast<unsigned char>(Peek()))) Fail("a dimension is not a whole number of 0 or more");
    int64_t value = 0;
    for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])); ++at_) {
      if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text_[at_] - '0', &value)) {
        Fail("a dimension is above 2^63 - 1");
      }
    }
    return value;
  }

  const std::string& path_;
  std::string_view text_;
  size_t at_ = 0;
};

Element ElementOf(const std::string& path, const std::string& descr) {
  if (descr == "<i4") return Element::kInt32;
  if (descr == "<u2") return Element::kUint16;
  if (descr == "<u4") return Element::kUint32;
  if (descr == "<i8") return Element::kInt64;
  const bool big_endian = !descr.empty() && descr[0] == '>';
  throw Error(path + ": elements are '" + descr + "'" + (big_endian ? " (big-endian)" : "") +
              "; token files hold little-endian int32, uint16, uint32 or int64");
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

}  // namespace

size_t ElementBytes(Element element) {
  switch (element) {
    case Element::kUint8:
      return 1;
    case Element::kUint16:
      return 2;
    case Element::kInt32:
    case Element::kUint32:
      return 4;
    case Element::kInt64:
      return 8;
  }
  return 0;
}

const char* ElementName(Element element) {
  switch (element) {
    case Element::kUint8:
      return "uint8";
    case Element::kUint16:
      return "uint16";
    case Element::kInt32:
      return "int32";
    case Element::kUint32:
      return "uint32";
    case Element::kInt64:
      return "int64";
  }
  return "";
}

NpyHeader ParseNpy(const std::string& path, const unsigned char* bytes, size_t n_bytes) {
  const auto fail = [&path](const std::string& what) { throw Error(path + ": bad .npy file: " + what); };
  if (n_bytes < 10) fail("only " + FormatCount(static_cast<int64_t>(n_bytes), "byte"));
  if (std::memcmp(bytes, kMagic, sizeof(kMagic)) != 0) fail("it does not begin with \\x93NUMPY");
  const int version = bytes[6];
  if (version < 1 || version > 3) fail("format version " + std::to_string(version) + "; 1 to 3 are known");

  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t text_offset = 8 + length_bytes;
  if (n_bytes < text_offset) fail("only " + FormatCount(static_cast<int64_t>(n_bytes), "byte"));
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= static_cast<size_t>(bytes[8 + i]) << (8 * i);
  if (length > kLargestHeader) fail("a header of " + std::to_string(length) + " bytes");
  if (length > n_bytes - text_offset) fail("its header ends behind the file's end");

  HeaderParser header(path, std::string_view(reinterpret_cast<const char*>(bytes) + text_offset, length));
  header.Parse();

  NpyHeader result{ElementOf(path, *header.descr), *header.shape, text_offset + length};
  if (result.shape.empty() || result.shape.size() > 2) {
    throw Error(path + ": shape " + ShapeText(result.shape) + "; token files have one dimension or two");
  }
  if (*header.fortran_order && result.shape.size() == 2) {
    throw Error(path + ": stored in Fortran order; save it with numpy.ascontiguousarray");
  }
  size_t expected = ElementBytes(result.element);
  for (const int64_t dimension : result.shape) {
    if (__builtin_mul_overflow(expected, static_cast<size_t>(dimension), &expected)) {
      fail("shape " + ShapeText(result.shape) + " overflows");
    }
  }
  const size_t there = n_bytes - result.data_offset;
  if (there != expected) {
    fail("shape " + ShapeText(result.shape) + " of " + ElementName(result.element) + " takes " + std::to_string(expected) +
         " bytes, and " + std::to_string(there) + " are there");
  }
  return result;
}

}  // namespace horizon
