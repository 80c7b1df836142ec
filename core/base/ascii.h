// Letters of ASCII, whatever the locale.
#ifndef HORIZON_LM_CORE_BASE_ASCII_H_
#define HORIZON_LM_CORE_BASE_ASCII_H_

#include <algorithm>
#include <string>
#include <string_view>

namespace hlm {

inline char AsciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = AsciiLower(c);
  return lower;
}

// Whether two words are the same but for capitals.
inline bool SameWord(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return AsciiLower(x) == AsciiLower(y); });
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_ASCII_H_
