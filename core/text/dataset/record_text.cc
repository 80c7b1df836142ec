// What a record's text must keep to before it is parsed (record_reader.h).
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/io/json_text.h"
#include "core/text/dataset/record_reader.h"

namespace hlm::dataset {

void CheckRecordText(std::string_view text, const std::string& where) {
  int64_t values = 1;
  bool in_string = false;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const size_t length = Utf8SequenceLength(text.substr(at));
      if (length == 0) throw InvalidArgument(where, ": not valid UTF-8 at byte ", at + 1, " of the record");
      at += length;
    } else if (c == '\0') {
      throw InvalidArgument(where, ": a NUL at byte ", at + 1,
                            " of the record; the file must be UTF-8 (UTF-16 and UTF-32 are full of them)");
    } else if (in_string) {
      at += c == '\\';  // what it escapes is no end of the string
      in_string = c != '"';
      ++at;
    } else {
      in_string = c == '"';
      values += c == ',' || c == ':';
      ++at;
    }
  }
  if (values > kMostRecordValues) {
    throw InvalidArgument(where, ": a record of ", values, " values; the limit is ", kMostRecordValues);
  }
}

namespace {

// Tables, YAML, and objects over several lines.
JsonValue ParseLine(std::string_view text, const std::string& where) {
  try {
    return ParseJsonRecord(text, where);
  } catch (const Error& error) {
    const bool no_json = error.message().find(": not valid JSON") != std::string::npos;
    if (!no_json || (text.starts_with('{') && text.ends_with('}'))) throw;
    throw Error(error.code(), StrCat(error.message(), "; a line must be one JSON object, or the file one array of them"));
  }
}

}  // namespace

JsonValue ParseRecord(const Record& record, const std::string& where) {
  CheckRecordText(record.text, where);
  if (!record.plain) return ParseLine(record.text, where);
  JsonValue value{JsonValue::Object()};
  value.Set("text", JsonValue(std::string(record.text)));
  return value;
}

}  // namespace hlm::dataset
