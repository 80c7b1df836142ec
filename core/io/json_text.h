// JSON from files that may be damaged or hostile: bounded nesting, one-line errors that quote nothing unprintable.
#ifndef HORIZON_LM_CORE_IO_JSON_TEXT_H_
#define HORIZON_LM_CORE_IO_JSON_TEXT_H_

#include <string>
#include <string_view>

#include "core/io/json_value.h"

namespace hlm {

inline constexpr int kMaxJsonDepth = 64;

// Throws INVALID_ARGUMENT, its message beginning with `where`, for text that is not JSON from its first byte to its last (white
// space around it is legal, a NUL is not), is nested deeper than kMaxJsonDepth, or (with `unique_keys`) says a key of the
// outermost object twice. Otherwise the last of equal keys wins. Numbers that Python's json writes and a JsonValue cannot hold
// are literals (json_value.h): they stop nobody who does not read them.
JsonValue ParseJson(std::string_view text, const std::string& where, bool unique_keys = false);
// The same for what must be an object.
JsonValue ParseJsonObject(std::string_view text, const std::string& where);
// ParseJson with unique keys, for a record of a data set: strings that JSON does not allow are literals too.
JsonValue ParseJsonRecord(std::string_view text, const std::string& where);
// Null for text that ParseJson refuses, where that is no fault of anybody's.
JsonValue ParseJsonOrNull(std::string_view text);

// The text for an error message: control characters, and bytes that are not UTF-8, become '?'; what is longer than `longest` is
// cut.
std::string Printable(std::string_view text, size_t longest = 160);

// A path for an error message: as above, never cut.
std::string PrintablePath(const std::string& path);

// A value for an error message, as JSON.
std::string PrintableJson(const JsonValue& value);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_IO_JSON_TEXT_H_
