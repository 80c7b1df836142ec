#include "core/text/dataset/source_files.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <optional>
#include <string_view>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/base/nearest.h"
#include "core/io/json_writer.h"
#include "core/text/dataset/hash.h"
#include "core/text/dataset/media_members.h"
#include "core/text/dataset/record_reader.h"
#include "core/text/dataset/text_file.h"
#include "core/io/file.h"
#include "core/io/json_text.h"

namespace hlm::dataset {
namespace {

constexpr int64_t kMostInfoBytes = int64_t{64} << 20;

bool IsFolder(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string Parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// A folder as `datasets` saves it (save_to_disk): Arrow files, and what is in them, or such folders.
bool IsSavedByDatasets(const std::vector<std::string>& names) {
  const auto has = [&](const char* name) { return std::binary_search(names.begin(), names.end(), name); };
  return has("dataset_dict.json") || (has("state.json") && has("dataset_info.json"));
}

// What `datasets` says of a set is no record.
bool IsNameOfRecords(std::string_view name) {
  const std::string_view text = NameOfText(name);
  const bool records = text.ends_with(".jsonl") || text.ends_with(".json") || text.ends_with(".ndjson");
  return records && text != "dataset_info.json" && text != "dataset_infos.json";
}

// The part of a set that a file's name says it is, as `datasets` reads names: a word of it.
enum class Split { kNone, kTrain, kOther };
Split SplitOf(const std::string& path) {
  constexpr std::string_view kTrain[] = {"train", "training"};
  constexpr std::string_view kOther[] = {"test", "testing", "eval", "evaluation", "valid", "validation", "dev", "val"};
  const std::string name = AsciiLower(path.substr(path.rfind('/') + 1));
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find_first_of("._- 0123456789", at), name.size());
    const std::string_view word = std::string_view(name).substr(at, end - at);
    if (std::find(std::begin(kTrain), std::end(kTrain), word) != std::end(kTrain)) return Split::kTrain;
    if (std::find(std::begin(kOther), std::end(kOther), word) != std::end(kOther)) return Split::kOther;
    at = end + 1;
  }
  return Split::kNone;
}

// What is held out must not be trained on because it lies beside the rest.
void CheckOneSplit(const std::vector<std::string>& files, const std::string& where) {
  const auto first = [&](Split split) {
    return std::find_if(files.begin(), files.end(), [&](const std::string& file) { return SplitOf(file) == split; });
  };
  const auto train = first(Split::kTrain), other = first(Split::kOther);
  if (train == files.end() || other == files.end()) return;
  throw InvalidArgument(where, ": the folder has ", PrintablePath(*train), " and ", PrintablePath(*other),
                        ", by their names two parts of one set; name the files that are meant");
}

// How to go on where the folder itself has no records.
std::string FolderWithData(const std::string& path, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string inner = path + "/" + name;
    if (!IsFolder(inner)) continue;
    for (const std::string& file : ListFolder(inner)) {
      if (IsNameOfRecords(file)) return StrCat("; ", PrintablePath(inner), " has some");
      if (file.ends_with(".parquet"))
        return StrCat("; ", PrintablePath(inner), " has Parquet files, which the Python package reads");
    }
  }
  return "";
}

// A file, or the .jsonl and .json files of a folder, packed or not, in the order of their names. A folder that
// dataset_info.json names (`of_info`) is one part, whatever its files are called.
std::vector<std::string> FilesOf(const std::string& path, const std::string& where, bool of_info = false) {
  if (!IsFolder(path)) {
    const InputFile exists(path);  // a file that is not there is named before anything is read
    return {path};
  }
  const std::vector<std::string> names = ListFolder(path);
  if (IsSavedByDatasets(names)) throw NeedsPyArrow(path, "a folder of Arrow files, as `datasets` saves it");
  std::vector<std::string> files;
  for (const std::string& name : names) {
    if (IsNameOfRecords(name) && IsRegularFile(path + "/" + name)) files.push_back(path + "/" + name);
  }
  if (!files.empty()) {
    if (!of_info) CheckOneSplit(files, where);
    return files;
  }
  const auto is_parquet = [](const std::string& name) { return name.ends_with(".parquet"); };
  if (std::any_of(names.begin(), names.end(), is_parquet)) throw NeedsPyArrow(path, "a folder of Parquet files");
  throw NotFound(where, ": no .jsonl or .json file in the folder ", PrintablePath(path), FolderWithData(path, names));
}

const std::string& StringOf(const JsonValue& value, const char* key, const std::string& where) {
  if (!value.IsString() || value.String().empty()) {
    throw InvalidArgument(where, ": ", key, " is ", PrintableJson(value), "; it must be a string");
  }
  return value.String();
}

bool BoolOf(const JsonValue& value, const char* key, const std::string& where) {
  if (!value.IsBool()) throw InvalidArgument(where, ": ", key, " is ", PrintableJson(value), "; it must be true or false");
  return value.Bool();
}

double WeightOf(const JsonValue& value, const std::string& where) {
  if (!value.IsNumber() || !(value.Number() > 0) || !std::isfinite(value.Number())) {
    throw InvalidArgument(where, ": weight is ", PrintableJson(value), "; it must be a number above 0");
  }
  return value.Number();
}

int64_t SamplesOf(const JsonValue& value, const std::string& where) {
  if (!value.Int() || *value.Int() < 1) {
    throw InvalidArgument(where, ": num_samples is ", PrintableJson(value), "; it must be a whole number above 0");
  }
  return *value.Int();
}

Column ColumnOf(const JsonValue& value, const std::string& name, const std::string& where) {
  if (value.IsNull()) return std::nullopt;
  return StringOf(value, name.c_str(), where);
}

// `alone`: every column (tag) that is not named is none, as LLaMA-Factory reads dataset_info.json. Else they keep their names.
void ReadColumns(const JsonValue& given, bool alone, FormatSpec& spec, const std::string& where) {
  if (!given.IsObject()) throw InvalidArgument(where, ": columns is ", given.KindInWords(), "; it must be an object");
  if (alone) spec.columns = Columns();
  std::vector<const Column*> named;
  for (const JsonValue::Member& member : given.Members()) {
    if (IsMediaName(member.name)) {
      if (member.value.IsNull()) continue;
      throw Unimplemented(where, ": columns names ", member.name, "; only text is trained on");
    }
    Column* const column = FindColumn(spec.columns, member.name);
    if (column == nullptr) {
      throw InvalidArgument(
          where, ": columns has ", Printable(member.name, 60),
          "; known are text, prompt, query, response, history, messages, system, tools, completion, chosen, rejected, "
          "kto_tag, label, input_ids and labels");
    }
    *column = ColumnOf(member.value, member.name, where);
    named.push_back(column);
  }
  // A member that is named for one column is not read as another one's as well, because its name happens to be that one's.
  for (const auto& entry : NamedColumns(spec.columns)) {
    Column* const column = entry.second;
    if (std::find(named.begin(), named.end(), column) != named.end()) continue;
    if (std::any_of(named.begin(), named.end(), [&](const Column* other) { return *column && *other == *column; }))
      column->reset();
  }
}

void ReadTags(const JsonValue& given, bool alone, FormatSpec& spec, const std::string& where) {
  if (!given.IsObject()) throw InvalidArgument(where, ": tags is ", given.KindInWords(), "; it must be an object");
  if (alone) spec.tags = Tags();
  for (const JsonValue::Member& member : given.Members()) {
    Column* const tag = FindTag(spec.tags, member.name);
    if (tag == nullptr) {
      throw InvalidArgument(
          where, ": tags has ", Printable(member.name, 60),
          "; known are role_tag, content_tag, user_tag, assistant_tag, observation_tag, function_tag and system_tag");
    }
    *tag = ColumnOf(member.value, member.name, where);
  }
  spec.own_tags = true;
}

// An entry of dataset_info.json, as LLaMA-Factory reads it.
Source ReadInfo(const std::string& given_path, const std::string& name, const std::string& where) {
  const std::string path = IsFolder(given_path) ? given_path + "/dataset_info.json" : given_path;
  const JsonValue info = ParseJson(ReadSmallFile(path, kMostInfoBytes), PrintablePath(path));
  const JsonValue* entry = info.Find(name);
  if (entry == nullptr) throw NotFound(where, ": ", PrintablePath(path), " has no data set ", Printable(name));
  const std::string at = StrCat(PrintablePath(path), ": ", Printable(name));
  if (!entry->IsObject()) throw InvalidArgument(at, " is ", entry->KindInWords(), "; it must be an object");

  for (const char* remote : {"hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name"}) {
    if (entry->Find(remote) != nullptr && entry->Find("file_name") == nullptr) {
      throw Unimplemented(at, ": ", remote, ": only files of this machine are read; give file_name");
    }
  }
  const JsonValue* file_name = entry->Find("file_name");
  if (file_name == nullptr) throw InvalidArgument(at, " has no file_name");
  const std::string& file = StringOf(*file_name, "file_name", at);

  const JsonValue* formatting = entry->Find("formatting");
  const std::string format = formatting == nullptr || formatting->IsNull() ? "alpaca" : StringOf(*formatting, "formatting", at);
  if (format != "alpaca" && format != "sharegpt" && format != "openai") {
    throw InvalidArgument(at, ": formatting is ", Printable(format), "; legal are alpaca, sharegpt and openai");
  }
  Source source;
  source.name = name;
  source.spec = DefaultSpec(ReadFormat(format, at));
  source.spec.leaves_out = true;
  // The defaults of that file: nothing but questions, answers and messages is read unless columns names it.
  Columns& columns = source.spec.columns;
  columns.history = columns.system = columns.tools = columns.chosen = columns.rejected = std::nullopt;
  if (format == "openai") {
    columns.messages = "messages";
    source.spec.tags = {"role", "content", "user", "assistant", "tool", "function_call", "system"};
  }
  if (const JsonValue* given = entry->Find("columns")) ReadColumns(*given, true, source.spec, at);
  if (const JsonValue* given = entry->Find("tags")) ReadTags(*given, true, source.spec, at);
  if (const JsonValue* given = entry->Find("ranking"); given != nullptr && !given->IsNull())
    source.spec.ranking = BoolOf(*given, "ranking", at);
  if (const JsonValue* given = entry->Find("num_samples"); given != nullptr && !given->IsNull())
    source.num_samples = SamplesOf(*given, at);
  source.files = FilesOf(file.front() == '/' ? file : Parent(path) + "/" + file, at, true);
  // A text file has one column.
  if (HoldsPlainLines(source.files.front()) && entry->Find("columns") == nullptr) source.spec = DefaultSpec(Format::kText);
  return source;
}

}  // namespace

Source ReadSource(const JsonValue& config, const std::string& where) {
  Source source;
  if (config.IsString()) {
    source.name = StringOf(config, "path", where);
    source.files = FilesOf(source.name, where);
    return source;
  }
  if (!config.IsObject()) throw InvalidArgument(where, " is ", config.KindInWords(), "; it must be a path or an object");
  for (const JsonValue::Member& member : config.Members()) {
    const std::string_view known[] = {"path",   "format",      "columns",      "tags", "ranking",
                                      "weight", "num_samples", "dataset_info", "name"};
    if (std::find(std::begin(known), std::end(known), member.name) == std::end(known)) {
      std::string names;
      for (const std::string_view one : known) names += StrCat(names.empty() ? "" : ", ", one);
      throw InvalidArgument(where, " has ", Printable(member.name, 60), DidYouMean(member.name, names), "; known are ", names);
    }
  }
  const JsonValue *path = config.Find("path"), *info = config.Find("dataset_info"), *name = config.Find("name");
  if ((path == nullptr) == (info == nullptr)) throw InvalidArgument(where, " needs either path or dataset_info");
  if (info != nullptr) {
    if (name == nullptr) throw InvalidArgument(where, " has dataset_info, and no name of one of its data sets");
    for (const char* key : {"format", "columns", "tags", "ranking"}) {
      if (config.Find(key) != nullptr) throw InvalidArgument(where, " has both dataset_info and ", key, "; that file says it");
    }
    source = ReadInfo(StringOf(*info, "dataset_info", where), StringOf(*name, "name", where), where);
  } else {
    source.name = name != nullptr ? StringOf(*name, "name", where) : StringOf(*path, "path", where);
    const JsonValue* format = config.Find("format");
    const Format read = format == nullptr ? Format::kAuto : ReadFormat(StringOf(*format, "format", where), where);
    source.spec = DefaultSpec(read);
    for (const char* key : {"columns", "tags", "ranking"}) {
      if (config.Find(key) != nullptr && read == Format::kAuto)
        throw InvalidArgument(where, " has ", key, " and no format that it belongs to");
    }
    if (const JsonValue* given = config.Find("columns")) ReadColumns(*given, false, source.spec, where);
    if (const JsonValue* given = config.Find("tags")) ReadTags(*given, false, source.spec, where);
    if (const JsonValue* given = config.Find("ranking")) source.spec.ranking = BoolOf(*given, "ranking", where);
    source.files = FilesOf(StringOf(*path, "path", where), where);
  }
  if (const JsonValue* given = config.Find("weight")) source.weight = WeightOf(*given, where);
  if (const JsonValue* given = config.Find("num_samples")) source.num_samples = SamplesOf(*given, where);
  if (source.spec.ranking && source.spec.format != Format::kAlpaca && source.spec.format != Format::kShareGpt &&
      source.spec.format != Format::kMessages) {
    throw InvalidArgument(where, ": ranking goes with the formats alpaca, sharegpt and messages, not with ",
                          Name(source.spec.format));
  }
  return source;
}

namespace {

std::string ReadHash(const std::string& path) {
  const InputFile file(path);
  Hasher hasher;
  std::vector<char> part(static_cast<size_t>(std::clamp<int64_t>(file.size(), 1, 4 << 20)));
  for (int64_t at = 0; at < file.size();) {
    const int64_t bytes = std::min(file.size() - at, static_cast<int64_t>(part.size()));
    file.ReadAt(at, part.data(), static_cast<size_t>(bytes));
    hasher.Add(part.data(), static_cast<size_t>(bytes));
    at += bytes;
  }
  return hasher.DigestHex();
}

int64_t Nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

}  // namespace

std::string HashOfFile(const std::string& path, const std::string& memory_folder) {
  struct stat status;
  if (memory_folder.empty() || stat(path.c_str(), &status) != 0) return ReadHash(path);
  const std::string memory = StrCat(memory_folder, "/hash-", Hex(Hash64(path)));
  const std::string state = StrCat(status.st_size, " ", status.st_dev, " ", status.st_ino, " ", Nanoseconds(status.st_mtim), " ",
                                   Nanoseconds(status.st_ctim), " ", path);
  try {
    const JsonValue kept = ParseJson(ReadSmallFile(memory, 1 << 16), memory);
    const JsonValue *kept_state = kept.Find("file"), *hash = kept.Find("hash");
    if (kept_state != nullptr && kept_state->IsText(state) && hash != nullptr && hash->IsString()) return hash->String();
  } catch (const Error&) {
    // Not there, or not whole: the file itself is read.
  }
  std::string hash = ReadHash(path);
  // A file that changed a moment ago may change again within one tick of the clock, with nothing to see.
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec - status.st_mtim.tv_sec < 2) return hash;
  JsonWriter json;
  json.BeginObject().Member("file", state).Member("hash", hash).EndObject();
  const std::string beside = StrCat(memory, ".", getpid());
  try {
    // No wait for the medium, which would take longer than to read a small file: one that is not whole after a crash is not read.
    std::optional<OutputFile> file(beside);
    file->Append(json.text().data(), json.text().size());
    file.reset();
    Rename(beside, memory);
  } catch (const Error&) {
    unlink(beside.c_str());  // it is for speed alone
  } catch (...) {
    unlink(beside.c_str());
    throw;
  }
  return hash;
}

}  // namespace hlm::dataset
