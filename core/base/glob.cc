#include "core/base/glob.h"

#include <algorithm>

namespace hlm {
namespace {

// Characters of the bracket that begins at pattern[at], its own two included; 0: it is not closed. A `]` that comes first is a member.
size_t BracketLength(std::string_view pattern, size_t at) {
  size_t first = at + 1;
  if (first < pattern.size() && pattern[first] == '!') ++first;
  const size_t close = pattern.find(']', first + 1);
  return close == std::string_view::npos ? 0 : close + 1 - at;
}

bool InBracket(std::string_view bracket, char c) {
  std::string_view members = bracket.substr(1, bracket.size() - 2);
  const bool others = members.front() == '!';
  if (others) members.remove_prefix(1);
  bool found = false;
  for (size_t i = 0; i < members.size(); ++i) {
    const bool range = i + 2 < members.size() && members[i + 1] == '-';
    const char last = range ? members[i + 2] : members[i];
    found = found || (members[i] <= c && c <= last);
    if (range) i += 2;
  }
  return found != others;
}

}  // namespace

// What follows the last star is tried again one character further on where it does not fit: earlier stars need not be looked at again.
bool MatchesGlob(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, from = 0;
  while (n < name.size()) {
    size_t length = 0;  // of the pattern's next member, where it stands for name[n]
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = n;
      continue;
    }
    if (p < pattern.size()) {
      const size_t bracket = pattern[p] == '[' ? BracketLength(pattern, p) : 0;
      if (bracket > 0) {
        if (InBracket(pattern.substr(p, bracket), name[n])) length = bracket;
      } else if (pattern[p] == '?' || pattern[p] == name[n]) {
        length = 1;
      }
    }
    if (length > 0) {
      p += length;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++from;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(std::min(p, pattern.size())), pattern.end(),
                     [](char c) { return c == '*'; });
}

std::vector<std::string> SplitGlobs(std::string_view list) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::vector<std::string> patterns;
  size_t begin = 0;
  const auto take = [&](size_t end) {
    std::string_view one = list.substr(begin, end - begin);
    one.remove_prefix(std::min(one.find_first_not_of(kBlanks), one.size()));
    one = one.substr(0, one.find_last_not_of(kBlanks) + 1);
    if (!one.empty()) patterns.emplace_back(one);
    begin = end + 1;
  };
  for (size_t at = 0; at < list.size(); ++at) {
    if (const size_t bracket = list[at] == '[' ? BracketLength(list, at) : 0; bracket > 0) {
      at += bracket - 1;
    } else if (list[at] == ',') {
      take(at);
    }
  }
  take(list.size());
  return patterns;
}

}  // namespace hlm
