// Renders templates for differential tests: one JSON object a line, {"template", "variables"}, to one a line, {"text",
// "generations": [[begin, end] in code points]} or {"error", "code"}.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/error.h"
#include "core/text/template/json.h"
#include "core/text/template/template.h"

namespace {

using Json = nlohmann::ordered_json;

size_t Chars(std::string_view bytes) { return hlm::jinja::Text(std::string(bytes)).chars(); }

Json Spans(const hlm::jinja::Text& text) {
  Json spans = Json::array();
  size_t begin = 0;
  uint32_t last = 0;
  for (const auto& run : text.runs()) {
    const size_t from = Chars(text.bytes().substr(0, begin)), to = Chars(text.bytes().substr(0, run.end));
    if (run.generation != 0 && run.generation == last) {
      spans.back()[1] = to;
    } else if (run.generation != 0) {
      spans.push_back({from, to});
    }
    last = run.generation;
    begin = run.end;
  }
  return spans;
}

Json Render(const std::string& line) {
  const Json input = Json::parse(line);
  Json output;
  try {
    const hlm::jinja::Template compiled(input.at("template").get<std::string>(), "t");
    const hlm::jinja::Value variables = hlm::jinja::ParseJsonValue(input.at("variables").dump(), "variables");
    hlm::jinja::RenderSettings settings;
    const hlm::jinja::Output rendered = compiled.Render(variables.dict(), settings);
    output["text"] = std::string(rendered.text.bytes());
    output["generations"] = Spans(rendered.text);
  } catch (const hlm::Error& error) {
    output["error"] = error.message();
    output["code"] = hlm::CodeName(error.code());
  }
  return output;
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << Render(line).dump(-1, ' ', true, Json::error_handler_t::replace) << "\n";
  }
  return 0;
}
