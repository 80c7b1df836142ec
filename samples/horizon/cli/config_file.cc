#include "samples/horizon/cli/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/base/nearest.h"
#include "samples/horizon/base/output.h"
#include "samples/horizon/cli/names.h"
#include "samples/horizon/cli/yaml.h"
#include "samples/horizon/data/data_file.h"

namespace horizon {
namespace {

constexpr size_t kLargestFile = 1 << 20, kLargestConfig = 16 << 20;
constexpr int kMostNamed = 4;  // of what is not known: a file of another command has dozens

bool IsYaml(const std::string& path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }

// What config.json files of models have, and no option is called.
bool LooksLikeModel(const Json& object) {
  constexpr const char* kMembers[] = {"model_type",        "architectures", "hidden_size", "vocab_size",
                                      "num_hidden_layers", "n_embd",        "d_model"};
  return std::any_of(std::begin(kMembers), std::end(kMembers), [&](const char* name) { return object.contains(name); });
}

// Of a text that is no JSON because of an Infinity or a NaN, which the library's reader takes: whether it is a model's.
bool NamesModel(const std::string& text) {
  const bool python = text.find("Infinity") != std::string::npos || text.find("NaN") != std::string::npos;
  return python && (text.find("\"model_type\"") != std::string::npos || text.find("\"architectures\"") != std::string::npos);
}

Json Parse(const std::string& path) {
  const std::string text = ReadTextFile(path, kLargestFile);
  if (IsYaml(path)) return ParseYaml(text, path);
  // A name that is there twice is a slip, as in YAML; the parser alone would take the last.
  std::vector<std::set<std::string>> names;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second)
      throw Error(path + ": " + parsed.get<std::string>() + " is there twice");
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& error) {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 14: ..."
    const size_t name = what.find("] ");
    throw Error(path + ": is no JSON: " + what.substr(name == std::string::npos ? 0 : name + 2));
  }
}

bool IsJsonText(const CLI::Option& option) { return option.get_type_name().find("JSON") != std::string::npos; }

std::string TextOf(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// A file's members as arguments.
class ConfigReader {
 public:
  ConfigReader(const CLI::App& app, const std::vector<std::string>& commands, std::string path)
      : names_(app), app_(app), commands_(commands), path_(std::move(path)) {}

  std::vector<Argument> Read(const Json& file) {
    if (!file.is_object()) throw UsageError(path_ + ": must hold options by their names, \"lr: 1e-5\" say");
    std::string unknown;
    for (const auto& [name, value] : file.items()) {
      const bool section = (value.is_object() || value.is_null()) && IsCommand(name);
      if (!section) Take(name, value, unknown);
      if (section && value.is_object() && name != app_.get_name()) CheckNames(name, value, unknown);
    }
    // What is said of this subcommand goes before what is said of all.
    if (file.contains(app_.get_name()) && file.at(app_.get_name()).is_object()) {
      std::vector<Argument> all = std::move(arguments_);
      arguments_.clear();
      for (const auto& [name, value] : file.at(app_.get_name()).items()) Take(name, value, unknown);
      arguments_ = Merged(all, arguments_);
    }
    if (unknown_ > kMostNamed) unknown += "; and " + std::to_string(unknown_ - kMostNamed) + " more";
    if (!unknown.empty()) throw UsageError(path_ + ": " + unknown);
    return std::move(arguments_);
  }

 private:
  bool IsCommand(const std::string& name) const { return std::find(commands_.begin(), commands_.end(), name) != commands_.end(); }

  // A file may serve several subcommands: an option of others alone is told where it belongs; else `meant`.
  std::string OfAnother(const std::string& name, const std::string& meant) const {
    const CLI::App* program = app_.get_parent();
    if (program == nullptr) return meant;
    std::string first, all;
    for (const CLI::App* command : program->get_subcommands({})) {
      const CLI::Option* option = OptionNames(*command).Find("--" + name);
      if (option == nullptr || option->get_group() == kUnlisted) continue;
      if (first.empty()) first = command->get_name();
      all += (all.empty() ? "" : ", ") + command->get_name();
    }
    return first.empty() ? meant : "; it is one of " + all + ": put it under `" + first + ":`";
  }

  void Unknown(const std::string& name, const std::string& command, std::string meant, std::string& unknown) {
    if (++unknown_ > kMostNamed) return;
    for (size_t dashes; (dashes = meant.find("--")) != std::string::npos;) meant.erase(dashes, 2);
    unknown += (unknown.empty() ? "" : "; ") + name + " is not an option of " + command + meant;
  }

  // A slip in what is said of another subcommand is told before that one is called.
  void CheckNames(const std::string& command, const Json& section, std::string& unknown) {
    const CLI::App* program = app_.get_parent();
    if (program == nullptr) return;
    const CLI::App* other = program->get_subcommand(command);
    const OptionNames names(*other);
    for (const auto& [name, value] : section.items()) {
      const CLI::Option* option = names.Find("--" + name);
      if (option == nullptr) Unknown(name, command, names.DidYouMean("--" + name), unknown);
      if (option == other->get_help_ptr()) Unknown(name, command, "", unknown);
    }
  }

  void Take(const std::string& name, const Json& value, std::string& unknown) {
    const CLI::Option* option = names_.Find("--" + name);
    if (option == nullptr || option == app_.get_help_ptr()) {
      std::string meant = option == nullptr ? names_.DidYouMean("--" + name) : "";
      const bool command = IsCommand(name);
      if (command) meant = "; what is for a command alone is a mapping of options, not " + value.dump();
      // A mapping is a section, whose name may be misspelled.
      if (value.is_object() && !command) meant = DidYouMean(name, commands_);
      if (option == nullptr && !command) meant = OfAnother(name, meant);
      return Unknown(name, app_.get_name(), meant, unknown);
    }
    const std::string own = NameOf(*option);
    if (own == "--save-config" ||
        (own == "--config" && (!value.is_string() || IsOptionsFile(AtHome(*option, value.get<std::string>()))))) {
      throw UsageError(path_ + ": " + name + " belongs on the command line" +
                       (own == "--config" ? ", or names a model's config.json" : ""));
    }
    if (value.is_null()) return;  // as where it is not there
    if (value.is_array() && !IsJsonText(*option)) {
      if (TakesCommas(*option)) return AddJoined(*option, name, value);
      if (!TakesSeveral(*option)) throw UsageError(path_ + ": " + name + " takes one value, not a list");
      for (const Json& one : value) Add(*option, name, one);
      return;
    }
    Add(*option, name, value);
  }

  void AddJoined(const CLI::Option& option, const std::string& name, const Json& list) {
    std::string joined;
    for (const Json& one : list) {
      if (!one.is_string()) throw UsageError(path_ + ": " + name + " is a list of texts, not of " + one.dump());
      joined += (joined.empty() ? "" : ",") + one.get<std::string>();
    }
    if (!list.empty()) Add(option, name, joined);
  }

  void Add(const CLI::Option& option, const std::string& name, const Json& value) {
    const bool off = value == false || value == "no" || value == "off" || value == "false";
    const bool on = value == true || value == "yes" || value == "on" || value == "true";
    std::string text = TextOf(value);
    if (IsFlag(option) || (ValueWithout(option) != nullptr && (on || off))) {
      if (!on && !off) throw UsageError(path_ + ": " + name + " is true or false, not " + value.dump());
      if (off) return;
      text = IsFlag(option) ? "true" : ValueWithout(option);
    } else if ((on || off) && option.get_type_name() == "on|off") {
      text = on ? "on" : "off";
    } else if (value.is_object() && !IsJsonText(option) && !TakesSeveral(option)) {
      throw UsageError(path_ + ": " + name + " takes a value, not a mapping");
    }
    arguments_.push_back({&option, AtHome(option, text), path_});
  }

  OptionNames names_;
  const CLI::App& app_;
  const std::vector<std::string>& commands_;
  std::string path_;
  std::vector<Argument> arguments_;
  int unknown_ = 0;
};

// Whether an option that was not given may stand in a file with its default: it needs nothing that was not given, and nobody asks whether
// it was.
bool MayStand(const CLI::Option& option) {
  if (option.get_default_str().empty() || !option.get_needs().empty() || option.get_group() == kUnlisted) return false;
  if (NameOf(option) == "--optimizer-timing") return false;  // without it a budget chooses
  const auto excluded = option.get_excludes();
  return std::none_of(excluded.begin(), excluded.end(), [](const CLI::Option* other) { return other->count() > 0; });
}

// Numbers as numbers.
Json ValueOf(const CLI::Option& option, const std::string& text) {
  const std::string type = option.get_type_name();
  if (IsFlag(option)) return true;
  if (type != "N" && type != "X" && type != "BYTES") return text;
  const Json number = Json::parse(text, nullptr, false);
  return number.is_number() ? number : Json(text);
}

Json Members(const CLI::App& app) {
  Json members = Json::object();
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = NameOf(*option);
    if (option == app.get_help_ptr() || name == "--save-config") continue;
    if (option->count() == 0 && !MayStand(*option)) continue;
    if (IsFlag(*option) && option->as<bool>() == false) continue;
    const std::vector<std::string> given =
        option->count() > 0 ? option->results() : std::vector<std::string>{option->get_default_str()};
    Json& member = members[name.substr(2)];
    if (given.size() == 1) {
      member = ValueOf(*option, given.front());
    } else {
      for (const std::string& one : given) member.push_back(ValueOf(*option, one));
    }
  }
  return members;
}

std::string YamlValue(const Json& value) { return value.is_string() ? YamlScalar(value.get<std::string>()) : value.dump(); }

std::string YamlOf(const Json& members, const std::string& headline) {
  std::string text = "# " + headline + "\n";
  for (const auto& [name, value] : members.items()) {
    text += name + ":";
    if (!value.is_array()) {
      text += " " + YamlValue(value) + "\n";
      continue;
    }
    text += "\n";
    for (const Json& one : value) text += "  - " + YamlValue(one) + "\n";
  }
  return text;
}

}  // namespace

void CheckConfigName(const std::string& path) {
  if (!IsYaml(path) && !path.ends_with(".json")) throw UsageError(path + ": its name ends in neither .yaml, .yml nor .json");
}

bool IsOptionsFile(const std::string& path) {
  if (IsYaml(path)) return true;
  // A file that cannot be opened may be either, and what is wrong with it goes before all that it might have said.
  const std::string text = ReadTextFile(path, kLargestConfig);
  const Json object = Json::parse(text, nullptr, false);
  // What is no JSON is neither, and is told so before anything else; but for what Python writes into a model's file and JSON lacks.
  if (object.is_discarded()) return !NamesModel(text);
  return !object.is_object() || !LooksLikeModel(object);
}

std::vector<Argument> ReadConfigFile(const CLI::App& app, const std::vector<std::string>& commands, const std::string& path) {
  CheckConfigName(path);
  return ConfigReader(app, commands, path).Read(Parse(path));
}

void WriteConfigFile(const CLI::App& app, const std::string& path, const std::string& headline) {
  const Json members = Members(app);
  const std::string text = IsYaml(path) ? YamlOf(members, headline) : members.dump(2) + "\n";
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) throw Error(path + ": cannot be opened for writing: " + std::strerror(errno));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) throw Error(path + ": writing failed: " + std::strerror(errno));
}

}  // namespace horizon
