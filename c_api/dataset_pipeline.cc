#include "c_api/dataset_pipeline.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/text/dataset/hash.h"
#include "core/text/template/json.h"
#include "core/text/template/unicode.h"
#include "core/text/template/words.h"

namespace hlm::capi {
namespace {

std::string TextOf(const JsonValue& value) {
  JsonWriter json;
  value.Write(json);
  return json.Take();
}

jinja::Value ToJinja(const JsonValue& value, const char* what) { return jinja::FromJson(value, what); }

const std::string& StringOf(const JsonValue& value, const std::string& key) {
  if (!value.IsString() || value.String().empty())
    throw InvalidArgument(key, " is ", PrintableJson(value), "; it must be a string");
  return value.String();
}

bool BoolOf(const JsonValue& value, const std::string& key) {
  if (!value.IsBool()) throw InvalidArgument(key, " is ", PrintableJson(value), "; it must be true or false");
  return value.Bool();
}

MaskMethod MaskOf(const JsonValue& value) {
  constexpr std::pair<const char*, MaskMethod> kMethods[] = {
      {"auto", MaskMethod::kAuto}, {"tags", MaskMethod::kTags}, {"spans", MaskMethod::kSpans}, {"unroll", MaskMethod::kUnroll}};
  for (const auto& [name, method] : kMethods) {
    if (value.IsText(name)) return method;
  }
  throw InvalidArgument("mask is ", PrintableJson(value), "; legal are auto, tags, spans, unroll");
}

// "drop" or "keep", "parse" or "keep".
bool ArgumentsOf(const JsonValue& value, const std::string& key, const char* on) {
  if (value.IsText(on)) return true;
  if (value.IsText("keep")) return false;
  throw InvalidArgument(key, " is ", PrintableJson(value), "; legal are ", on, ", keep");
}

TrainOn ToTemplate(dataset::TrainOn train_on) {
  switch (train_on) {
    case dataset::TrainOn::kAuto:
    case dataset::TrainOn::kAssistant:
      return TrainOn::kAssistant;
    case dataset::TrainOn::kLast:
      return TrainOn::kLast;
    case dataset::TrainOn::kCompletion:
      return TrainOn::kCompletion;
    case dataset::TrainOn::kAll:
      return TrainOn::kAll;
  }
  throw Internal("a train_on that is none");
}

// A model's folder may lack a chat template; what else is wrong with one is said.
std::shared_ptr<const ChatTemplate> OpenTemplateIfThere(const std::string& folder) {
  try {
    return ChatTemplate::Open(folder);
  } catch (const Error& error) {
    if (error.code() == Code::kNotFound) return nullptr;
    throw;
  }
}

// The set is tokenized once and kept: a template that prints today's date would be another one tomorrow, and is treated so.
std::string Today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[16];
  std::strftime(text, sizeof(text), "%Y-%m-%d", &parts);
  return text;
}

std::vector<Rendered> RenderRecord(const ChatTemplate& chat, const Conversation& conversation, const TrainingOptions& options) {
  try {
    return RenderForTraining(chat, conversation, options);
  } catch (const Error& error) {
    // Some templates put a call's arguments together as text.
    if (error.code() != Code::kInvalidArgument || conversation.repairs.parsed == 0) throw;
    throw Error(error.code(),
                StrCat(error.message(), "; arguments of tool calls were parsed, tool_arguments \"keep\" leaves them"));
  }
}

// Of every string of several words in the value that none of the texts has; a single one is a switch ("reasoning_effort": "high").
int64_t CharactersLeftOut(const JsonValue& value, const std::vector<Rendered>& texts) {
  int64_t count = 0;
  if (value.IsArray()) {
    for (const JsonValue& item : value.Items()) count += CharactersLeftOut(item, texts);
  } else if (value.IsObject()) {
    for (const JsonValue::Member& member : value.Members()) count += CharactersLeftOut(member.value, texts);
  } else if (value.IsString()) {
    const std::string_view words = jinja::StripLeft(jinja::StripRight(value.String()));
    const bool several = words.find_first_of(" \t\r\n") != std::string_view::npos;
    const auto has = [&](const Rendered& one) { return one.text.find(words) != std::string::npos; };
    if (several && std::none_of(texts.begin(), texts.end(), has)) count = CountVisible(words);
  }
  return count;
}

constexpr const char* kArgument = "template_argument";

// What was done to a record on its way through the template.
class RecordNotes {
 public:
  explicit RecordNotes(dataset::Notes* notes) : notes_(notes) {}

  // A repair is told of a record once, however often it is rendered (a pair has one prompt).
  void AddRepairs(const ArgumentRepairs& repairs) {
    if (repairs.parsed > 0) AddOnce("tool_arguments");
    if (repairs.nulls > 0) AddOnce("null_arguments");
  }
  // The words that a record gives its template are told where none of its texts has them.
  void AddArguments(const JsonValue& arguments, const std::vector<Rendered>& texts) {
    if (notes_ == nullptr || !arguments.IsObject()) return;
    for (const JsonValue::Member& member : arguments.Members()) {
      const int64_t characters = CharactersLeftOut(member.value, texts);
      const auto same = [&](const dataset::Note& note) { return note.what == kArgument && note.name == member.name; };
      if (characters == 0 || std::any_of(notes_->begin(), notes_->end(), same)) continue;
      notes_->push_back({dataset::Did::kUnused, kArgument, member.name, characters});
    }
  }
  void AddDropped(const Rendered& rendered) {
    for (const DroppedWords& words : rendered.dropped) Add("template", FieldName(words.field), words.characters);
    if (rendered.unroll_keeps > 0) Add("earlier_turns", "", rendered.unroll_keeps);
    for (const LeftOut& words : rendered.left_out) AddLeftOut(words);
  }

 private:
  void Add(const char* what, const char* name, int64_t amount) {
    if (notes_ != nullptr) notes_->push_back({dataset::Did::kCut, what, name, amount});
  }
  void AddOnce(const char* what) {
    const auto same = [&](const dataset::Note& note) { return note.did == dataset::Did::kRepaired && note.what == what; };
    if (notes_ == nullptr || std::any_of(notes_->begin(), notes_->end(), same)) return;
    notes_->push_back({dataset::Did::kRepaired, what, "", 1});
  }

  // The two answers of a pair have one prompt, of which as much is told as either lacks.
  void AddLeftOut(const LeftOut& words) {
    if (notes_ == nullptr) return;
    const bool member = words.of == LeftOutOf::kMember;
    const char* what = member ? "message_member" : words.of == LeftOutOf::kTools ? "tools" : "context";
    const auto did = member ? dataset::Did::kUnused : dataset::Did::kCut;
    for (dataset::Note& note : *notes_) {
      if (note.did != did || note.what != what || note.name != words.name) continue;
      note.amount = std::max(note.amount, words.characters);
      return;
    }
    notes_->push_back({did, what, words.name, words.characters});
  }

  dataset::Notes* const notes_;
};

std::vector<dataset::RenderedText> Render(const PipelineConfig& config, const dataset::RenderRequest& request) {
  const jinja::Value none = jinja::Value::None();
  const Conversation conversation =
      MakeConversation(ToJinja(*request.messages, "messages"), request.tools->IsNull() ? none : ToJinja(*request.tools, "tools"),
                       none, config.arguments);
  TrainingOptions options = config.render;
  options.train_on = ToTemplate(request.train_on);
  options.prompt_messages = request.prompt_messages;
  if (!request.template_arguments->IsNull()) {
    jinja::Dict variables;
    if (options.variables.IsDict()) variables = options.variables.dict();
    const jinja::Value own = ToJinja(*request.template_arguments, "chat_template_kwargs");
    for (const auto& [key, value] : own.dict().entries()) variables.Set(key, value);
    options.variables = jinja::MakeDict(std::move(variables));
  }
  RecordNotes notes(request.notes);
  notes.AddRepairs(conversation.repairs);
  std::vector<dataset::RenderedText> texts;
  std::vector<Rendered> all = RenderRecord(*config.chat, conversation, options);
  notes.AddArguments(*request.template_arguments, all);
  for (Rendered& rendered : all) {
    notes.AddDropped(rendered);
    dataset::RenderedText text;
    text.text = std::move(rendered.text);
    for (const Span& span : rendered.trained) text.trained.push_back({span.begin, span.end});
    if (config.safe_content) {
      for (const Span& span : rendered.input) text.input.push_back({span.begin, span.end});
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

dataset::EncodedText Encode(const PipelineConfig& config, std::string_view text, bool add_special_tokens,
                            std::span<const dataset::TextSpan> plain) {
  std::vector<ByteSpan> spans;
  for (const dataset::TextSpan& span : plain) spans.push_back({span.begin, span.end});
  // What no template made is the caller's from its first byte to its last.
  if (config.safe_content && add_special_tokens && !text.empty()) spans = {{0, static_cast<int64_t>(text.size())}};
  EncodeOptions options;
  options.add_special_tokens = add_special_tokens;
  options.offsets = true;
  options.one_beginning = add_special_tokens;
  options.plain = spans;
  Encoding encoding = config.tokenizer->Encode(text, options);
  dataset::EncodedText encoded;
  encoded.ids = std::move(encoding.ids);
  encoded.second_beginning = encoding.second_beginning;
  encoded.offsets.reserve(encoding.offsets.size());
  for (const ByteSpan& span : encoding.offsets) encoded.offsets.push_back({span.begin, span.end});
  return encoded;
}

}  // namespace

PipelineConfig SplitDatasetConfig(const std::string& config_json) {
  const JsonValue config = ParseJson(config_json, "the data set's configuration", true);
  if (!config.IsObject())
    throw InvalidArgument("the data set's configuration is ", config.KindInWords(), "; it must be an object");
  PipelineConfig out;
  JsonValue rest{JsonValue::Object()}, render{JsonValue::Object()};
  for (const JsonValue::Member& member : config.Members()) {
    const std::string& key = member.name;
    const JsonValue& value = member.value;
    if (key == "model") {
      const std::string& folder = StringOf(value, key);
      out.tokenizer = Tokenizer::Open(folder);
      out.chat = OpenTemplateIfThere(folder);
      continue;
    }
    if (key == "safe_content") {
      out.safe_content = BoolOf(value, key);
    } else if (key == "append_eos") {
      out.append_eos = BoolOf(value, key);
    } else if (key == "vocab_size") {
      if (!value.Int() || *value.Int() < 1 || *value.Int() > std::numeric_limits<int32_t>::max()) {
        throw InvalidArgument(key, " is ", PrintableJson(value), "; it must be a whole number in [1, 2147483647]");
      }
      out.vocab_size = *value.Int();
    } else if (key == "template_name") {
      out.render.template_name = StringOf(value, key);
    } else if (key == "template_date") {
      out.render.date = StringOf(value, key);
    } else if (key == "template_variables") {
      if (!value.IsObject()) throw InvalidArgument(key, " is ", value.KindInWords(), "; it must be an object");
      out.render.variables = ToJinja(value, "template_variables");
    } else if (key == "tool_arguments") {
      out.arguments.parse = ArgumentsOf(value, key, "parse");
    } else if (key == "null_arguments") {
      out.arguments.drop_null = ArgumentsOf(value, key, "drop");
      rest.Members().push_back(member);  // the readers leave those of tools out
    } else if (key == "mask") {
      out.render.method = MaskOf(value);
    } else {
      rest.Members().push_back(member);  // names differ already; looking for them would take a square of their number
      continue;
    }
    render.Members().push_back(member);
  }
  out.dataset_json = TextOf(rest);
  out.render_key = TextOf(render);
  return out;
}

dataset::TextPipeline MakePipeline(const PipelineConfig& given) {
  dataset::TextPipeline pipeline;
  const auto config = std::make_shared<PipelineConfig>(given);
  if (config->chat != nullptr) {
    if (config->tokenizer != nullptr) config->chat = config->chat->WithTokenizer(*config->tokenizer);
    const std::string contents = config->chat->contents();
    if (config->render.date.empty() && contents.find("strftime_now") != std::string::npos) config->render.date = Today();
    dataset::Hasher hasher;
    hasher.AddText(contents);
    hasher.AddText(config->render.date);
    pipeline.template_key = hasher.DigestHex();
    pipeline.render = [config](const dataset::RenderRequest& request) { return Render(*config, request); };
  }
  pipeline.template_key += config->render_key;
  pipeline.vocab_size = config->vocab_size;
  if (config->tokenizer == nullptr) return pipeline;
  const Tokenizer& tokenizer = *config->tokenizer;
  if (pipeline.vocab_size == 0) pipeline.vocab_size = int64_t{tokenizer.MaxId()} + 1;
  pipeline.tokenizer_key = dataset::Hex(tokenizer.content_hash());
  if (config->append_eos) {
    const std::optional<std::string> eos = tokenizer.Special("eos_token");
    if (eos) pipeline.eos = tokenizer.TokenId(*eos);
  }
  pipeline.kind = [config](int32_t id) {
    if (config->tokenizer->IsAdded(id)) return dataset::TokenKind::kAdded;
    const std::string text = config->tokenizer->Decode(std::span(&id, 1), false);
    return text.find_first_not_of(" \t\r\n") == std::string::npos ? dataset::TokenKind::kBlank : dataset::TokenKind::kWord;
  };
  pipeline.token_text = [config](int32_t id) { return config->tokenizer->TokenText(id).value_or(""); };
  pipeline.encode = [config](std::string_view text, bool add_special_tokens, std::span<const dataset::TextSpan> plain) {
    return Encode(*config, text, add_special_tokens, plain);
  };
  return pipeline;
}

}  // namespace hlm::capi
