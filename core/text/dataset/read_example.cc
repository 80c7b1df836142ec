// Records of each format as examples (example.h).
#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/ascii.h"
#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/content_parts.h"
#include "core/text/dataset/example.h"
#include "core/text/dataset/read_ids.h"
#include "core/text/dataset/read_messages.h"
#include "core/text/dataset/unused_members.h"
#include "core/text/weight_members.h"

namespace hlm::dataset {
namespace {

class Reader {
 public:
  Reader(const JsonValue& record, const FormatSpec& spec, const ReadOptions& options, const std::string& where, Example* out)
      : record_(record), spec_(spec), options_(options), where_(where), out_(*out) {}

  Dropped Read() {
    const Dropped dropped = ReadByFormat();
    // The rest of a record of which nothing is used is nobody's loss.
    if (dropped == Dropped::kNot) AccountForUnused(record_, used_, spec_, options_, where_, out_);
    return dropped;
  }

 private:
  Dropped ReadByFormat() {
    const Columns& c = spec_.columns;
    if (const JsonValue* arguments = Optional(std::string("chat_template_kwargs"))) {
      if (!arguments->IsObject())
        throw InvalidArgument(where_, ": chat_template_kwargs is ", arguments->KindInWords(), "; it must be an object");
      CheckTemplateArguments(*arguments);
      out_.template_arguments = *arguments;
    }
    ReadToolsOfRecord();
    switch (spec_.format) {
      case Format::kAuto:
        throw Internal("a record of no format");
      case Format::kText:
        return ReadText(c.text, "text");
      case Format::kMessages:
        return ReadConversation();
      case Format::kShareGpt:
        return ReadShareGpt();
      case Format::kAlpaca:
        return ReadAlpaca();
      case Format::kPromptCompletion:
        return ReadCompletion();
      case Format::kPreference:
        return ReadPreference();
      case Format::kUnpaired:
        return ReadUnpaired();
      case Format::kIds:
        return ReadIds();
    }
    return Dropped::kNot;
  }

  // The value of a column, which is used then; nullptr where the format has none of it, or the record has no such key, or it is
  // null.
  const JsonValue* Optional(const Column& column) {
    if (!column) return nullptr;
    for (const JsonValue::Member& member : record_.Members()) {
      if (member.name != *column || member.value.IsNull()) continue;
      used_.push_back(member.name);
      return &member.value;
    }
    return nullptr;
  }
  const JsonValue& Required(const Column& column, const char* name) {
    if (!column)
      throw InvalidArgument(where_, ": columns names no ", name,
                            "; where columns is given, every column that it does not name is none");
    const JsonValue* value = Optional(column);
    if (value != nullptr) return *value;
    if (record_.Find(*column) != nullptr)
      throw InvalidArgument(where_, ": \"", Printable(*column, 60), "\" is null, and the format ", Name(spec_.format),
                            " needs it");
    std::string keys;
    for (const JsonValue::Member& member : record_.Members())
      keys += StrCat(keys.empty() ? "" : ", ", Printable(member.name, 40));
    throw InvalidArgument(where_, ": no \"", Printable(*column, 60), "\", which the format ", Name(spec_.format),
                          " needs; the keys are: ", Printable(keys, 400));
  }
  const std::string& String(const JsonValue& value, const Column& column) const {
    if (!value.IsString())
      throw InvalidArgument(where_, ": \"", Printable(*column, 60), "\" is ", value.KindInWords(), "; it must be a string");
    return value.String();
  }
  std::string At(const Column& column) const { return column ? StrCat(where_, ": ", Printable(*column, 60)) : where_; }

  // What a data set gives a template itself.
  void CheckTemplateArguments(const JsonValue& arguments) const {
    for (const JsonValue::Member& member : arguments.Members()) {
      if (member.value.IsNull()) continue;
      for (const char* own : {"messages", "add_generation_prompt", "documents"}) {
        if (member.name != own) continue;
        throw InvalidArgument(where_, ": chat_template_kwargs has ", own, ", ", PrintableJson(member.value),
                              "; it may hold tools and a template's own variables, and not messages, add_generation_prompt or ",
                              "documents");
      }
    }
  }

  // Tools may stand among the template's arguments, where the record has none.
  void TakeToolsOfArguments(int64_t& nulls) {
    if (out_.template_arguments.IsNull()) return;
    JsonValue::Object& arguments = out_.template_arguments.Members();
    const auto given =
        std::find_if(arguments.begin(), arguments.end(), [](const JsonValue::Member& member) { return member.name == "tools"; });
    if (given == arguments.end()) return;
    JsonValue tools = ReadTools(&given->value, options_.drop_null, where_ + ": chat_template_kwargs", nulls);
    arguments.erase(given);
    if (tools.IsNull()) return;
    if (out_.tools.IsNull()) {
      out_.tools = std::move(tools);
    } else if (JsonOf(tools) != JsonOf(out_.tools)) {
      throw InvalidArgument(where_, ": the tools of chat_template_kwargs and those of the record are not the same; one of them ",
                            "must go");
    }
  }

  // So may OpenAI's older form of them, which stands beside the messages.
  void TakeFunctions(int64_t& nulls) {
    const JsonValue* functions = record_.Find("functions");
    if (functions == nullptr || !out_.tools.IsNull() || !spec_.columns.tools) return;
    out_.tools = ReadFunctions(*functions, options_.drop_null, where_, nulls);
    if (out_.tools.IsNull()) return;
    used_.push_back("functions");
    out_.notes.push_back({Did::kRepaired, "function_call", "", 1});
  }

  // Only a template has a place for tools.
  void ReadToolsOfRecord() {
    const Format format = spec_.format;
    const auto plain = [&](const Column& column) {
      const JsonValue* value = column ? record_.Find(*column) : nullptr;
      return value != nullptr && value->IsString();
    };
    // Beside a prompt of messages an answer that is a text is one as well.
    const JsonValue* prompt = spec_.columns.prompt ? record_.Find(*spec_.columns.prompt) : nullptr;
    const bool of_text = prompt == nullptr || prompt->IsNull() || prompt->IsString();
    const bool answers_are_text = of_text && (plain(spec_.columns.completion) || plain(spec_.columns.chosen));
    const bool conversation = format == Format::kMessages || format == Format::kShareGpt || format == Format::kAlpaca;
    const bool text = format == Format::kText || format == Format::kIds || (!conversation && answers_are_text);
    if (text) return;
    int64_t nulls = 0;
    out_.tools = ReadTools(Optional(spec_.columns.tools), options_.drop_null, where_, nulls);
    TakeToolsOfArguments(nulls);
    TakeFunctions(nulls);
    if (nulls > 0) out_.notes.push_back({Did::kRepaired, "null_arguments", "", 1});
  }

  // A system prompt is a text, or parts of one as a message has them; nothing where there is none.
  std::optional<std::string> System() {
    const Column& column = spec_.columns.system;
    const JsonValue* system = Optional(column);
    if (system == nullptr) return std::nullopt;
    std::string text = system->IsArray() ? ReadParts(*system, false, true, At(column)).text : String(*system, column);
    return text.empty() ? std::nullopt : std::optional(std::move(text));
  }

  // The record's system prompt before the messages. One that they begin with themselves must be the same.
  void AddSystem(JsonValue& messages) {
    const Column& column = spec_.columns.system;
    const std::optional<std::string> system = System();
    if (!system) return;
    JsonValue::Array& list = messages.Items();
    if (list.empty() || RoleOf(list.front()) != "system") {
      list.insert(list.begin(), MakeMessage("system", *system));
      return;
    }
    const JsonValue* own = list.front().Find("content");
    if (own != nullptr && own->IsText(*system)) return;
    if (!spec_.leaves_out && !options_.count_unused) {
      throw InvalidArgument(
          At(column), " and the system message that the conversation begins with are not the same; one of them ", "must go");
    }
    used_.pop_back();  // the conversation's own stands
  }

  // A message of a tree that lies in rows is no text of its own.
  void CheckNoMessageOfTree() const {
    const JsonValue* role = record_.Find("role");
    if (options_.task != Task::kSft || options_.count_unused || role == nullptr || !role->IsString() ||
        record_.Find("parent_id") == nullptr)
      return;
    throw InvalidArgument(
        where_, ": the record is one message, of the role ", PrintableJson(*role), " and with a parent_id, and ",
        "no text of its own; each conversation must be one record, {\"messages\": [{\"role\", \"content\"}]}, or ",
        "\"unused_members\": \"count\" trains on each message as a text");
  }

  Dropped ReadText(const Column& column, const char* name) {
    CheckNoMessageOfTree();
    out_.kind = ExampleKind::kText;
    out_.text = String(Required(column, name), column);
    return out_.text.empty() && !options_.keep_empty_answers ? Dropped::kEmptyAnswer : Dropped::kNot;
  }

  // Answers that a record takes out of training by a weight.
  std::vector<uint8_t> ReadTurnWeights(JsonValue::Array& messages, const std::string& of) const {
    std::vector<uint8_t> skipped(messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      for (const std::string_view key : kWeightMembers) {
        const JsonValue* value = messages[i].Find(key);
        if (value == nullptr || value->IsNull() || !IsWeight(key, value->IsBool())) continue;
        const bool on = value->IsBool() ? value->Bool() : value->IsNumber() && value->Number() == 1;
        const bool off = value->IsBool() ? !value->Bool() : value->IsNumber() && value->Number() == 0;
        if (!on && !off)
          throw InvalidArgument(where_, ": ", key, " of message ", i, of, " is ", PrintableJson(*value), "; legal are 0 and 1");
        if (!off) continue;
        skipped[i] = 1;
        messages[i].Set("train", JsonValue(false));  // one word for it, whatever the record's was
      }
    }
    return skipped;
  }
  void SetSkipped(std::vector<uint8_t> skipped) {
    if (std::find(skipped.begin(), skipped.end(), 1) != skipped.end()) out_.skipped_turns = std::move(skipped);
  }

  // A conversation is in out_.prompt.
  Dropped FinishConversation() {
    out_.kind = ExampleKind::kMessages;
    SetSkipped(ReadTurnWeights(out_.prompt.Items(), ""));
    bool answers = false, empty = true;
    for (const JsonValue& message : out_.prompt.Items()) {
      if (RoleOf(message) != "assistant") continue;
      answers = true;
      empty &= !SaysSomething(message);
    }
    if (options_.task == Task::kPretrain) return out_.prompt.IsEmpty() ? Dropped::kEmptyAnswer : Dropped::kNot;
    if (!answers)
      throw InvalidArgument(where_, ": a conversation of ", Counted(out_.prompt.Items().size(), "message"),
                            " without one of an assistant: nothing to train on", AnswerBeside());
    return empty && !options_.keep_empty_answers ? Dropped::kEmptyAnswer : Dropped::kNot;
  }

  // An answer that stands beside the messages, and how to read it.
  std::string AnswerBeside() const {
    for (const char* name : {"answer", "response", "output", "completion"}) {
      const JsonValue* value = record_.Find(name);
      if (value == nullptr || !value->IsString() || !spec_.columns.messages) continue;
      return StrCat("; if \"", name, "\" is the answer, as a source {\"path\": ..., \"format\": \"prompt_completion\", ",
                    "\"columns\": {\"prompt\": \"", Printable(*spec_.columns.messages, 60), "\", \"completion\": \"", name,
                    "\"}}");
    }
    return "";
  }

  // A table has no cell for a list: what writes its rows as records makes a text of it.
  JsonValue ReadList() {
    const Column& column = spec_.columns.messages;
    const JsonValue& given = Required(column, "messages");
    JsonValue list = given.IsString() ? ParseMessagesText(given.String(), At(column)) : given;
    if (given.IsString()) out_.notes.push_back({Did::kRepaired, "messages", "", 1});
    if (WriteBareTurns(list, spec_)) out_.notes.push_back({Did::kRepaired, "turns", "", 1});
    return ReadMessages(list, spec_, options_, At(column), out_.notes);
  }

  Dropped ReadConversation() {
    JsonValue messages = ReadList();
    AddPrompt(messages);
    AddSystem(messages);
    out_.prompt = std::move(messages);
    return spec_.ranking || Labelled() ? SplitConversation() : FinishConversation();
  }

  Dropped ReadShareGpt() {
    JsonValue messages = ReadList();
    AddPrompt(messages);
    AddSystem(messages);
    // Questions and answers take turns, and an answer is last; with ranked answers, the question.
    const bool ends_with_answer = !messages.Items().empty() && RoleOf(messages.Items().back()) == "assistant";
    if (!TurnsAlternate(messages) || ends_with_answer == spec_.ranking) return Dropped::kTurnOrder;
    out_.prompt = std::move(messages);
    return spec_.ranking || Labelled() ? SplitConversation() : FinishConversation();
  }

  // A conversation of the answer alone, whose question stands beside it.
  void AddPrompt(JsonValue& messages) {
    const Column& column = spec_.columns.prompt;
    const JsonValue* prompt = Optional(column);
    if (prompt == nullptr) return;
    JsonValue before = AsMessages(TextOrMessages(column, "prompt"), "user");
    for (JsonValue& message : messages.Items()) before.Items().push_back(std::move(message));
    messages = std::move(before);
  }

  // The records of this set carry a label (dataset_info's kto_tag).
  bool Labelled() const { return options_.task == Task::kUnpaired && spec_.columns.label.has_value(); }

  // A conversation with two last answers, or with a label for its last answer.
  Dropped SplitConversation() {
    const Columns& c = spec_.columns;
    if (spec_.ranking) {
      out_.chosen = AsMessages(TextOrMessages(c.chosen, "chosen"), "assistant");
      out_.rejected = AsMessages(TextOrMessages(c.rejected, "rejected"), "assistant");
      return FinishPair();
    }
    if (out_.prompt.Items().empty()) return Dropped::kTurnOrder;
    JsonValue last = std::move(out_.prompt.Items().back());
    out_.prompt.Items().pop_back();
    out_.chosen = Alone(std::move(last));
    out_.label = Label();
    return FinishCompletion(ExampleKind::kUnpaired);
  }

  Dropped ReadAlpaca() {
    const Columns& c = spec_.columns;
    std::string question;
    if (const JsonValue* prompt = Optional(c.prompt)) question = String(*prompt, c.prompt);
    if (const JsonValue* query = Optional(c.query); query != nullptr && !String(*query, c.query).empty()) {
      question += StrCat(question.empty() ? "" : "\n", query->String());
    }
    if (!spec_.ranking && options_.task == Task::kPretrain && !c.response) return ReadText(c.prompt, "prompt");
    if (Optional(c.prompt) == nullptr && Optional(c.query) == nullptr) Required(c.prompt, "prompt");  // names what is missing

    JsonValue::Array messages;
    if (std::optional<std::string> system = System()) messages.push_back(MakeMessage("system", std::move(*system)));
    if (const JsonValue* history = Optional(c.history)) ReadHistory(*history, messages);
    messages.push_back(MakeMessage("user", std::move(question)));
    const auto answer = [&](const Column& column, const char* name) {
      return MakeMessage("assistant", String(Required(column, name), column));
    };
    if (spec_.ranking) {
      out_.prompt = JsonValue(std::move(messages));
      out_.chosen = Alone(answer(c.chosen, "chosen"));
      out_.rejected = Alone(answer(c.rejected, "rejected"));
      return FinishPair();
    }
    if (Labelled()) {
      out_.prompt = JsonValue(std::move(messages));
      out_.chosen = Alone(answer(c.response, "response"));
      out_.label = Label();
      return FinishCompletion(ExampleKind::kUnpaired);
    }
    messages.push_back(answer(c.response, "response"));
    out_.prompt = JsonValue(std::move(messages));
    return FinishConversation();
  }

  void ReadHistory(const JsonValue& history, JsonValue::Array& messages) const {
    if (!history.IsArray())
      throw InvalidArgument(At(spec_.columns.history), " is ", history.KindInWords(),
                            "; it must be a list of [question, answer]");
    for (size_t i = 0; i < history.Items().size(); ++i) {
      const JsonValue& turn = history.Items()[i];
      if (!turn.IsArray() || turn.Items().size() != 2 || !turn.Items()[0].IsString() || !turn.Items()[1].IsString()) {
        throw InvalidArgument(At(spec_.columns.history), "[", i, "] is ", PrintableJson(turn),
                              "; it must be [question, answer], two strings");
      }
      messages.push_back(MakeMessage("user", turn.Items()[0].String()));
      messages.push_back(MakeMessage("assistant", turn.Items()[1].String()));
    }
  }

  static JsonValue Alone(JsonValue message) {
    JsonValue::Array list;
    list.push_back(std::move(message));
    return JsonValue(std::move(list));
  }
  // A text as the one message of a role; a list as it is.
  static JsonValue AsMessages(JsonValue given, const char* role) {
    return given.IsString() ? Alone(MakeMessage(role, given.String())) : std::move(given);
  }

  // A string, or a list of messages.
  JsonValue TextOrMessages(const Column& column, const char* name) {
    const JsonValue& value = Required(column, name);
    if (value.IsString()) return value;
    if (value.IsArray() || value.IsObject()) return ReadMessages(value, spec_, options_, At(column), out_.notes);
    throw InvalidArgument(At(column), " is ", value.KindInWords(), "; it must be a string or a list of messages");
  }

  static bool SaysNothing(const JsonValue& answer) {
    if (answer.IsString()) return answer.String().empty();
    return std::none_of(answer.Items().begin(), answer.Items().end(), SaysSomething);
  }

  void CheckSameKind(const JsonValue& a, const char* a_name, const JsonValue& b, const char* b_name) const {
    if (a.IsString() == b.IsString()) return;
    throw InvalidArgument(where_, ": ", a_name, " is a ", a.IsString() ? "string" : "list of messages", " and ", b_name, " a ",
                          b.IsString() ? "string" : "list of messages", "; both must be of one kind");
  }

  Dropped FinishCompletion(ExampleKind kind) {
    out_.kind = kind;
    return SaysNothing(out_.chosen) && !options_.keep_empty_answers ? Dropped::kEmptyAnswer : Dropped::kNot;
  }
  Dropped FinishPair() {
    out_.kind = ExampleKind::kPair;
    const bool empty = SaysNothing(out_.chosen) || SaysNothing(out_.rejected);
    return empty && !options_.keep_empty_answers ? Dropped::kEmptyAnswer : Dropped::kNot;
  }

  // Messages of an answer that begin with the prompt's once more would be read twice.
  void CheckNotAgain(const Column& column, const JsonValue& answer) const {
    if (!answer.IsArray() || answer.IsEmpty() || RoleOf(answer.Items().front()) == "assistant") return;
    const std::string first = JsonOf(answer.Items().front());
    for (const JsonValue& message : out_.prompt.Items()) {
      if (JsonOf(message) != first) continue;
      throw InvalidArgument(At(column), " is a whole conversation that begins with the messages of ",
                            Printable(*spec_.columns.prompt, 60), " again: ",
                            spec_.format == Format::kPreference
                                ? "leave the prompt out (columns {\"prompt\": null}), it is found in what both answers begin with"
                                : "one of the two must go (as a conversation: columns {\"messages\": ...})");
    }
  }

  void ReadPromptAndCompletion() {
    out_.prompt = TextOrMessages(spec_.columns.prompt, "prompt");
    out_.chosen = TextOrMessages(spec_.columns.completion, "completion");
    MakeBothMessages();
    if (out_.prompt.IsArray()) CheckNotAgain(spec_.columns.completion, out_.chosen);
    PlaceSystem();
  }

  // Where one of prompt and completion is a text and the other a list of messages, the text is a message.
  void MakeBothMessages() {
    if (out_.prompt.IsString() == out_.chosen.IsString()) return;
    if (out_.chosen.IsArray() && !out_.chosen.IsEmpty() && RoleOf(out_.chosen.Items().front()) != "assistant") {
      throw InvalidArgument(At(spec_.columns.completion), " is a list of messages that begins with the role ",
                            Printable(RoleOf(out_.chosen.Items().front()), 60), ", and ", Printable(*spec_.columns.prompt, 60),
                            " a text; a completion of messages begins with an assistant's, or is a whole conversation ",
                            "(as one: the format messages with columns {\"messages\": ...})");
    }
    out_.prompt = AsMessages(std::move(out_.prompt), "user");
    out_.chosen = AsMessages(std::move(out_.chosen), "assistant");
  }

  Dropped ReadCompletion() {
    ReadPromptAndCompletion();
    if (out_.prompt.IsArray()) {
      std::vector<uint8_t> skipped = ReadTurnWeights(out_.prompt.Items(), " of the prompt");
      const std::vector<uint8_t> answers = ReadTurnWeights(out_.chosen.Items(), " of the completion");
      skipped.insert(skipped.end(), answers.begin(), answers.end());
      SetSkipped(std::move(skipped));
    }
    return FinishCompletion(ExampleKind::kCompletion);
  }

  Dropped ReadPreference() {
    const Columns& c = spec_.columns;
    out_.chosen = TextOrMessages(c.chosen, "chosen");
    out_.rejected = TextOrMessages(c.rejected, "rejected");
    CheckSameKind(out_.chosen, "chosen", out_.rejected, "rejected");
    if (Optional(c.prompt) != nullptr) {
      ReadPromptOfPair();
    } else {
      ExtractPrompt(out_);
    }
    PlaceSystem();
    return FinishPair();
  }

  // Where one of prompt and answers is a text and the other a list of messages, the text is a message.
  void ReadPromptOfPair() {
    const Column& column = spec_.columns.prompt;
    out_.prompt = TextOrMessages(column, "prompt");
    if (out_.prompt.IsArray()) {
      CheckNotAgain(spec_.columns.chosen, out_.chosen);
      CheckNotAgain(spec_.columns.rejected, out_.rejected);
      out_.chosen = AsMessages(std::move(out_.chosen), "assistant");
      out_.rejected = AsMessages(std::move(out_.rejected), "assistant");
      return;
    }
    if (out_.chosen.IsString()) return;
    const auto is_answer = [](const JsonValue& list) { return !list.IsEmpty() && RoleOf(list.Items().front()) == "assistant"; };
    if (is_answer(out_.chosen) && is_answer(out_.rejected)) {
      out_.prompt = AsMessages(std::move(out_.prompt), "user");
      return;
    }
    // The answers are whole conversations, and the prompt repeats what they begin with.
    const std::string prompt = out_.prompt.String();
    ExtractPrompt(out_);
    if (!options_.count_unused && !IsInPrompt(prompt, out_)) {
      throw InvalidArgument(At(column), " is a text that chosen and rejected, which are whole conversations, do not begin with; ",
                            "\"unused_members\": \"count\" leaves it out, and the prompt is what both begin with");
    }
  }

  void PlaceSystem() {
    if (out_.prompt.IsArray()) return AddSystem(out_.prompt);
    if (!System()) return;
    used_.pop_back();
    if (options_.count_unused || spec_.leaves_out) return;
    throw InvalidArgument(At(spec_.columns.system),
                          " stands beside a prompt that is a plain text, in which it has no place; the format alpaca makes a ",
                          "conversation of the columns that it is given (prompt, response, chosen, rejected, system)");
  }

  bool Label() {
    const JsonValue& label = Required(spec_.columns.label, "label");
    if (label.IsBool()) return label.Bool();
    // Tables write 1.0 where another row has none.
    if (label.IsNumber() && (label.Number() == 0 || label.Number() == 1)) return label.Number() == 1;
    // And texts of them. Other words (good, bad, up, down) are their writer's: which of them is which is not for us to say.
    if (label.IsString()) {
      for (const std::string_view word : {"true", "1", "desirable"}) {
        if (SameWord(label.String(), word)) return true;
      }
      for (const std::string_view word : {"false", "0", "undesirable"}) {
        if (SameWord(label.String(), word)) return false;
      }
    }
    throw InvalidArgument(At(spec_.columns.label), " is ", PrintableJson(label),
                          "; it must be true or false (or 1 or 0, or the texts true, false, 1, 0, desirable, undesirable)");
  }

  Dropped ReadUnpaired() {
    out_.label = Label();
    ReadPromptAndCompletion();
    return FinishCompletion(ExampleKind::kUnpaired);
  }

  Dropped ReadIds() {
    const Columns& c = spec_.columns;
    IdLists lists;
    lists.ids = &Required(c.input_ids, "input_ids");
    lists.ids_name = *c.input_ids;
    lists.labels = Optional(c.labels);
    if (c.labels) lists.labels_name = *c.labels;
    lists.completion_mask = Optional(std::string("completion_mask"));
    lists.assistant_masks = Optional(std::string("assistant_masks"));
    lists.attention_mask = Optional(std::string("attention_mask"));
    return hlm::dataset::ReadIds(lists, where_, &out_);
  }

  const JsonValue& record_;
  const FormatSpec& spec_;
  const ReadOptions& options_;
  const std::string& where_;
  Example& out_;
  std::vector<std::string_view> used_;  // names of members of the record
};

}  // namespace

Dropped ReadExample(const JsonValue& record, const FormatSpec& spec, const ReadOptions& options, const std::string& where,
                    Example* out) {
  if (!record.IsObject()) throw InvalidArgument(where, ": a record is ", record.KindInWords(), "; it must be an object");
  *out = Example();
  return Reader(record, spec, options, where, out).Read();
}

}  // namespace hlm::dataset
