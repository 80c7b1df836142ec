#include "core/text/dataset/account.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm::dataset {
namespace {

constexpr const char* kDid[] = {"dropped", "cut", "unused", "repaired"};

struct Sentence {
  Did did;
  const char* what;
  const char* text;  // "#": the row's name, "@": its amount of characters
  const char* unit = "record";
};
constexpr Sentence kSentences[] = {
    {Did::kDropped, "bad_record", "damaged, or of the wrong form"},
    {Did::kDropped, "empty_answer", "their answers are empty"},
    {Did::kDropped, "turn_order", "their turns are out of order"},
    {Did::kDropped, "nothing_trained", "no token of them is trained"},
    {Did::kDropped, "too_long", "longer than seq_len", "document"},
    {Did::kCut, "truncated", "the end is cut off at seq_len", "document"},
    {Did::kCut, "split", "split at seq_len", "document"},
    {Did::kCut, "template", "the template leaves out @ of their #; a training form of the template, which prints it, keeps them"},
    {Did::kCut, "earlier_turns", "mask unroll trains @ of what the template leaves out of earlier turns"},
    {Did::kCut, "context", "the template leaves out @ of their messages of the role #"},
    {Did::kCut, "tools", "the template prints none of their tools (@)"},
    {Did::kRepaired, "messages", "the list of messages is JSON in a string, and was parsed"},
    {Did::kRepaired, "turns", "the turns are bare texts, and were read as a user's and an assistant's in turn"},
    {Did::kRepaired, "function_call", "function_call and functions, OpenAI's older form, were read as tool_calls and tools"},
    {Did::kRepaired, "tool_arguments", "arguments of tool calls are JSON in a string, and were parsed"},
    {Did::kRepaired, "null_arguments", "members of tools, tool calls and their arguments that are null were left out"},
    {Did::kRepaired, "second_beginning", "the text begins with the tokenizer's first token (BOS) already: it is there once"},
    {Did::kUnused, "member", "the member \"#\" is not used; columns can name it"},
    {Did::kUnused, "template_argument", "the template prints none of \"#\" of their chat_template_kwargs"},
    {Did::kUnused, "message_member", "the template prints none of the member \"#\" of their messages"},
};

}  // namespace

std::string TextOf(const Account::Row& row) {
  std::string text =
      StrCat(row.what, row.name.empty() ? "" : " ", row.name, row.amount == row.records ? "" : StrCat(", ", row.amount));
  const char* unit = "record";
  for (const Sentence& sentence : kSentences) {
    if (sentence.did != row.did || row.what != sentence.what) continue;
    unit = sentence.unit;
    text.clear();
    for (const char* c = sentence.text; *c != '\0'; ++c) {
      if (*c == '#') {
        text += row.name.empty() ? "..." : Printable(row.name, 60);
      } else if (*c == '@') {
        text += Counted(row.amount, "character");
      } else {
        text += *c;
      }
    }
  }
  // Thoughts that came as parts of a content reach the template as the message's reasoning, which some templates do not read.
  if (row.did == Did::kCut && row.what == "template" && row.name == "reasoning")
    text += "; where it reads them as parts of the content, content_parts \"keep\" does";
  return StrCat(Counted(row.records, unit), " ", kDid[static_cast<size_t>(row.did)], ": ", text);
}

Account::Row& Account::RowOf(Did did, std::string_view what, std::string_view name) {
  size_t names = 0, behind = 0;  // `behind`: where the rows of this kind end
  for (Row& row : rows_) {
    if (row.did == did && row.what == what && row.name == name) return row;
    names += row.did == did && row.what == what && !row.name.empty();
    behind += row.did <= did;
  }
  if (!name.empty() && names >= kMostNames) return RowOf(did, what, "");
  Row row;
  row.did = did;
  row.what = what;
  row.name = name;
  return *rows_.insert(rows_.begin() + static_cast<std::ptrdiff_t>(behind), std::move(row));
}

void Account::Add(const Notes& notes, const std::string& where) {
  std::vector<std::tuple<Did, std::string, std::string>> counted;  // rows that have this record
  for (const Note& note : notes) {
    Row& row = RowOf(note.did, note.what, note.name);
    std::tuple key(row.did, row.what, row.name);
    if (std::find(counted.begin(), counted.end(), key) == counted.end()) {
      ++row.records;
      counted.push_back(std::move(key));
    }
    if (row.first.empty()) row.first = where;
    row.amount += note.amount;
  }
}

void Account::AddRecords(Did did, std::string_view what, int64_t records) {
  if (records == 0) return;
  Row& row = RowOf(did, what, "");
  row.records += records;
  row.amount += records;
}

void Account::Write(JsonWriter& json) const {
  json.BeginArray();
  for (const Row& row : rows_) {
    json.BeginObject().Member("did", kDid[static_cast<size_t>(row.did)]).Member("what", row.what);
    if (!row.name.empty()) json.Member("name", row.name);
    json.Member("records", row.records).Member("amount", row.amount);
    if (!row.first.empty()) json.Member("first", row.first);
    json.Member("text", TextOf(row)).EndObject();
  }
  json.EndArray();
}

Account Account::Read(std::string_view json, const std::string& where) {
  const auto damaged = [&] { return DataLoss(where, ": is no account of a data set"); };
  const JsonValue rows = ParseJsonOrNull(json);
  if (!rows.IsArray()) throw damaged();
  Account account;
  for (const JsonValue& given : rows.Items()) {
    const auto text = [&](const char* key) {
      const JsonValue* value = given.Find(key);
      return value != nullptr && value->IsString() ? value->String() : std::string();
    };
    const JsonValue *records = given.Find("records"), *amount = given.Find("amount");
    const auto did = std::find(std::begin(kDid), std::end(kDid), text("did"));
    if (did == std::end(kDid) || records == nullptr || amount == nullptr || !records->Int() || !amount->Int()) throw damaged();
    Row row;
    row.did = static_cast<Did>(did - std::begin(kDid));
    row.what = text("what");
    row.name = text("name");
    row.records = *records->Int();
    row.amount = *amount->Int();
    row.first = text("first");
    account.rows_.push_back(std::move(row));
  }
  return account;
}

}  // namespace hlm::dataset
