#include "core/save/manifest.h"

#include <algorithm>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/save/checksum.h"

namespace hlm {
namespace {

constexpr const char* kFormat = "horizon-lm checkpoint";
constexpr std::string_view kSumKey = ",\n  \"xxh3\": \"";
constexpr std::string_view kEnd = "\"\n}\n";

void WriteUnit(const StoredUnit& unit, JsonWriter& json) {
  json.BeginObject();
  json.Member("name", unit.name).Member("file", unit.file).Member("bytes", unit.bytes);
  json.Member("header_bytes", unit.header_bytes).Member("header_xxh3", ChecksumText(unit.header_sum));
  json.Key("arrays").BeginArray();
  for (const StoredArray& array : unit.arrays) {
    json.BeginObject();
    json.Member("kind", Name(array.kind)).Member("part", array.part).Member("type", Name(array.type));
    json.Member("first", array.first).Member("elements", array.elements).Member("begin", array.begin);
    json.Member("xxh3", ChecksumText(array.sum));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

// Values of an object that must be there. Damage is what is expected of a file that does not fit, whatever the damage.
class Fields {
 public:
  Fields(const JsonValue& object, const std::string& where) : object_(object), where_(where) {
    if (!object.IsObject()) throw DataLoss(where, ": an object is expected, found ", PrintableJson(object));
  }
  const JsonValue& Get(const char* key) const {
    const JsonValue* found = object_.Find(key);
    if (found == nullptr) throw DataLoss(where_, ": ", key, " is missing");
    return *found;
  }
  int64_t Count(const char* key) const {
    const std::optional<int64_t> value = Get(key).Int();
    if (!value || *value < 0)
      throw DataLoss(where_, ": ", key, " is ", PrintableJson(Get(key)), "; it must be a whole number from 0 on");
    return *value;
  }
  const std::string& Text(const char* key) const {
    if (!Get(key).IsString()) throw DataLoss(where_, ": ", key, " is ", PrintableJson(Get(key)), "; it must be a string");
    return Get(key).String();
  }
  uint64_t Sum(const char* key) const {
    const std::optional<uint64_t> sum = ParseChecksum(Text(key));
    if (!sum) throw DataLoss(where_, ": ", key, " is ", Printable(Text(key)), "; it must be 16 hexadecimal digits");
    return *sum;
  }
  const JsonValue::Array& List(const char* key) const {
    if (!Get(key).IsArray()) throw DataLoss(where_, ": ", key, " must be a list");
    return Get(key).Items();
  }
  // A file of the folder, never a path that leads out of it.
  const std::string& File(const char* key) const {
    const std::string& name = Text(key);
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
      throw DataLoss(where_, ": ", key, " is ", Printable(name), ", which is no file of the folder");
    }
    return name;
  }
  // A file that was carried along: its name may begin with a dot, and it may lie in a sub-folder.
  const std::string& Path(const char* key) const {
    const std::string& path = Text(key);
    bool good = !path.empty() && path.find('\0') == std::string::npos;
    for (size_t begin = 0; good && begin <= path.size();) {
      const size_t end = std::min(path.find('/', begin), path.size());
      const std::string part = path.substr(begin, end - begin);
      good = !part.empty() && part != "." && part != "..";
      begin = end + 1;
    }
    if (!good) throw DataLoss(where_, ": ", key, " is ", Printable(path), ", which is no file of the folder");
    return path;
  }
  template <class T, size_t n>
  T Choice(const char* key, const T (&choices)[n]) const {
    for (const T choice : choices) {
      if (Text(key) == Name(choice)) return choice;
    }
    throw DataLoss(where_, ": ", key, " is ", Printable(Text(key)), ", which is unknown");
  }

 private:
  const JsonValue& object_;
  const std::string& where_;
};

std::vector<std::vector<int64_t>> ParseExpertUpdates(const JsonValue& json, const std::string& where) {
  std::vector<std::vector<int64_t>> updates;
  const JsonValue* lists = json.Find("expert_updates");
  if (lists == nullptr) return updates;
  const auto damaged = [&](const JsonValue& value) { return DataLoss(where, ": expert_updates holds ", PrintableJson(value)); };
  if (!lists->IsArray()) throw damaged(*lists);
  for (const JsonValue& list : lists->Items()) {
    if (!list.IsArray()) throw damaged(list);
    updates.emplace_back();
    for (const JsonValue& item : list.Items()) {
      const std::optional<int64_t> count = item.Int();
      if (!count || *count < 0) throw damaged(item);
      updates.back().push_back(*count);
    }
  }
  return updates;
}

// `anywhere`: arrays may begin anywhere in the unit.
StoredUnit ParseUnit(const JsonValue& value, const std::string& where, bool anywhere) {
  const Fields fields(value, where);
  StoredUnit unit;
  unit.name = fields.Text("name");
  unit.file = fields.File("file");
  unit.bytes = fields.Count("bytes");
  unit.header_bytes = fields.Count("header_bytes");
  unit.header_sum = fields.Sum("header_xxh3");
  int64_t end = unit.header_bytes;
  for (const JsonValue& item : fields.List("arrays")) {
    const Fields entry(item, where);
    StoredArray array;
    array.kind = entry.Choice("kind", kArrayKinds);
    array.type = entry.Choice("type", kArrayTypes);
    array.part = entry.Count("part");
    array.first = entry.Count("first");
    array.elements = entry.Count("elements");
    array.begin = entry.Count("begin");
    array.sum = entry.Sum("xxh3");
    const std::string name = StrCat(where, ": ", Printable(unit.name), " ", Name(array.kind), " of part ", array.part);
    if (array.begin != end || (!anywhere && array.first != unit.Elements(array.kind)))
      throw DataLoss(name, " does not follow what stands before it");
    end = CheckedAdd(array.begin, CheckedMul(array.elements, static_cast<int64_t>(SizeOf(array.type))));
    unit.arrays.push_back(array);
  }
  if (end != unit.bytes)
    throw DataLoss(where, ": ", Printable(unit.file), " has ", unit.bytes, " bytes, its arrays end at ", end);
  return unit;
}

// The ranges of a unit's files cover it, each element once. `gaps`: but for weights some may be missing.
void CheckCovered(const Manifest& manifest, const std::string& where, bool gaps) {
  for (const StoredUnit& unit : manifest.units) {
    const std::vector<size_t> files = manifest.Of(unit.name);
    if (&manifest.units[files.front()] != &unit) continue;  // looked at with the first of them
    for (const ArrayKind kind : kArrayKinds) {
      std::vector<std::pair<int64_t, int64_t>> ranges;
      for (const size_t file : files) {
        for (const StoredArray& array : manifest.units[file].arrays) {
          if (array.kind == kind) ranges.emplace_back(array.first, CheckedAdd(array.first, array.elements));
        }
      }
      std::sort(ranges.begin(), ranges.end());
      int64_t end = 0;
      for (const auto& [first, last] : ranges) {
        if (first < end || (first > end && (!gaps || kind == ArrayKind::kWeights)))
          throw DataLoss(where, ": ", Printable(unit.name), " ", Name(kind), " is there up to element ", end, ", then from ",
                         first);
        end = last;
      }
    }
  }
}

}  // namespace

std::vector<size_t> Manifest::Of(const std::string& unit) const {
  std::vector<size_t> files;
  for (size_t u = 0; u < units.size(); ++u) {
    if (units[u].name == unit) files.push_back(u);
  }
  return files;
}

int64_t Manifest::Elements(const std::string& unit, ArrayKind kind) const {
  int64_t elements = 0;
  for (const size_t file : Of(unit)) elements += units[file].Elements(kind);
  return elements;
}

std::string StoredUnitsText(const std::vector<StoredUnit>& units) {
  JsonWriter json;
  json.BeginArray();
  for (const StoredUnit& unit : units) WriteUnit(unit, json);
  json.EndArray();
  return json.Take();
}

std::vector<StoredUnit> ParseStoredUnits(std::string_view text, const std::string& where) {
  std::vector<StoredUnit> units;
  const JsonValue json = ParseJson(text, where);
  HLM_CHECK(json.IsArray(), where);
  for (const JsonValue& unit : json.Items()) units.push_back(ParseUnit(unit, where, true));
  return units;
}

int64_t StoredUnit::Elements(ArrayKind kind) const {
  int64_t elements = 0;
  for (const StoredArray& array : arrays) elements += array.kind == kind ? array.elements : 0;
  return elements;
}

int64_t Manifest::Bytes() const {
  int64_t bytes = 0;
  for (const StoredUnit& unit : units) bytes += unit.bytes;
  for (const StoredFile& file : files) bytes += file.bytes;
  return bytes;
}

std::string ManifestText(const Manifest& manifest) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  // Readers of an older version read what has nothing of a later one.
  const bool shared = std::any_of(manifest.units.begin(), manifest.units.end(),
                                  [&](const StoredUnit& unit) { return manifest.Of(unit.name).size() > 1; });
  const bool frozen = manifest.numerics.IsObject() && manifest.numerics.Find("trained") != nullptr;
  json.Member("format", kFormat).Member("version", frozen ? 3 : shared ? 2 : 1);
  json.Member("step", manifest.step).Member("updates", manifest.updates);
  if (!manifest.expert_updates.empty()) {
    json.Key("expert_updates").BeginArray();
    for (const std::vector<int64_t>& router : manifest.expert_updates) json.Value(router);
    json.EndArray();
  }
  json.Key("learning_rate");
  manifest.fixed_lr ? json.Value(*manifest.fixed_lr) : json.Null();
  json.Member("source_dtype", Name(manifest.source_dtype));
  if (!manifest.source_quantization.empty()) json.Member("source_quantization", manifest.source_quantization);
  json.Key("user_data");
  manifest.user_data ? json.Value(*manifest.user_data) : json.Null();
  manifest.model.Write(json.Key("model"));
  manifest.numerics.Write(json.Key("numerics"));
  manifest.settings.Write(json.Key("settings"));
  json.Key("units").BeginArray();
  for (const StoredUnit& unit : manifest.units) WriteUnit(unit, json);
  json.EndArray();
  json.Key("files").BeginArray();
  for (const StoredFile& file : manifest.files) {
    json.BeginObject().Member("name", file.name).Member("bytes", file.bytes).Member("xxh3", ChecksumText(file.sum)).EndObject();
  }
  json.EndArray();
  json.EndObject();
  std::string text = json.Take();
  text.resize(text.rfind("\n}"));
  text += kSumKey;
  text += ChecksumText(ChecksumOf(text));
  text += kEnd;
  return text;
}

bool ManifestIsWhole(std::string_view text) {
  constexpr size_t kDigits = 16, kTail = kDigits + kEnd.size();
  if (text.size() < kSumKey.size() + kTail) return false;
  const std::string_view body = text.substr(0, text.size() - kTail);
  return body.substr(body.size() - kSumKey.size()) == kSumKey && text.substr(text.size() - kEnd.size()) == kEnd &&
         ParseChecksum(text.substr(body.size(), kDigits)) == ChecksumOf(body);
}

Manifest ParseManifest(std::string_view text, const std::string& where) {
  const bool whole = ManifestIsWhole(text);
  JsonValue json;
  try {
    json = ParseJson(text, where);
  } catch (const Error& error) {
    if (error.code() == Code::kResourceExhausted) throw;
    throw DataLoss(error.message());
  }
  const Fields fields(json, where);
  if (fields.Text("format") != kFormat)
    throw DataLoss(where, ": format is ", Printable(fields.Text("format")), ", not ", kFormat);
  if (fields.Count("version") > kCheckpointVersion) {
    throw Unimplemented(where, ": a checkpoint of format version ", fields.Count("version"),
                        "; this library reads versions up to ", kCheckpointVersion,
                        whole ? "" : " (and its checksum does not fit)");
  }
  if (!whole) throw DataLoss(where, ": its checksum does not fit: it was changed or cut off");
  Manifest manifest;
  manifest.step = fields.Count("step");
  manifest.updates = fields.Count("updates");
  manifest.expert_updates = ParseExpertUpdates(json, where);
  const JsonValue& lr = fields.Get("learning_rate");
  if (lr.IsNumber()) manifest.fixed_lr = lr.Number();
  constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
  manifest.source_dtype = fields.Choice("source_dtype", kDTypes);
  if (json.Find("source_quantization") != nullptr) manifest.source_quantization = fields.Text("source_quantization");
  const JsonValue& user_data = fields.Get("user_data");
  if (user_data.IsString()) manifest.user_data = user_data.String();
  manifest.model = fields.Get("model");
  manifest.numerics = fields.Get("numerics");
  manifest.settings = fields.Get("settings");
  const bool anywhere = fields.Count("version") > 1, gaps = fields.Count("version") > 2;
  for (const JsonValue& unit : fields.List("units")) manifest.units.push_back(ParseUnit(unit, where, anywhere));
  if (anywhere) CheckCovered(manifest, where, gaps);
  for (const JsonValue& item : fields.List("files")) {
    const Fields file(item, where);
    manifest.files.push_back({file.Path("name"), file.Count("bytes"), file.Sum("xxh3")});
  }
  return manifest;
}

}  // namespace hlm
