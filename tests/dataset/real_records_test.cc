// Records, files and folders as people have them, who wrote them for other programs: read as those read them, or refused with a way on.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/example.h"
#include "core/text/dataset/options.h"
#include "core/text/dataset/record_reader.h"
#include "tests/dataset/support.h"

namespace hlm::dataset {
namespace {

std::string Read(const std::string& record, Task task = Task::kSft) {
  ReadOptions options;
  options.task = task;
  try {
    const JsonValue value = ParseRecord({record, 1, false}, "f:1");
    Example example;
    if (ReadExample(value, DetectFormat(value, task, "f:1"), options, "f:1", &example) != Dropped::kNot) return "dropped";
    return Show(example);
  } catch (const Error& error) {
    return "error: " + error.message();
  }
}

constexpr const char* kTurns =
    R"({"kind":"messages","prompt":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]})";

#define EXPECT_SAYS(read, part)                            \
  do {                                                     \
    const std::string said = read;                         \
    EXPECT_NE(said.find(part), std::string::npos) << said; \
    EXPECT_TRUE(said.starts_with("error: f:1: ")) << said; \
  } while (false)

TEST(RealRoles, SpeakersOfShareGptMayHaveCapitals) {
  for (const auto& [asks, answers] : {std::pair("Human", "GPT"), std::pair("User", "Assistant"), std::pair("HUMAN", "ChatGPT")}) {
    EXPECT_EQ(Read(std::string(R"({"conversations": [{"from": ")") + asks + R"(", "value": "q"}, {"from": ")" + answers +
                   R"(", "value": "a"}]})"),
              kTurns);
  }
}

TEST(RealRoles, OthersAreRefusedWithAWayOn) {
  EXPECT_SAYS(
      Read(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "bot", "value": "a"}]})"),
      R"(the role is "bot"; known are human, gpt, observation, function_call, system; a source may name others: "tags": {)");
  // Of messages roles are what templates compare with: a capital is another word.
  for (const std::string role : {"human", "ai", "model", "Assistant"})
    EXPECT_SAYS(Read(R"({"messages": [{"role": ")" + role + R"(", "content": "q"}]})"), "a source may name others: \"tags\": {");
}

TEST(RealKeys, AConversationMayBeCalledSo) {
  EXPECT_EQ(Read(R"({"conversation": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]})"), kTurns);
  EXPECT_EQ(Read(R"({"id": 3, "conversation": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})"),
            kTurns);
  // Not where another key has the turns, and not where it is something else.
  EXPECT_EQ(Read(R"({"conversation": [{"role": "user", "content": "q"}],
                     "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})"),
            kTurns);
  EXPECT_EQ(Read(R"({"conversation": [{"input": "q", "output": "a"}], "chosen": [{"role": "user", "content": "q"},
                     {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]})",
                 Task::kPreference),
            R"({"kind":"pair","prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}],)"
            R"("rejected":[{"role":"assistant","content":"b"}]})");
  EXPECT_SAYS(Read(R"({"conversation": "q"})"), "no known format");
}

// The configuration that an error offers reads the record.
TEST(RealKeys, UnknownOnesAreToldWithASourceThatReadsThem) {
  const TestFiles files;
  const auto offered = [&](const std::string& record, const std::string& read) {
    const std::string said = Read(record), way = "a source may say how to read it: ";
    const size_t at = said.find(way);
    ASSERT_NE(at, std::string::npos) << said;
    JsonValue source = ParseJson(said.substr(at + way.size()), "source");
    source.Set("path", JsonValue(files.Write("d.jsonl", record + "\n")));
    JsonWriter json;
    json.BeginObject().Key("data");
    source.Write(json);
    json.EndObject();
    const DatasetOptions options = ReadDatasetOptions(json.text());
    Example example;
    ReadOptions reading;
    ASSERT_EQ(ReadExample(ParseJson(record, "f:1"), options.sources[0].spec, reading, "f:1", &example), Dropped::kNot);
    EXPECT_EQ(Show(example), read) << said;
  };
  offered(R"({"question": "q", "answer": "a"})", kTurns);
  offered(R"({"prompt": "q", "response": "a"})", kTurns);
  offered(R"({"input": "q", "output": "a"})", kTurns);
  offered(R"({"problem": "q", "solution": "a", "level": "Level 5"})", kTurns);
  offered(R"({"query": "q", "response": "a", "type": "x"})", kTurns);
  offered(R"({"Instruction": "q", "Input": "", "Output": "a"})", kTurns);
  offered(R"({"instruction": "q", "context": "", "response": "a", "category": "math"})", kTurns);
  offered(R"({"instruction": "q", "context": "c", "response": "a"})",
          R"({"kind":"messages","prompt":[{"role":"user","content":"q\nc"},{"role":"assistant","content":"a"}]})");
  offered(
      R"({"id": "1", "system_prompt": "s", "question": "q", "response": "a"})",
      R"({"kind":"messages","prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}]})");
  // A prompt that is a list of messages goes with its answer as it stands.
  offered(
      R"({"input": [{"role": "user", "content": "q"}], "output": "a", "system_prompt": "s", "category": "math"})",
      R"({"kind":"completion","prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}]})");
  // A task that is said once for all of its inputs.
  offered(R"({"definition": "q", "inputs": "c", "targets": "a"})",
          R"({"kind":"messages","prompt":[{"role":"user","content":"q\nc"},{"role":"assistant","content":"a"}]})");
  // What may be called is no list of records.
  offered(
      R"({"query": "q", "answer": "a", "tools": [{"name": "f"}]})",
      R"({"kind":"messages","prompt":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"tools":[{"name":"f"}]})");
  EXPECT_SAYS(Read(R"({"query": "q", "answers": "[]", "tools": [{"name": "f"}]})"), R"({"path", "format", "columns"})");
  EXPECT_SAYS(Read(R"({"body": "words"})"), R"(a source may say how to read it: {"path", "format", "columns"})");
  // One file that holds the records in a member.
  EXPECT_SAYS(Read(R"({"version": 1, "data": [{"question": "q"}]})"),
              R"(if the records are in "data", that list must be the file)");
}

// "input" is the default name of another column.
// Tables have true and false as words, or as numbers.
TEST(RealLabels, WordsOfOneMeaningAreRead) {
  const auto label = [](const std::string& value) {
    const std::string read = Read(R"({"prompt": "p", "completion": "c", "label": )" + value + "}", Task::kUnpaired);
    const std::string before = R"({"kind":"unpaired","prompt":"p","chosen":"c","label":)";
    EXPECT_TRUE(read.starts_with(before)) << read;
    return read.substr(std::min(read.size(), before.size()));
  };
  for (const char* value : {"true", "1", "1.0", R"("true")", R"("True")", R"("TRUE")", R"("1")", R"("desirable")"})
    EXPECT_EQ(label(value), "true}") << value;
  for (const char* value : {"false", "0", "0.0", R"("false")", R"("False")", R"("0")", R"("Undesirable")"})
    EXPECT_EQ(label(value), "false}") << value;
}

// Of conversations and pairs with a label the same.
TEST(RealLabels, BesideMessagesAndAlpacasColumns) {
  const std::string turns = R"("messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}])";
  const std::string read =
      R"({"kind":"unpaired","prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}],"label":false})";
  EXPECT_EQ(Read("{" + turns + R"(, "label": "False"})", Task::kUnpaired), read);
  EXPECT_EQ(Read(R"({"instruction": "q", "output": "a", "kto_tag": "false"})", Task::kUnpaired), read);
  EXPECT_SAYS(Read("{" + turns + R"(, "label": "bad"})", Task::kUnpaired), R"(label is "bad"; it must be true or false)");
}

TEST(RealKeys, AMemberIsReadAsOneColumn) {
  const TestFiles files;
  const std::string path = files.Write("d.jsonl", "{}\n");
  const auto read = [&](const std::string& columns, const std::string& record) {
    const auto options =
        ReadDatasetOptions(R"({"data": {"path": ")" + path + R"(", "format": "alpaca", "columns": )" + columns + "}}");
    Example example;
    EXPECT_EQ(ReadExample(ParseJson(record, "f:1"), options.sources[0].spec, {}, "f:1", &example), Dropped::kNot);
    return Show(example);
  };
  EXPECT_EQ(read(R"({"prompt": "input"})", R"({"input": "q", "output": "a"})"), kTurns);
  EXPECT_EQ(read(R"({"prompt": "input", "query": "instruction"})", R"({"input": "q", "instruction": "", "output": "a"})"),
            kTurns);
  EXPECT_EQ(read(R"({"response": "system"})", R"({"instruction": "q", "system": "a"})"), kTurns);
  EXPECT_EQ(read(R"({"prompt": "instruction", "kto_tag": "label"})", R"({"instruction": "q", "output": "a"})"), kTurns);
}

TEST(RealValues, NullIsNamedWhereItIsNeeded) {
  EXPECT_EQ(Read(R"({"instruction": "i", "output": null})"), R"(error: f:1: "output" is null, and the format alpaca needs it)");
  EXPECT_EQ(Read(R"({"messages": null})"), R"(error: f:1: "messages" is null, and the format messages needs it)");
}

// Tables have lists as text.
TEST(RealValues, CallsAndToolsMayBeText) {
  const auto with = [](const std::string& member) {
    return Read(R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", )" + member + "}]}");
  };
  EXPECT_EQ(with(R"("tool_calls": "[{\"name\": \"f\"}]")"), with(R"("tool_calls": [{"name": "f"}])"));
  for (const std::string none : {"\"\"", "\" \"", "\"null\"", "null"})
    EXPECT_EQ(with("\"tool_calls\": " + none), with("\"tool_calls\": null"));
  EXPECT_EQ(with("\"tool_calls\": \"[]\""), with("\"tool_calls\": []"));
  EXPECT_SAYS(with("\"tool_calls\": \"f(x)\""), "messages[1]: tool_calls: not valid JSON");
  EXPECT_SAYS(with("\"tool_calls\": \"{}\""), "tool_calls is an object; it must be a list");
  const auto tools = [](const std::string& list) {
    return Read(R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "tools": )" + list +
                "}");
  };
  const std::string one = tools(R"([{"name": "f"}])");
  EXPECT_NE(one.find(R"("tools":[{"name":"f"}])"), std::string::npos) << one;
  EXPECT_EQ(tools(R"("[{\"name\": \"f\"}]")"), one);
  EXPECT_EQ(tools(R"(["{\"name\": \"f\"}"])"), one);
  for (const std::string none : {"3", "null", "[]", "\"3\""}) EXPECT_SAYS(tools("[" + none + "]"), "f:1: a tool is ");
  EXPECT_SAYS(tools("[\"f\"]"), "f:1: a tool: not valid JSON");
}

// What a record is read as, and how often it was said that its list of messages was a text.
std::pair<std::string, int64_t> ReadCounted(const std::string& text, Task task = Task::kSft) {
  const JsonValue record = ParseJson(text, "f");
  Example example;
  ReadOptions options;
  options.task = task;
  EXPECT_EQ(ReadExample(record, DetectFormat(record, task, "f"), options, "f", &example), Dropped::kNot) << text;
  int64_t told = 0;
  for (const Note& note : example.notes) told += note.did == Did::kRepaired && note.what == "messages" ? note.amount : 0;
  return {Show(example), told};
}

// A list of messages as a table's cell has it, in each format that has one and under each of its names.
TEST(RealValues, MessagesMayBeText) {
  const std::string openai = R"([{"role": "user", "content": "a \"b\""}, {"role": "assistant", "content": "c\n"}])",
                    sharegpt = R"([{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}])",
                    asked = R"([{"role": "user", "content": "a"}])";
  const auto quoted = [](const std::string& json) {
    JsonWriter writer;
    writer.Value(json);
    return writer.Take();
  };
  const auto same = [&](const std::string& begin, const std::string& list, const std::string& end, Task task = Task::kSft) {
    const auto [as_list, untold] = ReadCounted(begin + list + end, task);
    const auto [as_text, told] = ReadCounted(begin + quoted(list) + end, task);
    EXPECT_EQ(as_text, as_list);
    EXPECT_EQ(untold, 0);
    EXPECT_EQ(told, 1);
  };
  for (const std::string key : {"messages", "conversations", "conversation"}) {
    for (const std::string& list : {openai, sharegpt}) same("{\"" + key + "\": ", list, "}");
  }
  same(R"({"system": "s", "conversations": )", sharegpt, "}");
  same(R"({"chosen": "x", "rejected": "y", "messages": )", asked, "}", Task::kPreference);
  same(R"({"kto_tag": true, "messages": )", openai, "}", Task::kUnpaired);
  same(R"({"messages": )", R"({"role": "assistant", "content": "alone"})", "}");
}

TEST(RealValues, TextThatIsNoListOfMessagesIsRefused) {
  const std::string hint = "; a text that is a list of messages is that list as JSON, as json.dumps writes it";
  EXPECT_SAYS(Read(R"({"messages": "[{'role': 'user', 'content': 'q'}]"})"),
              "error: f:1: messages: not valid JSON at byte 3" + hint);
  EXPECT_SAYS(Read(R"({"conversations": "User: hi"})"), "error: f:1: conversations: not valid JSON at byte 1" + hint);
  EXPECT_SAYS(Read(R"({"messages": ""})"), "error: f:1: messages: not valid JSON");
  EXPECT_SAYS(Read(R"({"messages": "\"[]\""})"), "error: f:1: messages is a string; it must be a list of messages");
  EXPECT_SAYS(Read(R"({"messages": "[3]"})"), "error: f:1: messages[0] is a number; it must be an object");
  EXPECT_SAYS(Read(R"({"messages": "null"})"), "error: f:1: messages is ");
  EXPECT_SAYS(Read(R"({"conversation": "hi"})"), "no known format has the keys of this record: conversation");
}

// Arrow gives every tool the members of all others; of a text nulls are its writer's ("default": null).
TEST(RealValues, NullsOfToolsAreArrows) {
  const auto tools = [](const std::string& given, bool drop, size_t notes) {
    ReadOptions options;
    options.drop_null = drop;
    const JsonValue record = ParseJson(
        R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "tools": )" + given + "}",
        "f");
    Example example;
    EXPECT_EQ(ReadExample(record, DetectFormat(record, Task::kSft, "f"), options, "f", &example), Dropped::kNot);
    EXPECT_EQ(example.notes.size(), notes);
    for (const Note& note : example.notes) EXPECT_EQ(note.what, "null_arguments");
    JsonWriter json;
    example.tools.Write(json);
    return json.Take();
  };
  const std::string nulls = R"([{"name":"f","properties":{"city":{"type":"string","enum":[null,{"x":null}]},"unit":null}}])";
  EXPECT_EQ(tools(nulls, true, 1), R"([{"name":"f","properties":{"city":{"type":"string","enum":[null,{}]}}}])");
  EXPECT_EQ(tools(nulls, false, 0), nulls);
  EXPECT_EQ(tools(R"("[{\"name\": \"f\", \"default\": null}]")", true, 0), R"([{"name":"f","default":null}])");
}

// Conversations whose turns have no members: texts in turn (LIMA), and questions with their answers (Capybara, Pure-Dove).
TEST(RealTurns, MayBeBareTexts) {
  const std::string two = R"({"kind":"messages","prompt":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
                          R"({"role":"user","content":"c"},{"role":"assistant","content":"d"}]})";
  EXPECT_EQ(Read(R"({"conversations": ["a", "b", "c", "d"], "source": "stackexchange"})"), two);
  EXPECT_EQ(Read(R"({"messages": ["a", "b", "c", "d"]})"), two);
  EXPECT_EQ(Read(R"({"source": "x", "conversation": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]})"), two);
  // A question that nobody answers, and what is no turn alone.
  EXPECT_EQ(Read(R"({"conversations": ["a", "b", "c"]})"), "dropped");
  EXPECT_SAYS(Read(R"({"messages": ["a"]})"), "messages[0] is a string; it must be an object");
  EXPECT_SAYS(Read(R"({"conversations": ["a", 3]})"), "conversations[0] is a string; it must be an object");
  EXPECT_SAYS(Read(R"({"conversation": [{"input": "a", "output": "b", "system": "s"}]})"), "no \"from\" in ");
  const JsonValue record = ParseJson(R"({"conversations": ["a", "b"]})", "f");
  Example example;
  ASSERT_EQ(ReadExample(record, DetectFormat(record, Task::kSft, "f"), {}, "f", &example), Dropped::kNot);
  ASSERT_EQ(example.notes.size(), 1u);
  EXPECT_EQ(example.notes[0].what, "turns");
}

TEST(RealTurns, OfAFunctionAreWhatItGave) {
  EXPECT_EQ(Read(R"({"conversations": [{"from": "user", "value": "q"}, {"from": "assistant", "value": "a"},
                     {"from": "function", "value": "r"}, {"from": "assistant", "value": "b"}]})"),
            R"({"kind":"messages","prompt":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},)"
            R"({"role":"tool","content":"r"},{"role":"assistant","content":"b"}]})");
}

// The rows of OpenAssistant's trees.
TEST(RealTexts, OneMessageOfATreeIsNone) {
  const std::string row = R"({"message_id": "b", "parent_id": "a", "text": "words", "role": "prompter", "lang": "en"})";
  EXPECT_SAYS(Read(row), R"(the record is one message, of the role "prompter" and with a parent_id)");
  EXPECT_EQ(Read(row, Task::kPretrain), R"({"kind":"text","text":"words"})");
  EXPECT_EQ(Read(R"({"text": "words", "role": "news"})"), R"({"kind":"text","text":"words"})");
}

// What stands before an answer under the names of well-known sets.
TEST(RealMembers, ThoughtsOptionsAndStepsAreParts) {
  const auto beside = [](const std::string& member) {
    return Read(R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], )" + member + "}");
  };
  for (const std::string member :
       {R"("Complex_CoT": "so it is")", R"("deepseek_reasoning": "so it is")", R"("thinking_trajectories": ["so it is"])",
        R"("options": {"A": "x"})", R"("choices": ["x", "y"])", R"("initial_reason_steps": "Step 1")"})
    EXPECT_SAYS(beside(member), "looks like a part of the conversation");
  for (const std::string member : {R"("cot_type": "of math")", R"("has_reasoning": "on")", R"("judge_reasoning": "so it is")",
                                   R"("Complex_CoT": "a")", R"("options": {"A": "q"})"})
    EXPECT_EQ(beside(member), kTurns) << member;
}

// The way on that an error offers, of the task it is for.
TEST(RealKeys, TheOfferIsOfTheTask) {
  const std::string pair = R"({"path":"...","format":"alpaca","ranking":true,"columns":{"prompt":")";
  EXPECT_SAYS(Read(R"({"instruction": "q", "chosen_response": "a", "rejected_response": "b"})", Task::kPreference),
              pair + R"(instruction","chosen":"chosen_response","rejected":"rejected_response"}})");
  EXPECT_SAYS(Read(R"({"question": "q", "response_j": "a", "response_k": "b"})", Task::kPreference),
              pair + R"(question","chosen":"response_j","rejected":"response_k"}})");
  EXPECT_SAYS(Read(R"({"messages": [{"role": "user", "content": "q"}], "chosen_response": {}, "rejected_response": {}})",
                   Task::kPreference),
              R"("format":"messages","ranking":true,"columns":{"chosen":"chosen_response","rejected":"rejected_response"}})");
  EXPECT_SAYS(Read(R"({"prompt": "q", "answers": [{"answer": "a", "rank": 1}]})", Task::kPreference),
              R"(a pair has its two answers in columns of their own, as {"prompt", "chosen", "rejected"})");
  EXPECT_SAYS(Read(R"({"content": "words", "lang": "c"})", Task::kPretrain), R"("format":"text","columns":{"text":"content"}})");
  EXPECT_SAYS(Read(R"({"chosen": "ab", "rejected": "ac"})"), R"("format":"text","columns":{"text":"chosen"}})");
  EXPECT_SAYS(Read(R"({"messages": [{"role": "user", "content": "q"}], "answer": "a"})"),
              R"("columns": {"prompt": "messages", "completion": "answer"}})");
  // Of the worked solution and the bare result the first; of lists of records that is one that is called so.
  EXPECT_SAYS(Read(R"({"problem": "q", "answer": "4", "solution": "a"})"), R"({"prompt":"problem","response":"solution"}})");
  EXPECT_SAYS(Read(R"({"id": "1", "data": ["a", "b"]})"), R"("format":"sharegpt","columns":{"messages":"data"}})");
  EXPECT_SAYS(Read(R"({"question": "q", "responses": [{"response": "a"}]})"), R"({"path", "format", "columns"})");
  EXPECT_SAYS(Read(R"({"inputs": [1, 2], "targets": [3]})"), R"({"path", "format", "columns"})");
}

TEST(RealFiles, WhatIsNoLineOfJsonIsToldWhatALineIs) {
  for (const std::string line : {"{", "instruction,output", "- messages: []", "[", R"({"a": 1},)", "{'messages': []"})
    EXPECT_SAYS(Read(line), "; a line must be one JSON object, or the file one array of them");
  EXPECT_EQ(Read(R"({"a": b})"), "error: f:1: not valid JSON at byte 7");  // of one line: the place is what helps
}

TEST(RealFiles, OtherEncodingsAreNamed) {
  const TestFiles files;
  const std::string wide("\xff\xfe\0\0{\0\0\0", 8), half("\xff\xfe{\0}\0", 6), bare("{\0}\0", 4);
  EXPECT_EQ(ReadRecords(files.Write("a.jsonl", wide), 1 << 20).back(),
            "error: a.jsonl:1: the file is UTF-32 by its byte order mark; it must be UTF-8");
  EXPECT_EQ(ReadRecords(files.Write("b.jsonl", half), 1 << 20).back(),
            "error: b.jsonl:1: the file is UTF-16 by its byte order mark; it must be UTF-8");
}

std::string Open(const std::string& folder) {
  try {
    std::string read;
    const DatasetOptions options = ReadDatasetOptions(R"({"data": ")" + folder + "\"}");
    for (const std::string& file : options.sources[0].files) read += (read.empty() ? "" : " ") + file.substr(file.rfind('/') + 1);
    return read;
  } catch (const Error& error) {
    return "error: " + error.message();
  }
}

// What is held out must not be trained on because it lies beside the rest.
TEST(RealFolders, PartsOfOneSetAreNotPutTogether) {
  const TestFiles files;
  for (const std::string other : {"test", "validation", "dev", "eval"}) {
    const std::string folder = files.Path(other);
    std::filesystem::create_directory(folder);
    files.Write(other + "/my-train.jsonl", "{}\n");
    files.Write(other + "/train-00001-of-00002.jsonl", "{}\n");
    EXPECT_EQ(Open(folder), "my-train.jsonl train-00001-of-00002.jsonl");
    files.Write(other + "/" + other + "_0.json", "[]");
    EXPECT_NE(Open(folder).find("by their names two parts of one set; name the files that are meant"), std::string::npos)
        << Open(folder);
  }
  // Words that hold these are others.
  const std::string folder = files.Path("others");
  std::filesystem::create_directory(folder);
  for (const std::string name : {"trains", "latest", "contest", "evals"}) files.Write("others/" + name + ".jsonl", "{}\n");
  EXPECT_EQ(Open(folder), "contest.jsonl evals.jsonl latest.jsonl trains.jsonl");
  // As LLaMA-Factory reads it, a folder of dataset_info.json is one part.
  files.Write("test/train.jsonl", "{}\n");
  const std::string info = files.Write("dataset_info.json", R"({"x": {"file_name": "test"}})");
  EXPECT_EQ(ReadDatasetOptions(R"({"data": {"dataset_info": ")" + info + R"(", "name": "x"}})").sources[0].files.size(), 4u);
}

TEST(RealFolders, OfHuggingFaceAreRead) {
  const TestFiles files;
  const std::string folder = files.folder();
  files.Write("README.md", "x");
  std::filesystem::create_directory(files.Path("data"));
  EXPECT_EQ(Open(folder), "error: data: no .jsonl or .json file in the folder " + folder);
  files.Write("data/train-00000-of-00001.parquet", "PAR1");
  EXPECT_NE(Open(folder).find("/data has Parquet files, which the Python package reads"), std::string::npos) << Open(folder);
  files.Write("data/a.jsonl.gz", "x");
  EXPECT_NE(Open(folder).find("/data has some"), std::string::npos) << Open(folder);
  // What `datasets` says of a set is no record.
  files.Write("dataset_infos.json", "{}");
  files.Write("dataset_info.json", "{}");
  files.Write("all.jsonl", "{}");
  EXPECT_EQ(Open(folder), "all.jsonl");
}

}  // namespace
}  // namespace hlm::dataset
