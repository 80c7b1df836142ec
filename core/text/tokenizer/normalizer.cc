#include "core/text/tokenizer/normalizer.h"

#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/text/tokenizer/byte_level.h"
#include "core/text/tokenizer/precompiled.h"
#include "core/text/tokenizer/unicode.h"

namespace hlm {
namespace {

class Sequence final : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const Normalizer>> parts) : parts_(std::move(parts)) {}
  void Apply(AlignedText& text, AlignedText& spare, RegexScratch& scratch) const override {
    for (const auto& part : parts_) {
      if (!part->Leaves(text.text)) part->Apply(text, spare, scratch);
    }
  }
  bool Leaves(std::string_view text) const override {
    for (const auto& part : parts_) {
      if (!part->Leaves(text)) return false;
    }
    return true;
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> parts_;
};

class Form final : public Normalizer {
 public:
  explicit Form(NormalForm form) : form_(form) {}
  void Apply(AlignedText& text, AlignedText& spare, RegexScratch&) const override {
    spare.Clear(text.tracked);
    if (!text.tracked) {
      spare.text = Normalize(text.text, form_, nullptr);
    } else {
      std::vector<NormalPiece> pieces;
      const std::string made = Normalize(text.text, form_, &pieces);
      size_t begin = 0;
      for (const NormalPiece& piece : pieces) {
        Put(text, piece.begin, piece.end, std::string_view(made).substr(begin, piece.new_end - begin), spare);
        begin = piece.new_end;
      }
    }
    std::swap(text, spare);
  }
  bool Leaves(std::string_view text) const override { return SurelyNormal(text, form_); }

 private:
  // text[begin, end) became `made`: characters that are the same at either end keep their origins.
  static void Put(const AlignedText& text, size_t begin, size_t end, std::string_view made, AlignedText& to) {
    const std::string_view old = std::string_view(text.text).substr(begin, end - begin);
    size_t front = 0;
    while (front < old.size() && front < made.size() && old[front] == made[front]) ++front;
    while (front > 0 &&
           ((front < old.size() && IsContinuation(old[front])) || (front < made.size() && IsContinuation(made[front]))))
      --front;
    size_t back = 0;
    while (back < old.size() - front && back < made.size() - front && old[old.size() - 1 - back] == made[made.size() - 1 - back])
      ++back;
    while (back > 0 && IsContinuation(old[old.size() - back])) --back;
    to.Keep(text, begin, begin + front);
    if (front + back < made.size() || front + back < old.size()) {
      to.Replace(text, begin + front, end - back, made.substr(front, made.size() - front - back));
    }
    to.Keep(text, end - back, end);
  }

  NormalForm form_;
};

// One character at a time: f(c, out) appends what it becomes and returns true, or leaves it as it is.
template <class F>
class PerChar final : public Normalizer {
 public:
  explicit PerChar(F f) : f_(std::move(f)) {}
  void Apply(AlignedText& text, AlignedText& spare, RegexScratch&) const override {
    spare.Clear(text.tracked);
    std::string made;
    for (size_t at = 0; at < text.text.size();) {
      const size_t begin = at;
      const char32_t c = NextChar(text.text, at);
      made.clear();
      if (f_(c, made)) {
        spare.Replace(text, begin, at, made);
      } else {
        spare.Keep(text, begin, at);
      }
    }
    std::swap(text, spare);
  }
  bool Leaves(std::string_view text) const override {
    std::string made;
    for (size_t at = 0; at < text.size();) {
      if (f_(NextChar(text, at), made)) return false;
    }
    return true;
  }

 private:
  F f_;
};
template <class F>
std::unique_ptr<const Normalizer> MakePerChar(F f) {
  return std::make_unique<PerChar<F>>(std::move(f));
}

bool Lower(char32_t c, std::string& made) {
  if (c < 0x80 ? c < 'A' || c > 'Z' : (c != 0x130 && LowerCase(c) == c)) return false;
  AppendLowerCase(made, c);
  return true;
}

// The rules of Google's NMT models: control characters go, more characters count as spaces.
bool Nmt(char32_t c, std::string& made) {
  const bool goes = (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
  if (goes) return true;
  const bool space = c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) || c == 0x2028 ||
                     c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
  if (!space) return false;
  made += ' ';
  return true;
}

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string with) : with_(std::move(with)) {}
  void Apply(AlignedText& text, AlignedText& spare, RegexScratch&) const override {
    if (text.text.empty()) return;
    spare.Clear(text.tracked);
    spare.Prepend(text, Utf8Length(text.text[0]), with_);
    std::swap(text, spare);
  }
  bool Leaves(std::string_view text) const override { return text.empty() || with_.empty(); }

 private:
  std::string with_;
};

class Replace final : public Normalizer {
 public:
  Replace(Regex pattern, std::string literal, std::string with)
      : pattern_(std::move(pattern)), literal_(std::move(literal)), with_(std::move(with)) {}
  void Apply(AlignedText& text, AlignedText& spare, RegexScratch& scratch) const override {
    spare.Clear(text.tracked);
    ForEachStretch(pattern_, text.text, scratch, [&](size_t begin, size_t end, bool match) {
      match ? spare.Replace(text, begin, end, with_) : spare.Keep(text, begin, end);
    });
    std::swap(text, spare);
  }
  bool Leaves(std::string_view text) const override { return !literal_.empty() && text.find(literal_) == std::string_view::npos; }

 private:
  Regex pattern_;
  std::string literal_;  // "" where the pattern is a real one
  std::string with_;
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void Apply(AlignedText& text, AlignedText& spare, RegexScratch&) const override {
    const std::string& whole = text.text;
    size_t begin = 0, end = whole.size();
    while (left_ && begin < end) {
      size_t next = begin;
      if (!IsWhiteSpace(NextChar(whole, next))) break;
      begin = next;
    }
    while (right_ && end > begin) {
      size_t before = 0;
      if (!IsWhiteSpace(CharBefore(whole, end, before))) break;
      end = before;
    }
    spare.Clear(text.tracked);
    spare.Keep(text, begin, end);
    std::swap(text, spare);
  }
  bool Leaves(std::string_view text) const override {
    if (text.empty()) return true;
    size_t at = 0, begin = 0;
    return !(left_ && IsWhiteSpace(NextChar(text, at))) && !(right_ && IsWhiteSpace(CharBefore(text, text.size(), begin)));
  }

 private:
  bool left_, right_;
};

// Character by character of user-perceived ones; those of less than 6 bytes are looked up whole first (as sentencepiece's users
// see it through Hugging Face).
class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(const std::string& base64) : map_(base64) {}
  void Apply(AlignedText& text, AlignedText& spare, RegexScratch&) const override {
    spare.Clear(text.tracked);
    const std::string_view whole = text.text;
    for (size_t at = 0; at < whole.size();) {
      const size_t end = GraphemeEnd(whole, at);
      std::string_view made;
      if (end - at < 6 && map_.Find(whole.substr(at, end - at), made)) {
        spare.Replace(text, at, end, made);
        at = end;
        continue;
      }
      while (at < end) {
        const size_t length = Utf8Length(whole[at]);
        if (map_.Find(whole.substr(at, length), made)) {
          spare.Replace(text, at, at + length, made);
        } else {
          spare.Keep(text, at, at + length);
        }
        at += length;
      }
    }
    std::swap(text, spare);
  }
  bool Leaves(std::string_view text) const override { return text.empty(); }

 private:
  CharsMap map_;
};

bool IsChinese(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

bool BertClean(char32_t c, std::string& made) {
  if (c == '\t' || c == '\n' || c == '\r') {
    made += ' ';
    return true;
  }
  if (c == 0 || c == 0xfffd || IsOther(c)) return true;
  if (!IsWhiteSpace(c) || c == ' ') return false;
  made += ' ';
  return true;
}

std::unique_ptr<const Normalizer> MakeBert(const Component& component) {
  std::vector<std::unique_ptr<const Normalizer>> parts;
  const bool lowercase = component.Bool("lowercase");
  if (component.Bool("clean_text")) parts.push_back(MakePerChar(BertClean));
  if (component.Bool("handle_chinese_chars")) {
    parts.push_back(MakePerChar([](char32_t c, std::string& made) {
      if (!IsChinese(c)) return false;
      made += ' ';
      AppendChar(made, c);
      made += ' ';
      return true;
    }));
  }
  if (component.Bool("strip_accents", lowercase)) {
    parts.push_back(std::make_unique<Form>(NormalForm::kNfd));
    parts.push_back(MakePerChar([](char32_t c, std::string&) { return c >= 0x300 && IsNonspacingMark(c); }));
  }
  if (lowercase) parts.push_back(MakePerChar(Lower));
  return std::make_unique<Sequence>(std::move(parts));
}

std::unique_ptr<const Normalizer> MakeReplace(const Component& component) {
  const JsonValue* literal = component.Member("pattern").Find("String");
  return std::make_unique<Replace>(component.Pattern("pattern"),
                                   literal != nullptr && literal->IsString() ? literal->String() : "",
                                   component.String("content"));
}

}  // namespace

std::unique_ptr<const Normalizer> MakeNormalizer(const Component& component) {
  const std::string& type = component.type();
  if (type == "Sequence") {
    std::vector<std::unique_ptr<const Normalizer>> parts;
    for (const JsonValue& part : component.Array("normalizers")) {
      parts.push_back(MakeNormalizer(component.Of(part, StrCat("[", parts.size(), "]"))));
    }
    return std::make_unique<Sequence>(std::move(parts));
  }
  if (type == "NFC") return std::make_unique<Form>(NormalForm::kNfc);
  if (type == "NFD") return std::make_unique<Form>(NormalForm::kNfd);
  if (type == "NFKC") return std::make_unique<Form>(NormalForm::kNfkc);
  if (type == "NFKD") return std::make_unique<Form>(NormalForm::kNfkd);
  if (type == "Lowercase") return MakePerChar(Lower);
  if (type == "Nmt") return MakePerChar(Nmt);
  if (type == "StripAccents") return MakePerChar([](char32_t c, std::string&) { return c >= 0x300 && IsMark(c); });
  if (type == "Prepend") return std::make_unique<Prepend>(component.String("prepend"));
  if (type == "Replace") return MakeReplace(component);
  if (type == "Strip") return std::make_unique<Strip>(component.Bool("strip_left"), component.Bool("strip_right"));
  if (type == "ByteLevel") {
    return MakePerChar([](char32_t c, std::string& made) {
      std::string bytes;
      AppendChar(bytes, c);
      made += ToByteLevel(bytes);
      return made != bytes;
    });
  }
  if (type == "BertNormalizer") return MakeBert(component);
  if (type == "Precompiled") {
    try {
      return std::make_unique<Precompiled>(component.String("precompiled_charsmap"));
    } catch (const Error& error) {
      throw Error(error.code(), StrCat(component.where(), ": ", error.message()));
    }
  }
  component.Unknown("normalizer");
}

}  // namespace hlm
