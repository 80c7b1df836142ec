// horizon logprobs, eval --task and show-mask by tokens: each against sums that the test makes itself from another command's
// output.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/samples/examples_support.h"
#include "tests/samples/support.h"

namespace horizon_test {
namespace {

using nlohmann::json;

const double kLn2 = std::log(2.0);

Words OnModel(const std::string& command, const Words& more) {
  const std::string model = ExampleModel();
  Words words = {command, "--config", model + "/config.json", "--tokenizer", model, "--compute", "f32", "--threads", "1"};
  return With(words, more);
}

std::vector<json> Lines(const Words& words) {
  const Result result = Horizon(words);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.status == 0 ? result.Lines() : std::vector<json>(1);
}

std::vector<json> Logprobs(const Words& more) {
  return Lines(OnModel("logprobs", With({"--cache-dir", Scratch("cache")}, more)));
}

TEST(LogprobsTest, RowsSumToTheirLoss) {
  const std::string data = WriteRows("rows.npy", 12, SomeIds(12 * 7));
  const auto lines = Lines({"logprobs", "--config", SmallConfig(), "--compute", "f32", "--data", data, "--batch-size", "2"});
  ASSERT_EQ(lines.size(), 7u);
  double sum = 0;
  for (const json& line : lines) {
    EXPECT_EQ(line["tokens"], 11);
    EXPECT_TRUE(line["logprobs"][0].is_null());
    double own = 0;
    for (size_t t = 1; t < 12; ++t) own += line["logprobs"][t].get<double>();
    EXPECT_NEAR(line["logprob"].get<double>(), own, 1e-9);
    sum += own;
  }
  EXPECT_EQ(lines[3]["ids"].get<std::vector<int64_t>>(), [] {
    const auto ids = SomeIds(12 * 7);
    return std::vector<int64_t>(ids.begin() + 36, ids.begin() + 48);
  }());
  const json eval = Lines({"eval", "--config", SmallConfig(), "--compute", "f32", "--data", data, "--json"}).back();
  EXPECT_NEAR(-sum / 77, eval["loss"].get<double>(), 1e-6);
}

TEST(LogprobsTest, ExamplesAreWhatTrainingSees) {
  const std::string data = WriteConversations("examples.jsonl", 12);
  const auto lines = Logprobs({"--data", data, "--seq-len", "96"});
  ASSERT_EQ(lines.size(), 12u);
  double sum = 0;
  int64_t tokens = 0;
  for (const json& line : lines) {
    sum += line["logprob"].get<double>();
    tokens += line["tokens"].get<int64_t>();
  }
  const auto step = TaskLines("sft", {"--data", data, "--steps", "1", "--batch-size", "12"})[0];
  EXPECT_EQ(step["tokens"], tokens);
  EXPECT_NEAR(step["loss"].get<double>(), -sum / static_cast<double>(tokens), 1e-6);
}

TEST(LogprobsTest, PairsAreToldApart) {
  const std::string data = WritePairs("pairs.jsonl", 10);
  const auto lines = Logprobs({"--data", data, "--task", "dpo", "--seq-len", "96", "--sums"});
  ASSERT_EQ(lines.size(), 20u);
  double chosen = 0, rejected = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["pair"], i / 2);
    EXPECT_EQ(lines[i]["chosen"], i % 2 == 0);
    EXPECT_FALSE(lines[i].contains("ids"));
    (i % 2 == 0 ? chosen : rejected) += lines[i]["logprob"].get<double>() / 10;
  }
  const auto step = TaskLines("dpo", {"--data", data, "--steps", "1", "--batch-size", "20"})[0];
  EXPECT_NEAR(step["logps/chosen"].get<double>(), chosen, 1e-4);
  EXPECT_NEAR(step["logps/rejected"].get<double>(), rejected, 1e-4);
}

TEST(LogprobsTest, LongDocumentsAreRefusedUnlessAskedFor) {
  const Result result = Horizon(OnModel("logprobs", {"--data", WriteConversations("long.jsonl", 2), "--seq-len", "8"}));
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, {"long.jsonl:1", "8"});
}

// Windows written out as rows, scored by another command.
TEST(PerplexityTest, EveryIdIsScoredOnceInItsWindow) {
  const int64_t window = 8, stride = 3, n = 20;
  const std::vector<int64_t> ids = SomeIds(n);
  std::vector<int64_t> rows;
  for (int64_t begin = 0; begin + window <= n; begin += stride)
    rows.insert(rows.end(), ids.begin() + begin, ids.begin() + begin + window);
  const auto lines =
      Lines({"logprobs", "--config", SmallConfig(), "--compute", "f32", "--data", WriteRows("windows.npy", window, rows)});
  double sum = 0;
  for (size_t r = 0; r < lines.size(); ++r) {
    for (size_t t = r == 0 ? 1 : static_cast<size_t>(window - stride); t < window; ++t)
      sum += lines[r]["logprobs"][t].get<double>();
  }
  const auto perplexity = [&](const std::string& file) {
    return Lines({"eval", "--config", SmallConfig(), "--compute", "f32", "--task", "perplexity", "--data", file, "--seq-len", "8",
                  "--stride", "3", "--json"})
        .back();
  };
  const json eval = perplexity(WriteStream("stream.npy", ids));
  EXPECT_EQ(eval["tokens"], n - 1);
  EXPECT_NEAR(eval["loss"].get<double>(), -sum / static_cast<double>(n - 1), 1e-6);
  EXPECT_NEAR(eval["perplexity"].get<double>(), std::exp(eval["loss"].get<double>()), 1e-9);
  EXPECT_EQ(eval["window"], 8);
  EXPECT_EQ(eval["stride"], 3);
  EXPECT_TRUE(eval["bits_per_byte"].is_null());
  // The same as bytes of a text.
  WriteFile(Scratch("stream.txt"), std::string(ids.begin(), ids.end()));
  const json text = perplexity(Scratch("stream.txt"));
  EXPECT_EQ(text["loss"], eval["loss"]);
  EXPECT_EQ(text["bytes"], n - 1);
  EXPECT_NEAR(text["bits_per_byte"].get<double>(), text["loss"].get<double>() / kLn2, 1e-12);
}

TEST(PerplexityTest, BytesAreThoseOfTheScoredTokens) {
  WriteFile(Scratch("texts.jsonl"), "{\"text\": \"What is the capital of Norway?\"}\r\n\r\n{\"text\": \"Oslo, \xc3\xa9.\"}\n");
  const json eval =
      Lines(OnModel("eval", {"--task", "perplexity", "--data", Scratch("texts.jsonl"), "--seq-len", "64", "--json"})).back();
  // What each text's first token stands for is not scored.
  int64_t bytes = 0, tokens = 0;
  for (const std::string text : {"What is the capital of Norway?", "Oslo, \xc3\xa9."}) {
    const json line = Lines({"tokenize", "--tokenizer", ExampleModel(), "--text", text, "--json"}).back();
    bytes += line["bytes"].get<int64_t>() - line["offsets"][0][1].get<int64_t>();
    tokens += static_cast<int64_t>(line["ids"].size()) - 1;
  }
  EXPECT_EQ(eval["bytes"], bytes);
  EXPECT_EQ(eval["tokens"], tokens);
  EXPECT_EQ(eval["documents"], 2);
  EXPECT_EQ(eval["first_token"], "not scored");
  EXPECT_NEAR(eval["bits_per_byte"].get<double>(),
              eval["loss"].get<double>() * static_cast<double>(tokens) / (kLn2 * static_cast<double>(bytes)), 1e-9);
}

TEST(ChoiceTest, TheLikeliestChoiceIsTaken) {
  const std::vector<std::pair<std::string, Words>> questions = {
      {"The capital of Norway is", {" Oslo.", " Lima.", " a rather long answer."}},
      {"2 plus 2 is", {" 4.", " twelve."}},
      {"Hot and", {" cold", " the opposite of it, as is said"}}};
  std::string file, examples;
  for (size_t i = 0; i < questions.size(); ++i) {
    file += json{{"prompt", questions[i].first}, {"choices", questions[i].second}, {"answer", i == 1 ? 1 : 0}}.dump() + "\n";
    for (const std::string& choice : questions[i].second) {
      examples += json{{"prompt", questions[i].first}, {"completion", choice}}.dump() + "\n";
    }
  }
  WriteFile(Scratch("questions.jsonl"), file);
  WriteFile(Scratch("as-examples.jsonl"), examples);
  const json line = Lines(OnModel("eval", {"--task", "choice", "--data", Scratch("questions.jsonl"), "--json", "--seq-len", "64",
                                           "--details", Scratch("details.jsonl")}))
                        .back();
  // What logprobs gives ends with eos_token, which is not a part of a choice.
  const auto scored = Logprobs({"--data", Scratch("as-examples.jsonl"), "--seq-len", "64"});
  size_t at = 0, right = 0, right_norm = 0;
  const auto details = Curve(Scratch("details.jsonl"));
  ASSERT_EQ(details.size(), questions.size());
  for (size_t i = 0; i < questions.size(); ++i) {
    std::vector<double> sums, norms;
    for (const std::string& choice : questions[i].second) {
      const json& one = scored.at(at++);
      sums.push_back(one["logprob"].get<double>() - one["logprobs"].back().get<double>());
      norms.push_back(sums.back() / static_cast<double>(choice.size()));
    }
    for (size_t c = 0; c < sums.size(); ++c) EXPECT_NEAR(details[i]["logprobs"][c].get<double>(), sums[c], 1e-4);
    const auto best = [](const std::vector<double>& v) { return std::max_element(v.begin(), v.end()) - v.begin(); };
    right += best(sums) == (i == 1 ? 1 : 0);
    right_norm += best(norms) == (i == 1 ? 1 : 0);
    EXPECT_EQ(details[i]["best"], best(sums));
    EXPECT_EQ(details[i]["best_norm"], best(norms));
  }
  EXPECT_NEAR(line["accuracy"].get<double>(), static_cast<double>(right) / 3, 1e-12);
  EXPECT_NEAR(line["accuracy_norm"].get<double>(), static_cast<double>(right_norm) / 3, 1e-12);
  EXPECT_EQ(line["choices"], 7);
}

TEST(ChoiceTest, BytesAndConversationsAreScoredToo) {
  WriteFile(Scratch("bytes.jsonl"), R"({"prompt": "ab", "choices": ["c", "dd"], "answer": 0})"
                                    "\n");
  const json bytes = Lines({"eval", "--config", SmallConfig(), "--task", "choice", "--data", Scratch("bytes.jsonl"), "--json",
                            "--seq-len", "16"})
                         .back();
  EXPECT_EQ(bytes["tokens"], 3);
  WriteFile(Scratch("chat.jsonl"), R"({"prompt": [{"role": "user", "content": "Hi"}], "choices": ["Hello", "No"], "answer": 0})"
                                   "\n");
  const json chat =
      Lines(OnModel("eval", {"--task", "choice", "--data", Scratch("chat.jsonl"), "--json", "--seq-len", "64"})).back();
  EXPECT_EQ(chat["questions"], 1);
}

// What a question has beside its prompt is what it is in training: used, told or refused.
TEST(ChoiceTest, MembersBesideThePromptAreThoseOfTraining) {
  const auto logprobs = [](const std::string& members) {
    WriteFile(Scratch("beside.jsonl"), "{" + members + R"(, "choices": ["Hello", "No"], "answer": 0})");
    Lines(OnModel("eval", {"--task", "choice", "--data", Scratch("beside.jsonl"), "--details", Scratch("beside-details.jsonl"),
                           "--json", "--seq-len", "96"}));
    return ReadFile(Scratch("beside-details.jsonl"));
  };
  const std::string asked = R"("prompt": [{"role": "user", "content": "Hi"}])";
  const std::string alone = logprobs(asked),
                    in_messages =
                        logprobs(R"("prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])");
  EXPECT_NE(alone, in_messages);
  EXPECT_EQ(logprobs(asked + R"(, "system": "Be brief.")"), in_messages);
  EXPECT_EQ(logprobs(asked + R"(, "subject": "greetings")"), alone);
  WriteFile(Scratch("beside.jsonl"), "{" + asked + R"(, "context": "a letter", "choices": ["Hello", "No"], "answer": 0})");
  const Result refused = Horizon(OnModel("eval", {"--task", "choice", "--data", Scratch("beside.jsonl"), "--seq-len", "96"}));
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("\"context\" looks like a part of the conversation"), std::string::npos) << refused.err;
}

// The records are scored by way of a file of the command's own, which no message speaks of.
TEST(ChoiceTest, WhatIsSaidOfARecordNamesTheUsersLine) {
  const std::string good = R"({"prompt": [{"role": "user", "content": "Hi"}], "choices": ["Hello", "No", "So"], "answer": 0)";
  const auto run = [](const std::string& text, const Words& more = {"--seq-len", "64"}) {
    WriteFile(Scratch("asked.jsonl"), text);
    return Horizon(With(OnModel("eval", {"--task", "choice", "--data", Scratch("asked.jsonl")}), more));
  };
  const auto fails = [&](const Result& result, const std::vector<std::string>& parts) {
    EXPECT_EQ(result.status, 1) << result.err;
    ExpectOneErrorLine(result, parts);
    EXPECT_EQ(result.err.find("horizon-choices"), std::string::npos) << result.err;
  };
  const std::string bad = R"({"prompt": [{"role": "usr", "content": "Hi"}], "choices": ["Hello", "No"], "answer": 0})";
  fails(run(good + "}\n\n" + bad), {Scratch("asked.jsonl") + ":3: prompt[0]: the role is \"usr\""});
  fails(run(good + "}\n" + good + R"(, "context": "a letter"})"), {Scratch("asked.jsonl") + ":2: ", "\"context\""});
  fails(run(good + "}\n", {"--seq-len", "4"}), {Scratch("asked.jsonl") + ":1: a document of ", "seq_len is 4"});
  const Result array = run("[" + good + "}, " + bad + "]");
  fails(array, {Scratch("asked.jsonl") + ": record 1: prompt[0]"});
  // What is told and not refused as well.
  const Result told = run(good + "}\n" + good + R"(, "subject": "greetings"})");
  EXPECT_EQ(told.status, 0) << told.err;
  EXPECT_NE(told.err.find("(first: " + Scratch("asked.jsonl") + ":2)"), std::string::npos) << told.err;
  EXPECT_EQ(told.err.find("horizon-choices"), std::string::npos) << told.err;
}

TEST(EvalTaskTest, AFileMayBeOneArray) {
  const std::string one = R"({"prompt": [{"role": "user", "content": "Hi"}], "choices": ["Hello", "No"], "answer": 0, "x": NaN})";
  WriteFile(Scratch("lines.jsonl"), one + "\n" + one + "\n");
  WriteFile(Scratch("array.json"), "\xef\xbb\xbf [" + one + ",\r\n" + one + "]\n");
  const auto eval = [](const std::string& file) {
    return Lines(OnModel("eval", {"--task", "choice", "--data", Scratch(file), "--json", "--seq-len", "64"})).back();
  };
  EXPECT_EQ(eval("array.json"), eval("lines.jsonl"));
  WriteFile(Scratch("cut.json"), "[" + one + ", ");
  const Result cut = Horizon(OnModel("eval", {"--task", "choice", "--data", Scratch("cut.json")}));
  ExpectOneErrorLine(cut, {"cut.json: begins as an array of records and is not valid JSON"});
}

// Values that JSON does not have stop nobody who does not read them, as in training.
TEST(EvalTaskTest, UnreadableMembersAreNobodysBusiness) {
  const auto perplexity = [&](const std::string& text) {
    WriteFile(Scratch("odd.jsonl"), text);
    return Horizon({"eval", "--config", SmallConfig(), "--compute", "f32", "--task", "perplexity", "--data", Scratch("odd.jsonl"),
                    "--seq-len", "16", "--json"});
  };
  const Result plain = perplexity("{" + std::string(R"("text": "abc")") + "}");
  ASSERT_EQ(plain.status, 0) << plain.err;
  for (const std::string odd :
       {"NaN", "-Infinity", "1e999", "-1e999", "[1, 1e999]", "\"a\tb\"", "\"\\ud83d\"", "\"\\ude00 \\\"\""}) {
    const Result read = perplexity("{\"note\": " + odd + R"(, "text": "abc"})");
    EXPECT_EQ(read.status, 0) << odd << read.err;
    EXPECT_EQ(read.out, plain.out) << odd;
  }
  const Result unread = perplexity("{\"text\": \"a\tb\"}");
  EXPECT_EQ(unread.status, 1);
  EXPECT_NE(unread.err.find("has no \"text\" that is a string"), std::string::npos) << unread.err;
}

TEST(EvalTaskTest, WhatIsWrongIsSaidInOneLine) {
  const auto fails = [](const Words& more, int status, const std::vector<std::string>& parts) {
    const Result result = Horizon(With({"eval", "--config", SmallConfig()}, more));
    EXPECT_EQ(result.status, status) << result.err;
    ExpectOneErrorLine(result, parts);
  };
  const auto file = [](const std::string& text) {
    WriteFile(Scratch("wrong.jsonl"), text);
    return Scratch("wrong.jsonl");
  };
  fails({"--task", "choice", "--data", file("\n{\"prompt\": \"a\"}\n")}, 1, {"wrong.jsonl:2", "choices"});
  fails({"--task", "choice", "--data", file(R"({"prompt": "a", "choices": ["b", "c"], "answer": 2})")}, 1,
        {"wrong.jsonl:1", "2", "[0, 2)"});
  fails({"--task", "choice", "--data", file(R"({"prompt": "a", "choices": ["b", ""], "answer": 0})")}, 1,
        {"wrong.jsonl:1", "empty"});
  fails({"--task", "choice", "--data", file("\n")}, 1, {"no question"});
  fails({"--task", "perplexity", "--data", file("nonsense")}, 1, {"wrong.jsonl:1", "JSON"});
  fails({"--task", "perplexity", "--data", file("{\"text\": 3}")}, 1, {"wrong.jsonl:1", "text"});
  fails({"--task", "perplexity", "--data", file("{\"text\": \"a\"}")}, 1, {"nothing is predicted"});
  fails({"--task", "perplexity", "--data", file("{\"text\": \"\xc3\xa9tude\"}")}, 1, {"wrong.jsonl:1", "195", "128"});
  fails({"--task", "perplexity", "--data", Scratch("wrong.jsonl"), "--seq-len", "8", "--stride", "8"}, 2, {"--stride 8", "8"});
  fails({"--task", "both", "--data", Scratch("wrong.jsonl")}, 2, {"both", "choice"});
  fails({"--stride", "8", "--data", "x.npy"}, 2, {"--stride", "--task"});
}

// Counts only: how much faster it is, is for a quiet machine to say.
TEST(BenchPackingTest, BothFormsTrainTheSameTokens) {
  const json line = Lines({"bench", "--config", SmallConfig(), "--compute", "f32", "--mixed-lengths", "--seq-len", "64",
                           "--batch-size", "4", "--steps", "10", "--warm-up", "1", "--json"})
                        .back();
  EXPECT_EQ(line["documents"], 40);
  EXPECT_EQ(line["padded_steps"], 10);
  EXPECT_LT(line["packed_steps"], 8);
  EXPECT_LE(line["longest"], 64);
  EXPECT_GT(line["padded_computed_tokens"].get<double>(), 1.5 * line["tokens"].get<double>());
  EXPECT_NEAR(line["packed_over_padded"].get<double>(),
              line["packed_tokens_per_second"].get<double>() / line["padded_tokens_per_second"].get<double>(), 1e-9);
}

TEST(ShowMaskTokensTest, MarksTheTokensThatTrainingPredicts) {
  const std::string data = WriteConversations("masked.jsonl", 6);
  const auto scored = Logprobs({"--data", data, "--seq-len", "96"});
  for (int64_t i = 0; i < 6; ++i) {
    const Words words = {"show-mask", "--model", ExampleModel(), "--data", data, "--index", std::to_string(i)};
    const json sequence = Lines(With(words, {"--json"})).back()["sequences"][0];
    const json& line = scored[static_cast<size_t>(i)];
    EXPECT_EQ(sequence["ids"], line["ids"]);
    int64_t trained = 0;
    for (size_t t = 1; t < line["ids"].size(); ++t) {
      EXPECT_EQ(sequence["trained_tokens"][t].get<bool>(), !line["logprobs"][t].is_null()) << i << " " << t;
      trained += sequence["trained_tokens"][t].get<bool>();
    }
    const Result plain = Horizon(words);
    const std::string share =
        std::to_string(trained) + " of " + std::to_string(line["ids"].size()) + " tokens trained, in 1 range";
    EXPECT_NE(plain.out.find(share), std::string::npos) << plain.out;
    EXPECT_NE(plain.out.find("<|im_start|>assistant\n⟦It is"), std::string::npos) << plain.out;
    EXPECT_NE(plain.out.find(".<|im_end|>⟧"), std::string::npos) << plain.out;
  }
}

}  // namespace
}  // namespace horizon_test
