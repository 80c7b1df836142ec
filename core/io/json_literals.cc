#include "core/io/json_literals.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/c_locale.h"

namespace hlm {
namespace {

using Why = JsonLiteral::Why;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The four hexadecimal digits of a \u escape whose backslash is at `at`; nothing where they are not there.
std::optional<uint32_t> EscapedUnit(std::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  uint32_t unit = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const char lower = static_cast<char>(text[i] | 0x20);
    if (!IsDigit(text[i]) && !(lower >= 'a' && lower <= 'f')) return std::nullopt;
    unit = unit * 16 + static_cast<uint32_t>(IsDigit(text[i]) ? text[i] - '0' : lower - 'a' + 10);
  }
  return unit;
}

class Finder {
 public:
  Finder(std::string_view text, bool strings) : text_(text), strings_(strings) { found_.text = text; }

  FoundLiterals Run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        String();
      } else if (c == '-' || IsDigit(c) || c == 'N' || c == 'I') {
        Number();
      } else {
        ++at_;
      }
    }
    return std::move(found_);
  }

 private:
  void Number() {
    const size_t begin = at_;
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      if (text_.substr(begin, word.size()) != word) continue;
      at_ += word.size();
      return Replace(begin, Why::kNotFinite);
    }
    const auto goes_on = [](char c) {
      return IsDigit(c) || c == '+' || c == '-' || c == '.' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    };
    while (++at_ < text_.size() && goes_on(text_[at_])) {
    }
    const std::string number(text_.substr(begin, at_ - begin));
    char* end = nullptr;
    const double value = ToDouble(number.c_str(), &end);
    if (*end != '\0' || number.find_first_not_of("+-.eE0123456789") != std::string::npos) return;  // none: the parser says so
    if (!std::isinf(value)) {
      ++number_;
      return;
    }
    // Whole numbers of hundreds of digits are whole numbers all the same.
    Replace(begin, number.find_first_of(".eE") == std::string::npos ? Why::kLongWhole : Why::kNotFinite);
  }
  void Replace(size_t begin, Why why) {
    found_.numbers.emplace(number_++, JsonLiteral{why, std::string(text_.substr(begin, at_ - begin))});
    found_.text.replace(begin, at_ - begin, at_ - begin, ' ');
    found_.text[begin] = '0';
  }

  void String() {
    const size_t begin = at_++;
    std::optional<Why> why;
    std::vector<std::pair<size_t, size_t>> refused;  // ranges of bytes
    while (at_ < text_.size() && text_[at_] != '"') {
      const size_t from = at_;
      if (text_[at_] == '\\') {
        const std::optional<uint32_t> unit = EscapedUnit(text_, at_);
        at_ = std::min(at_ + (unit ? 6u : 2u), text_.size());
        if (!unit || *unit < 0xd800 || *unit > 0xdfff) continue;
        const std::optional<uint32_t> second = EscapedUnit(text_, at_);
        if (*unit <= 0xdbff && second && *second >= 0xdc00 && *second <= 0xdfff) {
          at_ += 6;
          continue;
        }
        why = why.value_or(Why::kSurrogate);
      } else if (static_cast<unsigned char>(text_[at_++]) < 0x20) {
        why = why.value_or(Why::kControl);
      } else {
        continue;
      }
      refused.emplace_back(from, at_);
    }
    at_ = std::min(at_ + 1, text_.size());
    const int64_t place = string_++;
    if (!why || !strings_ || IsName()) return;
    for (const auto& [from, to] : refused) found_.text.replace(from, to - from, to - from, ' ');
    found_.strings.emplace(place, JsonLiteral{*why, std::string(text_.substr(begin, at_ - begin))});
  }

  // A colon comes.
  bool IsName() const {
    size_t at = at_;
    while (at < text_.size() && IsSpace(text_[at])) ++at;
    return at < text_.size() && text_[at] == ':';
  }

  const std::string_view text_;
  const bool strings_;
  size_t at_ = 0;
  int64_t number_ = 0, string_ = 0;
  FoundLiterals found_;
};

}  // namespace

FoundLiterals FindLiterals(std::string_view text, bool strings) { return Finder(text, strings).Run(); }

}  // namespace hlm
