// Patterns of names, as a shell has them: `*` stands for any characters, `?` for one, `[a-c0-9]` for one of those, `[!...]` for one of
// no others. Everything else stands for itself, dots and slashes too.
#ifndef HORIZON_LM_CORE_BASE_GLOB_H_
#define HORIZON_LM_CORE_BASE_GLOB_H_

#include <string>
#include <string_view>
#include <vector>

namespace hlm {

// Whether the pattern stands for the whole name. A bracket that is not closed stands for itself.
bool MatchesGlob(std::string_view pattern, std::string_view name);

// "a.*, b" as its patterns, without the blanks around them; commas in brackets do not divide. Empty ones are left out.
std::vector<std::string> SplitGlobs(std::string_view list);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_GLOB_H_
