#include "core/text/dataset/tokenize.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "tests/dataset/support.h"
#include "tests/support/code_of.h"

namespace hlm::dataset {
namespace {

std::vector<std::string> Tokens(const std::string& record, Task task, TrainOn train_on = TrainOn::kAuto,
                                TextPipeline pipeline = PlainPipeline()) {
  std::vector<std::string> shown;
  try {
    const JsonValue value = ParseJson(record, "f:1");
    ReadOptions options;
    options.task = task;
    Example example;
    EXPECT_EQ(ReadExample(value, DetectFormat(value, task, "f:1"), options, "f:1", &example), Dropped::kNot);
    for (const TokenDocument& d : TokenizeExample(example, task, train_on, pipeline, "f:1")) {
      shown.push_back(ShowTokens(d.ids, d.trained) + (d.desirable ? "" : "\nundesirable"));
    }
  } catch (const Error& error) {
    shown.push_back("error: " + error.message());
  }
  return shown;
}
using Shown = std::vector<std::string>;

constexpr const char* kDialogue = R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
                                     {"role": "user", "content": "r"}, {"role": "assistant", "content": "bc"}]})";

TEST(Tokenize, TextEndsInEosAndAllOfItIsTrained) {
  EXPECT_EQ(Tokens(R"({"text": "ab"})", Task::kPretrain), Shown{"^ab$\nxxxx"});
  EXPECT_EQ(Tokens(R"({"text": "ab"})", Task::kSft), Shown{"^ab$\nxxxx"});
}

TEST(Tokenize, AnEosThatIsThereIsNotDoubled) {
  TextPipeline pipeline = PlainPipeline();
  const auto plain = pipeline.encode;
  pipeline.encode = [plain](std::string_view text, bool special, std::span<const TextSpan> spans) {
    EncodedText encoded = plain(text, special, spans);
    if (special) {
      encoded.ids.push_back(257);  // as post-processors do, with no text of its own
      encoded.offsets.push_back({0, 0});
    }
    return encoded;
  };
  EXPECT_EQ(Tokens(R"({"text": "ab"})", Task::kSft, TrainOn::kAuto, pipeline), Shown{"^ab$\nxxxx"});
  EXPECT_EQ(Tokens(R"({"prompt": "p", "completion": "c"})", Task::kSft, TrainOn::kAuto, pipeline), Shown{"^pc$\n..xx"});
}

TEST(Tokenize, ABeginningThatWasThereAlreadyIsTold) {
  TextPipeline pipeline = PlainPipeline();
  const auto plain = pipeline.encode;
  pipeline.encode = [plain](std::string_view text, bool special, std::span<const TextSpan> spans) {
    EncodedText encoded = plain(text, special, spans);
    encoded.second_beginning = special && text.starts_with("^");
    return encoded;
  };
  const auto told = [&](const std::string& record) {
    const JsonValue value = ParseJson(record, "f:1");
    Example example;
    EXPECT_EQ(ReadExample(value, DetectFormat(value, Task::kSft, "f:1"), {}, "f:1", &example), Dropped::kNot);
    Notes notes;
    TokenizeExample(example, Task::kSft, TrainOn::kAuto, pipeline, "f:1", &notes);
    std::vector<std::string> what;
    for (const Note& note : notes) what.push_back(note.what);
    return what;
  };
  EXPECT_EQ(told(R"({"text": "^ab"})"), Shown{"second_beginning"});
  EXPECT_EQ(told(R"({"prompt": "^p", "completion": "c"})"), Shown{"second_beginning"});
  EXPECT_EQ(told(R"({"text": "ab"})"), Shown{});
}

TEST(Tokenize, ConversationsTrainAnswers) {
  EXPECT_EQ(Tokens(kDialogue, Task::kSft),
            Shown{"<user>q;<assistant>a;<user>r;<assistant>bc;\n...................xx...................xxx"});
  EXPECT_EQ(Tokens(kDialogue, Task::kSft, TrainOn::kLast),
            Shown{"<user>q;<assistant>a;<user>r;<assistant>bc;\n........................................xxx"});
  EXPECT_EQ(Tokens(kDialogue, Task::kSft, TrainOn::kCompletion), Tokens(kDialogue, Task::kSft, TrainOn::kLast));
  EXPECT_EQ(Tokens(kDialogue, Task::kSft, TrainOn::kAll),
            Shown{"<user>q;<assistant>a;<user>r;<assistant>bc;\n" + std::string(43, 'x')});
  EXPECT_EQ(Tokens(kDialogue, Task::kPretrain), Tokens(kDialogue, Task::kSft, TrainOn::kAll));
}

TEST(Tokenize, AnswersTakenOutAreNotTrained) {
  EXPECT_EQ(Tokens(R"({"messages": [{"role": "assistant", "content": "a", "weight": 0}, {"role": "assistant", "content": "b"}]})",
                   Task::kSft),
            Shown{"<assistant>a;<assistant>b;\n........................xx"});
  EXPECT_EQ(Tokens(R"({"messages": [{"role": "assistant", "content": "a", "weight": 0}]})", Task::kSft), Shown{});
}

// A completion that a weight takes out is no document, as a conversation is none.
TEST(Tokenize, CompletionsTakenOutAreNoDocuments) {
  const std::string record = R"({"prompt": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
      {"role": "user", "content": "r"}], "completion": [{"role": "assistant", "content": "b", "weight": 0}]})";
  for (const TrainOn train_on : {TrainOn::kAuto, TrainOn::kCompletion}) EXPECT_EQ(Tokens(record, Task::kSft, train_on), Shown{});
  // What stands in the prompt is trained where it is asked for, and so is all of it.
  for (const TrainOn train_on : {TrainOn::kAssistant, TrainOn::kAll}) EXPECT_EQ(Tokens(record, Task::kSft, train_on).size(), 1u);
}

TEST(Tokenize, CompletionsAreOneTextWithTheirPrompts) {
  EXPECT_EQ(Tokens(R"({"prompt": "pq", "completion": "cd"})", Task::kSft), Shown{"^pqcd$\n...xxx"});
  EXPECT_EQ(Tokens(R"({"prompt": "pq", "completion": "cd"})", Task::kSft, TrainOn::kAll), Shown{"^pqcd$\nxxxxxx"});
  EXPECT_EQ(
      Tokens(
          R"({"prompt": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "r"}],
                      "completion": [{"role": "assistant", "content": "bc"}]})",
          Task::kSft),
      Tokens(kDialogue, Task::kSft, TrainOn::kLast));
}

TEST(Tokenize, ATokenWithBytesOfBothIsTheCompletions) {
  TextPipeline pipeline = PlainPipeline();
  pipeline.encode = [](std::string_view text, bool, std::span<const TextSpan>) {
    EncodedText encoded;  // two bytes a token
    for (size_t i = 0; i < text.size(); i += 2) {
      encoded.ids.push_back(static_cast<unsigned char>(text[i]));
      encoded.offsets.push_back({static_cast<int64_t>(i), static_cast<int64_t>(std::min(i + 2, text.size()))});
    }
    return encoded;
  };
  EXPECT_EQ(Tokens(R"({"prompt": "abc", "completion": "def"})", Task::kSft, TrainOn::kAuto, pipeline), Shown{"ace$\n.xxx"});
}

TEST(Tokenize, PairsAreTwoDocumentsChosenFirst) {
  EXPECT_EQ(Tokens(R"({"prompt": "p", "chosen": "c", "rejected": "rr"})", Task::kPreference),
            (Shown{"^pc$\n..xx", "^prr$\n..xxx\nundesirable"}));
  EXPECT_EQ(Tokens(R"({"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
                      "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]})",
                   Task::kPreference, TrainOn::kAll),
            (Shown{"<user>q;<assistant>a;\n...................xx", "<user>q;<assistant>b;\n...................xx\nundesirable"}));
  // Labelled answers may come as pairs.
  EXPECT_EQ(Tokens(R"({"prompt": "p", "chosen": "c", "rejected": "r"})", Task::kUnpaired),
            (Shown{"^pc$\n..xx", "^pr$\n..xx\nundesirable"}));
  EXPECT_EQ(Tokens(R"({"prompt": "p", "completion": "c", "label": false})", Task::kUnpaired), Shown{"^pc$\n..xx\nundesirable"});
}

TEST(Tokenize, IdsAreCheckedAgainstTheVocabulary) {
  EXPECT_EQ(Tokens(R"({"input_ids": [97, 98, 257], "labels": [-100, 98, 257]})", Task::kSft), Shown{"ab$\n.xx"});
  EXPECT_EQ(Tokens(R"({"input_ids": [97, 258]})", Task::kSft),
            Shown{"error: f:1: token 1 has the id 258; it must lie in [0, 258), the vocabulary"});
}

TEST(Tokenize, ErrorsNameFileAndLine) {
  TextPipeline none;
  EXPECT_EQ(Tokens(R"({"text": "ab"})", Task::kSft, TrainOn::kAuto, none),
            Shown{"error: f:1: text needs a tokenizer, and there is none"});
  EXPECT_EQ(Tokens(kDialogue, Task::kSft, TrainOn::kAuto, none),
            Shown{"error: f:1: a conversation needs a chat template, and there is none"});
  EXPECT_EQ(Tokens(R"({"input_ids": [1, 2]})", Task::kSft, TrainOn::kAuto, none).size(), 1u);
  TextPipeline raising = PlainPipeline();
  raising.render = [](const RenderRequest&) -> std::vector<RenderedText> {
    throw InvalidArgument("the template raised: no system");
  };
  EXPECT_EQ(Tokens(kDialogue, Task::kSft, TrainOn::kAuto, raising), Shown{"error: f:1: the template raised: no system"});
}

TEST(Tokenize, TokensInSpans) {
  const std::vector<TextSpan> tokens = {{0, 2}, {2, 2}, {2, 5}, {5, 6}, {5, 6}, {6, 9}};
  EXPECT_EQ(TokensIn(tokens, {{1, 2}, {5, 6}}), (std::vector<uint8_t>{1, 0, 0, 1, 1, 0}));
  EXPECT_EQ(TokensIn(tokens, {{4, 5}, {5, 5}, {8, 20}}), (std::vector<uint8_t>{0, 0, 1, 0, 0, 1}));
  EXPECT_EQ(TokensIn(tokens, {}), std::vector<uint8_t>(6, 0));
}

}  // namespace
}  // namespace hlm::dataset
