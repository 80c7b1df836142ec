// What the name of a record's member says.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_MEMBER_NAME_H_
#define HORIZON_LM_CORE_TEXT_DATASET_MEMBER_NAME_H_

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <vector>

#include "core/base/ascii.h"

namespace hlm::dataset {

// Among the known ones, whatever its capitals.
template <size_t n>
bool IsOneOf(std::string_view name, const std::string_view (&known)[n]) {
  return std::any_of(std::begin(known), std::end(known), [&](std::string_view word) { return SameWord(word, name); });
}

// The words of a name: behind each of "_- " and before a capital that follows a small letter.
std::vector<std::string_view> WordsOfName(std::string_view name);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_MEMBER_NAME_H_
