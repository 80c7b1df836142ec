// The filters, by what they work on.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_FILTERS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_FILTERS_H_

#include <map>
#include <string_view>

#include "core/text/template/ast.h"

namespace hlm::jinja {

using FilterTable = std::map<std::string_view, Filter>;

const FilterTable& TextFilters();
const FilterTable& SequenceFilters();  // that take, order or choose items
const FilterTable& ValueFilters();     // numbers, defaults, JSON

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_FILTERS_H_
