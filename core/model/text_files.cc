#include "core/model/text_files.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/model/config.h"
#include "core/model/folder_files.h"

namespace hlm {
namespace {

constexpr int64_t kMostBytes = int64_t{256} << 20;
constexpr const char* kEos = "eos_token_id";
constexpr const char* kConfig = "config.json";
constexpr const char* kGeneration = "generation_config.json";
constexpr const char* kTokenizerConfig = "tokenizer_config.json";
constexpr const char* kJinja = "chat_template.jinja";

std::string LastName(const std::string& path) { return path.substr(path.rfind('/') + 1); }  // npos + 1 is 0

std::string TextOf(const JsonValue& value) {
  JsonWriter json(JsonWriter::Style::kIndented);
  value.Write(json);
  return json.Take() + "\n";
}

void Erase(JsonValue& object, const char* name) {
  std::erase_if(object.Members(), [&](const JsonValue::Member& member) { return member.name == name; });
}

// A whole number, or a list of them. Anything else would end no generation, and nobody would know.
std::vector<int64_t> IdsOf(const JsonValue* value, const std::string& where) {
  std::vector<int64_t> ids;
  if (value == nullptr || value->IsNull()) return ids;
  const auto add = [&](const JsonValue& one) {
    if (!one.Int()) {
      throw InvalidArgument(where, ": ", kEos, value->IsArray() ? " has " : " is ", PrintableJson(one),
                            "; it must be a whole number or a list of them");
    }
    ids.push_back(*one.Int());
  };
  if (!value->IsArray()) {
    add(*value);
    return ids;
  }
  for (const JsonValue& one : value->Items()) add(one);
  return ids;
}

// The member of a configuration, or of the text model inside it.
const JsonValue* Member(const JsonValue& config, const char* name) {
  const JsonValue* own = config.Find(name);
  if (own != nullptr && !own->IsNull()) return own;
  const JsonValue* text = config.Find("text_config");
  return text == nullptr ? nullptr : text->Find(name);
}

// A file's name in an error.
std::string Where(const Model& model, const char* name) {
  return model.source_folder().empty() ? name : PrintablePath(model.source_folder() + "/" + name);
}

// A file of the folder that would be saved; nothing where it has none of this name.
std::optional<std::string> FileOf(const Model& model, const std::string& path) {
  if (const auto found = model.files().find(path); found != model.files().end()) return found->second;
  const auto& own = model.own_files();
  if (model.source_folder().empty() || std::find(own.begin(), own.end(), path) != own.end()) return std::nullopt;
  const std::string whole = model.source_folder() + "/" + path;
  if (!IsRegularFile(whole)) return std::nullopt;
  return ReadSmallFile(whole, kMostBytes);
}

class Change {
 public:
  explicit Change(const Model& model) : model_(model), config_(model.config_json()) {
    if (!model.source_folder().empty() && IsFolder(model.source_folder())) carried_ = CarriedPaths(model.source_folder());
  }

  void SetTokenizer(const std::string& path) {
    LeaveOut([](const std::string& name) { return IsTokenizerFile(name); });
    std::string folder = path;
    if (!IsFolder(path)) {
      const size_t slash = path.rfind('/');
      folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    }
    for (const std::string& name : ListFolder(folder)) {
      if (IsTokenizerFile(name) && IsRegularFile(folder + "/" + name))
        files_[name] = ReadSmallFile(folder + "/" + name, kMostBytes);
    }
    // The file itself, under a name by which it is found.
    const std::string name = LastName(path);
    if (folder != path && !IsTokenizerFile(name)) {
      files_[name.ends_with(".model") ? "tokenizer.model" : "tokenizer.json"] = ReadSmallFile(path, kMostBytes);
    }
  }

  void SetTemplates(const std::map<std::string, std::string>& templates) {
    LeaveOut([](const std::string& path) { return IsTemplateFile(path); });
    for (const auto& [name, text] : templates) {
      const bool first = name == "default" || templates.size() == 1;
      files_[first ? kJinja : StrCat(kAdditionalTemplates, "/", CheckedName(name), ".jinja")] = text;
    }
    const std::optional<std::string> text = File(kTokenizerConfig);
    if (!text) return;
    JsonValue config = ParseJsonObject(*text, kTokenizerConfig);
    if (config.Find("chat_template") == nullptr) return;
    // Releases that know nothing of chat_template.jinja read the member.
    if (templates.size() == 1) {
      config.Set("chat_template", JsonValue(templates.begin()->second));
    } else {
      Erase(config, "chat_template");
    }
    files_[kTokenizerConfig] = TextOf(config);
  }

  void AddStopIds(const std::vector<int32_t>& ids) {
    const std::optional<std::string> text = File(kGeneration);
    const std::string of_config = Where(model_, kConfig), of_generation = Where(model_, kGeneration);
    JsonValue config = ParseJsonObject(config_, of_config);
    JsonValue generation = text ? ParseJsonObject(*text, of_generation) : JsonValue(JsonValue::Object());
    const std::vector<int64_t> configured = IdsOf(Member(config, kEos), of_config);
    const std::vector<int64_t> known = text ? IdsOf(generation.Find(kEos), of_generation) : configured;
    const auto is_known = [&](int32_t id) { return std::find(known.begin(), known.end(), id) != known.end(); };
    if (std::all_of(ids.begin(), ids.end(), is_known)) return;
    if (!text) {  // what transformers would make of config.json without this file
      for (const char* name : {"bos_token_id", kEos, "pad_token_id"}) {
        const JsonValue* value = Member(config, name);
        if (value != nullptr && !value->IsNull()) generation.Set(name, *value);
      }
    }
    Add(generation, known, ids);
    Add(config, configured, ids);
    files_[kGeneration] = TextOf(generation);
    config_ = TextOf(config);
  }

  std::shared_ptr<const Model> Take() { return Model::WithFiles(model_, std::move(config_), std::move(files_), left_out_); }

 private:
  template <class Is>
  void LeaveOut(const Is& is) {
    for (const std::string& path : carried_) {
      const bool top = path.find('/') == std::string::npos || path.rfind(kAdditionalTemplates, 0) == 0;
      if (top && is(path)) left_out_.push_back(path);
    }
  }

  std::optional<std::string> File(const std::string& path) const {
    if (const auto found = files_.find(path); found != files_.end()) return found->second;
    if (std::find(left_out_.begin(), left_out_.end(), path) != left_out_.end()) return std::nullopt;
    return FileOf(model_, path);
  }

  static std::string CheckedName(const std::string& name) {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
      throw InvalidArgument("a chat template is called ", Printable(name), ", which is no file's name");
    }
    return name;
  }

  // An id that is none of the vocabulary's ends nothing, and whoever reads the file would stop at it.
  void Add(JsonValue& object, std::vector<int64_t> ids, const std::vector<int32_t>& more) const {
    std::erase_if(ids, [&](int64_t id) { return id < 0 || id >= model_.spec().vocab; });
    for (const int32_t id : more) {
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
    JsonValue::Array values;
    for (const int64_t id : ids) values.push_back(JsonValue(id));
    object.Set(kEos, JsonValue(std::move(values)));
  }

  const Model& model_;
  std::string config_;
  std::vector<std::string> carried_, left_out_;
  std::map<std::string, std::string> files_;
};

}  // namespace

std::vector<int64_t> StopIds(const Model& model) {
  std::string where = Where(model, kConfig);
  JsonValue config = ParseJsonObject(model.config_json(), where);
  const JsonValue* ids = Member(config, kEos);
  if (const std::optional<std::string> text = FileOf(model, kGeneration)) {
    const std::string of_generation = Where(model, kGeneration);
    JsonValue generation = ParseJsonObject(*text, of_generation);
    if (const JsonValue* own = generation.Find(kEos); own != nullptr && !own->IsNull()) {
      config = std::move(generation);
      ids = config.Find(kEos);
      where = of_generation;
    }
  }
  std::vector<int64_t> stops = IdsOf(ids, where);
  for (const int64_t id : stops) {
    if (id < 0 || id >= model.spec().vocab) {
      throw InvalidArgument(where, ": ", kEos, " has ", id, ", which lies outside the vocabulary [0, ", model.spec().vocab,
                            ") and would end no generation");
    }
  }
  return stops;
}

bool StopIdsAreUnsaid(const Model& model) {
  const std::optional<std::string> text = FileOf(model, kGeneration);
  if (!text) return false;
  const JsonValue generation = ParseJsonObject(*text, Where(model, kGeneration));
  const JsonValue* ids = generation.Find(kEos);
  return ids == nullptr || ids->IsNull();
}

std::shared_ptr<const Model> WithTextFiles(const Model& model, const TextFiles& text) {
  Change change(model);
  if (!text.tokenizer.empty()) change.SetTokenizer(text.tokenizer);
  if (!text.templates.empty()) change.SetTemplates(text.templates);
  for (const int32_t id : text.stop_ids) {
    if (id < 0 || id >= model.spec().vocab)
      throw InvalidArgument("stop id ", id, " lies outside the vocabulary [0, ", model.spec().vocab, ")");
  }
  if (!text.stop_ids.empty()) change.AddStopIds(text.stop_ids);
  return change.Take();
}

}  // namespace hlm
