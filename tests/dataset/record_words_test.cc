// Every word of a record is in the example that is read of it, or stands in a member that is told as not used, or the record is
// refused: random records of each format, with members beside it that people have.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/example.h"
#include "tests/dataset/support.h"

namespace hlm::dataset {
namespace {

class Writer {
 public:
  explicit Writer(unsigned seed) : random_(seed) {}

  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }
  const char* One(const std::vector<const char*>& of) { return of[static_cast<size_t>(Below(static_cast<int>(of.size())))]; }

  // Each word is written once, and no word is the beginning of another.
  std::string Word() {
    words_.push_back("w" + std::to_string(1000 + words_.size()) + "x");
    return words_.back();
  }
  std::string Words() {
    std::string text = Word();
    while (Chance(40)) text += " " + Word();
    return text;
  }
  std::string Text() { return "\"" + Words() + "\""; }

  std::string Turn(bool roles, const char* role) {
    const std::map<std::string, std::string> speakers = {
        {"user", "human"}, {"assistant", "gpt"}, {"system", "system"}, {"tool", "observation"}};
    std::string turn = roles ? "{\"role\": \"" + std::string(role) + "\", \"content\": "
                             : "{\"from\": \"" + speakers.at(role) + "\", \"value\": ";
    const bool parts = Chance(15);
    const bool thinks = parts && role == std::string("assistant") && Chance(40);
    const std::string thought = thinks ? R"({"type": "thinking", "thinking": )" + Text() + "}, " : "";
    turn += parts ? "[" + thought + R"({"type": "text", "text": )" + Text() + "}]" : Text();
    if (role == std::string("assistant") && Chance(30))
      turn += std::string(", \"") + One({"reasoning", "thinking"}) + "\": " + Text();
    if (Chance(15)) turn += std::string(", \"") + One({"name", "mood", "emotion"}) + "\": " + One({"null", "3", "\"\""});
    if (Chance(10)) turn += std::string(", \"") + One({"name", "mood", "image_caption"}) + "\": " + Text();
    if (Chance(3)) turn += std::string(", \"") + One({"images", "audio_url"}) + "\": " + Text();
    return turn + "}";
  }
  std::string Turns(bool roles, bool answer, bool system = true) {
    std::string turns = system && Chance(30) ? Turn(roles, "system") + ", " : "";
    for (int i = Below(2); i >= 0; --i) {
      turns += Turn(roles, "user");
      if (i > 0 || answer) turns += ", " + Turn(roles, "assistant");
      if (i > 0) turns += ", ";
    }
    return "[" + turns + "]";
  }
  std::string Answers() { return "[" + Turn(true, "assistant") + "]"; }
  std::string Member(const std::string& name, const std::string& value) { return "\"" + name + "\": " + value; }

  std::string Extra() {
    const char* name = One({"id",        "source",   "meta",      "context",  "system",     "system_prompt", "question", "input",
                            "text",      "tools",    "history",   "images",   "image_path", "label",         "score",    "answer",
                            "reasoning", "thinking", "documents", "messages", "prompt",     "trajectory"});
    switch (Below(6)) {
      case 0:
        return Member(name, One({"null", "3", "0.5", "NaN", "true", "[]", "\"\"", "\"12\""}));
      case 1:
        return Member(name, "[" + Text() + "]");
      case 2:
        return Member(name, "{\"by\": " + Text() + "}");
      case 3:
        return Member(name, Turns(Chance(50), Chance(50)));
      default:
        return Member(name, Text());
    }
  }

  // The members of a record, and its task.
  std::vector<std::string> Record(Task& task) {
    std::vector<std::string> members;
    const auto add = [&](const char* name, const std::string& value) { members.push_back(Member(name, value)); };
    task = Chance(20) ? Task::kPretrain : Task::kSft;
    switch (Below(9)) {
      case 0:
        add("text", Text());
        break;
      case 1:
        add("messages", Turns(true, true));
        break;
      case 2:
        add("conversations", Turns(false, true));
        break;
      case 3:
        add("instruction", Text());
        if (Chance(60)) add("input", Text());
        add("output", Text());
        if (Chance(20)) add("history", "[[" + Text() + ", " + Text() + "]]");
        break;
      case 4:
        add("prompt", Chance(50) ? Text() : Turns(true, false));
        add("completion", Chance(50) ? Text() : Answers());
        break;
      case 5: {
        task = Task::kPreference;
        const bool prompt = Chance(80);
        if (prompt) add(One({"prompt", "question", "query", "input", "instruction"}), Chance(60) ? Text() : Turns(true, false));
        // Without a prompt two texts would share the beginning of a word.
        add("chosen", prompt && Chance(50) ? Text() : Answers());
        add("rejected", prompt && Chance(50) ? Text() : Answers());
        break;
      }
      case 6: {
        task = Task::kPreference;
        const std::string shared = Turns(true, false), open = shared.substr(0, shared.size() - 1) + ", ";
        add("chosen", open + Turn(true, "assistant") + "]");
        add("rejected", open + Turn(true, "assistant") + "]");
        break;
      }
      case 7:
        task = Task::kUnpaired;
        add("prompt", Chance(50) ? Text() : Turns(true, false));
        add("completion", Chance(50) ? Text() : Answers());
        add("label", One({"true", "false", "1"}));
        break;
      default:
        task = Task::kUnpaired;
        add("messages", Turns(true, true));
        add(One({"label", "kto_tag"}), "true");
    }
    for (int i = Below(3); i > 0; --i) members.push_back(Extra());
    std::shuffle(members.begin(), members.end(), random_);
    return members;
  }

  const std::vector<std::string>& words() const { return words_; }

 private:
  std::mt19937 random_;
  std::vector<std::string> words_;
};

std::string NameOf(const std::string& member) { return member.substr(1, member.find('"', 1) - 1); }

TEST(RecordWords, AreInTheExampleOrToldOrTheRecordIsRefused) {
  int read = 0, refused = 0, told = 0;
  for (unsigned seed = 0; seed < 5000; ++seed) {
    Writer writer(seed);
    Task task = Task::kSft;
    const std::vector<std::string> members = writer.Record(task);
    std::string record = "{";
    for (const std::string& member : members) record += (record.size() > 1 ? ", " : "") + member;
    record += "}";
    SCOPED_TRACE(record);
    Example example;
    try {
      const JsonValue value = ParseJsonRecord(record, "f:1");
      ReadOptions options;
      options.task = task;
      ASSERT_EQ(ReadExample(value, DetectFormat(value, task, "f:1"), options, "f:1", &example), Dropped::kNot);
    } catch (const Error& error) {
      EXPECT_TRUE(error.message().starts_with("f:1: ")) << error.message();
      ++refused;
      continue;
    }
    ++read;
    const std::string shown = Show(example);
    for (const std::string& word : writer.words()) {
      if (shown.find(word) != std::string::npos) continue;
      bool counted = false;
      for (const std::string& member : members) {
        if (member.find(word) == std::string::npos) continue;
        for (const Note& note : example.notes) counted |= note.did == Did::kUnused && note.name == NameOf(member);
      }
      EXPECT_TRUE(counted) << word << " is lost; read was " << shown;
      ++told;
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(read, 2000);
  EXPECT_GT(refused, 500);
  EXPECT_GT(told, 500);
}

}  // namespace
}  // namespace hlm::dataset
