// JSONL that the command reads itself.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_JSON_LINES_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_JSON_LINES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/data/data_file.h"

namespace horizon {

// The JSON of a record, discarded where it is none. Values that JSON does not have are null, as for training nobody's business where
// nobody reads them: NaN, Infinity and numbers beyond a double's, strings with a raw control character or half of a surrogate pair.
Json ParseRow(std::string_view row);

// The text of a member of an object, as it stands there: what ParseRow makes null, and whole numbers of more than 64 bits, are whole in
// it. Empty where the object has no such member. `object` is valid JSON but for such values, and `name` needs no escapes.
std::string_view RawMember(std::string_view object, std::string_view name);

// The same for a file that is one array of objects; `where` is "FILE: record INDEX".
template <class F>
void ForEachElement(const std::string& path, std::string_view text, F f) {
  const Json records = ParseRow(text);
  if (!records.is_array()) throw Error(path + ": begins as an array of records and is not valid JSON");
  for (size_t i = 0; i < records.size(); ++i) {
    const std::string where = path + ": record " + std::to_string(i);
    if (!records[i].is_object()) throw Error(where + " is no JSON object");
    f(records[i], where);
  }
}

// Calls f(record, where) for each line that is not empty; `where` is "FILE:LINE". A line must hold an object. As for training, a file
// may be one array of them.
template <class F>
void ForEachJsonLine(const std::string& path, F f) {
  const std::string text = ReadWholeFile(path);
  std::string_view rest(text);
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  const size_t first = rest.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && rest[first] == '[') return ForEachElement(path, rest, f);
  for (int64_t line = 1; !rest.empty(); ++line) {
    const size_t end = rest.find('\n');
    const std::string_view row = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = path + ":" + std::to_string(line);
    const Json record = ParseRow(row);
    if (!record.is_object()) throw Error(where + ": is no JSON object; a line must be one, or the file an array of them");
    f(record, where);
  }
}

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_JSON_LINES_H_
