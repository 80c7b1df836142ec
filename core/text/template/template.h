// A Jinja template, compiled once and rendered any number of times, by any number of threads.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_TEMPLATE_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_TEMPLATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/template/interpreter.h"

namespace hlm::jinja {

struct Output {
  Text text;
  // Text's run.generation - 1 is an index into it: the message that the loops around a {% generation %} block were at, or -1.
  std::vector<int64_t> generations;
};

class Template {
 public:
  // `name` begins each error: a file, or "chat_template".
  Template(std::string_view source, std::string name);

  const std::string& name() const { return name_; }
  bool has_generation() const { return program_.has_generation; }
  Output Render(const Dict& variables, const RenderSettings& settings) const;

 private:
  std::string name_;
  Program program_;
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_TEMPLATE_H_
