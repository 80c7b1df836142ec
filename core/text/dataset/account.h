// What became of records beside being read: the counts of all that was dropped, cut, left unused or repaired, in one table.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_ACCOUNT_H_
#define HORIZON_LM_CORE_TEXT_DATASET_ACCOUNT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/json_writer.h"

namespace hlm::dataset {

enum class Did {
  kDropped,   // a record or a document is not used
  kCut,       // a part of it is not
  kUnused,    // a member that has words in it is read by nobody
  kRepaired,  // something was read as what it stands for
};

// One thing that was done to one record. Whoever does it says it: the readers, the tokenizer's side, the template's side.
struct Note {
  Did did = Did::kRepaired;
  std::string what;    // a word of docs/datasets.md: "member", "empty_answer"
  std::string name;    // of a member, where it is about one
  int64_t amount = 1;  // of what is counted: characters, members; of a record 1
};
using Notes = std::vector<Note>;

class Account {
 public:
  struct Row {
    Did did = Did::kRepaired;
    std::string what, name;
    int64_t records = 0, amount = 0;
    std::string first;  // "file:line" of the first record; empty where that is not known
  };

  // `where`: "file:line" of the record. Equal notes of one record count it once. Of names, kMostNames have a row of their own;
  // what is behind them shares one without a name.
  void Add(const Notes& notes, const std::string& where);
  // So many records at once.
  void AddRecords(Did did, std::string_view what, int64_t records);

  // By kind, then in the order in which they came.
  const std::vector<Row>& rows() const { return rows_; }

  // An array of {"did", "what", "name" where it has one, "records", "amount", "first", "text"}; "text" says it to people.
  void Write(JsonWriter& json) const;
  // Of what Write wrote. DATA_LOSS where it is something else.
  static Account Read(std::string_view json, const std::string& where);

  static constexpr size_t kMostNames = 64;

 private:
  Row& RowOf(Did did, std::string_view what, std::string_view name);

  std::vector<Row> rows_;
};

// "3 records unused: the member "id" is not used; columns can name it".
std::string TextOf(const Account::Row& row);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_ACCOUNT_H_
