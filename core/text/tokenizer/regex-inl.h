#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_REGEX_INL_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_REGEX_INL_H_

#include "core/base/utf8_text.h"
#include "core/text/tokenizer/regex.h"

namespace hlm {

template <class Found>
void ForEachStretch(const Regex& regex, std::string_view text, RegexScratch& scratch, const Found& found) {
  size_t done = 0, from = 0;
  bool matched = false;  // there was a match, and it ended at `done`
  Regex::Match match;
  while (from <= text.size() && regex.Find(text, from, scratch, match)) {
    if (match.begin == match.end && matched && match.end == done) {
      from = match.end < text.size() ? match.end + Utf8Length(text[match.end]) : match.end + 1;
      continue;
    }
    if (done < match.begin) found(done, match.begin, false);
    found(match.begin, match.end, true);
    done = from = match.end;
    matched = true;
  }
  if (done < text.size()) found(done, text.size(), false);
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_REGEX_INL_H_
