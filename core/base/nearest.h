// The name that was meant, for messages about one that is not known.
#ifndef HORIZON_LM_CORE_BASE_NEAREST_H_
#define HORIZON_LM_CORE_BASE_NEAREST_H_

#include <string>
#include <string_view>

namespace hlm {

// " (did you mean seed?)", or "" where nothing is near: of `known`, names with ", " between them, the one with the fewest letters that are
// another, missing, too many or swapped, at most a third of them; else the first that begins as `word`, or that `word` begins as.
std::string DidYouMean(std::string_view word, std::string_view known);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_NEAREST_H_
