#include "samples/horizon/cli/yaml.h"

#include <yaml.h>

#include <algorithm>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

constexpr int kMostDepth = 16;

class YamlReader {
 public:
  YamlReader(const std::string& text, const std::string& path) : path_(path) {
    if (yaml_parser_initialize(&parser_) == 0) throw Error(path + ": no memory to read it");
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~YamlReader() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  Json Read() {
    Next();  // the stream's beginning
    Next();
    if (event_.type == YAML_STREAM_END_EVENT) return Json::object();  // comments alone
    Next();                                                           // the document's
    Json value = Value(0);
    Next();
    Next();
    if (event_.type != YAML_STREAM_END_EVENT) Fail("a second document begins; one is read");
    return value;
  }

 private:
  [[noreturn]] void Fail(const std::string& what, size_t line) const {
    throw Error(path_ + ":" + std::to_string(line + 1) + ": " + what);
  }
  [[noreturn]] void Fail(const std::string& what) const { Fail(what, event_.start_mark.line); }

  void Next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_) != 0) return;
    event_.type = YAML_NO_EVENT;
    const std::string problem = parser_.problem != nullptr ? parser_.problem : "it cannot be read";
    Fail(std::string("no YAML: ") + (parser_.context != nullptr ? std::string(parser_.context) + ", " : "") + problem,
         parser_.problem_mark.line);
  }

  void RefuseNames(const yaml_char_t* anchor, const yaml_char_t* tag) const {
    if (anchor != nullptr) Fail("anchors are not read");
    if (tag != nullptr) Fail("tags are not read");
  }

  // Of the event that was read last, and what belongs to it.
  Json Value(int depth) {
    if (depth > kMostDepth) Fail("more than " + std::to_string(kMostDepth) + " levels deep");
    switch (event_.type) {
      case YAML_SCALAR_EVENT:
        return Scalar();
      case YAML_SEQUENCE_START_EVENT: {
        RefuseNames(event_.data.sequence_start.anchor, event_.data.sequence_start.tag);
        Json list = Json::array();
        for (Next(); event_.type != YAML_SEQUENCE_END_EVENT; Next()) list.push_back(Value(depth + 1));
        return list;
      }
      case YAML_MAPPING_START_EVENT:
        return Mapping(depth);
      case YAML_ALIAS_EVENT:
        Fail("aliases are not read");
      default:
        Fail("a value is missing");
    }
  }

  Json Mapping(int depth) {
    RefuseNames(event_.data.mapping_start.anchor, event_.data.mapping_start.tag);
    Json object = Json::object();
    for (Next(); event_.type != YAML_MAPPING_END_EVENT; Next()) {
      if (event_.type != YAML_SCALAR_EVENT) Fail("a name must be a word");
      const std::string name = Text();
      if (object.contains(name)) Fail(name + " is there twice");
      Next();
      object[name] = Value(depth + 1);
    }
    return object;
  }

  std::string Text() const { return {reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length}; }

  Json Scalar() const {
    RefuseNames(event_.data.scalar.anchor, event_.data.scalar.tag);
    const std::string text = Text();
    if (text.find('\0') != std::string::npos) Fail("a value has a NUL in it");
    if (event_.data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return text;
    if (text.empty() || text == "~" || text == "null") return nullptr;
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    return text;
  }

  const std::string& path_;
  yaml_parser_t parser_;
  yaml_event_t event_ = {};
};

bool IsPlain(const std::string& value) {
  constexpr const char* kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-";
  if (value.empty() || value.find_first_not_of(kPlain) != std::string::npos) return false;
  if (value[0] == '-' && (value.size() == 1 || value[1] == '-')) return false;
  std::string small = value;
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr const char* kTaken[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "...", ".nan", ".inf"};
  return std::find(std::begin(kTaken), std::end(kTaken), small) == std::end(kTaken);
}

}  // namespace

Json ParseYaml(const std::string& text, const std::string& path) { return YamlReader(text, path).Read(); }

std::string YamlScalar(const std::string& value) {
  return IsPlain(value) ? value : Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace horizon
