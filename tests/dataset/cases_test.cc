// The formats against rules written a second time, in Python (tools/goldens/dataset_cases.py): the tokens of whole data sets.
#include <gtest/gtest.h>

#include "core/io/json_text.h"
#include "core/text/dataset/dataset.h"
#include "tests/dataset/support.h"

namespace hlm::dataset {
namespace {

std::vector<int32_t> Numbers(const JsonValue& list) {
  std::vector<int32_t> numbers;
  for (const JsonValue& item : list.Items()) numbers.push_back(static_cast<int32_t>(item.Int().value()));
  return numbers;
}

void Check(const JsonValue& given, bool array) {
  const std::string format = given.Find("format")->String();
  SCOPED_TRACE(format + (array ? ", an array" : ", lines"));
  const TestFiles files;
  std::string text = array ? "[" : "\xef\xbb\xbf";
  for (const JsonValue& line : given.Find("lines")->Items())
    text += (array && text.size() > 1 ? ",\n" : "") + line.String() + (array ? "" : "\r\n");
  if (array) text += "]";
  const std::string path = files.Write("cases.jsonl", text);
  auto set = Dataset::Open(
      ReadDatasetOptions(R"({"data": ")" + path + R"(", "task": ")" + given.Find("task")->String() +
                         R"(", "seq_len": 4096, "packing": "off", "shuffle": false, "epochs": 1, "cache_dir": null})"),
      PlainPipeline());
  const JsonValue::Array& documents = given.Find("documents")->Items();
  const Step& step = set->Next(1 << 20);
  ASSERT_EQ(step.documents.size(), documents.size());
  for (size_t d = 0; d < documents.size(); ++d) {
    SCOPED_TRACE(d);
    const std::vector<int32_t> ids = Numbers(*documents[d].Find("ids")), trained = Numbers(*documents[d].Find("trained"));
    std::vector<int32_t> labels(ids.size(), -100);
    for (size_t t = 1; t < ids.size(); ++t) {
      if (trained[t] == 1) labels[t] = ids[t];
    }
    const auto begin = step.offsets[d], end = step.offsets[d + 1];
    EXPECT_EQ(std::vector<int32_t>(step.ids.begin() + begin, step.ids.begin() + end), ids);
    EXPECT_EQ(std::vector<int32_t>(step.labels.begin() + begin, step.labels.begin() + end), labels);
    EXPECT_EQ(step.desirable[d], documents[d].Find("desirable")->Int());
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Cases, EveryFormatGivesTheTokensOfItsRules) {
  const JsonValue cases = ParseJson(ReadAll("tests/dataset/data/cases.json"), "cases.json");
  ASSERT_EQ(cases.Items().size(), 8u);
  for (const JsonValue& one : cases.Items()) {
    Check(one, false);
    Check(one, true);
  }
}

}  // namespace
}  // namespace hlm::dataset
