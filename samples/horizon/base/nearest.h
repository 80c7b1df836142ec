// What somebody may have meant who typed a word that is none of those there are. Words of a terminal: capitals and dashes count for little.
// The library's messages say themselves what a member of a configuration was meant to be (core/base/nearest.h); the interface has no call
// for words that only the command knows.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_NEAREST_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_NEAREST_H_

#include <string>
#include <string_view>
#include <vector>

namespace horizon {

// Letters that must be put in, left out, changed or swapped with their neighbour to make one of the other; capitals are small letters, and
// '_' is '-'.
int Distance(std::string_view one, std::string_view other);

// The word that is least far away, where it is near enough to be meant: at most every third letter is wrong, or the one begins as the
// other. "" where there is none.
std::string Nearest(const std::string& word, const std::vector<std::string>& words);

// " (did you mean WORD?)", or "".
std::string DidYouMean(const std::string& word, const std::vector<std::string>& words);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_NEAREST_H_
