#include "core/text/template/lexer.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/base/c_locale.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/text/template/unicode.h"

namespace hlm::jinja {
namespace {

bool IsSpaceByte(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameByte(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// "\r\n" and "\r" become "\n"; the last newline of the template goes.
std::string Normalize(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(Normalize(source)), rest_(source_) {}

  std::vector<Token> Run() {
    while (at_ < rest_.size()) Text();
    Add(Token::Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void Fail(const Parts&... parts) const {
    throw InvalidArgument("line ", line_, ": ", parts...);
  }

  void Add(Token::Kind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }
  bool StartsWith(std::string_view text) const { return rest_.substr(at_).starts_with(text); }
  char Peek(size_t ahead = 0) const { return at_ + ahead < rest_.size() ? rest_[at_ + ahead] : '\0'; }
  void Advance(size_t bytes) {
    line_ += static_cast<int>(
        std::count(rest_.begin() + static_cast<int64_t>(at_), rest_.begin() + static_cast<int64_t>(at_ + bytes), '\n'));
    at_ += bytes;
  }
  void SkipSpace() {
    const std::string_view rest = rest_.substr(at_);
    Advance(rest.size() - StripLeft(rest).size());
  }

  // White space before a tag: '-' takes all of it; else, before blocks and comments, what stands between the line's start and the tag.
  std::string_view BeforeTag(std::string_view text, char sign, bool output) const {
    if (sign == '-') return StripRight(text);
    if (sign == '+' || output) return text;
    const size_t newline = text.rfind('\n');
    const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    if (start == 0 && !line_starting_) return text;
    return StripLeft(text.substr(start)).empty() ? text.substr(0, start) : text;
  }

  void Text() {
    size_t tag = at_;
    while (true) {
      tag = rest_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= rest_.size()) {
        tag = rest_.size();
        break;
      }
      const char next = rest_[tag + 1];
      if (next == '{' || next == '%' || next == '#') break;
      ++tag;
    }
    const std::string_view text = rest_.substr(at_, tag - at_);
    if (tag == rest_.size()) {
      if (!text.empty()) Add(Token::Kind::kText, std::string(text));
      Advance(text.size());
      return;
    }
    const char kind = rest_[tag + 1];
    const char sign = tag + 2 < rest_.size() && (rest_[tag + 2] == '-' || rest_[tag + 2] == '+') ? rest_[tag + 2] : '\0';
    const std::string_view kept = BeforeTag(text, sign, kind == '{');
    if (!kept.empty()) Add(Token::Kind::kText, std::string(kept));
    Advance(text.size() + 2 + (sign != '\0' ? 1 : 0));
    if (kind == '#') return Comment();
    if (kind == '%' && Raw()) return;
    Tag(kind == '{');
  }

  // After "%}" or "#}" (or with a sign before): the newline behind it goes, or with '-' all white space.
  void AfterTag(char sign, size_t length) {
    Advance(length);
    if (sign == '-') {
      SkipSpace();
    } else if (sign != '+' && Peek() == '\n') {
      Advance(1);
    }
    line_starting_ = rest_[at_ - 1] == '\n';
  }

  void Comment() {
    const int line = line_;
    if (at_ >= rest_.size()) return;  // as Jinja has it
    const size_t end = rest_.find("#}", at_);
    if (end == std::string_view::npos) throw InvalidArgument("line ", line, ": a comment has no end");
    const char sign = end > at_ && (rest_[end - 1] == '-' || rest_[end - 1] == '+') ? rest_[end - 1] : '\0';
    Advance(end - at_);
    AfterTag(sign, 2);
  }

  // {% raw %} ... {% endraw %}: text as it stands. False where the tag is another one.
  bool Raw() {
    const size_t start = at_;
    const int line = line_;
    SkipSpace();
    if (!StartsWith("raw")) return Back(start, line);
    Advance(3);
    SkipSpace();
    const bool strip = Peek() == '-';
    if (strip) Advance(1);
    if (!StartsWith("%}")) return Back(start, line);
    Advance(2);
    if (strip) SkipSpace();
    line_starting_ = false;
    if (at_ >= rest_.size()) return true;  // as Jinja has it
    for (size_t tag = rest_.find("{%", at_); tag != std::string_view::npos; tag = rest_.find("{%", tag + 1)) {
      size_t inside = tag + 2;
      const char sign = inside < rest_.size() && (rest_[inside] == '-' || rest_[inside] == '+') ? rest_[inside] : '\0';
      if (sign != '\0') ++inside;
      while (inside < rest_.size() && IsSpaceByte(rest_[inside])) ++inside;
      if (!rest_.substr(inside).starts_with("endraw")) continue;
      inside += 6;
      while (inside < rest_.size() && IsSpaceByte(rest_[inside])) ++inside;
      const char last = inside < rest_.size() && (rest_[inside] == '-' || rest_[inside] == '+') ? rest_[inside] : '\0';
      if (last != '\0') ++inside;
      if (!rest_.substr(inside).starts_with("%}")) continue;
      const std::string_view kept = BeforeTag(rest_.substr(at_, tag - at_), sign, false);
      if (!kept.empty()) Add(Token::Kind::kText, std::string(kept));
      Advance(inside - at_);
      AfterTag(last, 2);
      return true;
    }
    throw InvalidArgument("line ", line, ": a raw block has no end");
  }
  bool Back(size_t at, int line) {
    at_ = at;
    line_ = line;
    return false;
  }

  void Tag(bool output) {
    Add(output ? Token::Kind::kOutputBegin : Token::Kind::kBlockBegin, "");
    std::string brackets;  // the closing ones that are due
    const char close = output ? '}' : '%';
    while (true) {
      SkipSpace();
      if (at_ >= rest_.size()) Fail("a tag has no end");
      if (brackets.empty()) {
        const bool sign = Peek() == '-' || (Peek() == '+' && !output);
        const size_t from = sign ? 1 : 0;
        if (Peek(from) == close && Peek(from + 1) == '}') {
          const char which = sign ? Peek() : '\0';
          Add(output ? Token::Kind::kOutputEnd : Token::Kind::kBlockEnd, "");
          if (!output) return AfterTag(which, from + 2);
          Advance(from + 2);
          if (which == '-') SkipSpace();
          line_starting_ = rest_[at_ - 1] == '\n';
          return;
        }
      }
      One(brackets);
    }
  }

  void One(std::string& brackets) {
    const char c = Peek();
    if (IsDigit(c)) return Number();
    if (IsNameByte(c)) {
      size_t n = 0;
      while (IsNameByte(Peek(n))) ++n;
      const int line = line_;
      std::string name(rest_.substr(at_, n));
      Advance(n);
      tokens_.push_back({Token::Kind::kName, line, std::move(name)});
      return;
    }
    if (c == '"' || c == '\'') return String(c);
    static constexpr std::string_view kOperators[] = {"**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                                      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (const std::string_view op : kOperators) {
      if (!StartsWith(op)) continue;
      if (c == '(' || c == '[' || c == '{') brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
      if (c == ')' || c == ']' || c == '}') {
        if (brackets.empty()) Fail("unexpected '", c, "'");
        if (brackets.back() != c) Fail("unexpected '", c, "', expected '", brackets.back(), "'");
        brackets.pop_back();
      }
      Add(Token::Kind::kOperator, std::string(op));
      return Advance(op.size());
    }
    const unsigned char byte = static_cast<unsigned char>(c);
    Fail("unexpected character ", byte >= 0x20 && byte < 0x7f ? std::string(1, c) : StrCat("of byte ", unsigned{byte}));
  }

  // Digits with single underscores between them.
  size_t Digits(size_t from) const {
    size_t n = from;
    while (IsDigit(Peek(n)) || (Peek(n) == '_' && n > from && IsDigit(Peek(n - 1)) && IsDigit(Peek(n + 1)))) ++n;
    return n;
  }

  void Number() {
    const char kind = static_cast<char>(Peek(1) | 0x20);
    const int base = Peek() != '0' ? 10 : kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
    size_t n = base == 10 ? Digits(0) : 2;
    bool real = false;
    if (base != 10) {
      while (IsNameByte(Peek(n))) ++n;
    } else {
      const bool after_dot = !tokens_.empty() && tokens_.back().kind == Token::Kind::kOperator && tokens_.back().text == "." &&
                             at_ > 0 && rest_[at_ - 1] == '.';
      if (!after_dot && Peek(n) == '.' && IsDigit(Peek(n + 1))) {
        n = Digits(n + 1);
        real = true;
      }
      if (!after_dot && (Peek(n) == 'e' || Peek(n) == 'E')) {
        const size_t digits = n + (Peek(n + 1) == '+' || Peek(n + 1) == '-' ? 2 : 1);
        if (IsDigit(Peek(digits))) {
          n = Digits(digits);
          real = true;
        }
      }
    }
    std::string text(rest_.substr(at_, n));
    std::erase(text, '_');
    const char* begin = text.data() + (base == 10 ? 0 : 2);
    const char* end = text.data() + text.size();
    Token token{real ? Token::Kind::kFloat : Token::Kind::kInt, line_, text};
    if (real) {
      const auto [stop, failure] = std::from_chars(begin, end, token.real);
      if (stop != end || (failure != std::errc() && failure != std::errc::result_out_of_range)) Fail("not a number: ", text);
      if (failure == std::errc::result_out_of_range) token.real = ToDouble(text.c_str());
    } else {
      const auto [stop, failure] = std::from_chars(begin, end, token.whole, base);
      if (failure == std::errc::result_out_of_range) Fail("the number ", text.substr(0, 40), " has more than 63 bits");
      if (stop != end || failure != std::errc()) Fail("not a number: ", text.substr(0, 40));
      if (base == 10 && text.size() > 1 && text[0] == '0' && token.whole != 0) Fail("a whole number begins with 0: ", text);
    }
    tokens_.push_back(std::move(token));
    Advance(n);
  }

  void String(char quote) {
    const int line = line_;
    size_t end = at_ + 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) Fail("a string has no end");
    const std::string_view inside = rest_.substr(at_ + 1, end - at_ - 1);
    std::string text = Unescape(inside);
    tokens_.push_back({Token::Kind::kString, line, std::move(text)});
    Advance(end + 1 - at_);
  }

  // Python's escapes. One that it does not know stays, with its backslash.
  std::string Unescape(std::string_view text) const {
    std::string out;
    for (size_t i = 0; i < text.size();) {
      if (text[i] != '\\') {
        out += text[i++];
        continue;
      }
      const char c = text[++i];
      static constexpr char kFrom[] = "abfnrtv\\'\"";
      static constexpr char kTo[] = "\a\b\f\n\r\t\v\\'\"";
      if (const char* known = c == '\0' ? nullptr : std::strchr(kFrom, c)) {
        out += kTo[known - kFrom];
        ++i;
      } else if (c == '\n') {
        ++i;
      } else if (c >= '0' && c <= '7') {
        uint32_t code = 0;
        for (int n = 0; n < 3 && i < text.size() && text[i] >= '0' && text[i] <= '7'; ++n)
          code = code * 8 + uint32_t(text[i++] - '0');
        AppendUtf8(code, out);
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        uint32_t code = 0;
        const char* begin = text.data() + i + 1;
        const char* end = text.data() + std::min(text.size(), i + 1 + digits);
        const auto [stop, failure] = std::from_chars(begin, end, code, 16);
        if (failure != std::errc() || stop != begin + digits) Fail("\\", c, " in a string needs ", digits, " hexadecimal digits");
        if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) Fail("\\", c, " in a string is no character of UTF-8");
        AppendUtf8(code, out);
        i += 1 + digits;
      } else if (c == 'N') {
        throw Unimplemented("line ", line_, ": \\N{...} in a string");
      } else {
        out += '\\';
      }
    }
    return out;
  }

  const std::string source_;
  const std::string_view rest_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // the last tag ended with a newline
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source) {
  for (size_t at = 0; at < source.size();) {
    const size_t length = Utf8SequenceLength(source.substr(at));
    if (length == 0) throw InvalidArgument("the template is not UTF-8 at byte ", at);
    at += length;
  }
  return Lexer(source).Run();
}

}  // namespace hlm::jinja
