// horizon chat: turns from standard input, answers in the model's template.
#include <gtest/gtest.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

#include "tests/samples/examples_support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Tuned until it answers one question by heart.
const std::string& Tuned() {
  static const std::string folder = [] {
    const std::string example = ExampleModel(), base = FreshFolder("chat-base"), out = Scratch("chat-tuned");
    fs::remove_all(base);
    auto config = json::parse(ReadFile(example + "/config.json"));
    config["eos_token_id"] = 0;
    WriteFile(Scratch("chat.json"), config.dump());
    EXPECT_EQ(Horizon({"export", "--config", Scratch("chat.json"), "--save-dtype", "f32", "--out", base}).status, 0);
    for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
      WriteFile(base + "/" + file, ReadFile(example + "/" + file));
    const json record = {
        {"messages", {{{"role", "user"}, {"content", "number 0"}}, {{"role", "assistant"}, {"content", "yes 0"}}}}};
    WriteFile(Scratch("chat.jsonl"), record.dump() + "\n" + record.dump() + "\n");
    const Result tuned = Horizon({"train",
                                  "--task",
                                  "sft",
                                  "--model",
                                  base,
                                  "--data",
                                  Scratch("chat.jsonl"),
                                  "--compute",
                                  "f32",
                                  "--threads",
                                  "1",
                                  "--seq-len",
                                  "64",
                                  "--batch-size",
                                  "2",
                                  "--cache-dir",
                                  "none",
                                  "--steps",
                                  "120",
                                  "--lr",
                                  "1e-2",
                                  "--out",
                                  out});
    EXPECT_EQ(tuned.status, 0) << tuned.err;
    return out;
  }();
  return folder;
}

Result Chat(const std::string& input, const Words& more = {}) {
  return Horizon(
      WithDefaults(With({"chat", "--model", Tuned(), "--compute", "f32"}, more), {"--max-new-tokens", "16", "--context", "128"}),
      nullptr, input);
}

TEST(ChatTest, AnswersEachTurnUntilItsEnd) {
  const Result result = Chat("number 0\n\n/reset\n  number 0  \n/exit\nnumber 0\n");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "yes 0\nyes 0\n");
  EXPECT_EQ(Chat("number 0").out, "yes 0\n") << "the end of the input leaves";
}

TEST(ChatTest, AConversationGrowsAndCanBeForgotten) {
  const Result result = Chat("number 0\nnumber 0\n/reset\nnumber 0\n", {"--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto lines = result.Lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["content"], "yes 0");
  EXPECT_EQ(lines[0]["role"], "assistant");
  EXPECT_TRUE(lines[0]["stopped"]);
  EXPECT_GT(lines[1]["prompt_tokens"], lines[0]["prompt_tokens"]);
  EXPECT_EQ(lines[2], lines[0]);
  const auto with_system = Chat("number 0\n", {"--json", "--system", "be brief"}).Lines();
  ASSERT_EQ(with_system.size(), 1u);
  EXPECT_GT(with_system[0]["prompt_tokens"], lines[0]["prompt_tokens"]);
}

TEST(ChatTest, OldTurnsMakeRoomAndATurnTooLongIsRefused) {
  std::string input;
  for (int i = 0; i < 6; ++i) input += "number 0\n";
  const Result result = Chat(input, {"--json", "--context", "64", "--max-new-tokens", "16"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto lines = result.Lines();
  ASSERT_EQ(lines.size(), 6u);
  for (const json& line : lines) EXPECT_LE(line["prompt_tokens"], 48);
  const Result refused = Chat(std::string(400, 'q') + "\nnumber 0\n");
  EXPECT_EQ(refused.status, 1);
  ExpectOneErrorLine(refused, {"this turn is", "--context"});
  EXPECT_EQ(refused.out, "yes 0\n") << "the conversation goes on without it";
}

TEST(ChatTest, ATurnThatIsNoTextIsRefusedAndTheConversationGoesOn) {
  for (const auto& [turn, part] : {std::pair{std::string("a\xff\xfe"), "not UTF-8"}, {std::string("a\0b", 3), "NUL"}}) {
    const Result refused = Chat(turn + "\nnumber 0\n");
    EXPECT_EQ(refused.status, 1);
    ExpectOneErrorLine(refused, {"this turn", part});
    EXPECT_EQ(refused.out, "yes 0\n");
  }
}

TEST(ChatTest, ATurnThatTheTemplateRefusesIsRefusedAndTheConversationGoesOn) {
  const std::string strict = Scratch("strict.jinja");
  WriteFile(strict, "{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}{{ messages[0].content }}");
  const Result refused = Chat("number 0\nnumber 0\n/reset\nnumber 0\n", {"--template", strict, "--json"});
  EXPECT_EQ(refused.status, 1);
  ExpectOneErrorLine(refused, {"strict.jinja", "one turn only"});
  const auto lines = refused.Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], lines[1]);
  WriteFile(strict, "{# nothing #}");
  const Result empty = Chat("number 0\n", {"--template", strict});
  EXPECT_EQ(empty.status, 1);
  ExpectOneErrorLine(empty, {"the chat template makes nothing of this turn"});
}

TEST(ChatTest, ASystemTurnThatIsNoTextIsRefused) {
  const Result refused = Chat("number 0\n", {"--system", "a\xff"});
  EXPECT_EQ(refused.status, 2);
  ExpectOneErrorLine(refused, {"--system: is not UTF-8"});
}

TEST(ChatTest, AWordBehindASlashIsForTheProgram) {
  const Result result = Chat("/rest\nnumber 0\n");
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, {"there is no /rest (did you mean /reset?)"});
  EXPECT_EQ(result.out, "yes 0\n");
  const Result help = Chat("/help\n");
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.out, "");
  EXPECT_NE(help.err.find("/reset forgets the conversation"), std::string::npos);
}

// A terminal drops what is behind the 4095th byte of a line: half a question is not answered.
TEST(ChatTest, ALineThatATerminalCutsIsRefused) {
  int master = -1, slave = -1;
  ASSERT_EQ(openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  termios settings = {};
  tcgetattr(slave, &settings);
  settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(slave, TCSANOW, &settings);
  const int before = dup(STDIN_FILENO);
  dup2(slave, STDIN_FILENO);
  const std::string input = std::string(5000, 'q') + "\nnumber 0\n/exit\n";
  const auto type = [&](int) { EXPECT_EQ(write(master, input.data(), input.size()), static_cast<ssize_t>(input.size())); };
  const Result result =
      Horizon({"chat", "--model", Tuned(), "--compute", "f32", "--max-new-tokens", "16", "--context", "8192"}, type);
  dup2(before, STDIN_FILENO);
  for (const int file : {before, master, slave}) close(file);
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("error: a terminal hands on 4095 bytes of a line"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "yes 0\n");
}

// The model has 256 positions.
TEST(ChatTest, AContextIsNotBeyondTheModelUnlessItIsAskedFor) {
  const auto warning = [](const Words& more) {
    const Result result = Horizon(With({"chat", "--model", Tuned(), "--compute", "f32"}, more), nullptr, "number 0\n");
    EXPECT_EQ(result.status, 0) << result.err;
    return result.err;
  };
  EXPECT_EQ(warning({"--max-new-tokens", "16"}), "");
  EXPECT_NE(warning({"--max-new-tokens", "16", "--context", "300"}).find("--context 300 is more than the 256 positions"),
            std::string::npos);
}

TEST(ChatTest, WithoutATemplateItSaysWhatIsMissing) {
  const std::string plain = Scratch("chat-plain");
  fs::remove_all(plain);
  fs::copy(Tuned(), plain);
  fs::remove(plain + "/chat_template.jinja");
  WriteFile(plain + "/tokenizer_config.json", "{}");
  const Result result = Horizon({"chat", "--model", plain}, nullptr, "a\n");
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, {"no chat template", "--template"});
  EXPECT_EQ(Horizon({"chat", "--model", Tuned(), "--context", "16", "--max-new-tokens", "16"}, nullptr, "a\n").status, 2);
}

}  // namespace
}  // namespace horizon_test
