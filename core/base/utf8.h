// Where one character of UTF-8 ends.
#ifndef HORIZON_LM_CORE_BASE_UTF8_H_
#define HORIZON_LM_CORE_BASE_UTF8_H_

#include <cstddef>
#include <string_view>

namespace hlm {

// Bytes of the UTF-8 sequence at the start of `text`, 0 where it is none (overlong forms and surrogates included).
size_t Utf8SequenceLength(std::string_view text);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_UTF8_H_
