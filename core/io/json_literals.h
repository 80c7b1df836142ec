// Values that Python's json writes and a parser of JSON refuses, found in a text, so that they do not stop a file whose reader
// has no business with them.
#ifndef HORIZON_LM_CORE_IO_JSON_LITERALS_H_
#define HORIZON_LM_CORE_IO_JSON_LITERALS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/io/json_value.h"

namespace hlm {

struct FoundLiterals {
  std::string text;                        // the given text, in its length, with a plain value in the place of each
  std::map<int64_t, JsonLiteral> numbers;  // by their place among the text's numbers, from 0
  std::map<int64_t, JsonLiteral> strings;  // by their place among the text's strings, names of members included
};

// NaN, Infinity, -Infinity and numbers beyond a double's; with `strings` also strings with raw control characters or half of a
// surrogate pair, where they are no names. What else is wrong with the text is left in it.
FoundLiterals FindLiterals(std::string_view text, bool strings);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_IO_JSON_LITERALS_H_
