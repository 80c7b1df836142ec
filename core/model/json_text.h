// JSON from files that may be damaged or hostile: bounded nesting, one-line errors that quote nothing unprintable.
#ifndef HORIZON_LM_CORE_MODEL_JSON_TEXT_H_
#define HORIZON_LM_CORE_MODEL_JSON_TEXT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace hlm {

using Json = nlohmann::ordered_json;  // keeps the order of the file, so that a config is saved as it was written

inline constexpr int kMaxJsonDepth = 64;

// Throws INVALID_ARGUMENT, its message beginning with `where`, for text that is not JSON, is nested deeper than kMaxJsonDepth, or
// (with `unique_keys`) says a key of the outermost object twice. Otherwise the last of equal keys wins.
Json ParseJson(std::string_view text, const std::string& where, bool unique_keys = false);

// The text for an error message: control characters, and bytes that are not UTF-8, become '?'; what is longer than `longest` is
// cut.
std::string Printable(std::string_view text, size_t longest = 160);

// A path for an error message: as above, never cut.
std::string PrintablePath(const std::string& path);

// A value for an error message, as JSON.
std::string PrintableJson(const Json& value);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_JSON_TEXT_H_
