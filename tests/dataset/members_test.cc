// What becomes of every member of a record: each is used, counted, or the record is refused. None is lost without a word.
#include <gtest/gtest.h>

#include <map>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/example.h"
#include "tests/dataset/support.h"

namespace hlm::dataset {
namespace {

// The example that the record's own keys speak for, and behind it the members that are only counted; "error: ..." where it is
// refused.
std::string Read(const std::string& record, Task task, ReadOptions options = {}, const FormatSpec* spec = nullptr) {
  options.task = task;
  try {
    const JsonValue value = ParseJsonRecord(record, "f:1");
    Example example;
    if (ReadExample(value, spec != nullptr ? *spec : DetectFormat(value, task, "f:1"), options, "f:1", &example) != Dropped::kNot)
      return "dropped";
    std::string shown = Show(example);
    for (const Note& note : example.notes) {
      EXPECT_EQ(note.did, Did::kUnused);
      EXPECT_EQ(note.what, "member");
      shown += " -" + note.name;
    }
    return shown;
  } catch (const Error& error) {
    return "error: " + error.message();
  }
}
std::string Pair(const std::string& record) { return Read(record, Task::kPreference); }
std::string Sft(const std::string& record) { return Read(record, Task::kSft); }

std::string Turn(const std::string& role, const std::string& text) {
  return R"({"role":")" + role + R"(","content":")" + text + "\"}";
}
std::string User(const std::string& text) { return Turn("user", text); }
std::string Answer(const std::string& text) { return Turn("assistant", text); }
std::string System(const std::string& text) { return Turn("system", text); }
std::string List(const std::string& turns) { return "[" + turns + "]"; }
std::string PairOf(const std::string& prompt, const std::string& chosen, const std::string& rejected) {
  return R"({"kind":"pair","prompt":)" + prompt + R"(,"chosen":)" + chosen + R"(,"rejected":)" + rejected + "}";
}
std::string Conversation(const std::string& turns) { return R"({"kind":"messages","prompt":[)" + turns + "]}"; }

bool Refuses(const std::string& read, const std::string& name) {
  return read.starts_with("error: f:1: ") && read.find(name) != std::string::npos;
}

TEST(PreferencePrompts, QuestionsUnderOtherNamesAreTurns) {
  const std::string answers = R"("chosen": "Rivers.", "rejected": "Who knows?")";
  const std::string turns = PairOf(List(User("Why?")), List(Answer("Rivers.")), List(Answer("Who knows?")));
  for (const std::string key : {"question", "query", "input", "instruction"})
    EXPECT_EQ(Pair("{\"" + key + R"(": "Why?", )" + answers + "}"), turns) << key;
  const std::string with_system =
      PairOf(List(System("Be brief.") + "," + User("Why?")), List(Answer("Rivers.")), List(Answer("Who knows?")));
  for (const std::string key : {"question", "query", "input", "instruction", "prompt"})
    EXPECT_EQ(Pair(R"({"system": "Be brief.", ")" + key + R"(": "Why?", )" + answers + "}"), with_system) << key;
  // A set whose records have a system prompt here and none there is read as one.
  EXPECT_EQ(Pair(R"({"system": "", "prompt": "Why?", )" + answers + "}"), turns);
  EXPECT_EQ(Pair(R"({"system": null, "prompt": "Why?", )" + answers + "}"), turns);
  // Two of them are not put together by guessing.
  EXPECT_TRUE(Refuses(Pair(R"({"question": "Why?", "input": "the sea", )" + answers + "}"), "\"input\" looks like a part"));
  EXPECT_TRUE(Refuses(Pair(R"({"prompt": "Why?", "question": "the sea", )" + answers + "}"), "\"question\" looks like a part"));
  EXPECT_TRUE(Refuses(Pair(R"({"system": "Be brief.", )" + answers + "}"), "system stands beside a prompt"));
}

TEST(PreferencePrompts, TextsAndMessagesGoTogether) {
  const std::string asked = List(User("q")), good = List(Answer("a")), bad = List(Answer("b"));
  const std::string turns = PairOf(asked, good, bad);
  EXPECT_EQ(Pair(R"({"prompt": )" + asked + R"(, "chosen": "a", "rejected": "b"})"), turns);
  EXPECT_EQ(Pair(R"({"prompt": "q", "chosen": )" + good + R"(, "rejected": )" + bad + "}"), turns);
  EXPECT_EQ(Pair(R"({"question": "q", "chosen": )" + good + R"(, "rejected": )" + bad + "}"), turns);
  EXPECT_EQ(Pair(R"({"prompt": "q", "chosen": )" + Answer("a") + R"(, "rejected": )" + Answer("b") + "}"), turns);
  EXPECT_EQ(Pair(R"({"messages": )" + asked + R"(, "chosen": "a", "rejected": "b"})"), turns);
  EXPECT_EQ(Pair(R"({"messages": )" + asked + R"(, "chosen": )" + Answer("a") + R"(, "rejected": )" + Answer("b") + "}"), turns);
  EXPECT_EQ(Pair(R"({"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"},
                     "rejected": {"from": "gpt", "value": "b"}})"),
            turns);
  EXPECT_EQ(Pair(R"({"system": "s", "prompt": )" + asked + R"(, "chosen": "a", "rejected": "b"})"),
            PairOf(List(System("s") + "," + User("q")), good, bad));
  EXPECT_EQ(Pair(R"({"system": "s", "prompt": "q", "chosen": )" + good + R"(, "rejected": )" + bad + "}"),
            PairOf(List(System("s") + "," + User("q")), good, bad));
}

TEST(PreferencePrompts, WholeConversationsMustBeginWithTheirPrompt) {
  const std::string answers = R"("chosen": )" + List(User("Why is it?") + "," + Answer("a")) + R"(, "rejected": )" +
                              List(User("Why is it?") + "," + Answer("b"));
  const std::string turns = PairOf(List(User("Why is it?")), List(Answer("a")), List(Answer("b")));
  EXPECT_EQ(Pair("{" + answers + "}"), turns);
  EXPECT_EQ(Pair(R"({"prompt": "Why is it?", )" + answers + "}"), turns);
  EXPECT_EQ(Pair(R"({"prompt": " Why is it?\n", )" + answers + "}"), turns);
  EXPECT_TRUE(Refuses(Pair(R"({"prompt": "Another question", )" + answers + "}"), "prompt is a text that chosen and rejected"));
  EXPECT_EQ(Pair(R"({"system": "s", )" + answers + "}"),
            PairOf(List(System("s") + "," + User("Why is it?")), List(Answer("a")), List(Answer("b"))));
}

// A prompt of messages that stands in the answers once more would be read twice.
TEST(PreferencePrompts, AreNotReadTwice) {
  const std::string whole = List(User("q") + "," + Answer("a")), other = List(User("q") + "," + Answer("b"));
  for (const std::string& prompt : {List(User("q")), List(System("s") + "," + User("q"))}) {
    const std::string record = "{\"prompt\": " + prompt + ", \"chosen\": " + whole + ", \"rejected\": " + other + "}";
    EXPECT_TRUE(Refuses(Pair(record), "chosen is a whole conversation that begins with the messages of prompt again"))
        << Pair(record);
    EXPECT_TRUE(
        Refuses(Sft("{\"prompt\": " + prompt + ", \"completion\": " + whole + "}"), "completion is a whole conversation"));
  }
  // Some answers are more than one message, and a question may come twice in a dialogue.
  EXPECT_EQ(Pair("{\"prompt\": " + List(User("q")) + ", \"chosen\": " + List(Answer("a") + "," + User("q") + "," + Answer("b")) +
                 ", \"rejected\": " + List(Answer("c")) + "}"),
            PairOf(List(User("q")), List(Answer("a") + "," + User("q") + "," + Answer("b")), List(Answer("c"))));
  FormatSpec spec = DefaultSpec(Format::kPreference);
  spec.columns.prompt = std::nullopt;
  EXPECT_EQ(Read("{\"prompt\": " + List(User("q")) + ", \"chosen\": " + whole + ", \"rejected\": " + other + "}",
                 Task::kPreference, {}, &spec),
            PairOf(List(User("q")), List(Answer("a")), List(Answer("b"))) + " -prompt");
}

// Two answers that begin with nothing in common, to a question under a name that nobody knows.
TEST(PreferencePrompts, OfUnknownNamesAreNotLost) {
  const std::string answers = R"("chosen": "Rivers.", "rejected": "Who knows?")";
  const std::string lists = R"("chosen": )" + List(Answer("Rivers.")) + R"(, "rejected": )" + List(Answer("Who knows?"));
  for (const std::string& given : {answers, lists}) {
    for (const std::string name :
         {"problem",  "user",       "user_input", "user_message",  "human",     "task",    "post",         "article",
          "text",     "request",    "utterance",  "question_text", "inputs",    "queries", "instructions", "system_instruction",
          "document", "background", "src",        "chat_history",  "reasoning", "cot",     "riddle"}) {
      EXPECT_TRUE(Refuses(Pair("{\"" + name + R"(": "Why is it?", )" + given + "}"), "\"" + name + "\" ")) << name;
      ReadOptions count;
      count.count_unused = true;
      EXPECT_FALSE(Refuses(Read("{\"" + name + R"(": "Why is it?", )" + given + "}", Task::kPreference, count), name));
    }
    EXPECT_TRUE(Refuses(Pair(R"({"riddle": {"asked": "Why is it?"}, )" + given + "}"), "\"riddle\" may be the prompt"));
    EXPECT_TRUE(Refuses(Pair(R"({"riddle": "为什么", )" + given + "}"), "\"riddle\" may be the prompt"));
    EXPECT_TRUE(Refuses(Pair(R"({"system": "", "riddle": "Why is it?", )" + given + "}"), "\"riddle\" may be the prompt"));
    // One word, or the words of an answer, are about the pair.
    EXPECT_TRUE(Pair(R"({"source": "web", "why": "Rivers.", )" + given + "}").ends_with(" -source -why"));
  }
  // What both begin with is the prompt.
  EXPECT_TRUE(Pair(R"({"notes": "two words", "chosen": "Why? Rivers.", "rejected": "Why? No."})").ends_with(" -notes"));
}

TEST(SystemBesideTheRest, IsInTheConversation) {
  const std::string turns = User("q") + "," + Answer("a");
  const std::string whole = Conversation(System("s") + "," + turns);
  EXPECT_EQ(Sft(R"({"system": "s", "messages": )" + List(turns) + "}"), whole);
  EXPECT_EQ(Sft(R"({"system": "s", "prompt": "q", "completion": "a"})"), whole);
  EXPECT_EQ(
      Sft(R"({"system": "s", "prompt": )" + List(User("q")) + R"(, "completion": )" + List(Answer("a")) + "}"),
      R"({"kind":"completion","prompt":)" + List(System("s") + "," + User("q")) + R"(,"chosen":)" + List(Answer("a")) + "}");
  EXPECT_EQ(Sft(R"({"system": "s", "messages": )" + List(System("s") + "," + turns) + "}"), whole);
  EXPECT_TRUE(Refuses(Sft(R"({"system": "t", "messages": )" + List(System("s") + "," + turns) + "}"), "are not the same"));
  EXPECT_EQ(Sft(R"({"system": "", "messages": )" + List(turns) + "}"), Conversation(turns));
  EXPECT_EQ(Sft(R"({"system": [{"type": "text", "text": "s"}], "messages": )" + List(turns) + "}"), whole);
  EXPECT_EQ(Sft(R"({"system": [{"type": "text", "text": "s"}], "instruction": "q", "output": "a"})"), whole);
  EXPECT_TRUE(Refuses(Sft(R"({"system": 3, "messages": )" + List(turns) + "}"), "\"system\" is a number"));
  EXPECT_EQ(Read(R"({"system": "s", "prompt": "q", "completion": "a", "label": false})", Task::kUnpaired),
            R"({"kind":"unpaired","prompt":)" + List(System("s") + "," + User("q")) + R"(,"chosen":)" + List(Answer("a")) +
                R"(,"label":false})");
}

TEST(Labels, StandBesideConversations) {
  const auto kto = [](const std::string& record) { return Read(record, Task::kUnpaired); };
  const std::string one =
      R"({"kind":"unpaired","prompt":)" + List(User("q")) + R"(,"chosen":)" + List(Answer("a")) + R"(,"label":true})";
  EXPECT_EQ(kto(R"({"messages": )" + List(User("q") + "," + Answer("a")) + R"(, "label": true})"), one);
  EXPECT_EQ(kto(R"({"messages": )" + List(User("q") + "," + Answer("a")) + R"(, "prompt": "q", "label": true})"),
            one + " -prompt");
  EXPECT_EQ(kto(R"({"messages": )" + List(Answer("a")) + R"(, "prompt": "q", "label": true})"), one);
  EXPECT_EQ(kto(R"({"messages": )" + List(Answer("a")) + R"(, "prompt": )" + List(User("q")) + R"(, "label": true})"), one);
  EXPECT_EQ(kto(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "kto_tag": true})"), one);
  EXPECT_EQ(kto(R"({"instruction": "q", "input": "", "output": "a", "label": true})"), one);
  EXPECT_EQ(kto(R"({"instruction": "q", "output": "a", "label": 1.0})"), one);
  EXPECT_NE(kto(R"({"instruction": "q", "output": "a", "label": 0.0})").find(R"("label":false)"), std::string::npos);
  EXPECT_EQ(kto(R"({"instruction": "q", "output": "a", "label": "true"})"), one);
  for (const std::string no : {"0.5", "2", "\"good\"", "null", "[]"})
    EXPECT_TRUE(Refuses(kto(R"({"instruction": "q", "output": "a", "label": )" + no + "}"), "label")) << no;
  EXPECT_TRUE(
      Refuses(kto(R"({"messages": )" + List(User("q") + "," + Answer("a")) + R"(, "prompt": "other words", "label": true})"),
              "\"prompt\" looks like a part"));
}

TEST(Alpaca, TheRenderedTextBesideItIsNoOtherFormat) {
  const std::string text = R"("text": "Below is an instruction.\n### Instruction:\nAdd.\n### Input:\n1 2\n### Response:\n3")";
  EXPECT_EQ(Sft(R"({"instruction": "Add.", "input": "1 2", "output": "3", )" + text + "}"),
            Conversation(User("Add.\\n1 2") + "," + Answer("3")) + " -text");
  EXPECT_EQ(Sft(R"({"text": "x", "instruction": "i", "output": "o"})"), Conversation(User("i") + "," + Answer("o")) + " -text");
  // "prompt" of other sets of the kind is the same: the question as it is rendered.
  EXPECT_EQ(Sft(R"({"instruction": "i", "input": "", "output": "o", "prompt": "Below: i"})"),
            Conversation(User("i") + "," + Answer("o")) + " -prompt");
}

TEST(Unused, WordsAreCountedAndNumbersAreNot) {
  const std::string turns = List(User("q") + "," + Answer("a"));
  EXPECT_EQ(
      Sft(R"({"id": 3, "score": 0.5, "flags": [true, null], "empty": "", "date": "2026-01-02", "messages": )" + turns + "}"),
      Conversation(User("q") + "," + Answer("a")));
  EXPECT_EQ(Sft(R"({"source": "web", "meta": {"tags": ["a"]}, "messages": )" + turns + R"(, "notes": "n"})"),
            Conversation(User("q") + "," + Answer("a")) + " -source -meta -notes");
  EXPECT_EQ(Sft(R"({"text": "t", "prompt": "p", "url": "u"})"), R"({"kind":"text","text":"t"} -prompt -url)");
}

TEST(Unused, PartsOfTheConversationAreRefused) {
  const std::string turns = R"("messages": )" + List(User("the question") + "," + Answer("a"));
  for (const std::string name : {"instruction", "query", "context", "history", "system_prompt", "functions", "Question",
                                 "documents", "passage", "reasoning_content", "thinking"}) {
    EXPECT_TRUE(Refuses(Sft("{" + turns + ", \"" + name + R"(": "more words"})"), "\"" + name + "\" looks like a part"));
    ReadOptions count;
    count.count_unused = true;
    EXPECT_EQ(Read("{" + turns + ", \"" + name + R"(": "more words"})", Task::kSft, count),
              Conversation(User("the question") + "," + Answer("a")) + " -" + name);
  }
  // A short word that happens to stand in others is no repetition.
  EXPECT_TRUE(Refuses(Sft("{" + turns + R"(, "context": "quest"})"), "\"context\" looks like a part"));
  EXPECT_TRUE(
      Refuses(Sft(R"({"messages": )" + List(User("a") + "," + Answer("b")) + R"(, "context": "a fact"})"), "\"context\""));
  // Whatever it is called, where it is a list of messages.
  EXPECT_TRUE(Refuses(Pair(R"({"trajectory": [{"from": "user", "value": "q"}], "prompt": "p", "chosen": "c", "rejected": "r"})"),
                      "\"trajectory\" looks like a part"));
  EXPECT_TRUE(Refuses(Sft(R"({"tools": [{"name": "f"}], "prompt": "p", "completion": "c"})"), "\"tools\" looks like a part"));
  // What only repeats the conversation is no loss.
  EXPECT_EQ(Sft("{" + turns + R"(, "prompt": "the question\n"})"),
            Conversation(User("the question") + "," + Answer("a")) + " -prompt");
}

// Descriptions of functions are known by their form, whatever they are called.
TEST(Unused, ListsOfToolsAreRefused) {
  const std::string turns = R"({"messages": )" + List(User("q") + "," + Answer("a"));
  const std::string schema = R"({"type": "object", "properties": {"city": {"type": "string"}}})";
  const std::string tool = R"({"name": "get_weather", "description": "the weather", "parameters": )" + schema + "}";
  for (const std::string& tools :
       {"[" + tool + "]", R"([{"type": "function", "function": )" + tool + "}]",
        R"([{"name": "f", "input_schema": )" + schema + "}]", std::string(R"("[{\"name\": \"f\", \"parameters\": {}}]")")}) {
    EXPECT_TRUE(Refuses(Sft(turns + R"(, "available_functions": )" + tools + "}"), "\"available_functions\" looks like a part"))
        << tools;
  }
  // Calls have arguments; and where the conversation says it all, nothing is lost.
  EXPECT_TRUE(Sft(turns + R"(, "gold": [{"name": "f", "arguments": {"city": "Oslo"}}]})").ends_with(" -gold"));
  EXPECT_TRUE(Sft(turns + R"(, "notes": "[{half of a list"})").ends_with(" -notes"));
  const std::string says = List(System("Call f with city.") + "," + User("q") + "," + Answer("a"));
  EXPECT_TRUE(
      Sft(R"({"messages": )" + says + R"(, "apis": [{"name": "f", "parameters": {"city": "city"}}]})").ends_with(" -apis"));
}

// Numbers are all that some questions have.
TEST(Unused, NumbersOfAQuestionAreWords) {
  const std::string pair = R"({"prompt": "Add.", "chosen": "12", "rejected": "13", )";
  for (const std::string value : {R"("5 3 4")", R"("12 * 7 = ?")", "[5, 3, 4]", "[[5], {\"n\": 3}]", "5", "\"?\"", "1e999"}) {
    for (const std::string name : {"input", "question", "context"})
      EXPECT_TRUE(Refuses(Pair(pair + "\"" + name + "\": " + value + "}"), "\"" + name + "\" looks like a part")) << value;
  }
  for (const std::string nothing : {"null", "[]", "\" \"", "{}", "[\"\"]", "false"})
    EXPECT_FALSE(Refuses(Pair(pair + "\"input\": " + nothing + "}"), "input")) << nothing;
  EXPECT_TRUE(Pair(R"({"prompt": "Add 5 and 3.", "input": [5, 3], "chosen": "8", "rejected": "9"})").ends_with(" -input"));
  ReadOptions count;
  count.count_unused = true;
  EXPECT_TRUE(Read(pair + "\"input\": [5]}", Task::kPreference, count).ends_with(" -input"));
}

TEST(Unused, OneWordIsASwitchOrAKind) {
  const std::string turns = R"({"messages": )" + List(User("q") + "," + Answer("a"));
  for (const std::string name : {"reasoning", "cot", "user", "human", "post", "article", "src"}) {
    EXPECT_TRUE(Refuses(Sft(turns + ", \"" + name + R"(": "more words"})"), "\"" + name + "\" looks like a part"));
    EXPECT_TRUE(Sft(turns + ", \"" + name + R"(": " on "})").ends_with(" -" + name));
  }
}

// Sets of pairs are published with the conversation to train on beside them, and others with what made it.
TEST(Unused, ListsOfMessagesThatAreNoPart) {
  const std::string turns = R"({"messages": )" + List(User("q") + "," + Answer("a"));
  const std::string pair =
      R"("chosen": )" + List(User("q") + "," + Answer("a")) + R"(, "rejected": )" + List(User("q") + "," + Answer("b"));
  EXPECT_EQ(Sft(turns + R"(, "prompt": "q", )" + pair + "}"),
            Conversation(User("q") + "," + Answer("a")) + " -prompt -chosen -rejected");
  const std::string made = List(System("You are a judge.") + "," + User("Which is better?"));
  for (const std::string name : {"labelling_prompt", "generation_input", "judge_messages", "judgePrompt"})
    EXPECT_TRUE(Sft(turns + ", \"" + name + "\": " + made + "}").ends_with(" -" + name)) << name;
  EXPECT_TRUE(Refuses(Sft(turns + R"(, "trajectory": )" + made + "}"), "\"trajectory\" looks like a part"));
}

TEST(TemplateArguments, HoldToolsAndNothingOfTheDataSet) {
  const std::string turns = R"({"messages": )" + List(User("q") + "," + Answer("a"));
  const std::string tools = R"([{"name": "f"}])";
  const auto with = [&](const std::string& arguments, const std::string& rest) {
    return turns + R"(, "chat_template_kwargs": )" + arguments + rest + "}";
  };
  EXPECT_NE(Sft(with(R"({"tools": )" + tools + "}", "")).find(R"("tools":[{"name":"f"}])"), std::string::npos);
  EXPECT_NE(Sft(with(R"({"tools": )" + tools + "}", R"(, "tools": )" + tools)).find(R"("tools":[{"name":"f"}])"),
            std::string::npos);
  EXPECT_TRUE(Refuses(Sft(with(R"({"tools": )" + tools + "}", R"(, "tools": [{"name": "g"}])")), "are not the same"));
  for (const std::string name : {"messages", "add_generation_prompt", "documents"}) {
    EXPECT_TRUE(Refuses(Sft(with("{\"" + name + "\": true}", "")), "chat_template_kwargs has " + name));
    EXPECT_FALSE(Refuses(Sft(with("{\"" + name + "\": null}", "")), name));
  }
}

// Tables have a column for every row where one row has it.
TEST(Nulls, SpeakForNoFormat) {
  const std::string turns = R"("messages": )" + List(User("q") + "," + Answer("a"));
  EXPECT_EQ(Sft("{" + turns + R"(, "text": null, "prompt": null, "completion": null, "conversations": null})"),
            Conversation(User("q") + "," + Answer("a")));
  EXPECT_EQ(Sft(R"({"text": "t", "messages": null, "input_ids": null})"), R"({"kind":"text","text":"t"})");
  EXPECT_EQ(Pair(R"({"prompt": null, "question": "q", "chosen": "a", "rejected": "b"})"),
            PairOf(List(User("q")), List(Answer("a")), List(Answer("b"))));
  // Where nothing else is there, the error is of what is null.
  EXPECT_TRUE(Refuses(Sft(R"({"text": null})"), "\"text\" is null"));
  EXPECT_TRUE(Refuses(Pair(R"({"prompt": "q", "chosen": "a", "rejected": null})"), "\"rejected\" is null"));
}

TEST(Weights, OfACompletionTakeItOut) {
  const auto with = [](const std::string& weight) {
    return R"({"prompt": )" + List(User("q")) + R"(, "completion": [{"role": "assistant", "content": "a", )" + weight + "}]}";
  };
  for (const std::string weight : {R"("weight": 0)", R"("loss_weight": 0.0)", R"("training": false)"})
    EXPECT_NE(Sft(with(weight)).find(R"("train":false)"), std::string::npos) << Sft(with(weight));
  EXPECT_EQ(Sft(with(R"("weight": 1)")).find("train"), std::string::npos);
  EXPECT_TRUE(Refuses(Sft(with(R"("weight": 0.5)")), "weight of message 0 of the completion is 0.5"));
}

TEST(Unused, PicturesSoundAndFilmsAreRefused) {
  const std::string turns = R"("messages": )" + List(User("<image>q") + "," + Answer("a"));
  for (const std::string name : {"image",        "images",
                                 "audio",        "audios",
                                 "video",        "videos",
                                 "image_url",    "image_paths",
                                 "audio_url",    "video_urls",
                                 "pixel_values", "input_audio",
                                 "Image_Base64", "img",
                                 "picture_file", "image_1",
                                 "image1",       "imageUrl",
                                 "imagePath",    "sound",
                                 "sounds",       "speech",
                                 "wav",          "waveform",
                                 "mp3",          "audio_filepath",
                                 "audio_array",  "film",
                                 "films",        "movie",
                                 "clip",         "frames",
                                 "video_frames", "screenshot",
                                 "screenshots",  "thumbnail",
                                 "media",        "multimodal_data",
                                 "mm_data",      "visual",
                                 "figure",       "jpg",
                                 "png",          "jpeg"}) {
    for (const std::string held : {R"("cat.png")", R"(["cat.png"])", R"([{"bytes": "AAAA"}])", "[[0, 255]]"})
      EXPECT_TRUE(Refuses(Sft("{" + turns + ", \"" + name + "\": " + held + "}"), "\"" + name + "\" is ")) << name << held;
    for (const std::string nothing : {"null", "[]", R"("")", "[null]", "{}"})
      EXPECT_EQ(Sft("{" + turns + ", \"" + name + "\": " + nothing + "}"), Conversation(User("<image>q") + "," + Answer("a")));
  }
  EXPECT_TRUE(Refuses(Sft(R"({"image": "c.png", "text": "t"})"), "only text is trained on"));
  EXPECT_TRUE(
      Refuses(Pair(R"({"images": ["c.png"], "prompt": "p", "chosen": "c", "rejected": "r"})"), "only text is trained on"));
}

// Hugging Face's data sets hold pictures and sound so, whatever the column is called.
TEST(Unused, PicturesAndSoundAreKnownByTheirForm) {
  const std::string turns = R"("messages": )" + List(User("q") + "," + Answer("a"));
  const auto with = [&](const std::string& value) { return Sft("{" + turns + ", \"exhibit\": " + value + "}"); };
  for (const std::string held : {R"({"bytes": "AAAA", "path": null})", R"([{"bytes": null, "path": "c.png"}])",
                                 R"({"array": [0.5, 0.25], "sampling_rate": 16000})"})
    EXPECT_TRUE(Refuses(with(held), "\"exhibit\" is ")) << held;
  for (const std::string other : {R"({"bytes": null, "path": null})", R"({"bytes": 300, "path": "a.py"})", R"({"path": "a.py"})",
                                  R"({"array": [], "sampling_rate": 16000})"})
    EXPECT_FALSE(Refuses(with(other), "exhibit")) << other;
  for (const std::string name : {"image_id", "video_count", "image", "clip_score", "frames", "media_type"})
    EXPECT_EQ(Sft("{" + turns + ", \"" + name + "\": 3}"), Conversation(User("q") + "," + Answer("a"))) << name;
}

// What is written about a picture is text.
TEST(Unused, WordsAboutPicturesAreWords) {
  const std::string turns = R"("messages": )" + List(User("q") + "," + Answer("a"));
  for (const std::string name : {"image_caption", "video_title", "audio_transcript", "file_name", "input_text", "photographer"})
    EXPECT_EQ(Sft("{" + turns + ", \"" + name + R"(": "words"})"), Conversation(User("q") + "," + Answer("a")) + " -" + name);
  for (const std::string name : {"film", "movie", "speech", "visual", "figure"})
    EXPECT_EQ(Sft("{" + turns + ", \"" + name + R"(": "The Sea"})"), Conversation(User("q") + "," + Answer("a")) + " -" + name);
}

// Beside the words of a message: Qwen's and Llava's lists of pictures stand there as well.
TEST(Unused, PicturesOfAMessageAreRefused) {
  const auto with = [](const std::string& member) {
    return R"({"messages": [{"role": "user", "content": "q")" + member + "}," + Answer("a") + "]}";
  };
  for (const std::string member : {R"(, "images": ["c.png"])", R"(, "image": "c.png")", R"(, "audio_url": "a.wav")"})
    EXPECT_TRUE(Refuses(Sft(with(member)), "messages[0]: \"")) << Sft(with(member));
  EXPECT_FALSE(Refuses(Sft(with(R"(, "images": [])")), "images"));
  EXPECT_TRUE(
      Refuses(Sft(R"({"conversations": [{"from": "human", "value": "q", "image": "c.png"}, {"from": "gpt", "value": "a"}]})"),
              "only text is trained on"));
  ReadOptions count;
  count.count_unused = true;
  EXPECT_FALSE(Refuses(Read(with(R"(, "image": "c.png")"), Task::kSft, count), "image"));
}

// A call of ShareGPT is a turn like others: what stands beside its text stays with it.
TEST(Messages, CallsKeepWhatStandsBesideThem) {
  EXPECT_EQ(
      Sft(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "{\"name\": \"f\", \"arguments\": {}}", )"
          R"("weight": 0, "reasoning": "why"}, {"from": "observation", "value": "1"}, {"from": "gpt", "value": "a"}]})"),
      Conversation(
          User("q") +
          R"(,{"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{}}}],)"
          R"("weight":0,"reasoning":"why","train":false},)" +
          Turn("tool", "1") + "," + Answer("a")));
  EXPECT_TRUE(Refuses(Sft(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "{}"}]})"),
                      "has no name"));
}

// LLaMA-Factory writes what was thought before a call in its text.
TEST(Messages, WhatWasThoughtBeforeACallIsItsReasoning) {
  const auto with = [](const std::string& text, const std::string& more = "") {
    return Sft(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": ")" + text + "\"" +
               more + R"(}, {"from": "observation", "value": "1"}, {"from": "gpt", "value": "a"}]})");
  };
  const auto call = [](const std::string& more) {
    return Conversation(
        User("q") +
        R"(,{"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{}}}])" + more +
        "}," + Turn("tool", "1") + "," + Answer("a"));
  };
  const std::string json = R"({\"name\": \"f\", \"arguments\": {}})";
  EXPECT_EQ(with(R"(<think>\nit is so\n</think>\n\n)" + json), call(R"(,"reasoning_content":"it is so")"));
  EXPECT_EQ(with(R"( <think>why?</think>[)" + json + "]"), call(R"(,"reasoning_content":"why?")"));
  EXPECT_EQ(with(R"(<think>\n\n</think>\n\n)" + json), call(""));
  EXPECT_TRUE(Refuses(with("<think>never ends " + json), "the function call: not valid JSON"));
  EXPECT_TRUE(Refuses(with("so <think>a</think>" + json), "the function call: not valid JSON"));
  EXPECT_TRUE(Refuses(with("<think>a</think>" + json, R"(, "reasoning": "another one")"), "reasoning"));
}

// "loss" is a switch where it is true or false (ms-swift); a number is a loss that somebody measured.
// Trainers that train parts of a message say so in its parts, or in ranges of characters: nobody would know that all of it was trained.
TEST(Messages, WeightsOfTheirPartsAreRefused) {
  const auto parts = [](const std::string& more, const std::string& role) {
    return R"({"messages": [{"role": "user", "content": "q"}, {"role": ")" + role +
           R"(", "content": [{"type": "text", "text": "bad", )" + more +
           R"(}, {"type": "text", "text": "good"}]}, {"role": "assistant", "content": "a"}]})";
  };
  for (const std::string off : {R"("train": false)", R"("weight": 0)", R"("weight": 0.5)", R"("training": false)",
                                R"("loss": false)", R"("loss_mask": 0)", R"("train": "no")"}) {
    EXPECT_TRUE(Refuses(Sft(parts(off, "assistant")), "a message is trained as a whole")) << off;
    EXPECT_FALSE(Refuses(Sft(parts(off, "user")), "whole")) << off;
  }
  for (const std::string on : {R"("train": true)", R"("weight": 1)", R"("weight": null)", R"("loss": 0.25)"})
    EXPECT_NE(Sft(parts(on, "assistant")).find("badgood"), std::string::npos) << on;
  const auto detail = [](const std::string& ranges, const std::string& role) {
    return R"({"messages": [{"role": "user", "content": "q"}, {"role": ")" + role + R"(", "content": "a", "train_detail": )" +
           ranges + R"(}, {"role": "assistant", "content": "b"}]})";
  };
  EXPECT_TRUE(Refuses(Sft(detail(R"([{"begin_offset": 0, "end_offset": 1, "train": false}])", "assistant")), "\"train_detail\""));
  for (const std::string none : {"null", "[]"}) EXPECT_FALSE(Refuses(Sft(detail(none, "assistant")), "detail")) << none;
  EXPECT_FALSE(Refuses(Sft(detail("[{}]", "user")), "detail"));
}

TEST(Messages, ALossIsASwitchOrANumber) {
  const auto with = [](const std::string& loss) {
    return R"({"messages": [)" + User("q") + R"(,{"role": "assistant", "content": "a", "loss": )" + loss + "}," + User("r") +
           "," + Answer("b") + "]}";
  };
  EXPECT_NE(Sft(with("false")).find("\"train\":false"), std::string::npos) << Sft(with("false"));
  for (const std::string loss : {"true", "0.25", "0"}) EXPECT_EQ(Sft(with(loss)).find("train"), std::string::npos) << loss;
}

// Numbers that Python writes and JSON lacks, raw tabs and lone surrogates: nobody's business where nobody reads them.
TEST(Unreadable, StopsNobodyWhoDoesNotReadIt) {
  const std::string turns = R"("messages": )" + List(User("q") + "," + Answer("a"));
  const std::string read = Conversation(User("q") + "," + Answer("a"));
  for (const std::string value :
       {"NaN", "Infinity", "-Infinity", "1e999", "1000000000000000019884624838656", "[1, NaN, {\"x\": -1e400}]"}) {
    EXPECT_EQ(Sft("{\"score\": " + value + ", " + turns + "}"), read) << value;
    EXPECT_EQ(Sft("{" + turns + ", \"score\": " + value + "}"), read) << value;
  }
  for (const std::string value : {"\"a\tb\"", "\"a\\ud83d\"", "[\"a\x01\"]"})
    EXPECT_EQ(Sft("{\"note\": " + value + ", " + turns + "}"), read + " -note") << value;
}

TEST(Unreadable, IsNamedWhereItIsRead) {
  EXPECT_EQ(Sft("{\"text\": NaN}"), "error: f:1: \"text\" is a number that is not finite; it must be a string");
  EXPECT_EQ(Sft("{\"text\": \"a\tb\"}"),
            "error: f:1: \"text\" is a string with a raw control character (JSON writes a tab as \\t); it must be a string");
  EXPECT_EQ(Sft(R"({"messages": [{"role": "user", "content": "a\ud83d"}]})"),
            "error: f:1: messages[0]: \"content\" is a string with a lone surrogate, which stands for no character; it must be a "
            "string "
            "or a list of parts");
  EXPECT_TRUE(Refuses(Sft(R"({"input_ids": [1, 99999999999999999999]})"), "input_ids[1] is 99999999999999999999; it must be"));
  EXPECT_TRUE(Refuses(Read(R"({"prompt": "p", "completion": "c", "label": NaN})", Task::kUnpaired), "label is NaN; it must be"));
}

TEST(Columns, ThatNameNothingAreAnErrorWhateverTheFormat) {
  for (const Format format : {Format::kText, Format::kMessages, Format::kShareGpt, Format::kAlpaca, Format::kPromptCompletion,
                              Format::kPreference, Format::kUnpaired, Format::kIds}) {
    for (const bool ranking : {false, true}) {
      FormatSpec spec = DefaultSpec(format);
      spec.columns = Columns();
      spec.ranking = ranking;
      for (const Task task : {Task::kSft, Task::kPreference, Task::kUnpaired, Task::kPretrain}) {
        const std::string read = Read(R"({"messages": [], "text": "t"})", task, {}, &spec);
        EXPECT_NE(read.find("error: f:1: columns names no"), std::string::npos) << Name(format) << ": " << read;
      }
    }
  }
}

}  // namespace
}  // namespace hlm::dataset
