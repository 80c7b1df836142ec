// A pattern compiled by PCRE2, and the memory that one thread matches with.
#ifndef HORIZON_LM_CORE_TEXT_REGEX_H_
#define HORIZON_LM_CORE_TEXT_REGEX_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace hlm {

// What matching writes to. One thread at a time; serves any pattern.
class RegexScratch {
 public:
  RegexScratch();
  ~RegexScratch();
  RegexScratch(const RegexScratch&) = delete;
  RegexScratch& operator=(const RegexScratch&) = delete;

 private:
  friend class Regex;
  struct Memory;
  std::unique_ptr<Memory> memory_;
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
  // INVALID_ARGUMENT where the text takes more steps than PCRE2's limit.
  bool Find(std::string_view text, size_t from, RegexScratch& scratch, Match& match) const;

  const std::string& pattern() const { return pattern_; }

 private:
  struct Code;
  Regex() = default;
  void Compile(const std::string& translated);

  std::string pattern_;
  std::unique_ptr<Code> code_;
};

// Calls found(begin, end, is_match) for each match and each stretch between, from left to right, all of `text`. An empty match
// right behind a match is passed over.
template <class Found>
void ForEachStretch(const Regex& regex, std::string_view text, RegexScratch& scratch, const Found& found);

}  // namespace hlm

#include "core/text/regex-inl.h"

#endif  // HORIZON_LM_CORE_TEXT_REGEX_H_
