#include "core/text/tokenizer/pattern_syntax.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

constexpr int kDeepest = 100;

// The insides of classes.
constexpr const char* kSpace = R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr const char* kNoSpace =
    R"(\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E})"
    R"(\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
constexpr const char* kWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
// Outside of classes Oniguruma looks characters below 256 up in a table of its own, which has powers and fractions among words.
constexpr const char* kTableWord = R"(\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
constexpr const char* kHex = "0-9a-fA-F";

// [:name:] as Oniguruma has it for Unicode; PCRE2's are other sets.
struct PosixClass {
  const char* name;
  const char* inside;
  const char* negated;  // null: not one list
};
constexpr PosixClass kPosix[] = {
    {"alnum", R"(\p{Alphabetic}\p{Nd})", nullptr},
    {"alpha", R"(\p{Alphabetic})", R"(\P{Alphabetic})"},
    {"ascii", R"(\x{0}-\x{7F})", R"(\x{80}-\x{10FFFF})"},
    {"blank", R"(\p{Zs}\t)", nullptr},
    {"cntrl", R"(\p{Cc})", R"(\P{Cc})"},
    {"digit", R"(\p{Nd})", R"(\P{Nd})"},
    {"graph", R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co})", nullptr},
    {"lower", R"(\p{Lowercase})", R"(\P{Lowercase})"},
    {"print", R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\p{Zs})", nullptr},
    {"punct", R"(\p{P}\p{S})", nullptr},
    {"space", kSpace, kNoSpace},
    {"upper", R"(\p{Uppercase})", R"(\P{Uppercase})"},
    {"word", kWord, nullptr},
    {"xdigit", kHex, nullptr},
};

class Rewriter {
 public:
  explicit Rewriter(std::string_view pattern) : pattern_(pattern) {}

  std::string Run() {
    std::string out;
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        out += Escape(false);
      } else if (c == '[') {
        out += Class(1);
      } else if (c == '(') {
        if (++depth_ > kDeepest) throw InvalidArgument("groups nested deeper than ", kDeepest);
        out += Group();
      } else if (c == '{') {
        out += Brace();
      } else {
        if (c == ')') --depth_;
        out += c;
        ++at_;
      }
    }
    return out;
  }

 private:
  bool Looking(std::string_view text) const { return pattern_.substr(at_, text.size()) == text; }

  // "{,2}" is at most two, which PCRE2 takes for its characters.
  std::string Brace() {
    ++at_;
    const size_t digits = pattern_.find_first_not_of("0123456789", at_ + 1);
    const bool most = Looking(",") && digits != std::string_view::npos && digits > at_ + 1 && pattern_[digits] == '}';
    return most ? "{0" : "{";
  }

  // "[:name:]" at at_; empty where there is none.
  std::string Posix() {
    const size_t end = pattern_.find(":]", at_ + 2);
    if (end == std::string_view::npos) return "";
    std::string_view name = pattern_.substr(at_ + 2, end - at_ - 2);
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    for (const PosixClass& known : kPosix) {
      if (name != known.name) continue;
      if (negated && known.negated == nullptr) throw Unimplemented("[:^", known.name, ":] in a pattern");
      at_ = end + 2;
      return negated ? known.negated : known.inside;
    }
    return "";
  }

  // What follows a "(": options get their other letters.
  std::string Group() {
    ++at_;
    if (Looking("?(") || Looking("?~") || Looking("*") || Looking("?{")) {
      throw Unimplemented("conditions, absent operators and callouts in patterns");
    }
    if (Looking("?#")) {  // a comment
      const size_t end = pattern_.find(')', at_);
      if (end == std::string_view::npos) throw InvalidArgument("a comment that does not end");
      at_ = end + 1;
      --depth_;
      return "";
    }
    if (!Looking("?") || at_ + 1 >= pattern_.size()) return "(";
    size_t end = at_ + 1;
    while (end < pattern_.size() && std::strchr("imx-", pattern_[end]) != nullptr) ++end;
    if (end == at_ + 1 || end >= pattern_.size() || (pattern_[end] != ':' && pattern_[end] != ')')) return "(";
    std::string out = "(?";
    for (size_t i = at_ + 1; i < end; ++i) out += pattern_[i] == 'm' ? 's' : pattern_[i];
    at_ = end;
    return out;
  }

  static std::string Word() { return std::string(kWord) + kTableWord; }

  // "\..." at at_. Outside a class it becomes one item that a quantifier may follow.
  std::string Escape(bool in_class) {
    if (at_ + 1 >= pattern_.size()) throw InvalidArgument("a backslash at the end");
    const char c = pattern_[at_ + 1];
    const auto whole = [&](const char* inside, bool negated) {
      at_ += 2;
      return std::string(negated ? "[^" : "[") + inside + "]";
    };
    const auto part = [&](const std::string& text) {
      at_ += 2;
      return text;
    };
    switch (c) {
      case 's':
        return in_class ? part(kSpace) : whole(kSpace, false);
      case 'S':
        return in_class ? part(kNoSpace) : whole(kSpace, true);
      case 'w':
        return in_class ? part(kWord) : whole(Word().c_str(), false);
      case 'W':
        if (in_class) throw Unimplemented("\\W in a class of a pattern");
        return whole(Word().c_str(), true);
      case 'h':
        return in_class ? part(kHex) : whole(kHex, false);
      case 'H':
        if (in_class) throw Unimplemented("\\H in a class of a pattern");
        return whole(kHex, true);
      case 'b':
      case 'B':
        if (!in_class) {
          const std::string word = "[" + Word() + "]";
          const bool border = c == 'b';
          return part("(?:(?<=" + word + ")(?" + (border ? "!" : "=") + word + ")|(?<!" + word + ")(?" + (border ? "=" : "!") +
                      word + "))");
        }
        return part(c == 'b' ? "\\x08" : "B");
      case 'p':
      case 'P':
        return Property(in_class);
      case 'x':
      case 'u':
        return Code();
      default:
        break;
    }
    // The escaped character, whole.
    const size_t length = Utf8Length(c);
    std::string text(pattern_.substr(at_, 1 + length));
    at_ += 1 + length;
    return text;
  }

  // \u0041, \x41, \x{41}
  std::string Code() {
    if (pattern_[at_ + 1] == 'u') {
      const std::string digits(pattern_.substr(at_ + 2, 4));
      at_ += 6;
      return "\\x{" + digits + "}";
    }
    at_ += 2;
    return "\\x";
  }

  std::string Property(bool in_class) {
    bool negated = pattern_[at_ + 1] == 'P';
    if (pattern_.substr(at_ + 2, 1) != "{") throw InvalidArgument("\\p without {...}");
    const size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos) throw InvalidArgument("\\p{ that does not end");
    std::string name(pattern_.substr(at_ + 3, end - at_ - 3));
    at_ = end + 1;
    if (!name.empty() && name[0] == '^') {
      negated = !negated;
      name.erase(0, 1);
    }
    std::string plain;
    for (const char c : name) {
      if (c != '_' && c != ' ' && c != '-') plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    for (const char* alone : {"alnum", "blank", "cntrl", "graph", "print", "word", "xdigit"}) {
      if (plain != alone) continue;
      const PosixClass& known =
          *std::find_if(std::begin(kPosix), std::end(kPosix), [&](const auto& c) { return plain == c.name; });
      if (!in_class) return std::string(negated ? "[^" : "[") + known.inside + "]";
      if (!negated) return known.inside;
      throw Unimplemented("\\P{", name, "} in a class of a pattern");
    }
    const std::string open = negated ? "\\P{" : "\\p{";
    static const std::pair<const char*, const char*> kNames[] = {{"letter", "L"},
                                                                 {"mark", "M"},
                                                                 {"number", "N"},
                                                                 {"punctuation", "P"},
                                                                 {"punct", "P"},
                                                                 {"symbol", "S"},
                                                                 {"separator", "Z"},
                                                                 {"other", "C"},
                                                                 {"uppercaseletter", "Lu"},
                                                                 {"lowercaseletter", "Ll"},
                                                                 {"titlecaseletter", "Lt"},
                                                                 {"modifierletter", "Lm"},
                                                                 {"otherletter", "Lo"},
                                                                 {"decimalnumber", "Nd"},
                                                                 {"letternumber", "Nl"},
                                                                 {"othernumber", "No"},
                                                                 {"nonspacingmark", "Mn"},
                                                                 {"digit", "Nd"},
                                                                 {"han", "sc:Han"},
                                                                 {"hiragana", "sc:Hiragana"},
                                                                 {"katakana", "sc:Katakana"},
                                                                 {"hangul", "sc:Hangul"},
                                                                 {"latin", "sc:Latin"},
                                                                 {"cyrillic", "sc:Cyrillic"},
                                                                 {"arabic", "sc:Arabic"},
                                                                 {"greek", "sc:Greek"},
                                                                 {"thai", "sc:Thai"},
                                                                 {"hebrew", "sc:Hebrew"},
                                                                 {"devanagari", "sc:Devanagari"},
                                                                 {"bengali", "sc:Bengali"},
                                                                 {"tamil", "sc:Tamil"},
                                                                 {"bopomofo", "sc:Bopomofo"}};
    for (const auto& [spelling, own] : kNames) {
      if (plain == spelling) name = own;
    }
    // The same set; but PCRE2 finds characters that are spelled out in a bitmap, and looks properties up.
    const char* ascii = negated ? "" : name == "L" ? "A-Za-z" : name == "N" || name == "Nd" ? "0-9" : "";
    const std::string all = open + name + "}" + ascii;  // PCRE2 says so where it does not know it
    return in_class || *ascii == '\0' ? all : "[" + all + "]";
  }

  // A class that begins at at_. An intersection a&&b becomes (?=[a])[b], which is still one character.
  std::string Class(int depth) {
    if (depth > kDeepest) throw InvalidArgument("classes nested deeper than ", kDeepest);
    ++at_;
    const bool negated = Looking("^");
    if (negated) ++at_;
    std::vector<std::string> parts(1);
    bool combined = false;  // holds a class that is no list of characters
    for (bool first = true;; first = false) {
      if (at_ >= pattern_.size()) throw InvalidArgument("a class that does not end");
      std::string& part = parts.back();
      const char c = pattern_[at_];
      if (c == ']' && !first) break;
      if (Looking("&&")) {
        at_ += 2;
        parts.emplace_back();
        continue;
      }
      if (Looking("[:")) {
        if (const std::string set = Posix(); !set.empty()) {
          part += set;
          continue;
        }
      }
      if (c == '[') {
        std::string inner = Class(depth + 1);
        if (inner.compare(0, 2, "[^") != 0 && inner[0] == '[') {
          part += inner.substr(1, inner.size() - 2);  // a union
          continue;
        }
        if (!part.empty() || !(Looking("&&") || Looking("]"))) throw Unimplemented("a union with a negated class in a pattern");
        part = "\x01" + inner;  // the whole part is one class
        combined = true;
        continue;
      }
      if (c == '\\') {
        part += Escape(true);
        continue;
      }
      const size_t length = Utf8Length(c);
      if (c == '[' || c == ']') part += '\\';
      part += pattern_.substr(at_, length);
      at_ += length;
    }
    ++at_;
    if (parts.size() == 1 && !combined) return (negated ? "[^" : "[") + parts[0] + "]";
    std::string all;
    for (size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].empty()) throw InvalidArgument("an empty side of && in a class");
      const std::string one = parts[i][0] == '\x01' ? parts[i].substr(1) : "[" + parts[i] + "]";
      all += i + 1 < parts.size() ? "(?=" + one + ")" : one;
    }
    return negated ? "(?:(?!" + all + ")(?s:.))" : "(?:" + all + ")";
  }

  std::string_view pattern_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::string PcrePattern(std::string_view pattern) { return Rewriter(pattern).Run(); }

std::string EscapePattern(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\0' && std::strchr("\\.+*?()|[]{}^$#&-~ ", c) != nullptr) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace hlm
