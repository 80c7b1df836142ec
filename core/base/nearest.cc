#include "core/base/nearest.h"

#include <algorithm>
#include <vector>

namespace hlm {
namespace {

constexpr size_t kLongest = 60;    // longer words are nobody's slip of the hand, and the table below is their square
constexpr size_t kLeastAlike = 3;  // letters that say something

// How many letters of `a` are another, missing, too many or swapped with their neighbour (optimal string alignment).
size_t Slips(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> slips(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        slips[i][j] = i + j;
        continue;
      }
      slips[i][j] = std::min({slips[i - 1][j] + 1, slips[i][j - 1] + 1, slips[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        slips[i][j] = std::min(slips[i][j], slips[i - 2][j - 2] + 1);
    }
  }
  return slips[a.size()][b.size()];
}

bool BeginsAs(std::string_view word, std::string_view other) { return other.size() >= kLeastAlike && word.starts_with(other); }

}  // namespace

std::string DidYouMean(std::string_view word, std::string_view known) {
  if (word.empty() || word.size() > kLongest) return "";
  std::string_view nearest, alike;
  size_t least = kLongest;
  while (!known.empty()) {
    const size_t end = std::min(known.find(", "), known.size());
    const std::string_view name = known.substr(0, end);
    known.remove_prefix(std::min(end + 2, known.size()));
    const size_t slips = Slips(word, name);
    if (3 * slips <= std::max(word.size(), name.size()) && slips < least) {
      least = slips;
      nearest = name;
    }
    if (alike.empty() && (BeginsAs(word, name) || BeginsAs(name, word))) alike = name;
  }
  if (nearest.empty()) nearest = alike;
  return nearest.empty() ? "" : " (did you mean " + std::string(nearest) + "?)";
}

}  // namespace hlm
