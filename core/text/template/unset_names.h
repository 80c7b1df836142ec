// Names that are undefined before a body sets them, whatever the render is given under that name.
//
// Jinja2 makes a Python function of a template, and a local variable of what a body sets where nothing before it in the body reads it.
// So in "{% for m in messages %}{{ tools }}{% endfor %}{% set tools = none %}" the loop prints nothing, with tools or without, and in
// "{{ tools }}{% set tools = none %}" the render's tools are printed.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_UNSET_NAMES_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_UNSET_NAMES_H_

#include "core/text/template/ast.h"

namespace hlm::jinja {

// Fills in the lists of the program and of its statements.
void FindUnsetNames(Program& program);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_UNSET_NAMES_H_
