// A pattern compiled by PCRE2, and the memory that one thread matches with.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_REGEX_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_REGEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hlm {

// What matching writes to, and the steps that it may still take: a pattern is somebody's input, and some take 2^n of them. One
// thread at a time; serves any pattern.
class RegexScratch {
 public:
  static constexpr int64_t kSteps = 50'000'000, kStepsAByte = 256;

  RegexScratch();
  // Another text of so many bytes begins: kSteps and kStepsAByte for each of them, for all its matching together.
  void Begin(size_t bytes) {
    allowed_ = left_ = kSteps;
    Allow(bytes);
  }
  // More bytes of the same text.
  void Allow(size_t bytes) {
    allowed_ += static_cast<int64_t>(bytes) * kStepsAByte;
    left_ += static_cast<int64_t>(bytes) * kStepsAByte;
  }
  ~RegexScratch();
  RegexScratch(const RegexScratch&) = delete;
  RegexScratch& operator=(const RegexScratch&) = delete;

 private:
  friend class Regex;
  struct Memory;
  std::unique_ptr<Memory> memory_;
  int64_t allowed_ = kSteps, left_ = kSteps;
};

class Regex {
 public:
  // `pattern` as tokenizer.json spells it (pattern_syntax.h). Throws INVALID_ARGUMENT or UNIMPLEMENTED quoting it.
  explicit Regex(const std::string& pattern);
  // Matches this text.
  static Regex Literal(std::string_view text);
  ~Regex();
  Regex(Regex&& other) noexcept;
  Regex& operator=(Regex&& other) noexcept;

  struct Match {
    size_t begin, end;
  };
  // The first match in text[from, end), an empty one included; what lies before `from` is seen by look-behinds. Throws
  // INVALID_ARGUMENT where the text takes more steps than the scratch allows.
  bool Find(std::string_view text, size_t from, RegexScratch& scratch, Match& match) const;

  const std::string& pattern() const { return pattern_; }

 private:
  struct Code;
  Regex() = default;
  void Compile(const std::string& translated);
  // PCRE2's result for matches that begin in [from, last]; a start may take `steps`.
  int Try(std::string_view text, size_t from, size_t last, uint32_t steps, RegexScratch& scratch) const;
  void FindMetered(std::string_view text, size_t from, size_t last, RegexScratch& scratch, bool& found) const;

  std::string pattern_;
  std::unique_ptr<Code> code_;
};

// Calls found(begin, end, is_match) for each match and each stretch between, from left to right, all of `text`. An empty match
// right behind a match is passed over.
template <class Found>
void ForEachStretch(const Regex& regex, std::string_view text, RegexScratch& scratch, const Found& found);

}  // namespace hlm

#include "core/text/tokenizer/regex-inl.h"

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_REGEX_H_
