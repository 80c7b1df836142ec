// The table of what was done to records beside reading them.
#include "core/text/dataset/account.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/code_of.h"

namespace hlm::dataset {
namespace {

Note Of(Did did, const std::string& what, const std::string& name = "", int64_t amount = 1) {
  Note note;
  note.did = did;
  note.what = what;
  note.name = name;
  note.amount = amount;
  return note;
}

std::string Written(const Account& account) {
  JsonWriter json;
  account.Write(json);
  return json.Take();
}

TEST(Account, CountsRecordsOnceAndAmountsAll) {
  Account account;
  account.Add({Of(Did::kRepaired, "null_member", "", 2), Of(Did::kRepaired, "null_member", "", 3)}, "f:1");
  account.Add({Of(Did::kRepaired, "null_member")}, "f:7");
  account.Add({}, "f:8");
  ASSERT_EQ(account.rows().size(), 1u);
  EXPECT_EQ(account.rows()[0].records, 2);
  EXPECT_EQ(account.rows()[0].amount, 6);
  EXPECT_EQ(account.rows()[0].first, "f:1");
}

TEST(Account, RowsStandByKindWhateverCameFirst) {
  Account account;
  account.Add({Of(Did::kUnused, "member", "id"), Of(Did::kUnused, "member", "source")}, "f:1");
  account.AddRecords(Did::kCut, "truncated", 4);
  account.AddRecords(Did::kCut, "split", 0);  // nothing to tell
  account.Add({Of(Did::kDropped, "empty_answer")}, "f:2");
  EXPECT_EQ(Written(account),
            R"([{"did":"dropped","what":"empty_answer","records":1,"amount":1,"first":"f:2",)"
            R"("text":"1 record dropped: their answers are empty"},)"
            R"({"did":"cut","what":"truncated","records":4,"amount":4,"text":"4 documents cut: the end is cut off at seq_len"},)"
            R"({"did":"unused","what":"member","name":"id","records":1,"amount":1,"first":"f:1",)"
            R"("text":"1 record unused: the member \"id\" is not used; columns can name it"},)"
            R"({"did":"unused","what":"member","name":"source","records":1,"amount":1,"first":"f:1",)"
            R"("text":"1 record unused: the member \"source\" is not used; columns can name it"}])");
}

TEST(Account, OneIsOne) {
  const auto text = [](const char* what, const char* name, int64_t records, int64_t amount) {
    Account::Row row;
    row.did = Did::kCut;
    row.what = what;
    row.name = name;
    row.records = records;
    row.amount = amount;
    return TextOf(row);
  };
  EXPECT_EQ(text("context", "system", 1, 1),
            "1 record cut: the template leaves out 1 character of their messages of the role system");
  EXPECT_EQ(text("earlier_turns", "", 2, 30),
            "2 records cut: mask unroll trains 30 characters of what the template leaves out of earlier turns");
  EXPECT_EQ(text("tools", "", 2, 1), "2 records cut: the template prints none of their tools (1 character)");
  EXPECT_EQ(
      text("template", "reasoning", 1, 2),
      "1 record cut: the template leaves out 2 characters of their reasoning; a training form of the template, which prints it, "
      "keeps them; where it reads them as parts of the content, content_parts \"keep\" does");
  EXPECT_EQ(text("split", "", 1, 1), "1 document cut: split at seq_len");
}

TEST(Account, ManyNamesShareARow) {
  Account account;
  for (int i = 0; i < 1000; ++i) account.Add({Of(Did::kUnused, "member", "k" + std::to_string(i))}, "f:1");
  ASSERT_EQ(account.rows().size(), Account::kMostNames + 1);
  EXPECT_EQ(account.rows().back().name, "");
  EXPECT_EQ(account.rows().back().records, 1000 - static_cast<int64_t>(Account::kMostNames));
}

TEST(Account, IsReadAsItWasWritten) {
  Account account;
  account.Add({Of(Did::kUnused, "member", "a \"quoted\"\nname"), Of(Did::kRepaired, "unheard_of", "", 12)}, "f:1");
  account.AddRecords(Did::kCut, "truncated", 4);
  EXPECT_EQ(Written(Account::Read(Written(account), "w")), Written(account));
  for (const std::string bad : {"", "{}", "[1]", R"([{"did": "eaten", "what": "x", "records": 1, "amount": 1}])",
                                R"([{"did": "cut", "what": "x", "records": 1.5, "amount": 1}])"}) {
    EXPECT_EQ(CodeOf([&] { Account::Read(bad, "w"); }), Code::kDataLoss) << bad;
  }
}

}  // namespace
}  // namespace hlm::dataset
