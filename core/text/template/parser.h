// Jinja's grammar, as far as chat templates use it.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_PARSER_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_PARSER_H_

#include <string_view>

#include "core/text/template/ast.h"

namespace hlm::jinja {

// Throws INVALID_ARGUMENT naming the line for what is no template, UNIMPLEMENTED naming a statement that this engine lacks or a
// filter or test outside of conditions, RESOURCE_EXHAUSTED for one that is too large or nested deeper than kMaxNesting.
Program Parse(std::string_view source);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_PARSER_H_
