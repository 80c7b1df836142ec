#include "core/text/dataset/read_record.h"

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"

namespace hlm::dataset {
namespace {

constexpr const char* kKinds[] = {"text", "messages", "completion", "pair", "unpaired", "ids"};

const char* Word(Dropped dropped) { return dropped == Dropped::kEmptyAnswer ? "empty_answer" : "turn_order"; }

std::string Show(const JsonValue& record, const FormatSpec& spec, const ReadOptions& options, const std::string& where) {
  Example example;
  const Dropped dropped = ReadExample(record, spec, options, where, &example);
  JsonWriter json;
  json.BeginObject().Member("where", where).Member("format", Name(spec.format));
  json.Key("dropped");
  dropped == Dropped::kNot ? json.Null() : json.Value(Word(dropped));
  json.Member("kind", kKinds[static_cast<size_t>(example.kind)]);
  const auto value = [&](const char* key, const JsonValue& held) {
    if (!held.IsNull()) held.Write(json.Key(key));
  };
  if (example.kind == ExampleKind::kText) json.Member("text", example.text);
  value(example.kind == ExampleKind::kMessages ? "messages" : "prompt", example.prompt);
  value(example.kind == ExampleKind::kPair ? "chosen" : "completion", example.chosen);
  value("rejected", example.rejected);
  value("tools", example.tools);
  value("template_arguments", example.template_arguments);
  if (example.kind == ExampleKind::kUnpaired) json.Member("label", example.label);
  if (example.kind == ExampleKind::kIds) {
    json.Member("ids", example.ids).Key("trained").BeginArray();
    for (const uint8_t trained : example.trained) json.Value(trained != 0);
    json.EndArray();
  }
  Account account;
  account.Add(example.notes, where);
  account.Write(json.Key("account"));
  json.EndObject();
  return json.Take();
}

}  // namespace

std::string ReadRecordAsJson(const DatasetOptions& options, int64_t index) {
  if (index < 0) throw InvalidArgument("index is ", index, "; it must be at least 0");
  int64_t records = 0;
  for (const Source& source : options.sources) {
    for (const std::string& path : source.files) {
      RecordReader reader(path, options.max_record_bytes);
      Record record;
      while (reader.Next(&record)) {
        if (records++ != index) continue;
        const std::string where = reader.Where(record.line);
        const JsonValue value = ParseRecord(record, where);
        const bool known = source.spec.format != Format::kAuto;
        return Show(value, known ? source.spec : DetectFormat(value, options.task, where), options.read, where);
      }
    }
  }
  throw NotFound(PrintablePath(options.sources.front().name), options.sources.size() > 1 ? " and others have " : ": has ",
                 Counted(records, "row"), "; there is none of index ", index);
}

}  // namespace hlm::dataset
