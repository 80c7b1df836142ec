#include "core/text/dataset/member_name.h"

#include <cctype>
#include <cstddef>

namespace hlm::dataset {

std::vector<std::string_view> WordsOfName(std::string_view name) {
  const auto is_between = [](char c) { return c == '_' || c == '-' || c == ' '; };
  std::vector<std::string_view> words;
  size_t begin = 0;
  for (size_t at = 0; at <= name.size(); ++at) {
    const bool between = at == name.size() || is_between(name[at]);
    const bool capital = !between && at > begin && std::islower(static_cast<unsigned char>(name[at - 1])) != 0 &&
                         std::isupper(static_cast<unsigned char>(name[at])) != 0;
    if (!between && !capital) continue;
    if (at > begin) words.push_back(name.substr(begin, at - begin));
    begin = between ? at + 1 : at;
  }
  return words;
}

}  // namespace hlm::dataset
