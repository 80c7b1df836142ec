#include "samples/horizon/base/nearest.h"

#include <algorithm>
#include <cctype>

namespace horizon {
namespace {

// Longer words are nobody's slip of the hand, and the table below is their square.
constexpr size_t kLongest = 100;

std::string Plain(std::string_view word) {
  std::string plain(word);
  for (char& c : plain) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

bool BeginsAs(const std::string& word, const std::string& other) {
  constexpr size_t kLeast = 3;  // letters that say something
  const size_t dashes = word.starts_with("--") ? 2 : 0;
  return word.size() >= dashes + kLeast && other.starts_with(word);
}

size_t AlikeAtBeginning(const std::string& a, const std::string& b) {
  size_t alike = 0;
  while (alike < a.size() && alike < b.size() && a[alike] == b[alike]) ++alike;
  return alike;
}

}  // namespace

int Distance(std::string_view one, std::string_view other) {
  const std::string a = Plain(one), b = Plain(other);
  if (a.size() > kLongest || b.size() > kLongest) return static_cast<int>(std::max(a.size(), b.size()));
  std::vector<std::vector<int>> d(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

std::string Nearest(const std::string& word, const std::vector<std::string>& words) {
  if (word.find_first_not_of('-') == std::string::npos) return "";  // nothing was typed, nothing slipped
  std::string nearest;
  int least = static_cast<int>(kLongest);
  size_t begins = 0;
  const std::string plain = Plain(word);
  for (const std::string& other : words) {
    const std::string plain_other = Plain(other);
    const size_t letters = std::max(plain.size(), plain_other.size()) - (plain.starts_with("--") ? 2 : 0);
    int far = Distance(plain, plain_other);
    const bool near = static_cast<size_t>(far) * 3 <= std::max<size_t>(letters, 3);
    if (!near && !BeginsAs(plain, plain_other) && !BeginsAs(plain_other, plain)) continue;
    if (!near) far += static_cast<int>(kLongest) / 2;  // behind every slip
    // Among words as near, the one that begins most like it: the first letters are seldom wrong.
    const size_t begin = AlikeAtBeginning(plain, plain_other);
    if (far < least || (far == least && begin > begins)) {
      least = far;
      begins = begin;
      nearest = other;
    }
  }
  return nearest;
}

std::string DidYouMean(const std::string& word, const std::vector<std::string>& words) {
  const std::string nearest = Nearest(word, words);
  return nearest.empty() ? "" : " (did you mean " + nearest + "?)";
}

}  // namespace horizon
