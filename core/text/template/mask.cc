#include "core/text/template/mask.h"

#include <algorithm>
#include <cstddef>

#include "core/base/error.h"

namespace hlm {
namespace {

bool Overlaps(const Span& token, const Span& span) {
  return token.begin < token.end && token.begin < span.end && token.end > span.begin;
}

// Calls found(token index, span index) for each pair that overlaps. Tokens begin in order, so both lists are walked once; what
// overlaps a span may have begun before it.
template <class Found>
void ForEachOverlap(std::span<const Span> tokens, std::span<const Span> trained, const Found& found) {
  size_t first = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    while (first < trained.size() && trained[first].end <= tokens[i].begin) ++first;
    for (size_t s = first; s < trained.size() && trained[s].begin < tokens[i].end; ++s) {
      if (Overlaps(tokens[i], trained[s])) found(i, s);
    }
  }
}

}  // namespace

std::vector<uint8_t> TokenMask(std::span<const Span> tokens, std::span<const Span> trained) {
  std::vector<uint8_t> mask(tokens.size());
  ForEachOverlap(tokens, trained, [&](size_t token, size_t) { mask[token] = 1; });
  return mask;
}

std::vector<size_t> SpansWithoutStop(std::span<const Span> tokens, std::span<const uint8_t> is_added,
                                     std::span<const Span> trained) {
  HLM_CHECK(tokens.size() == is_added.size(), tokens.size(), " tokens, ", is_added.size(), " flags");
  std::vector<ptrdiff_t> last(trained.size(), -1);
  ForEachOverlap(tokens, trained, [&](size_t token, size_t span) { last[span] = static_cast<ptrdiff_t>(token); });
  std::vector<size_t> without;
  for (size_t s = 0; s < trained.size(); ++s) {
    if (last[s] < 0 || is_added[static_cast<size_t>(last[s])] == 0) without.push_back(s);
  }
  return without;
}

}  // namespace hlm
