#include "core/io/json_reader.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

// The first byte at or behind `at` that is a quote, a backslash or a control character; the text's end where there is none.
size_t PlainEnd(std::string_view text, size_t at) {
  constexpr uint64_t kOnes = 0x0101010101010101u, kHighs = 0x8080808080808080u;
  // Eight bytes at a time. Of each test the lowest high bit that is set is right; others may come of its borrow.
  const auto below = [&](uint64_t word, uint64_t limit) { return (word - limit * kOnes) & ~word & kHighs; };
  while (at + 8 <= text.size()) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    const uint64_t found = below(word, 0x20) | below(word ^ '"' * kOnes, 1) | below(word ^ '\\' * kOnes, 1);
    if (found != 0) return at + static_cast<size_t>(__builtin_ctzll(found)) / 8;
    at += 8;
  }
  while (at < text.size() && text[at] != '"' && text[at] != '\\' && static_cast<unsigned char>(text[at]) >= 0x20) ++at;
  return at;
}

}  // namespace

JsonReader::JsonReader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {
  const size_t bad = FirstInvalidUtf8(text_);
  if (bad != std::string_view::npos) throw InvalidArgument(where_, ": not UTF-8 at byte ", bad);
}

JsonReader::JsonReader(std::string_view part, std::string where, size_t base)
    : text_(part), where_(std::move(where)), base_(base) {}

void JsonReader::Fail(const std::string& what) const { throw InvalidArgument(where_, ": ", what, " at byte ", base_ + at_); }

void JsonReader::SkipSpace() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
}

void JsonReader::Open(char bracket) {
  SkipSpace();
  if (at_ >= text_.size() || text_[at_] != bracket)
    Fail(bracket == '{' ? "not valid JSON, or no object," : "not valid JSON, or no array,");
  if (++depth_ > kMaxJsonDepth) Fail("JSON nested too deep");
  ++at_;
  first_ = true;
}

bool JsonReader::Next(char closing) {
  SkipSpace();
  if (at_ < text_.size() && text_[at_] == closing) {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (at_ >= text_.size() || text_[at_] != ',') Fail("not valid JSON");
    ++at_;
  }
  first_ = false;
  return true;
}

bool JsonReader::NextKey(std::string_view& key) {
  if (!Next('}')) return false;
  key = String();
  SkipSpace();
  if (at_ >= text_.size() || text_[at_] != ':') Fail("not valid JSON");
  ++at_;
  return true;
}

char JsonReader::Peek() {
  SkipSpace();
  if (at_ >= text_.size()) Fail("the JSON ends");
  return text_[at_];
}

std::string_view JsonReader::String() {
  if (Peek() != '"') Fail("not valid JSON, or no string,");
  const size_t begin = ++at_;
  at_ = PlainEnd(text_, at_);
  if (at_ < text_.size() && text_[at_] == '"') return text_.substr(begin, at_++ - begin);
  if (at_ < text_.size() && text_[at_] == '\\') return UnescapeFrom(begin);
  Fail("a string that does not end, or a control character in it,");
}

// The rest of a string that begins at `begin` and has its first escape at at_.
std::string_view JsonReader::UnescapeFrom(size_t begin) {
  unescaped_.assign(text_, begin, at_ - begin);
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '"') return unescaped_;
    if (static_cast<unsigned char>(c) < 0x20) break;
    if (c != '\\') {
      unescaped_ += c;
      continue;
    }
    if (at_ >= text_.size()) break;
    const char escape = text_[at_++];
    constexpr char kFrom[] = "\"\\/bfnrt";
    constexpr char kTo[] = "\"\\/\b\f\n\r\t";
    if (escape == 'u') {
      char32_t code = HexFour();
      if (code >= 0xd800 && code < 0xdc00) {
        if (text_.substr(at_, 2) != "\\u") Fail("half of a surrogate pair");
        at_ += 2;
        const char32_t low = HexFour();
        if (low < 0xdc00 || low > 0xdfff) Fail("half of a surrogate pair");
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
      } else if (code >= 0xdc00 && code < 0xe000) {
        Fail("half of a surrogate pair");
      }
      AppendChar(unescaped_, code);
      continue;
    }
    const char* found = escape == '\0' ? nullptr : std::strchr(kFrom, escape);
    if (found == nullptr) Fail("an escape that JSON does not have");
    unescaped_ += kTo[found - kFrom];
  }
  Fail("a string that does not end, or a control character in it,");
}

char32_t JsonReader::HexFour() {
  unsigned value = 0;
  const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) Fail("an escape that JSON does not have");
  at_ += 4;
  return value;
}

double JsonReader::Number() {
  const char c = Peek();
  if (c != '-' && (c < '0' || c > '9')) Fail("not valid JSON, or no number,");
  double value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (error != std::errc()) Fail("no number, or one out of range,");
  at_ = static_cast<size_t>(end - text_.data());
  return value;
}

int64_t JsonReader::Int() {
  const char c = Peek();
  if (c != '-' && (c < '0' || c > '9')) Fail("not valid JSON, or no whole number,");
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  const size_t behind = static_cast<size_t>(end - text_.data());
  if (error != std::errc() || (behind < text_.size() && (text_[behind] == '.' || text_[behind] == 'e' || text_[behind] == 'E'))) {
    Fail("no whole number, or one out of range,");
  }
  at_ = behind;
  return value;
}

bool JsonReader::TakeNull() {
  if (Peek() != 'n') return false;
  if (text_.substr(at_, 4) != "null") Fail("not valid JSON");
  at_ += 4;
  return true;
}

std::string_view JsonReader::Raw() {
  Peek();
  const size_t begin = at_;
  int depth = 0;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      String();
    } else if (c == '{' || c == '[') {
      if (depth_ + ++depth > kMaxJsonDepth) Fail("JSON nested too deep");
      ++at_;
      continue;
    } else if (c == '}' || c == ']') {
      if (depth == 0) break;  // the end of what holds the value
      --depth;
      ++at_;
    } else if (depth == 0 && (c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
      break;
    } else if (depth == 0) {
      ++at_;
      continue;  // a number or a word goes on
    } else {
      const auto counts = [](char c) { return c == '"' || (c | 0x20) == '{' || (c | 0x20) == '}'; };  // [ and ] as well
      while (++at_ < text_.size() && !counts(text_[at_])) {
      }
      continue;
    }
    if (depth == 0) break;
  }
  if (depth != 0 || at_ == begin) Fail("the JSON ends");
  return text_.substr(begin, at_ - begin);
}

void JsonReader::End() {
  SkipSpace();
  if (at_ != text_.size()) Fail("not valid JSON");
}

}  // namespace hlm
