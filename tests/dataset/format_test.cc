// Each format against what its rules make of a record, written down by hand.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/example.h"
#include "core/text/dataset/source_files.h"
#include "tests/dataset/support.h"
#include "tests/support/code_of.h"

namespace hlm::dataset {
namespace {

// What the record is by its own keys; "dropped: ..." or "error: ..." where it is not used.
std::string Read(const std::string& record, Task task = Task::kSft, const FormatSpec* spec = nullptr, ReadOptions options = {}) {
  options.task = task;
  try {
    const JsonValue value = ParseJson(record, "f:1", true);
    Example example;
    switch (ReadExample(value, spec != nullptr ? *spec : DetectFormat(value, task, "f:1"), options, "f:1", &example)) {
      case Dropped::kEmptyAnswer:
        return "dropped: empty answer";
      case Dropped::kTurnOrder:
        return "dropped: turn order";
      case Dropped::kNot:
        return Show(example);
    }
  } catch (const Error& error) {
    return "error: " + error.message();
  }
  return "";
}

std::string User(const std::string& text) { return R"({"role":"user","content":")" + text + "\"}"; }
std::string Assistant(const std::string& text) { return R"({"role":"assistant","content":")" + text + "\"}"; }
std::string System(const std::string& text) { return R"({"role":"system","content":")" + text + "\"}"; }
std::string Messages(const std::string& list) { return R"({"kind":"messages","prompt":[)" + list + "]}"; }

TEST(Formats, Text) {
  EXPECT_EQ(Read(R"({"text": "a\nb"})"), R"({"kind":"text","text":"a\nb"})");
  EXPECT_EQ(Read(R"({"text": "a", "id": 3, "prompt": "x"})", Task::kPretrain), R"({"kind":"text","text":"a"})");
  EXPECT_EQ(Read(R"({"text": ""})"), "dropped: empty answer");
  EXPECT_EQ(Read(R"({"text": 5})"), R"(error: f:1: "text" is a number; it must be a string)");
  EXPECT_NE(Read(R"({"text": null})").find(R"(error: f:1: "text" is null, and the format text needs it)"), std::string::npos);
}

TEST(Formats, Messages) {
  EXPECT_EQ(
      Read(
          R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})"),
      Messages(System("s") + "," + User("q") + "," + Assistant("a")));
  // Other members stay, in their order: templates may use them.
  EXPECT_EQ(
      Read(
          R"({"messages": [{"name": "n", "role": "user", "content": "q"}, {"role": "assistant", "content": "a", "reasoning_content": "r"}]})"),
      Messages(R"({"name":"n","role":"user","content":"q"},{"role":"assistant","content":"a","reasoning_content":"r"})"));
}

TEST(Formats, ContentMayBeAListOfTexts) {
  const std::string record =
      R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, {"role": "assistant", "content": "c"}]})";
  EXPECT_EQ(Read(record), Messages(User("ab") + "," + Assistant("c")));
  ReadOptions keep;
  keep.join_parts = false;
  EXPECT_EQ(Read(record, Task::kSft, nullptr, keep),
            Messages(R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)" + Assistant("c")));
  EXPECT_EQ(Read(R"({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]})"),
            R"(error: f:1: messages[0]: content of the type "image_url"; only text is trained on)");
}

// Thoughts in parts are the message's reasoning, whoever wrote them.
TEST(Formats, ThoughtsInPartsAreReasoning) {
  const auto answer = [](const std::string& parts, const std::string& beside = "") {
    return Read(R"({"messages": [{"role": "assistant", "content": [)" + parts + "]" + beside + "}]}");
  };
  const std::string text = R"({"type": "text", "text": "a"})";
  const std::string folded = Messages(R"({"role":"assistant","content":"a","reasoning_content":"r"})");
  for (const std::string thought : {R"({"type": "thinking", "thinking": "r", "signature": "c2ln"})",
                                    R"({"type": "thinking", "thinking": [{"type": "text", "text": "r"}]})",
                                    R"({"type": "reasoning", "reasoning": "r"})", R"({"type": "reasoning", "text": "r"})"}) {
    EXPECT_EQ(answer(thought + "," + text), folded) << thought;
    EXPECT_EQ(answer(R"({"type": "text", "text": "\n"},)" + thought + "," + text),
              Messages(R"({"role":"assistant","content":"\na","reasoning_content":"r"})"));
    // What it is beside, and that a thought alone says something.
    EXPECT_EQ(answer(thought), Messages(R"({"role":"assistant","content":"","reasoning_content":"r"})"));
    EXPECT_EQ(answer(thought, R"(, "tool_calls": [{"name": "f"}])"),
              Messages(R"({"role":"assistant","content":"","tool_calls":[{"name":"f"}],"reasoning_content":"r"})"));
    // Twice the same, and twice another.
    EXPECT_EQ(answer(thought + "," + text, R"(, "thinking": "r")"),
              Messages(R"({"role":"assistant","content":"a","thinking":"r"})"));
    EXPECT_EQ(answer(thought + "," + text, R"(, "reasoning": null)"),
              Messages(R"({"role":"assistant","content":"a","reasoning":null,"reasoning_content":"r"})"));
    for (const std::string name : {"reasoning_content", "thinking", "reasoning"})
      EXPECT_EQ(answer(thought + "," + text, ", \"" + name + "\": \"\""), folded) << name;
    EXPECT_NE(answer(thought + "," + text, R"(, "reasoning": "other")").find("\"reasoning\" and a part of the content are both"),
              std::string::npos);
    // In another order than that of a message, or in another's mouth.
    EXPECT_NE(answer(text + "," + thought).find("stands behind text"), std::string::npos);
    EXPECT_NE(Read(R"({"messages": [{"role": "user", "content": [)" + thought + "]}]}")
                  .find("error: f:1: messages[0]: content of the type"),
              std::string::npos);
    // Templates that read parts get them.
    ReadOptions keep;
    keep.join_parts = false;
    for (const std::string& parts : {text + "," + thought, thought}) {
      const std::string kept =
          Read(R"({"messages": [{"role": "assistant", "content": [)" + parts + "]}]}", Task::kSft, nullptr, keep);
      EXPECT_NE(kept.find("\"type\":"), std::string::npos) << kept;
      EXPECT_EQ(kept.find("reasoning_content"), std::string::npos) << kept;
    }
  }
  for (const std::string nothing :
       {R"({"type": "thinking"})", R"({"type": "thinking", "thinking": 3})", R"({"type": "reasoning", "summary": []})",
        R"({"type": "thinking", "thinking": [{"text": null}]})"})
    EXPECT_NE(answer(nothing).find("a part of the content is"), std::string::npos) << nothing;
  EXPECT_NE(answer(R"({"type": "redacted_thinking", "data": "x"})").find(R"(content of the type "redacted_thinking"; only text)"),
            std::string::npos);
}

// A member of the name that the format gives a message's own: nothing, or two of one thing.
TEST(Formats, MembersDoNotTakeEachOthersPlace) {
  const auto with = [](const std::string& members) {
    return Read(R"({"conversations": [{"from": "human", "value": "q"}, {)" + members + "}]}");
  };
  const std::string call = R"("from": "function_call", "value": "{\"name\": \"f\"}")";
  EXPECT_EQ(with(call + R"(, "tool_calls": null, "content": null, "role": null)"), with(call));
  EXPECT_NE(with(call).find(R"("tool_calls":[{"type":"function","function":{"name":"f"}}])"), std::string::npos) << with(call);
  EXPECT_NE(with(call + R"(, "tool_calls": [{"name": "g"}])").find("\"tool_calls\" stands beside \"value\""), std::string::npos);
  EXPECT_NE(with(R"("from": "gpt", "value": "a", "content": "b")").find("\"content\" stands beside \"value\""),
            std::string::npos);
  EXPECT_NE(with(R"("from": "gpt", "value": "a", "role": "user")").find("\"role\" stands beside \"from\""), std::string::npos);
}

TEST(Formats, ToolsAndToolCalls) {
  EXPECT_EQ(Read(R"({"tools": "[{\"name\": \"f\", \"n\": 12345678901234567}]", "messages": [{"role": "user", "content": "q"},
                     {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]},
                     {"role": "tool", "content": "1", "tool_call_id": "c"}, {"role": "assistant", "content": "a"}]})"),
            R"({"kind":"messages","prompt":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"type":"function",)"
            R"("function":{"name":"f","arguments":"{\"x\": 1}"}}]},{"role":"tool","content":"1","tool_call_id":"c"},)"
            R"({"role":"assistant","content":"a"}],"tools":[{"name":"f","n":12345678901234567}]})");
  EXPECT_EQ(
      Read(
          R"({"messages": [{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}]})"),
      Messages(R"({"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":{"x":1}}}]})"));
  EXPECT_NE(Read(R"({"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}]})")
                .find("a tool call has no name"),
            std::string::npos);
  EXPECT_EQ(Read(R"({"tools": {}, "messages": []})"),
            "error: f:1: tools is an object; it must be a list, or a string of JSON that is one");
  EXPECT_NE(Read(R"({"tools": "[", "messages": []})").find("error: f:1: tools: not valid JSON"), std::string::npos);
}

// {"messages": an answer with a call and what the function gave}: as OpenAI had it before tool_calls, and as it has it now.
std::string Called(const std::string& call, const std::string& role, const std::string& answer = R"("content": null, )") {
  return R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", )" + answer + call + R"(}, {"role": ")" + role +
         R"(", "name": "f", "content": "1"}, {"role": "assistant", "content": "a"}]})";
}

TEST(Formats, TheOlderFormOfCallsIsReadAsThePresentOne) {
  const std::string function = R"({"name": "f", "arguments": "{\"x\": 1}"})";
  const std::string now = Read(Called(R"("tool_calls": [{"type": "function", "function": )" + function + "}]", "tool"));
  EXPECT_NE(now.find(R"({"role":"tool","name":"f","content":"1"})"), std::string::npos) << now;
  EXPECT_EQ(Read(Called(R"("function_call": )" + function, "function")), now);
  EXPECT_EQ(Read(Called(R"("function_call": )" + function + R"(, "tool_calls": null)", "function")), now);
  EXPECT_EQ(Read(Called(R"("tool_calls": [], "function_call": )" + function, "tool")), now);
  // In the cell of a table.
  EXPECT_EQ(Read(Called(R"("function_call": "{\"name\": \"f\", \"arguments\": \"{\\\"x\\\": 1}\"}")", "function")), now);
  // No call at all, also as Arrow writes it; the role function alone may be what a template knows.
  for (const std::string none : {"null", R"("")", R"({"name": null, "arguments": null})"}) {
    EXPECT_EQ(Read(Called(R"("function_call": )" + none, "function", R"("content": "so", )")),
              Messages(User("q") + "," + Assistant("so") + R"(,{"role":"function","name":"f","content":"1"},)" + Assistant("a")))
        << none;
  }
  // What stands in a prompt and in its completion.
  EXPECT_EQ(Read(R"({"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "function_call": )" +
                 function + "}]}"),
            R"({"kind":"completion","prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","tool_calls":)"
            R"([{"type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}}]}]})");
  const auto refuses = [](const std::string& call, const std::string& words) {
    const std::string read = Read(Called(call, "function"));
    EXPECT_TRUE(read.starts_with("error: f:1: messages[1]") && read.find(words) != std::string::npos) << read;
  };
  refuses(R"("function_call": "auto")", "function_call: not valid JSON");
  refuses(R"("function_call": ["f"])", "function_call is an array; it must be an object");
  refuses(R"("function_call": {"arguments": "{}"})", "a tool call has no name");
  refuses(R"("function_call": {"name": "f"}, "tool_calls": [{"name": "g"}])", "function_call stands beside tool_calls");
}

TEST(Formats, FunctionsOfTheOlderFormAreTools) {
  const std::string rest = R"("messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})";
  const std::string function = R"({"name": "f", "description": "adds", "parameters": {"type": "object", "properties": {}}})";
  const std::string tools = R"({"tools": [{"type": "function", "function": )" + function + "}], " + rest;
  EXPECT_NE(Read(tools).find("adds"), std::string::npos);
  EXPECT_EQ(Read(R"({"functions": [)" + function + "], " + rest), Read(tools));
  // Beside tools, and where they are something else, they are what they were: a part of the conversation that nobody reads.
  for (const std::string& other :
       {R"({"functions": [{"name": "g"}], )" + tools.substr(1), R"({"functions": ["adds two"], )" + rest})
    EXPECT_NE(Read(other).find(R"("functions" looks like a part)"), std::string::npos) << Read(other);
}

TEST(Formats, ResultsOfToolsMayBeAnyValue) {
  const auto result = [](const std::string& role, const std::string& content) {
    return Read(R"({"messages": [{"role": ")" + role + R"(", "content": )" + content +
                R"(}, {"role": "assistant", "content": "a"}]})");
  };
  for (const std::string role : {"tool", "function", "ipython", "environment"}) {
    for (const std::string content : {R"({"t":21.5,"err":null})", "21", "true", "[1,2]", R"([{"t":1},{"t":2}])", "{}"}) {
      EXPECT_EQ(result(role, content), Messages(R"({"role":")" + role + R"(","content":)" + content + "}," + Assistant("a")));
    }
    EXPECT_EQ(result(role, R"([{"type": "text", "text": "x"}, "y"])"),
              Messages(R"({"role":")" + role + R"(","content":"xy"},)" + Assistant("a")));
  }
  EXPECT_EQ(result("tool", R"([{"type": "image_url", "image_url": "x"}])"),
            R"(error: f:1: messages[0]: content of the type "image_url"; only text is trained on)");
  EXPECT_NE(result("user", R"({"t": 1})").find(R"("content" is an object)"), std::string::npos);
}

// What says something needs no content.
TEST(Formats, ContentMayBeMissingBesideReasoningAndCalls) {
  for (const std::string more :
       {R"("reasoning":"r")", R"("thinking":"r")", R"("reasoning_content":"r")", R"("tool_calls":[{"name":"f"}])"}) {
    EXPECT_EQ(Read(R"({"messages": [{"role": "assistant", )" + more + "}]}"), Messages(R"({"role":"assistant",)" + more + "}"));
    EXPECT_EQ(Read(R"({"messages": [{"role": "assistant", "content": null, )" + more + "}]}"),
              Messages(R"({"role":"assistant","content":null,)" + more + "}"));
  }
}

TEST(Formats, WrongRolesAndMissingContentAreNamed) {
  EXPECT_NE(Read(R"({"messages": [{"role": "asistant", "content": "a"}]})")
                .find(R"(error: f:1: messages[0]: the role is "asistant"; known are)"),
            std::string::npos);
  EXPECT_NE(Read(R"({"messages": [{"content": "a"}]})").find(R"(no "role")"), std::string::npos);
  EXPECT_NE(Read(R"({"messages": [{"role": "assistant"}]})").find(R"(no "content" and no tool_calls)"), std::string::npos);
  EXPECT_NE(Read(R"({"messages": [{"role": "assistant", "content": 5}]})").find(R"("content" is a number)"), std::string::npos);
  EXPECT_EQ(Read(R"({"messages": ["a"]})"), "error: f:1: messages[0] is a string; it must be an object");
  EXPECT_EQ(
      Read(R"({"messages": "a"})"),
      "error: f:1: messages: not valid JSON at byte 1; a text that is a list of messages is that list as JSON, as json.dumps "
      "writes it");
  EXPECT_EQ(Read(R"({"messages": [{"role": "user", "content": "q"}]})"),
            "error: f:1: a conversation of 1 message without one of an assistant: nothing to train on");
  EXPECT_EQ(Read(R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}]})"),
            "dropped: empty answer");
}

TEST(Formats, ARecordMayTakeAnswersOutOfTraining) {
  for (const std::string off : {R"("weight": 0)", R"("train": false)", R"("loss_mask": 0)", R"("weight": 0.0)",
                                R"("loss_weight": 0)", R"("loss_weight": 0.0)", R"("training": false)", R"("training": 0)"}) {
    const std::string read = Read(R"({"messages": [{"role": "assistant", "content": "a", )" + off +
                                  R"(}, {"role": "assistant", "content": "b", "weight": 1}]})");
    EXPECT_NE(read.find("\"train\":false"), std::string::npos) << read;
  }
  EXPECT_EQ(Read(R"({"messages": [{"role": "assistant", "content": "a", "weight": 0.5}]})"),
            "error: f:1: weight of message 0 is 0.5; legal are 0 and 1");
  EXPECT_EQ(Read(R"({"messages": [{"role": "assistant", "content": "a", "training": "no"}]})"),
            "error: f:1: training of message 0 is \"no\"; legal are 0 and 1");
}

TEST(Formats, ShareGpt) {
  EXPECT_EQ(Read(R"({"system": "s", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]})"),
            Messages(System("s") + "," + User("q") + "," + Assistant("a")));
  EXPECT_EQ(
      Read(
          R"({"conversations": [{"from": "system", "value": "s"}, {"from": "user", "value": "q"}, {"from": "chatgpt", "value": "a"}]})"),
      Messages(System("s") + "," + User("q") + "," + Assistant("a")));
  EXPECT_EQ(
      Read(
          R"({"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "{\"name\": \"f\", \"arguments\": {}}"},
                     {"from": "observation", "value": "o"}, {"from": "gpt", "value": "a"}]})"),
      Messages(User("q") +
               R"(,{"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{}}}]},)"
               R"({"role":"tool","content":"o"},)" +
               Assistant("a")));
  EXPECT_NE(Read(R"({"conversations": [{"from": "bot", "value": "q"}]})").find(R"(the role is "bot")"), std::string::npos);
}

TEST(Formats, ShareGptTurnsMustAlternate) {
  EXPECT_EQ(Read(R"({"conversations": [{"from": "gpt", "value": "a"}, {"from": "human", "value": "q"}]})"),
            "dropped: turn order");
  EXPECT_EQ(Read(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "human", "value": "q"}]})"),
            "dropped: turn order");
  EXPECT_EQ(
      Read(
          R"({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}, {"from": "human", "value": "q"}]})"),
      "dropped: turn order");
  EXPECT_EQ(Read(R"({"conversations": []})"), "dropped: turn order");
}

TEST(Formats, ConversationsOfRolesAreMessages) {
  EXPECT_EQ(Read(R"({"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})"),
            Messages(User("q") + "," + Assistant("a")));
}

TEST(Formats, Alpaca) {
  EXPECT_EQ(Read(R"({"instruction": "i", "input": "x", "output": "o"})"), Messages(User("i\\nx") + "," + Assistant("o")));
  EXPECT_EQ(Read(R"({"instruction": "i", "input": "", "output": "o"})"), Messages(User("i") + "," + Assistant("o")));
  EXPECT_EQ(Read(R"({"instruction": "i", "output": "o", "system": "s", "history": [["q", "a"], ["r", "b"]]})"),
            Messages(System("s") + "," + User("q") + "," + Assistant("a") + "," + User("r") + "," + Assistant("b") + "," +
                     User("i") + "," + Assistant("o")));
  EXPECT_EQ(Read(R"({"instruction": "i", "output": "o", "history": [["q"]]})"),
            R"(error: f:1: history[0] is ["q"]; it must be [question, answer], two strings)");
  EXPECT_EQ(Read(R"({"instruction": "i", "output": ""})"), "dropped: empty answer");
}

TEST(Formats, PromptCompletion) {
  EXPECT_EQ(Read(R"({"prompt": "p", "completion": "c"})"), R"({"kind":"completion","prompt":"p","chosen":"c"})");
  EXPECT_EQ(Read(R"({"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}]})"),
            R"({"kind":"completion","prompt":[)" + User("q") + R"(],"chosen":[)" + Assistant("a") + "]}");
  EXPECT_EQ(Read(R"({"prompt": "p", "completion": ""})"), "dropped: empty answer");
  EXPECT_EQ(Read(R"({"prompt": "p", "completion": "c", "chat_template_kwargs": {"x": 1}})"),
            R"({"kind":"completion","prompt":"p","chosen":"c","arguments":{"x":1}})");
}

// Where one of the two is a text and the other messages, the text is a message, as of pairs.
TEST(Formats, PromptAndCompletionOfTwoKinds) {
  const std::string turns = R"({"kind":"completion","prompt":[)" + User("q") + R"(],"chosen":[)" + Assistant("a") + "]}";
  EXPECT_EQ(Read(R"({"prompt": "q", "completion": [)" + Assistant("a") + "]}"), turns);
  EXPECT_EQ(Read(R"({"prompt": "q", "completion": )" + Assistant("a") + "}"), turns);
  EXPECT_EQ(Read(R"({"prompt": [)" + User("q") + R"(], "completion": "a"})"), turns);
  EXPECT_EQ(Read(R"({"prompt": )" + User("q") + R"(, "completion": "a"})"), turns);
  // Tools have a place where both are messages in the end.
  EXPECT_EQ(Read(R"({"tools": [{"name": "f"}], "prompt": [)" + User("q") + R"(], "completion": "a"})"),
            turns.substr(0, turns.size() - 1) + R"(,"tools":[{"name":"f"}]})");
  EXPECT_EQ(
      Read(R"({"tools": [{"name": "f"}], "prompt": [)" + User("q") + R"(], "chosen": "a", "rejected": "b"})", Task::kPreference),
      R"({"kind":"pair","prompt":[)" + User("q") + R"(],"chosen":[)" + Assistant("a") + R"(],"rejected":[)" + Assistant("b") +
          R"(],"tools":[{"name":"f"}]})");
  EXPECT_NE(Read(R"({"tools": [{"name": "f"}], "prompt": "q", "completion": "a"})").find("\"tools\" looks like a part"),
            std::string::npos);
  EXPECT_EQ(Read(R"({"prompt": [)" + User("q") + R"(], "completion": "a", "label": false})", Task::kUnpaired),
            R"({"kind":"unpaired","prompt":[)" + User("q") + R"(],"chosen":[)" + Assistant("a") + R"(],"label":false})");
  EXPECT_EQ(Read(R"({"system": "s", "prompt": [)" + User("q") + R"(], "completion": "a"})"),
            R"({"kind":"completion","prompt":[)" + System("s") + "," + User("q") + R"(],"chosen":[)" + Assistant("a") + "]}");
  EXPECT_NE(Read(R"({"prompt": "q", "completion": [)" + User("q") + "," + Assistant("a") + "]}")
                .find("error: f:1: completion is a list of messages that begins with the role user, and prompt a text; "),
            std::string::npos);
}

TEST(Formats, PreferenceWithAndWithoutItsPrompt) {
  const auto pair = [](const std::string& p, const std::string& c, const std::string& r) {
    return R"({"kind":"pair","prompt":)" + p + R"(,"chosen":)" + c + R"(,"rejected":)" + r + "}";
  };
  const auto read = [](const std::string& record) { return Read(record, Task::kPreference); };
  EXPECT_EQ(read(R"({"prompt": "p", "chosen": "c", "rejected": "r"})"), pair("\"p\"", "\"c\"", "\"r\""));
  // Up to the first difference, less the space before it.
  EXPECT_EQ(read(R"({"chosen": "The sky is blue.", "rejected": "The sky is green."})"),
            pair("\"The sky is\"", "\" blue.\"", "\" green.\""));
  EXPECT_EQ(read(R"({"chosen": "q:blue", "rejected": "q:green"})"), pair("\"q:\"", "\"blue\"", "\"green\""));
  EXPECT_EQ(read(R"({"chosen": "blue", "rejected": "green"})"), pair("\"\"", "\"blue\"", "\"green\""));
  // Characters are whole: the bytes of these two share the first.
  EXPECT_EQ(read(R"({"chosen": "aé", "rejected": "aè"})"), pair("\"a\"", "\"é\"", "\"è\""));
  // One begins with the other: the last character they share stays.
  EXPECT_EQ(read(R"({"chosen": "abc", "rejected": "abcd"})"), pair("\"ab\"", "\"c\"", "\"cd\""));
  const std::string lists = R"({"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
                               "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}])";
  const std::string split = pair("[" + User("q") + "]", "[" + Assistant("a") + "]", "[" + Assistant("b") + "]");
  EXPECT_EQ(read(lists + "}"), split);
  EXPECT_EQ(read(lists + R"(, "prompt": "q"})"), split);  // a string that repeats what the conversations begin with
  EXPECT_EQ(read(R"({"prompt": "p", "chosen": "c", "rejected": ""})"), "dropped: empty answer");
  EXPECT_EQ(read(R"({"prompt": "p", "chosen": "c", "rejected": [{"role": "assistant", "content": "b"}]})"),
            "error: f:1: chosen is a string and rejected a list of messages; both must be of one kind");
}

TEST(Formats, Unpaired) {
  EXPECT_EQ(Read(R"({"prompt": "p", "completion": "c", "label": false})", Task::kUnpaired),
            R"({"kind":"unpaired","prompt":"p","chosen":"c","label":false})");
  for (const std::string refused : {R"("yes")", R"("good")", R"("")", R"("-1")", R"("1.0")", "-1", "0.5", "2", "[true]"}) {
    EXPECT_EQ(Read(R"({"prompt": "p", "completion": "c", "label": )" + refused + "}", Task::kUnpaired),
              "error: f:1: label is " + refused +
                  "; it must be true or false (or 1 or 0, or the texts true, false, 1, 0, desirable, undesirable)");
  }
}

TEST(Formats, Ids) {
  EXPECT_EQ(Read(R"({"input_ids": [5, 6, 7], "labels": [-100, 6, 7]})"), R"({"kind":"ids","ids":[5,6,7],"trained":[0,1,1]})");
  EXPECT_EQ(Read(R"({"input_ids": [5, 6, 7]})"), R"({"kind":"ids","ids":[5,6,7],"trained":[1,1,1]})");
  // Several masks: all must agree. Padding is not kept.
  EXPECT_EQ(
      Read(
          R"({"input_ids": [5, 6, 7, 0], "completion_mask": [0, 1, 1, 1], "assistant_masks": [1, 1, 0, 0], "attention_mask": [1, 1, 1, 0]})"),
      R"({"kind":"ids","ids":[5,6,7],"trained":[0,1,0]})");
  EXPECT_EQ(Read(R"({"input_ids": [5, 6], "labels": [5]})"), "error: f:1: labels has 1 element, but the record has 2 ids");
  EXPECT_EQ(Read(R"({"input_ids": [5, 6], "labels": [5, 7]})"),
            "error: f:1: labels[1] is 7 and the id there 6; a label is its token's id, or -100");
  EXPECT_EQ(Read(R"({"input_ids": [5, -1]})"), "error: f:1: input_ids[1] is -1; it must be a whole number in [0, 2147483647]");
  EXPECT_EQ(Read(R"({"input_ids": [5, 1.5]})"), "error: f:1: input_ids[1] is 1.5; it must be a whole number in [0, 2147483647]");
}

TEST(Detection, ListsTheKeysWhereNoFormatOrSeveralFit) {
  EXPECT_EQ(Read(R"({"question": "q", "answer": "a"})"),
            "error: f:1: no known format has the keys of this record: question, answer; a source may say how to read it: "
            R"({"path":"...","format":"alpaca","columns":{"prompt":"question","response":"answer"}})");
  EXPECT_EQ(Read("{}"),
            "error: f:1: no known format has the keys of this record: none; a source may say how to read it: "
            R"({"path", "format", "columns"})");
  EXPECT_EQ(Read(R"({"text": "t", "messages": []})"),
            "error: f:1: the keys of this record speak for the formats messages and text; say which is meant, as a source "
            R"({"path": ..., "format": "messages"}; )"
            "the keys are: "
            "text, messages");
  EXPECT_EQ(Read(R"({"prompt": "p", "chosen": "c", "rejected": "r"})"),
            "error: f:1: the keys of this record speak for the format preference, which is of no use for this task; the keys "
            "are: prompt, chosen, rejected; to train on the chosen answers alone, as a source "
            R"({"path":"...","format":"prompt_completion","columns":{"prompt":"prompt","completion":"chosen"}})");
  EXPECT_EQ(Read("[1]"), "error: f:1: a record is an array; it must be an object");
}

TEST(Detection, TheTaskDecidesBetweenFormats) {
  const std::string both =
      R"({"prompt": "q", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "c"}],
                              "chosen": "c", "rejected": "r", "score": 1})";
  EXPECT_EQ(Read(both), Messages(User("q") + "," + Assistant("c")));
  EXPECT_EQ(Read(both, Task::kPreference), R"({"kind":"pair","prompt":"q","chosen":"c","rejected":"r"})");
  EXPECT_EQ(Read(R"({"prompt": "p", "completion": "c", "label": true})"), R"({"kind":"completion","prompt":"p","chosen":"c"})");
}

// dataset_info.json -----------------------------------------------------------------------------------------------------------

class DatasetInfo : public testing::Test {
 protected:
  DatasetInfo() { files_.Write("d.json", "[]"); }

  std::string Read(const std::string& entry, const std::string& record, Task task = Task::kSft) {
    files_.Write("dataset_info.json", R"({"d": )" + entry + "}");
    try {
      const JsonValue config = ParseJson(R"({"dataset_info": ")" + files_.folder() + R"(", "name": "d"})", "config");
      const Source source = ReadSource(config, "data");
      EXPECT_EQ(source.files, std::vector<std::string>{files_.Path("d.json")});
      return dataset::Read(record, task, &source.spec);
    } catch (const Error& error) {
      std::string message = error.message();
      const size_t at = message.find(files_.folder() + "/");
      if (at != std::string::npos) message.erase(at, files_.folder().size() + 1);
      return "error: " + message;
    }
  }
  TestFiles files_;
};

TEST_F(DatasetInfo, IsAlpacaUnlessItSaysOtherwise) {
  EXPECT_EQ(Read(R"({"file_name": "d.json"})", R"({"instruction": "i", "input": "x", "output": "o"})"),
            Messages(User("i\\nx") + "," + Assistant("o")));
  // system and history are read only where columns names them.
  EXPECT_EQ(Read(R"({"file_name": "d.json"})", R"({"instruction": "i", "output": "o", "system": "s", "history": [["q", "a"]]})"),
            Messages(User("i") + "," + Assistant("o")));
}

TEST_F(DatasetInfo, OnceColumnsIsThereAKeyItDoesNotNameIsNone) {
  const std::string record = R"({"instruction": "i", "input": "x", "output": "o", "history": [["q", "a"]], "sys": "s"})";
  EXPECT_EQ(Read(R"({"file_name": "d.json", "columns": {"prompt": "instruction", "response": "output"}})", record),
            Messages(User("i") + "," + Assistant("o")));  // no input
  EXPECT_EQ(
      Read(
          R"({"file_name": "d.json", "columns": {"prompt": "instruction", "query": "input", "response": "output", "system": "sys", "history": "history"}})",
          record),
      Messages(System("s") + "," + User("q") + "," + Assistant("a") + "," + User("i\\nx") + "," + Assistant("o")));
  EXPECT_EQ(Read(R"({"file_name": "d.json", "columns": {"prompt": "instruction"}})", record),
            "error: f:1: columns names no response; where columns is given, every column that it does not name is none");
  EXPECT_EQ(Read(R"({"file_name": "d.json", "columns": {"prompt": "input"}})", record, Task::kPretrain),
            R"({"kind":"text","text":"x"})");
}

TEST_F(DatasetInfo, ShareGptWithTagsOfItsOwn) {
  EXPECT_EQ(Read(R"({"file_name": "d.json", "formatting": "sharegpt"})",
                 R"({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "system": "s"})"),
            Messages(User("q") + "," + Assistant("a")));
  const std::string tags =
      R"("tags": {"role_tag": "r", "content_tag": "c", "user_tag": "U", "assistant_tag": "A", "system_tag": "S"})";
  EXPECT_EQ(Read(R"({"file_name": "d.json", "formatting": "sharegpt", "columns": {"messages": "m"}, )" + tags + "}",
                 R"({"m": [{"r": "S", "c": "s"}, {"r": "U", "c": "q"}, {"r": "A", "c": "a"}]})"),
            Messages(System("s") + "," + User("q") + "," + Assistant("a")));
  EXPECT_EQ(Read(R"({"file_name": "d.json", "formatting": "sharegpt", "columns": {"messages": "m"}, )" + tags + "}",
                 R"({"m": [{"r": "human", "c": "q"}]})"),
            R"(error: f:1: m[0]: the role is "human"; known are U, A, S; a source may name others: )"
            R"("tags": {"user_tag": ..., "assistant_tag": ..., "system_tag": ..., "observation_tag": ...})");
  EXPECT_EQ(Read(R"({"file_name": "d.json", "formatting": "sharegpt", "tags": {"user_tag": "U"}})",
                 R"({"conversations": [{"from": "U", "value": "q"}]})"),
            "error: f:1: conversations[0]: tags names no role_tag; where tags is given, every tag that it does not name is none");
  EXPECT_EQ(Read(R"({"file_name": "d.json", "formatting": "openai", "columns": {"messages": "messages"}})",
                 R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})"),
            Messages(User("q") + "," + Assistant("a")));
}

TEST_F(DatasetInfo, RankedAnswersAndLabels) {
  EXPECT_EQ(
      Read(
          R"({"file_name": "d.json", "ranking": true, "columns": {"prompt": "instruction", "query": "input", "chosen": "good", "rejected": "bad"}})",
          R"({"instruction": "i", "input": "x", "good": "g", "bad": "b"})", Task::kPreference),
      R"({"kind":"pair","prompt":[)" + User("i\\nx") + R"(],"chosen":[)" + Assistant("g") + R"(],"rejected":[)" + Assistant("b") +
          "]}");
  EXPECT_EQ(
      Read(
          R"({"file_name": "d.json", "formatting": "sharegpt", "ranking": true, "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}})",
          R"({"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "g"}, "rejected": {"from": "gpt", "value": "b"}})",
          Task::kPreference),
      R"({"kind":"pair","prompt":[)" + User("q") + R"(],"chosen":[)" + Assistant("g") + R"(],"rejected":[)" + Assistant("b") +
          "]}");
  EXPECT_EQ(Read(R"({"file_name": "d.json", "columns": {"prompt": "instruction", "response": "output", "kto_tag": "good"}})",
                 R"({"instruction": "i", "output": "o", "good": false})", Task::kUnpaired),
            R"({"kind":"unpaired","prompt":[)" + User("i") + R"(],"chosen":[)" + Assistant("o") + R"(],"label":false})");
}

TEST_F(DatasetInfo, RefusesWhatItCannotRead) {
  const std::string record = "{}";
  EXPECT_NE(
      Read(R"({"hf_hub_url": "x/y"})", record).find("dataset_info.json: d: hf_hub_url: only files of this machine are read"),
      std::string::npos);
  EXPECT_EQ(Read(R"({"formatting": "alpaca"})", record), "error: dataset_info.json: d has no file_name");
  EXPECT_NE(Read(R"({"file_name": "none.json"})", record).find("No such file"), std::string::npos);
  EXPECT_NE(Read(R"({"file_name": "d.json", "columns": {"images": "x"}})", record).find("columns names images"),
            std::string::npos);
  EXPECT_NE(Read(R"({"file_name": "d.json", "formatting": "csv"})", record).find("legal are alpaca, sharegpt and openai"),
            std::string::npos);
  EXPECT_NE(Read(R"({"file_name": "d.json", "num_samples": 0})", record).find("num_samples is 0"), std::string::npos);
}

}  // namespace
}  // namespace hlm::dataset
