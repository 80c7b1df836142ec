// JSONL that the command reads itself.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_JSON_LINES_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_JSON_LINES_H_

#include <string>
#include <string_view>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/data/data_file.h"

namespace horizon {

// Python's json writes NaN and Infinity, which are no JSON. In strings they are words; elsewhere nobody here reads them: null
// instead.
inline std::string WithoutNotFinite(std::string_view row) {
  std::string text;
  bool in_string = false;
  for (size_t at = 0; at < row.size();) {
    size_t length = 1;
    if (in_string) {
      length = row[at] == '\\' ? 2 : 1;
      in_string = row[at] != '"';
    } else {
      in_string = row[at] == '"';
      for (const std::string_view word : {"NaN", "-Infinity", "Infinity"}) {
        if (row.substr(at, word.size()) != word) continue;
        text += "null";
        at += word.size();
        length = 0;
        break;
      }
    }
    text += row.substr(at, length);
    at += length;
  }
  return text;
}

// Calls f(record, where) for each line that is not empty; `where` is "FILE:LINE". A line must hold an object.
template <class F>
void ForEachJsonLine(const std::string& path, F f) {
  const std::string text = ReadWholeFile(path);
  std::string_view rest(text);
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  for (int64_t line = 1; !rest.empty(); ++line) {
    const size_t end = rest.find('\n');
    const std::string_view row = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = path + ":" + std::to_string(line);
    Json record = Json::parse(row, nullptr, false);
    if (record.is_discarded()) record = Json::parse(WithoutNotFinite(row), nullptr, false);
    if (!record.is_object()) throw Error(where + ": is no JSON object");
    f(record, where);
  }
}

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_JSON_LINES_H_
