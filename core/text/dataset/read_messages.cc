#include "core/text/dataset/read_messages.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/text/dataset/content_parts.h"
#include "core/text/dataset/media_members.h"
#include "core/text/dataset/record_reader.h"

namespace hlm::dataset {
namespace {

// The roles that chat templates know. A word that is none is likely a slip, and its turn would silently not be trained.
constexpr std::string_view kRoles[] = {"system",   "developer", "user",        "assistant", "tool",
                                       "function", "ipython",   "environment", "control"};

// Those whose messages are what a tool gave.
constexpr std::string_view kToolRoles[] = {"tool", "function", "ipython", "environment"};

struct Synonym {
  std::string_view word, role;
};
// What ShareGPT files call the speakers, beside the format's own words.
constexpr Synonym kSpeakers[] = {{"human", "user"},          {"user", "user"},         {"gpt", "assistant"},
                                 {"assistant", "assistant"}, {"chatgpt", "assistant"}, {"bing", "assistant"},
                                 {"bard", "assistant"},      {"model", "assistant"},   {"system", "system"},
                                 {"observation", "tool"},    {"tool", "tool"},         {"function_response", "tool"},
                                 {"function", "tool"},       {"function_call", "call"}};

constexpr const char* kOtherRoles =
    "; a source may name others: \"tags\": {\"user_tag\": ..., \"assistant_tag\": ..., \"system_tag\": ..., \"observation_tag\": "
    "...}";

std::string Quoted(std::string_view text) { return StrCat('"', Printable(text, 60), '"'); }

// "call" stands for an assistant's turn whose text is a tool call.
std::string ReadRole(const std::string& word, const FormatSpec& spec, const std::string& where) {
  const Tags& tags = spec.tags;
  if (tags.user) {
    if (word == tags.user) return "user";
    if (word == tags.assistant) return "assistant";
    if (word == tags.observation) return "tool";
    if (word == tags.function) return "call";
    if (word == tags.system) return "system";
    if (!spec.own_tags) {
      for (const Synonym& speaker : kSpeakers) {
        if (SameWord(speaker.word, word)) return std::string(speaker.role);
      }
    }
    std::string legal;
    for (const Column* tag : {&tags.user, &tags.assistant, &tags.observation, &tags.function, &tags.system}) {
      if (*tag) legal += StrCat(legal.empty() ? "" : ", ", **tag);
    }
    throw InvalidArgument(where, ": the role is ", Quoted(word), "; known are ", legal, kOtherRoles);
  }
  if (std::find(std::begin(kRoles), std::end(kRoles), word) == std::end(kRoles)) {
    std::string legal;
    for (const std::string_view role : kRoles) legal += StrCat(legal.empty() ? "" : ", ", role);
    throw InvalidArgument(where, ": the role is ", Quoted(word), "; known are ", legal, kOtherRoles);
  }
  return word;
}

// The result of a tool may be any value: templates write it as JSON. A list is content in parts where it looks like it.
bool IsResult(const JsonValue& content, const std::string& role) {
  if (std::find(std::begin(kToolRoles), std::end(kToolRoles), role) == std::end(kToolRoles)) return false;
  if (!content.IsArray()) return !content.IsString();
  return !std::all_of(content.Items().begin(), content.Items().end(), [](const JsonValue& part) {
    return part.IsString() || part.Find("type") != nullptr || part.Find("text") != nullptr;
  });
}

// Content in parts becomes a text; what of them is thought goes to `thought`. Templates that read parts get them as they are.
JsonValue ReadContent(const JsonValue& content, const std::string& role, const std::string& key, const ReadOptions& options,
                      const std::string& where, std::string& thought) {
  if (content.IsString() || content.IsNull() || IsResult(content, role)) return content;
  if (!content.IsArray())
    throw InvalidArgument(where, ": ", Quoted(key), " is ", content.KindInWords(), "; it must be a string or a list of parts");
  ContentParts parts = ReadParts(content, role == "assistant", options.join_parts, where);
  if (!options.join_parts) return content;
  thought = std::move(parts.reasoning);
  return JsonValue(std::move(parts.text));
}

// A thought is said once: in parts of the content, or beside it under one of its names, where an empty text says nothing.
void AddThought(std::string thought, const std::string& where, JsonValue& message) {
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    std::erase_if(message.Members(),
                  [&](const JsonValue::Member& member) { return member.name == name && member.value.IsText(""); });
    const JsonValue* beside = message.Find(name);
    if (beside == nullptr || beside->IsNull()) continue;
    if (beside->IsText(thought)) return;
    throw InvalidArgument(where, ": ", Quoted(name), " and a part of the content are both the message's reasoning, and are not ",
                          "the same; one of them must go");
  }
  message.Set("reasoning_content", JsonValue(std::move(thought)));
}

// Tables have lists as text.
JsonValue ReadListInText(const JsonValue& value, const std::string& where) {
  if (!value.IsString()) return value;
  return IsBlank(value.String()) ? JsonValue() : ParseJson(value.String(), where);
}

// {"name", ...} as what stands in lists of calls and of tools.
JsonValue FunctionOf(JsonValue named) {
  JsonValue function{JsonValue::Object()};
  function.Set("type", JsonValue(std::string("function")));
  function.Set("function", std::move(named));
  return function;
}

void CheckToolCalls(const JsonValue& calls, const std::string& where) {
  if (calls.IsNull()) return;
  if (!calls.IsArray())
    throw InvalidArgument(where, ": tool_calls is ", calls.KindInWords(), "; it must be a list, or a string of JSON that is one");
  for (const JsonValue& call : calls.Items()) {
    if (!call.IsObject()) throw InvalidArgument(where, ": a tool call is ", call.KindInWords(), "; it must be an object");
    const JsonValue* function = call.Find("function");
    const JsonValue* name = (function == nullptr ? &call : function)->Find("name");
    if (name == nullptr || !name->IsString()) throw InvalidArgument(where, ": a tool call has no name: ", PrintableJson(call));
  }
}

// OpenAI's form of a call before there were tool_calls, an assistant's "function_call": {"name", "arguments"}, as those. False where
// the message has none.
bool RenewCall(JsonValue& message, const std::string& where) {
  const JsonValue* given = message.Find("function_call");
  if (given == nullptr || RoleOf(message) != "assistant") return false;
  JsonValue call = ReadListInText(*given, where + ": function_call");
  if (!call.IsNull() && !call.IsObject()) {
    throw InvalidArgument(where, ": function_call is ", call.KindInWords(),
                          "; it must be an object, {\"name\", \"arguments\"}, or a string of JSON that is one");
  }
  const auto drop = [&](const char* name) {
    std::erase_if(message.Members(), [&](const JsonValue::Member& member) { return member.name == name; });
  };
  // Arrow writes all members of an object, as null, where other rows have one.
  const auto is_null = [](const JsonValue::Member& member) { return member.value.IsNull(); };
  if (call.IsNull() || std::all_of(call.Members().begin(), call.Members().end(), is_null)) {
    drop("function_call");
    return false;
  }
  const JsonValue* calls = message.Find("tool_calls");
  if (calls != nullptr && !calls->IsNull() && !calls->IsEmpty() && !calls->IsText("")) {
    throw InvalidArgument(where, ": function_call stands beside tool_calls, of which it is the older form; one of them must go");
  }
  drop("tool_calls");
  for (JsonValue::Member& member : message.Members()) {
    if (member.name != "function_call") continue;
    member.name = "tool_calls";
    member.value = JsonValue(JsonValue::Array{FunctionOf(std::move(call))});
  }
  return true;
}

// What a model thought before a call stands before it, as LLaMA-Factory has it: "<think>...</think>" and the call. Gives the call.
std::string_view TakeThought(std::string_view text, std::string& thought) {
  constexpr std::string_view kBegin = "<think>", kEnd = "</think>";
  text = Trimmed(text);
  const size_t end = text.find(kEnd);
  if (!text.starts_with(kBegin) || end == std::string_view::npos) return text;
  thought = Trimmed(text.substr(kBegin.size(), end - kBegin.size()));
  return Trimmed(text.substr(end + kEnd.size()));
}

// ShareGPT's function_call: the text is one call, {"name", "arguments"}, or a list of them.
JsonValue CallsOf(const std::string& text, const std::string& where, std::string& thought) {
  JsonValue parsed = ParseJson(TakeThought(text, thought), StrCat(where, ": the function call"));
  JsonValue::Array calls;
  if (parsed.IsArray()) {
    calls = std::move(parsed.Items());
  } else {
    calls.push_back(std::move(parsed));
  }
  JsonValue::Array wrapped;
  for (JsonValue& call : calls) {
    wrapped.push_back(call.Find("function") != nullptr ? std::move(call) : FunctionOf(std::move(call)));
  }
  return JsonValue(std::move(wrapped));
}

const std::string& TextMember(const JsonValue& message, const Column& key, const char* tag, const std::string& where) {
  if (!key)
    throw InvalidArgument(where, ": tags names no ", tag, "; where tags is given, every tag that it does not name is none");
  const JsonValue* value = message.Find(*key);
  if (value == nullptr) throw InvalidArgument(where, ": no ", Quoted(*key), " in ", PrintableJson(message));
  if (!value->IsString()) throw InvalidArgument(where, ": ", Quoted(*key), " is ", value->KindInWords(), "; it must be a string");
  return value->String();
}

// A member of the name that a message's own has, where the record calls that otherwise: it says nothing, or the same.
bool SaysNothingNew(const JsonValue::Member& member, const std::string& role, const JsonValue* content) {
  if (member.value.IsNull() || (member.name == "role" && member.value.IsText(role))) return true;
  return member.name == "content" && content != nullptr && content->IsString() && member.value.IsText(content->String());
}

// axolotl's ranges of an answer's characters.
void RefuseTrainDetail(const JsonValue::Member& member, const std::string& role, const std::string& where) {
  if (member.name != "train_detail" || role != "assistant" || !member.value.IsArray() || member.value.IsEmpty()) return;
  throw Unimplemented(where, ": \"train_detail\" is ", PrintableJson(member.value),
                      "; a message is trained as a whole: \"train\": false takes it out of training");
}

// The members under the names that templates know, as they are given but for what stands for role and content. What parts of the
// content are thought goes to `thought`.
JsonValue ReadMembers(const JsonValue& given, const std::string& role, const FormatSpec& spec, const ReadOptions& options,
                      const std::string& where, std::string& thought) {
  const std::string& content_key = *spec.tags.content;
  const bool call = role == "call";
  JsonValue message{JsonValue::Object()};
  for (const JsonValue::Member& member : given.Members()) {
    if (!options.count_unused && member.name != content_key) RefuseMedia(member, where);
    RefuseTrainDetail(member, role, where);
    if (member.name == *spec.tags.role) {
      message.Set("role", JsonValue(call ? std::string("assistant") : role));
    } else if (member.name == content_key && call) {
      message.Set("content", JsonValue(std::string()));
      message.Set("tool_calls", CallsOf(TextMember(given, spec.tags.content, "content_tag", where), where, thought));
    } else if (member.name == content_key) {
      message.Set("content", ReadContent(member.value, role, content_key, options, where, thought));
    } else if (member.name == "role" || member.name == "content" || (call && member.name == "tool_calls")) {
      if (SaysNothingNew(member, role, given.Find(content_key))) continue;
      throw InvalidArgument(where, ": ", Quoted(member.name), " stands beside ",
                            Quoted(member.name == "role" ? *spec.tags.role : content_key), ", of which the message's ",
                            member.name, " is made; one of them must go");
    } else {
      message.Set(member.name, member.value);
    }
  }
  return message;
}

JsonValue ReadMessage(const JsonValue& given, const FormatSpec& spec, const ReadOptions& options, const std::string& where,
                      bool& renewed) {
  if (!given.IsObject()) throw InvalidArgument(where, " is ", given.KindInWords(), "; it must be an object");
  const std::string role = ReadRole(TextMember(given, spec.tags.role, "role_tag", where), spec, where);
  if (!spec.tags.content) {
    throw InvalidArgument(where, ": tags names no content_tag; where tags is given, every tag that it does not name is none");
  }
  std::string thought;
  JsonValue message = ReadMembers(given, role, spec, options, where, thought);
  if (!thought.empty()) AddThought(std::move(thought), where, message);
  renewed |= RenewCall(message, where);
  if (const JsonValue* given_calls = message.Find("tool_calls")) {
    message.Set("tool_calls", ReadListInText(*given_calls, where + ": tool_calls"));
    CheckToolCalls(*message.Find("tool_calls"), where);
  }
  const JsonValue* content = message.Find("content");
  if ((content == nullptr || content->IsNull()) && !SaysSomething(message)) {
    throw InvalidArgument(where, ": no ", Quoted(*spec.tags.content), " and no tool_calls in ", PrintableJson(given));
  }
  return message;
}

void DropNulls(JsonValue& value, int64_t& nulls) {
  if (value.IsArray()) {
    for (JsonValue& item : value.Items()) DropNulls(item, nulls);
  }
  if (!value.IsObject()) return;
  nulls +=
      static_cast<int64_t>(std::erase_if(value.Members(), [](const JsonValue::Member& member) { return member.value.IsNull(); }));
  for (JsonValue::Member& member : value.Members()) DropNulls(member.value, nulls);
}

bool PartSaysSomething(const JsonValue& part) {
  if (part.IsString()) return !part.String().empty();
  for (const char* key : {"text", "thinking", "reasoning"}) {
    const JsonValue* words = part.Find(key);
    if (words != nullptr && (words->IsString() ? !words->String().empty() : words->IsArray() && !words->IsEmpty())) return true;
  }
  return false;
}

}  // namespace

JsonValue MakeMessage(std::string role, std::string content) {
  JsonValue message{JsonValue::Object()};
  message.Set("role", JsonValue(std::move(role)));
  message.Set("content", JsonValue(std::move(content)));
  return message;
}

JsonValue ReadMessages(const JsonValue& list, const FormatSpec& spec, const ReadOptions& options, const std::string& where,
                       Notes& notes) {
  JsonValue::Array messages;
  bool renewed = false;
  if (list.IsObject()) {
    messages.push_back(ReadMessage(list, spec, options, where, renewed));
  } else if (!list.IsArray()) {
    throw InvalidArgument(where, " is ", list.KindInWords(), "; it must be a list of messages");
  } else {
    for (size_t i = 0; i < list.Items().size(); ++i) {
      messages.push_back(ReadMessage(list.Items()[i], spec, options, StrCat(where, "[", i, "]"), renewed));
    }
  }
  if (!renewed) return JsonValue(std::move(messages));
  notes.push_back({Did::kRepaired, "function_call", "", 1});
  for (JsonValue& message : messages) {
    if (RoleOf(message) == "function") message.Set("role", JsonValue(std::string("tool")));
  }
  return JsonValue(std::move(messages));
}

JsonValue ParseMessagesText(const std::string& text, const std::string& where) {
  CheckRecordText(text, where);
  try {
    return ParseJsonRecord(text, where);
  } catch (const Error& error) {
    if (error.code() != Code::kInvalidArgument) throw;
    throw InvalidArgument(error.message(), "; a text that is a list of messages is that list as JSON, as json.dumps writes it");
  }
}

bool WriteBareTurns(JsonValue& list, const FormatSpec& spec) {
  if (!list.IsArray() || list.IsEmpty() || !spec.tags.role || !spec.tags.content) return false;
  const JsonValue::Array& given = list.Items();
  const auto is_text = [](const JsonValue& turn) { return turn.IsString(); };
  const auto is_both = [](const JsonValue& turn) {
    const JsonValue *input = turn.Find("input"), *output = turn.Find("output");
    return input != nullptr && input->IsString() && output != nullptr && output->IsString() && turn.Members().size() == 2;
  };
  std::vector<std::string> texts;
  if (given.size() > 1 && std::all_of(given.begin(), given.end(), is_text)) {
    for (const JsonValue& turn : given) texts.push_back(turn.String());
  } else if (std::all_of(given.begin(), given.end(), is_both)) {
    for (const JsonValue& turn : given) {
      for (const char* key : {"input", "output"}) texts.push_back(turn.Find(key)->String());
    }
  } else {
    return false;
  }
  JsonValue::Array turns;
  for (std::string& text : texts) {
    const bool asks = turns.size() % 2 == 0;
    JsonValue turn{JsonValue::Object()};
    turn.Set(*spec.tags.role, JsonValue(asks ? spec.tags.user.value_or("user") : spec.tags.assistant.value_or("assistant")));
    turn.Set(*spec.tags.content, JsonValue(std::move(text)));
    turns.push_back(std::move(turn));
  }
  list = JsonValue(std::move(turns));
  return true;
}

JsonValue ReadTools(const JsonValue* value, bool drop_null, const std::string& where, int64_t& nulls) {
  if (value == nullptr || value->IsNull()) return JsonValue();
  JsonValue tools = ReadListInText(*value, where + ": tools");
  if (drop_null && value->IsArray()) DropNulls(tools, nulls);
  if (tools.IsNull()) return JsonValue();
  if (!tools.IsArray())
    throw InvalidArgument(where, ": tools is ", tools.KindInWords(), "; it must be a list, or a string of JSON that is one");
  for (JsonValue& tool : tools.Items()) {
    if (tool.IsString()) tool = ParseJson(tool.String(), where + ": a tool");
    if (!tool.IsObject())
      throw InvalidArgument(where, ": a tool is ", PrintableJson(tool),
                            "; it must be an object, or a string of JSON that is one");
  }
  return tools.IsEmpty() ? JsonValue() : tools;
}

JsonValue ReadFunctions(const JsonValue& functions, bool drop_null, const std::string& where, int64_t& nulls) {
  const auto is_named = [](const JsonValue& function) {
    const JsonValue* name = function.Find("name");
    return name != nullptr && name->IsString();
  };
  if (!functions.IsArray() || !std::all_of(functions.Items().begin(), functions.Items().end(), is_named)) return JsonValue();
  JsonValue tools = ReadTools(&functions, drop_null, where, nulls);
  if (tools.IsNull()) return tools;
  for (JsonValue& tool : tools.Items()) tool = FunctionOf(std::move(tool));
  return tools;
}

const std::string& RoleOf(const JsonValue& message) { return message.Find("role")->String(); }

bool TurnsAlternate(const JsonValue& messages) {
  size_t place = 0;
  for (const JsonValue& message : messages.Items()) {
    const std::string& role = RoleOf(message);
    if (place == 0 && role == "system" && &message == &messages.Items().front()) continue;
    const bool asks = role == "user" || role == "tool";
    if (!asks && role != "assistant") return false;
    if (asks != (place % 2 == 0)) return false;
    ++place;
  }
  return true;
}

std::string JsonOf(const JsonValue& message) {
  JsonWriter json;
  message.Write(json);
  return json.Take();
}

bool SaysSomething(const JsonValue& message) {
  for (const char* key : {"content", "tool_calls", "reasoning_content", "thinking", "reasoning"}) {
    const JsonValue* value = message.Find(key);
    if (value == nullptr || value->IsNull() || value->IsEmpty()) continue;
    if (value->IsArray() && std::string_view(key) == "content") {
      if (std::any_of(value->Items().begin(), value->Items().end(), PartSaysSomething)) return true;
      continue;
    }
    if (!value->IsString() || !value->String().empty()) return true;
  }
  return false;
}

}  // namespace hlm::dataset
