// Records of each format as examples (example.h).
#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "core/base/utf8.h"
#include "core/dataset/example.h"
#include "core/dataset/read_messages.h"
#include "core/model/json_text.h"

namespace hlm::dataset {
namespace {

constexpr int32_t kIgnored = -100;

std::string Text(const JsonValue& value) {
  JsonWriter json;
  value.Write(json);
  return json.Take();
}

class Reader {
 public:
  Reader(const JsonValue& record, const FormatSpec& spec, const ReadOptions& options, const std::string& where, Example* out)
      : record_(record), spec_(spec), options_(options), where_(where), out_(*out) {}

  Dropped Read() {
    const Columns& c = spec_.columns;
    out_.tools = ReadTools(Optional(c.tools), where_);
    if (const JsonValue* arguments = record_.Find("chat_template_kwargs"); arguments != nullptr && !arguments->IsNull()) {
      if (!arguments->IsObject())
        throw InvalidArgument(where_, ": chat_template_kwargs is a ", arguments->KindName(), "; it must be an object");
      out_.template_arguments = *arguments;
    }
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

 private:
  // The value of a column; nullptr where the format has none of it, or the record has no such key, or it is null.
  const JsonValue* Optional(const Column& column) const {
    const JsonValue* value = column ? record_.Find(*column) : nullptr;
    return value == nullptr || value->IsNull() ? nullptr : value;
  }
  const JsonValue& Required(const Column& column, const char* name) const {
    if (!column)
      throw InvalidArgument(where_, ": columns names no ", name,
                            "; where columns is given, every column that it does not name is none");
    const JsonValue* value = Optional(column);
    if (value != nullptr) return *value;
    std::string keys;
    for (const JsonValue::Member& member : record_.Members())
      keys += StrCat(keys.empty() ? "" : ", ", Printable(member.name, 40));
    throw InvalidArgument(where_, ": no \"", Printable(*column, 60), "\", which the format ", Name(spec_.format),
                          " needs; the keys are: ", Printable(keys, 400));
  }
  const std::string& String(const JsonValue& value, const Column& column) const {
    if (!value.IsString())
      throw InvalidArgument(where_, ": \"", Printable(*column, 60), "\" is a ", value.KindName(), "; it must be a string");
    return value.String();
  }
  std::string At(const Column& column) const { return StrCat(where_, ": ", Printable(*column, 60)); }

  Dropped ReadText(const Column& column, const char* name) {
    out_.kind = ExampleKind::kText;
    out_.text = String(Required(column, name), column);
    return out_.text.empty() && !options_.keep_empty_answers ? Dropped::kEmptyAnswer : Dropped::kNot;
  }

  // Answers that a record takes out of training by a weight: OpenAI's "weight", axolotl's "train" and "training", others'
  // "loss_weight" and "loss_mask".
  void ReadTurnWeights() {
    JsonValue::Array& messages = out_.prompt.Items();
    std::vector<uint8_t> skipped(messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      for (const char* key : {"weight", "loss_weight", "loss_mask", "train", "training"}) {
        const JsonValue* value = messages[i].Find(key);
        if (value == nullptr || value->IsNull()) continue;
        const bool on = value->IsBool() ? value->Bool() : value->IsNumber() && value->Number() == 1;
        const bool off = value->IsBool() ? !value->Bool() : value->IsNumber() && value->Number() == 0;
        if (!on && !off)
          throw InvalidArgument(where_, ": ", key, " of message ", i, " is ", PrintableJson(*value), "; legal are 0 and 1");
        if (!off) continue;
        skipped[i] = 1;
        messages[i].Set("train", JsonValue(false));  // one word for it, whatever the record's was
      }
    }
    if (std::find(skipped.begin(), skipped.end(), 1) != skipped.end()) out_.skipped_turns = std::move(skipped);
  }

  // A conversation is in out_.prompt.
  Dropped FinishConversation() {
    out_.kind = ExampleKind::kMessages;
    ReadTurnWeights();
    bool answers = false, empty = true;
    for (const JsonValue& message : out_.prompt.Items()) {
      if (RoleOf(message) != "assistant") continue;
      answers = true;
      empty &= !SaysSomething(message);
    }
    if (options_.task == Task::kPretrain) return out_.prompt.IsEmpty() ? Dropped::kEmptyAnswer : Dropped::kNot;
    if (!answers)
      throw InvalidArgument(where_, ": a conversation of ", out_.prompt.Items().size(), " messages without one of an assistant");
    return empty && !options_.keep_empty_answers ? Dropped::kEmptyAnswer : Dropped::kNot;
  }

  Dropped ReadConversation() {
    const Columns& c = spec_.columns;
    JsonValue messages = ReadMessages(Required(c.messages, "messages"), spec_, options_, At(c.messages));
    if (const JsonValue* system = Optional(c.system); system != nullptr && !String(*system, c.system).empty()) {
      messages.Items().insert(messages.Items().begin(), MakeMessage("system", system->String()));
    }
    out_.prompt = std::move(messages);
    return spec_.ranking || Labelled() ? SplitConversation() : FinishConversation();
  }

  Dropped ReadShareGpt() {
    const Columns& c = spec_.columns;
    JsonValue messages = ReadMessages(Required(c.messages, "messages"), spec_, options_, At(c.messages));
    const bool own_system = !messages.Items().empty() && RoleOf(messages.Items().front()) == "system";
    if (const JsonValue* system = Optional(c.system); system != nullptr && !own_system && !String(*system, c.system).empty()) {
      messages.Items().insert(messages.Items().begin(), MakeMessage("system", system->String()));
    }
    // Questions and answers take turns, and an answer is last; with ranked answers, the question.
    const bool ends_with_answer = !messages.Items().empty() && RoleOf(messages.Items().back()) == "assistant";
    if (!TurnsAlternate(messages) || ends_with_answer == spec_.ranking) return Dropped::kTurnOrder;
    out_.prompt = std::move(messages);
    return spec_.ranking || Labelled() ? SplitConversation() : FinishConversation();
  }

  // The records of this set carry a label (dataset_info's kto_tag).
  bool Labelled() const { return options_.task == Task::kUnpaired && spec_.columns.label.has_value(); }

  // A conversation with two last answers, or with a label for its last answer.
  Dropped SplitConversation() {
    const Columns& c = spec_.columns;
    if (spec_.ranking) {
      out_.chosen = ReadMessages(Required(c.chosen, "chosen"), spec_, options_, At(c.chosen));
      out_.rejected = ReadMessages(Required(c.rejected, "rejected"), spec_, options_, At(c.rejected));
      return FinishPair();
    }
    if (out_.prompt.Items().empty()) return Dropped::kTurnOrder;
    JsonValue::Array last;
    last.push_back(std::move(out_.prompt.Items().back()));
    out_.prompt.Items().pop_back();
    out_.chosen = JsonValue(std::move(last));
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
    if (const JsonValue* system = Optional(c.system); system != nullptr && !String(*system, c.system).empty()) {
      messages.push_back(MakeMessage("system", system->String()));
    }
    if (const JsonValue* history = Optional(c.history)) ReadHistory(*history, messages);
    messages.push_back(MakeMessage("user", std::move(question)));
    const auto answer = [&](const Column& column, const char* name) {
      return MakeMessage("assistant", String(Required(column, name), column));
    };
    const auto alone = [](JsonValue message) {
      JsonValue::Array list;
      list.push_back(std::move(message));
      return JsonValue(std::move(list));
    };
    if (spec_.ranking) {
      out_.prompt = JsonValue(std::move(messages));
      out_.chosen = alone(answer(c.chosen, "chosen"));
      out_.rejected = alone(answer(c.rejected, "rejected"));
      return FinishPair();
    }
    if (Labelled()) {
      out_.prompt = JsonValue(std::move(messages));
      out_.chosen = alone(answer(c.response, "response"));
      out_.label = Label();
      return FinishCompletion(ExampleKind::kUnpaired);
    }
    messages.push_back(answer(c.response, "response"));
    out_.prompt = JsonValue(std::move(messages));
    return FinishConversation();
  }

  void ReadHistory(const JsonValue& history, JsonValue::Array& messages) const {
    if (!history.IsArray())
      throw InvalidArgument(At(spec_.columns.history), " is a ", history.KindName(), "; it must be a list of [question, answer]");
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

  // A string, or a list of messages.
  JsonValue TextOrMessages(const Column& column, const char* name) const {
    const JsonValue& value = Required(column, name);
    if (value.IsString()) return value;
    if (value.IsArray() || value.IsObject()) return ReadMessages(value, spec_, options_, At(column));
    throw InvalidArgument(At(column), " is a ", value.KindName(), "; it must be a string or a list of messages");
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

  Dropped ReadCompletion() {
    out_.prompt = TextOrMessages(spec_.columns.prompt, "prompt");
    out_.chosen = TextOrMessages(spec_.columns.completion, "completion");
    CheckSameKind(out_.prompt, "prompt", out_.chosen, "completion");
    return FinishCompletion(ExampleKind::kCompletion);
  }

  Dropped ReadPreference() {
    const Columns& c = spec_.columns;
    out_.chosen = TextOrMessages(c.chosen, "chosen");
    out_.rejected = TextOrMessages(c.rejected, "rejected");
    CheckSameKind(out_.chosen, "chosen", out_.rejected, "rejected");
    // A prompt that is a string beside answers that are conversations only repeats what they begin with.
    const JsonValue* prompt = Optional(c.prompt);
    if (prompt != nullptr && prompt->IsString() == out_.chosen.IsString()) {
      out_.prompt = TextOrMessages(c.prompt, "prompt");
    } else {
      ExtractPrompt(out_);
    }
    return FinishPair();
  }

  bool Label() const {
    const JsonValue& label = Required(spec_.columns.label, "label");
    if (label.IsBool()) return label.Bool();
    if (label.Int() == 0 || label.Int() == 1) return label.Int() == 1;
    throw InvalidArgument(At(spec_.columns.label), " is ", PrintableJson(label), "; it must be true or false");
  }

  Dropped ReadUnpaired() {
    out_.label = Label();
    out_.prompt = TextOrMessages(spec_.columns.prompt, "prompt");
    out_.chosen = TextOrMessages(spec_.columns.completion, "completion");
    CheckSameKind(out_.prompt, "prompt", out_.chosen, "completion");
    return FinishCompletion(ExampleKind::kUnpaired);
  }

  // A list of whole numbers in [0, most], one for each of `n` tokens (-1: any number of them).
  std::vector<int32_t> Numbers(const JsonValue& list, const std::string& name, int64_t least, int64_t most, int64_t n) const {
    if (!list.IsArray())
      throw InvalidArgument(where_, ": ", name, " is a ", list.KindName(), "; it must be a list of whole numbers");
    const JsonValue::Array& items = list.Items();
    if (n >= 0 && static_cast<int64_t>(items.size()) != n) {
      throw InvalidArgument(where_, ": ", name, " has ", items.size(), " elements, but there are ", n, " ids");
    }
    std::vector<int32_t> numbers;
    numbers.reserve(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      std::optional<int64_t> number = items[i].Int();
      if (items[i].IsBool()) number = items[i].Bool();
      if (!number || *number < least || *number > most) {
        throw InvalidArgument(where_, ": ", name, "[", i, "] is ", PrintableJson(items[i]), "; it must be a whole number in [",
                              least, ", ", most, "]");
      }
      numbers.push_back(static_cast<int32_t>(*number));
    }
    return numbers;
  }

  Dropped ReadIds() {
    const Columns& c = spec_.columns;
    out_.kind = ExampleKind::kIds;
    const std::vector<int32_t> ids = Numbers(Required(c.input_ids, "input_ids"), *c.input_ids, 0, INT32_MAX, -1);
    const auto n = static_cast<int64_t>(ids.size());
    std::vector<uint8_t> trained(ids.size(), 1), present(ids.size(), 1);
    if (const JsonValue* list = Optional(c.labels)) {
      const std::vector<int32_t> labels = Numbers(*list, *c.labels, kIgnored, INT32_MAX, n);
      for (size_t i = 0; i < ids.size(); ++i) {
        if (labels[i] != kIgnored && labels[i] != ids[i]) {
          throw InvalidArgument(where_, ": ", *c.labels, "[", i, "] is ", labels[i], " and the id there ", ids[i],
                                "; a label is its token's id, or ", kIgnored);
        }
        trained[i] = labels[i] != kIgnored;
      }
    }
    // Where there are several masks, a token is trained that is in all of them.
    for (const char* name : {"completion_mask", "assistant_masks"}) {
      if (const JsonValue* list = Optional(std::string(name))) {
        const std::vector<int32_t> mask = Numbers(*list, name, 0, 1, n);
        for (size_t i = 0; i < ids.size(); ++i) trained[i] &= static_cast<uint8_t>(mask[i]);
      }
    }
    if (const JsonValue* list = Optional(std::string("attention_mask"))) {
      const std::vector<int32_t> mask = Numbers(*list, "attention_mask", 0, 1, n);
      for (size_t i = 0; i < ids.size(); ++i) present[i] = static_cast<uint8_t>(mask[i]);
    }
    for (size_t i = 0; i < ids.size(); ++i) {  // padding is not kept
      if (!present[i]) continue;
      out_.ids.push_back(ids[i]);
      out_.trained.push_back(trained[i]);
    }
    return out_.ids.empty() ? Dropped::kEmptyAnswer : Dropped::kNot;
  }

  const JsonValue& record_;
  const FormatSpec& spec_;
  const ReadOptions& options_;
  const std::string& where_;
  Example& out_;
};

}  // namespace

void ExtractPrompt(Example& example) {
  if (example.chosen.IsString()) {
    const std::string chosen = example.chosen.String(), rejected = example.rejected.String();
    const size_t shorter = std::min(chosen.size(), rejected.size());
    size_t at = 0, before = 0;  // `before`: where the last shared character begins
    while (at < shorter) {
      const size_t length = std::max<size_t>(1, Utf8SequenceLength(std::string_view(chosen).substr(at)));
      if (at + length > shorter || chosen.compare(at, length, rejected, at, length) != 0) break;
      before = at;
      at += length;
    }
    if (at == shorter) {
      at = before;
    } else if (at > 0 && chosen[at - 1] == ' ') {
      --at;
    }
    example.prompt = JsonValue(chosen.substr(0, at));
    example.chosen = JsonValue(chosen.substr(at));
    example.rejected = JsonValue(rejected.substr(at));
    return;
  }
  JsonValue::Array &chosen = example.chosen.Items(), &rejected = example.rejected.Items();
  const size_t shorter = std::min(chosen.size(), rejected.size());
  size_t shared = 0;
  while (shared < shorter && Text(chosen[shared]) == Text(rejected[shared])) ++shared;
  if (shared == shorter && shared > 0) --shared;
  const auto end = static_cast<std::ptrdiff_t>(shared);
  JsonValue::Array prompt(chosen.begin(), chosen.begin() + end);
  chosen.erase(chosen.begin(), chosen.begin() + end);
  rejected.erase(rejected.begin(), rejected.begin() + end);
  example.prompt = JsonValue(std::move(prompt));
}

Dropped ReadExample(const JsonValue& record, const FormatSpec& spec, const ReadOptions& options, const std::string& where,
                    Example* out) {
  if (!record.IsObject()) throw InvalidArgument(where, ": a record is a ", record.KindName(), "; it must be an object");
  *out = Example();
  return Reader(record, spec, options, where, out).Read();
}

}  // namespace hlm::dataset
