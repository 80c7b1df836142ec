#include "core/text/template/template.h"

#include <new>
#include <utility>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/template/parser.h"

namespace hlm::jinja {
namespace {

// One line, whatever a template puts into it.
Error InTemplate(const std::string& name, int line, const Error& error) {
  const std::string where = line > 0 ? StrCat(name, ", line ", line, ": ") : name + ": ";
  return Error(error.code(), where + Printable(error.message(), 1500));
}

Program Compile(std::string_view source, const std::string& name) {
  try {
    return Parse(source);
  } catch (const Error& error) {
    throw InTemplate(name, 0, error);
  }
}

}  // namespace

Template::Template(std::string_view source, std::string name) : name_(std::move(name)), program_(Compile(source, name_)) {}

Output Template::Render(const Dict& variables, const RenderSettings& settings) const {
  Interpreter interpreter(program_, settings, variables);
  try {
    Output output;
    output.text = interpreter.Render();
    output.generations = interpreter.generations();
    return output;
  } catch (const Error& error) {
    throw InTemplate(name_, interpreter.line(), error);
  }
}

}  // namespace hlm::jinja
