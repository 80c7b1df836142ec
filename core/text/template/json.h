// JSON as values of templates: what json.loads of Python makes of it.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_JSON_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_JSON_H_

#include <string>
#include <string_view>

#include "core/io/json_value.h"
#include "core/text/template/value.h"

namespace hlm::jinja {

// Members keep their order; of equal keys the last value wins, at the place of the first. Throws INVALID_ARGUMENT, its message
// beginning with `where`, for text that is not JSON, that is nested deeper than 64 levels, or that has half of a surrogate pair (which
// UTF-8 cannot hold). NaN and Infinity are read as Python does.
Value ParseJsonValue(std::string_view text, const std::string& where);
Value FromJson(const JsonValue& value, const std::string& where);

// The same value, all strings in it from `source`. Keys of dicts are from there as well.
Value WithSource(const Value& value, Source source);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_JSON_H_
