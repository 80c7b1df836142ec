#include "core/text/dataset/dataset.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "tests/dataset/support.h"
#include "tests/support/code_of.h"

namespace hlm::dataset {
namespace {

class Sets : public testing::Test {
 protected:
  // Texts of 1 to 60 letters, each with its number.
  std::string Texts(const std::string& name, int n, uint32_t seed = 1) const {
    std::mt19937 random(seed);
    std::string lines;
    for (int i = 0; i < n; ++i) {
      lines += R"({"text": ")" + std::to_string(i) + std::string(random() % 55 + 1, static_cast<char>('a' + seed)) + "\"}\n";
    }
    return files_.Write(name, lines);
  }
  // `more` are further keys, with a comma before them.
  std::unique_ptr<Dataset> Open(const std::string& path, const std::string& more = "",
                                const TextPipeline& pipeline = PlainPipeline()) const {
    const std::string data = path.front() == '[' ? path : "\"" + path + "\"";
    const std::string epochs = more.find("\"epochs\"") == std::string::npos ? R"(, "epochs": 1)" : "";
    return Dataset::Open(ReadDatasetOptions(R"({"data": )" + data + R"(, "seq_len": 64)" + epochs + more + "}"), pipeline);
  }
  std::string Message(const std::string& path, const std::string& more = "") const {
    std::string text;
    EXPECT_NE(CodeOf([&] { Open(path, more); }, &text), Code::kOk);
    const size_t at = text.find(files_.folder() + "/");
    if (at != std::string::npos) text.erase(at, files_.folder().size() + 1);
    return text;
  }
  static int64_t Number(Dataset& set, const std::string& key) {
    const JsonValue json = ParseJson(set.Describe(), "describe");
    return json.Find(key)->Int().value();
  }
  TestFiles files_;
};

std::string TextOf(const Step& step, size_t d) {
  std::string text;
  for (int64_t t = step.offsets[d]; t < step.offsets[d + 1]; ++t) {
    const int32_t id = step.ids[static_cast<size_t>(t)];
    if (id < 256) text += static_cast<char>(id);
  }
  return text;
}

// Every document that a set hands out, in order; steps of `rows` rows.
std::vector<std::string> AllTexts(Dataset& set, int64_t rows = 3) {
  std::vector<std::string> texts;
  while (true) {
    const Step& step = set.Next(rows);
    if (step.documents.empty()) return texts;
    for (size_t d = 0; d < step.documents.size(); ++d) texts.push_back(TextOf(step, d));
  }
}

TEST_F(Sets, AStepIsRowsOfDocumentsWhoseFirstTokenIsNoTarget) {
  const auto set = Open(Texts("d.jsonl", 200));
  int64_t documents = 0;
  for (int steps = 0;; ++steps) {
    const Step& step = set->Next(4);
    if (step.documents.empty()) break;
    ASSERT_EQ(step.labels.size(), step.ids.size());
    ASSERT_EQ(step.offsets.back(), static_cast<int64_t>(step.ids.size()));
    ASSERT_LE(step.rows.size(), 5u);
    ASSERT_EQ(step.rows.back(), static_cast<int64_t>(step.documents.size()));
    int64_t trained = 0;
    for (size_t r = 0; r + 1 < step.rows.size(); ++r) {
      ASSERT_LE(step.offsets[static_cast<size_t>(step.rows[r + 1])] - step.offsets[static_cast<size_t>(step.rows[r])], 64);
    }
    for (size_t d = 0; d < step.documents.size(); ++d) {
      for (int64_t t = step.offsets[d]; t < step.offsets[d + 1]; ++t) {
        const auto at = static_cast<size_t>(t);
        ASSERT_EQ(step.labels[at], t == step.offsets[d] ? -100 : step.ids[at]);
        trained += step.labels[at] != -100;
      }
      ASSERT_EQ(step.ids[static_cast<size_t>(step.offsets[d])], 256);
      ASSERT_EQ(step.ids[static_cast<size_t>(step.offsets[d + 1]) - 1], 257);
    }
    EXPECT_EQ(step.trained, trained);
    documents += static_cast<int64_t>(step.documents.size());
  }
  EXPECT_EQ(documents, 200);
  EXPECT_EQ(Number(*set, "documents"), 200);
}

TEST_F(Sets, EveryDocumentOnceAnEpochPackedOrNot) {
  const std::string path = Texts("d.jsonl", 300);
  auto packed = Open(path), single = Open(path, R"(, "packing": "off")"),
       plain = Open(path, R"(, "packing": "off", "shuffle": false)");
  const std::vector<std::string> in_order = AllTexts(*plain);
  EXPECT_EQ(in_order.front().substr(0, 1), "0");
  EXPECT_EQ(in_order.back().substr(0, 3), "299");
  auto a = AllTexts(*packed), b = AllTexts(*single), c = in_order;
  EXPECT_NE(a, b);
  for (auto* texts : {&a, &b, &c}) std::sort(texts->begin(), texts->end());
  EXPECT_EQ(a, c);
  EXPECT_EQ(b, c);
  const JsonValue one = ParseJson(packed->Describe(), ""), two = ParseJson(single->Describe(), "");
  EXPECT_GT(one.Find("efficiency")->Number(), 0.9);
  EXPECT_LT(two.Find("efficiency")->Number(), 0.6);
  EXPECT_EQ(two.Find("rows")->Int(), 300);
  EXPECT_EQ(one.Find("tokens")->Int(), two.Find("tokens")->Int());
}

TEST_F(Sets, TheOrderIsTheSeedsWhateverTheThreads) {
  const std::string path = Texts("d.jsonl", 500);
  const std::string none = R"(, "cache_dir": null)";
  const auto texts = [&](const std::string& more) { return AllTexts(*Open(path, none + more)); };
  const auto first = texts(R"(, "threads": 1, "seed": 5)");
  EXPECT_EQ(first, texts(R"(, "threads": 4, "seed": 5)"));
  EXPECT_NE(first, texts(R"(, "threads": 1, "seed": 6)"));
}

TEST_F(Sets, EveryPositionGoesOnAsTheUnbrokenOrder) {
  const std::string a = Texts("a.jsonl", 40), b = Texts("b.jsonl", 25, 2);
  const std::string data = R"([{"path": ")" + a + R"(", "weight": 1}, {"path": ")" + b + R"(", "weight": 2}])";
  for (const std::string packing : {"on", "off"}) {
    const std::string more = R"(, "epochs": 3, "packing": ")" + packing + "\"";
    auto unbroken = Open(data, more);
    std::vector<std::string> positions = {unbroken->Position()};
    std::vector<std::vector<int32_t>> steps;
    while (true) {
      const Step& step = unbroken->Next(3);
      if (step.documents.empty()) break;
      steps.push_back(step.ids);
      positions.push_back(unbroken->Position());
    }
    ASSERT_GT(steps.size(), 15u);
    for (size_t at = 0; at < positions.size(); ++at) {
      auto resumed = Open(data, more);
      resumed->Seek(positions[at]);
      EXPECT_EQ(resumed->Position(), positions[at]);
      for (size_t s = at; s < steps.size(); ++s) ASSERT_EQ(resumed->Next(3).ids, steps[s]) << "from " << at << " at " << s;
      EXPECT_TRUE(resumed->Next(3).documents.empty());
    }
  }
}

TEST_F(Sets, APositionOfAnotherOrderIsRefused) {
  const std::string path = Texts("d.jsonl", 20);
  auto set = Open(path);
  const std::string position = set->Position();
  EXPECT_EQ(CodeOf([&] { Open(path, R"(, "seed": 9)")->Seek(position); }), Code::kFailedPrecondition);
  EXPECT_EQ(CodeOf([&] { Open(path, R"(, "packing": "off")")->Seek(position); }), Code::kFailedPrecondition);
  for (const std::string bad : {"", "[]", "{}", R"({"order": 1})", R"({"epoch": 0, "row": 0})"}) {
    EXPECT_EQ(CodeOf([&] { set->Seek(bad); }), Code::kInvalidArgument) << bad;
  }
  std::string far = position;
  far.replace(far.find("\"row\":0"), 7, "\"row\":9999");
  EXPECT_EQ(CodeOf([&] { set->Seek(far); }), Code::kInvalidArgument);
  EXPECT_EQ(set->Position(), position);
}

TEST_F(Sets, PartsAreApartAndDoNotChangeWhenRecordsAreAdded) {
  const std::string path = Texts("d.jsonl", 400);
  auto train = Open(path, R"(, "evaluation": 0.2)"), evaluation = Open(path, R"(, "evaluation": 0.2, "part": "evaluation")");
  const auto t = AllTexts(*train), e = AllTexts(*evaluation);
  EXPECT_EQ(t.size() + e.size(), 400u);
  EXPECT_NEAR(static_cast<double>(e.size()), 80, 40);
  const std::set<std::string> held(e.begin(), e.end());
  for (const std::string& text : t) EXPECT_EQ(held.count(text), 0u);
  // More records: those that were held out still are.
  files_.Write("d.jsonl", R"({"text": "a new first one"})"
                          "\n" +
                              ReadAll(path) + R"({"text": "and a last"})");
  auto later = Open(path, R"(, "evaluation": 0.2, "part": "evaluation")");
  const auto l = AllTexts(*later);
  const std::set<std::string> still(l.begin(), l.end());
  for (const std::string& text : e) EXPECT_EQ(still.count(text), 1u);
  auto count = Open(path, R"(, "evaluation": 17, "part": "evaluation")");
  EXPECT_EQ(AllTexts(*count).size(), 17u);
}

TEST_F(Sets, NumSamplesAreDrawnByTheSeed) {
  const std::string path = Texts("d.jsonl", 100);
  const auto sample = [&](const std::string& more) {
    auto texts = AllTexts(*Open(R"([{"path": ")" + path + R"(", "num_samples": 30}])", more));
    std::sort(texts.begin(), texts.end());
    return texts;
  };
  EXPECT_EQ(sample("").size(), 30u);
  EXPECT_EQ(sample(""), sample(R"(, "packing": "off")"));
  EXPECT_NE(sample(""), sample(R"(, "seed": 1)"));
}

TEST_F(Sets, LongDocumentsAreCutOrRefusedAsAsked) {
  const std::string path = files_.Write("d.jsonl", R"({"text": ")" + std::string(148, 'x') + "\"}\n{\"text\": \"short\"}\n");
  auto truncate = Open(path, R"(, "too_long": "truncate", "shuffle": false)");
  const Step& step = truncate->Next(10);
  EXPECT_EQ(step.offsets, (std::vector<int64_t>{0, 64, 71}));
  EXPECT_EQ(Number(*truncate, "truncated"), 1);

  auto split = Open(path, R"(, "too_long": "split", "shuffle": false, "packing": "off")");  // 150 tokens: 64, 64, 22
  EXPECT_EQ(split->Next(10).offsets, (std::vector<int64_t>{0, 64, 128, 150, 157}));
  EXPECT_EQ(split->Next(10).documents.size(), 0u);
  EXPECT_EQ(Number(*split, "split"), 1);

  auto drop = Open(path, R"(, "too_long": "drop")");
  EXPECT_EQ(drop->Next(10).offsets, (std::vector<int64_t>{0, 7}));
  EXPECT_EQ(Number(*drop, "dropped"), 1);

  EXPECT_EQ(Message(path, R"(, "too_long": "error")"),
            "d.jsonl:1: a document of 150 tokens; seq_len is 64 (too_long: truncate, split, drop or error)");
}

TEST_F(Sets, WhatTruncationLeavesWithoutATargetIsDropped) {
  const std::string path = files_.Write("d.jsonl", R"({"prompt": ")" + std::string(100, 'p') +
                                                       R"(", "completion": "c"})"
                                                       "\n"
                                                       R"({"prompt": "p", "completion": "c"})");
  auto set = Open(path);
  EXPECT_EQ(set->Next(10).documents.size(), 1u);
  EXPECT_EQ(Number(*set, "dropped"), 1);
}

TEST_F(Sets, PairsStayTogetherChosenFirst) {
  std::string lines;
  std::mt19937 random(3);
  for (int i = 0; i < 60; ++i) {
    lines += R"({"prompt": ")" + std::to_string(i) + R"(:", "chosen": "C)" + std::string(random() % 90, 'c') +
             R"(", "rejected": "R)" + std::string(random() % 30, 'r') + "\"}\n";
  }
  auto set = Open(files_.Write("d.jsonl", lines), R"(, "task": "dpo")");
  int pairs = 0;
  while (true) {
    const Step& step = set->Next(7);  // three rows of pairs
    if (step.documents.empty()) break;
    ASSERT_EQ(step.documents.size() % 2, 0u);
    ASSERT_LE(step.rows.size(), 4u);
    ASSERT_LE(step.ids.size(), 7u * 64);
    for (size_t d = 0; d < step.documents.size(); d += 2, ++pairs) {
      const std::string chosen = TextOf(step, d), rejected = TextOf(step, d + 1);
      const std::string number = chosen.substr(0, chosen.find(':'));
      ASSERT_EQ(number, rejected.substr(0, rejected.find(':')));
      ASSERT_EQ(chosen[number.size() + 1], 'C');
      ASSERT_EQ(rejected[number.size() + 1], 'R');
      ASSERT_EQ(step.desirable[d], 1);
      ASSERT_EQ(step.desirable[d + 1], 0);
      ASSERT_LE(step.offsets[d + 1] - step.offsets[d], 64);
    }
  }
  EXPECT_EQ(pairs, 60);
  EXPECT_EQ(CodeOf([&] { set->Next(1); }), Code::kInvalidArgument);
}

TEST_F(Sets, MismatchedAnswersAreTheNextDocuments) {
  const std::string path = files_.Write("d.jsonl", R"({"prompt": "p1:", "completion": "one", "label": true})"
                                                   "\n"
                                                   R"({"prompt": "p2:", "completion": "two", "label": false})"
                                                   "\n"
                                                   R"({"prompt": "p3:", "completion": "three", "label": true})"
                                                   "\n");
  auto set = Open(path, R"(, "task": "kto", "shuffle": false)");
  const Step step = set->Next(10);
  EXPECT_EQ(step.desirable, (std::vector<int32_t>{1, 0, 1}));
  const Step mismatched = set->Mismatched();
  ASSERT_EQ(mismatched.documents, step.documents);
  EXPECT_EQ(TextOf(mismatched, 0), "p1:two");
  EXPECT_EQ(TextOf(mismatched, 1), "p2:three");
  EXPECT_EQ(TextOf(mismatched, 2), "p3:one");
  std::string trained;
  for (size_t t = 0; t < mismatched.ids.size(); ++t) {
    if (mismatched.labels[t] != -100) trained += mismatched.ids[t] == 257 ? '$' : static_cast<char>(mismatched.labels[t]);
  }
  EXPECT_EQ(trained, "two$three$one$");
  EXPECT_EQ(mismatched.trained, 14);
  EXPECT_EQ(CodeOf([&] { Open(Texts("t.jsonl", 5))->Mismatched(); }), Code::kFailedPrecondition);
}

// Both answers of a pair have one prompt, and several samples of a question too: an answer to the same prompt is not mismatched.
TEST_F(Sets, MismatchedAnswersAreToOtherPrompts) {
  const std::string pairs = files_.Write("p.jsonl", R"({"prompt": "p1:", "chosen": "one", "rejected": "two"})"
                                                    "\n"
                                                    R"({"prompt": "p2:", "chosen": "three", "rejected": "four"})"
                                                    "\n");
  auto set = Open(pairs, R"(, "task": "kto", "shuffle": false, "packing": false)");
  ASSERT_EQ(set->Next(10).documents.size(), 4u);
  const Step mismatched = set->Mismatched();
  ASSERT_EQ(mismatched.documents, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(TextOf(mismatched, 0), "p1:three");
  EXPECT_EQ(TextOf(mismatched, 1), "p1:four");
  EXPECT_EQ(TextOf(mismatched, 2), "p2:one");
  EXPECT_EQ(TextOf(mismatched, 3), "p2:two");

  // Three answers of four have one prompt: a turn of any size leaves two of them on their like.
  const std::string samples = files_.Write("s.jsonl", R"({"prompt": "p1:", "completion": "one", "label": true})"
                                                      "\n"
                                                      R"({"prompt": "p1:", "completion": "two", "label": false})"
                                                      "\n"
                                                      R"({"prompt": "p1:", "completion": "three", "label": true})"
                                                      "\n"
                                                      R"({"prompt": "p2:", "completion": "four", "label": true})"
                                                      "\n");
  auto most = Open(samples, R"(, "task": "kto", "shuffle": false, "packing": false)");
  ASSERT_EQ(most->Next(10).documents.size(), 4u);
  const Step left = most->Mismatched();
  ASSERT_EQ(left.documents, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(TextOf(left, 0), "p1:four");
  EXPECT_EQ(TextOf(left, 1), "p2:one");
  EXPECT_EQ(left.desirable, (std::vector<int32_t>{1, 1}));

  auto one = Open(files_.Write("o.jsonl", R"({"prompt": "p1:", "chosen": "one", "rejected": "two"})"
                                          "\n"),
                  R"(, "task": "kto")");
  ASSERT_EQ(one->Next(10).documents.size(), 2u);
  EXPECT_TRUE(one->Mismatched().documents.empty());
}

TEST_F(Sets, MixturesHaveTheirShares) {
  const std::string a = Texts("a.jsonl", 300), b = Texts("b.jsonl", 100, 2);
  auto set = Open(R"([{"path": ")" + a + R"(", "weight": 1}, {"path": ")" + b + R"(", "weight": 3}])");
  int64_t from_b = 0, all = 0;
  for (const std::string& text : AllTexts(*set)) {
    from_b += text.back() == 'c';
    ++all;
  }
  EXPECT_EQ(all, 400);
  EXPECT_EQ(from_b, 300);
}

TEST_F(Sets, TheCacheIsKeyedByContent) {
  const std::string path = Texts("d.jsonl", 50);
  const auto state = [&](const TextPipeline& pipeline, const std::string& more = "") {
    auto set = Open(path, more, pipeline);
    const JsonValue json = ParseJson(set->Describe(), "");
    return json.Find("cache")->Find("state")->String();
  };
  TextPipeline pipeline = PlainPipeline();
  EXPECT_EQ(state(pipeline), "built");
  EXPECT_EQ(state(pipeline), "read");
  EXPECT_EQ(state(pipeline, R"(, "seed": 4, "packing": "off", "evaluation": 3)"), "read");  // the order is not part of it
  EXPECT_EQ(state(pipeline, R"(, "train_on": "all")"), "built");
  pipeline.template_key = "edited";
  EXPECT_EQ(state(pipeline), "built");
  pipeline.tokenizer_key = "another";
  EXPECT_EQ(state(pipeline), "built");
  pipeline = PlainPipeline();
  EXPECT_EQ(state(pipeline), "read");
  files_.Write("d.jsonl", ReadAll(path) + R"({"text": "more"})");
  EXPECT_EQ(state(pipeline), "built");
}

TEST_F(Sets, ADamagedCacheIsMadeAgain) {
  const std::string path = Texts("d.jsonl", 50), cache = files_.Path("cache");
  const std::string more = R"(, "cache_dir": ")" + cache + "\"";
  const auto expected = AllTexts(*Open(path, more));
  std::string folder;
  for (const auto& entry : std::filesystem::directory_iterator(cache)) {
    if (entry.is_directory()) folder = entry.path();
  }
  ASSERT_FALSE(folder.empty());
  for (const std::string name : {"ids", "trained", "documents", "sources"}) {
    const std::string file = folder + "/" + name, whole = ReadAll(file);
    std::vector<std::string> damaged = {"", whole.substr(0, whole.size() / 2), whole.substr(1), whole + "x"};
    for (size_t at = 0; at < whole.size(); at += whole.size() / 7 + 1) {
      damaged.push_back(whole);
      damaged.back()[at] = static_cast<char>(damaged.back()[at] ^ 0x10);
    }
    for (const std::string& bytes : damaged) {
      std::filesystem::remove(file);
      files_.Write("cache/" + folder.substr(folder.rfind('/') + 1) + "/" + name, bytes);
      auto set = Open(path, more);
      const JsonValue json = ParseJson(set->Describe(), "");
      ASSERT_EQ(json.Find("cache")->Find("state")->String(), "rebuilt") << name;
      ASSERT_NE(json.Find("cache")->Find("note")->String().find("damaged"), std::string::npos);
      ASSERT_EQ(AllTexts(*set), expected);
    }
    std::filesystem::remove(file);
    ASSERT_EQ(AllTexts(*Open(path, more)), expected);
  }
}

TEST_F(Sets, ColumnsAreKeptBesideTheTokens) {
  const std::string path = Texts("d.jsonl", 50);
  auto set = Open(path, R"(, "evaluation": 5)");
  ASSERT_EQ(set->documents(), 50);
  std::vector<float> values(50);
  for (size_t i = 0; i < values.size(); ++i) values[i] = -0.5f * static_cast<float>(i);
  EXPECT_FALSE(set->ReadColumn("ref_logps", "weights 1").has_value());
  set->WriteColumn("ref_logps", "weights 1", values);
  EXPECT_EQ(Open(path)->ReadColumn("ref_logps", "weights 1"), values);
  EXPECT_FALSE(set->ReadColumn("ref_logps", "weights 2").has_value());
  EXPECT_FALSE(Open(path, R"(, "too_long": "drop")")->ReadColumn("ref_logps", "weights 1").has_value());
  values[3] = 7;
  set->WriteColumn("ref_logps", "weights 1", values);  // replaced
  EXPECT_EQ(set->ReadColumn("ref_logps", "weights 1"), values);
  values.pop_back();
  EXPECT_EQ(CodeOf([&] { set->WriteColumn("ref_logps", "weights 1", values); }), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf([&] { set->ReadColumn("../x", ""); }), Code::kInvalidArgument);
}

TEST_F(Sets, ErrorsNameFileAndLine) {
  const std::string good = R"({"text": "a good one"})"
                           "\n";
  EXPECT_EQ(Message(files_.Write("d.jsonl", good + "{\"text\": ")),
            "d.jsonl:2: not valid JSON at byte 9; a line must be one JSON object, or the file one array of them");
  EXPECT_EQ(Message(files_.Write("d.jsonl", good + "\n{\"text\": \"\xff\"}")),
            "d.jsonl:3: not valid UTF-8 at byte 11 of the record");
  EXPECT_EQ(Message(files_.Write("d.jsonl", good + R"({"text": "a", "text": "b"})")), "d.jsonl:2: the name text appears twice");
  EXPECT_EQ(Message(files_.Write("d.jsonl", good + R"({"texts": "a"})")),
            "d.jsonl:2: no \"text\", which the format text needs; the keys are: texts");
  EXPECT_EQ(Message(files_.Write("d.jsonl", good + "5")), "d.jsonl:2: a record is a number; it must be an object");
  EXPECT_EQ(Message(files_.Write("d.json", "[{\"text\": \"a\"},\n{\"x\": 1}]")),
            "d.json:2: no \"text\", which the format text needs; the keys are: x");
  std::string deep = good;
  for (int i = 0; i < 100; ++i) deep += "{\"a\":";
  EXPECT_EQ(Message(files_.Write("d.jsonl", deep)), "d.jsonl:2: JSON nested deeper than 64 levels at byte 320");
}

TEST_F(Sets, BadRecordsMayBeSkippedAndAreCounted) {
  const std::string path =
      files_.Write("d.jsonl", "nonsense\n{\"text\": \"a\"}\n{\"text\": 5}\n{\"text\": \"b\"}\n{\"text\": \"\\ud83d\"}\n");
  auto set = Open(path, R"(, "bad_records": "skip")");
  EXPECT_EQ(AllTexts(*set).size(), 2u);
  const JsonValue json = ParseJson(set->Describe(), "");
  EXPECT_EQ(json.Find("dropped_for")->Find("bad_record")->Int(), 3);
  EXPECT_NE(json.Find("cache")->Find("note")->String().find("d.jsonl:1: not valid JSON"), std::string::npos);
  // The same is in the table, and it comes back with what was kept.
  auto again = Open(path, R"(, "bad_records": "skip")");
  for (const JsonValue& whole : {json, ParseJson(again->Describe(), "")}) {
    ASSERT_EQ(whole.Find("account")->Items().size(), 1u);
    const JsonValue& row = whole.Find("account")->Items().front();
    EXPECT_TRUE(row.Find("did")->IsText("dropped"));
    EXPECT_TRUE(row.Find("what")->IsText("bad_record"));
    EXPECT_EQ(row.Find("records")->Int(), 3);
    EXPECT_TRUE(row.Find("first")->String().ends_with("/d.jsonl:1"));
  }
}

// A mapped file that somebody cuts ends the process that reads it; these are read by position.
TEST_F(Sets, AKeptFileThatIsCutWhileItIsUsedIsAnErrorThatNamesIt) {
  for (const std::string name : {"ids", "trained"}) {
    const std::string path = Texts("cut-" + name + ".jsonl", 1000), cache = files_.Path("cache-" + name);
    auto set = Open(path, R"(, "cache_dir": ")" + cache + "\"");
    set->Next(1);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(cache)) {
      if (entry.path().filename() == name) std::filesystem::resize_file(entry.path(), 10);
    }
    std::string message;
    EXPECT_EQ(CodeOf([&] { AllTexts(*set); }, &message), Code::kDataLoss);
    EXPECT_NE(message.find("/" + name + ": ends at byte 10"), std::string::npos) << message;
    // The next one to open it sees that it is damaged, and makes it again.
    auto again = Open(path, R"(, "cache_dir": ")" + cache + "\"");
    EXPECT_TRUE(ParseJson(again->Describe(), "").Find("cache")->Find("state")->IsText("rebuilt"));
    EXPECT_EQ(AllTexts(*again).size(), 1000u);
  }
}

TEST_F(Sets, ADataFileThatIsCutWhileItIsReadIsAnErrorThatNamesIt) {
  const std::string path = Texts("d.jsonl", 60'000);
  TextPipeline pipeline = PlainPipeline();
  const auto encode = pipeline.encode;
  std::once_flag once;
  pipeline.encode = [&](std::string_view text, bool special, std::span<const TextSpan> plain) {
    std::call_once(once, [&] { std::filesystem::resize_file(path, 100); });
    return encode(text, special, plain);
  };
  std::string message;
  EXPECT_EQ(CodeOf([&] { Open(path, R"(, "cache_dir": null)", pipeline); }, &message), Code::kDataLoss);
  EXPECT_NE(message.find("d.jsonl: ends at byte"), std::string::npos) << message;
}

TEST_F(Sets, MembersThatAreNotUsedAreToldAndAnswerToTheirOption) {
  const std::string path = files_.Write(
      "d.jsonl",
      "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": \"a\"}], \"score\": NaN, "
      "\"by\": \"x\"}\n"
      "{\"messages\": [{\"role\": \"user\", \"content\": \"r\"}, {\"role\": \"assistant\", \"content\": \"b\"}], \"by\": \"y\"}\n"
      "{\"messages\": [{\"role\": \"user\", \"content\": \"s\"}, {\"role\": \"assistant\", \"content\": \"c\"}], \"context\": "
      "\"words\"}\n");
  EXPECT_NE(Message(path).find("d.jsonl:3: \"context\" looks like a part of the conversation"), std::string::npos);
  auto counted = Open(path, R"(, "unused_members": "count")"), skipped = Open(path, R"(, "bad_records": "skip")");
  EXPECT_EQ(AllTexts(*counted).size(), 3u);
  EXPECT_EQ(AllTexts(*skipped).size(), 2u);
  const JsonValue json = ParseJson(counted->Describe(), "");
  const JsonValue::Array& rows = json.Find("account")->Items();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0].Find("name")->IsText("by"));
  EXPECT_EQ(rows[0].Find("records")->Int(), 2);
  EXPECT_TRUE(rows[1].Find("name")->IsText("context"));
  EXPECT_TRUE(rows[1].Find("text")->IsText("1 record unused: the member \"context\" is not used; columns can name it"));
}

TEST_F(Sets, LinesOfATextFileAreTexts) {
  files_.Write("d.txt", "one\n  two\r\n\n[three\n");
  const auto info = [&](const std::string& entry, const std::string& task) {
    files_.Write("dataset_info.json", R"({"d": )" + entry + "}");
    return AllTexts(*Open(R"([{"dataset_info": ")" + files_.folder() + R"(", "name": "d"}])",
                          R"(, "shuffle": false, "packing": false, "task": ")" + task + "\""));
  };
  const std::vector<std::string> lines = {"one", "  two", "[three"};
  EXPECT_EQ(info(R"({"file_name": "d.txt", "columns": {"prompt": "text"}})", "pretrain"), lines);
  EXPECT_EQ(info(R"({"file_name": "d.txt"})", "pretrain"), lines);
  EXPECT_EQ(AllTexts(*Open(files_.Path("d.txt"), R"(, "shuffle": false, "packing": false)")), lines);
}

TEST_F(Sets, AnEmptySetIsAnErrorThatSaysWhy) {
  EXPECT_NE(Message(files_.Write("d.jsonl", "")).find("the data set is empty: of 0 records"), std::string::npos);
  EXPECT_NE(Message(files_.Write("d.jsonl", R"({"prompt": "p", "completion": ""})")).find("1 with empty answers"),
            std::string::npos);
  EXPECT_NE(
      Message(files_.Write("d.jsonl", R"({"text": "a"})"), R"(, "evaluation": 1)").find("none is left for the training part"),
      std::string::npos);
}

TEST_F(Sets, WithoutTextTokenIdsNeedNoTokenizer) {
  const std::string path = files_.Write("d.jsonl", R"({"input_ids": [70000, 5, 6], "labels": [-100, -100, 6]})"
                                                   "\n");
  auto set = Open(path, "", TextPipeline());
  const Step& step = set->Next(1);
  EXPECT_EQ(step.ids, (std::vector<int32_t>{70000, 5, 6}));
  EXPECT_EQ(step.labels, (std::vector<int32_t>{-100, -100, 6}));
  EXPECT_EQ(step.trained, 1);
}

TEST_F(Sets, EpochsEndAndTheLastStepMayBeLeftOut) {
  const std::string path = Texts("d.jsonl", 10);
  auto set = Open(path, R"(, "packing": "off", "epochs": 2)");
  std::vector<size_t> sizes;
  for (int i = 0; i < 8; ++i) sizes.push_back(set->Next(4).documents.size());
  EXPECT_EQ(sizes, (std::vector<size_t>{4, 4, 2, 4, 4, 2, 0, 0}));
  auto whole = Open(path, R"(, "packing": "off", "epochs": 2, "drop_last": true)");
  sizes.clear();
  for (int i = 0; i < 6; ++i) sizes.push_back(whole->Next(4).documents.size());
  EXPECT_EQ(sizes, (std::vector<size_t>{4, 4, 4, 4, 0, 0}));
}

TEST_F(Sets, AFolderThatCannotBeWrittenToKeepsNoCache) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const std::string path = Texts("d.jsonl", 5);
  chmod(files_.folder().c_str(), 0555);
  EXPECT_EQ(AllTexts(*Open(path)).size(), 5u);
  chmod(files_.folder().c_str(), 0755);
}

}  // namespace
}  // namespace hlm::dataset
