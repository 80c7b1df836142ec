#include <memory>
#include <optional>
#include <string>

#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/io/json_writer.h"
#include "core/text/template/conversation.h"
#include "core/text/template/json.h"

namespace hlm::capi {
namespace {

constexpr int64_t kMostIterations = 1'000'000'000'000'000;  // ten times as many steps are counted in 64 bits
constexpr int64_t kMostBytes = int64_t{1} << 30;            // of one text: its ranges are told in 32 bits inside

hlm_template_options Defaults() {
  const jinja::Limits limits;
  hlm_template_options own{};
  own.struct_size = sizeof(own);
  own.prompt_messages = -1;
  own.max_output_bytes = limits.max_output_bytes;
  own.max_iterations = limits.max_iterations;
  own.max_depth = limits.max_depth;
  return own;
}

void CheckRange(int64_t value, int64_t least, int64_t most, const char* name) {
  if (value < least || value > most) throw InvalidArgument(name, " is ", value, "; legal are ", least, " to ", most);
}

jinja::Value Json(const char* text, const char* name) {
  return text == nullptr ? jinja::Value::None() : jinja::ParseJsonValue(text, name);
}

struct Request {
  Conversation conversation;
  TrainingOptions options;
};

Request ReadRequest(const char* messages_json, const hlm_template_options* options) {
  const hlm_template_options given = ReadStruct(options, Defaults());
  CheckEnum(given.train_on, "train_on",
            {{HLM_TRAIN_ON_ASSISTANT, "ASSISTANT"},
             {HLM_TRAIN_ON_LAST, "LAST"},
             {HLM_TRAIN_ON_COMPLETION, "COMPLETION"},
             {HLM_TRAIN_ON_ALL, "ALL"}});
  CheckEnum(given.mask, "mask",
            {{HLM_MASK_AUTO, "AUTO"}, {HLM_MASK_TAGS, "TAGS"}, {HLM_MASK_SPANS, "SPANS"}, {HLM_MASK_UNROLL, "UNROLL"}});
  if (given.reserved != 0) throw InvalidArgument("reserved is ", given.reserved, "; it must be 0");
  CheckAtLeast(given.prompt_messages, -1, "prompt_messages");
  const jinja::Limits own;
  CheckRange(given.max_output_bytes, 1, kMostBytes, "max_output_bytes");
  CheckRange(given.max_iterations, 1, kMostIterations, "max_iterations");
  CheckRange(given.max_depth, 1, own.max_depth, "max_depth");
  Request request;
  TrainingOptions& to = request.options;
  to.template_name = given.name == nullptr ? "" : given.name;
  to.add_generation_prompt = ReadBool(given.add_generation_prompt, "add_generation_prompt");
  to.variables = Json(given.variables_json, "variables_json");
  to.date = given.date == nullptr ? "" : given.date;
  to.limits = {given.max_output_bytes, given.max_iterations, given.max_depth};
  to.train_on = static_cast<TrainOn>(given.train_on);
  to.method = static_cast<MaskMethod>(given.mask);
  to.prompt_messages = given.prompt_messages;
  request.conversation = MakeConversation(
      jinja::ParseJsonValue(messages_json, "messages_json"), Json(given.tools_json, "tools_json"),
      Json(given.documents_json, "documents_json"),
      {ReadBool(given.parse_arguments, "parse_arguments"), ReadBool(given.drop_null_arguments, "drop_null_arguments")});
  return request;
}

void WriteSpans(JsonWriter& json, const char* key, const std::vector<Span>& spans) {
  json.Key(key).BeginArray();
  for (const Span& span : spans) json.BeginArray().Value(span.begin).Value(span.end).EndArray();
  json.EndArray();
}

void WriteDropped(JsonWriter& json, const Rendered& rendered) {
  json.Key("dropped").BeginArray();
  for (const DroppedWords& words : rendered.dropped) {
    json.BeginObject().Member("message", words.message).Member("field", FieldName(words.field));
    json.Member("characters", words.characters).EndObject();
  }
  json.EndArray().Member("unroll_keeps", rendered.unroll_keeps);
}

void WriteLeftOut(JsonWriter& json, const Rendered& rendered) {
  constexpr const char* kOf[] = {"role", "member", "tools"};
  json.Key("left_out").BeginArray();
  for (const LeftOut& words : rendered.left_out) {
    json.BeginObject().Member("of", kOf[static_cast<size_t>(words.of)]);
    if (!words.name.empty()) json.Member("name", words.name);
    json.Member("characters", words.characters).EndObject();
  }
  json.EndArray();
}

std::string Training(const std::vector<Rendered>& sequences, TrainOn train_on) {
  JsonWriter json;
  json.BeginObject().Member("method", train_on == TrainOn::kAll ? "all" : MaskMethodName(sequences[0].method));
  json.Key("sequences").BeginArray();
  for (const Rendered& rendered : sequences) {
    json.BeginObject().Member("text", rendered.text);
    WriteSpans(json, "trained", rendered.trained);
    json.Member("messages", rendered.trained_messages);
    WriteSpans(json, "input", rendered.input);
    json.Member("without_stop", rendered.without_stop);
    if (!rendered.dropped.empty()) WriteDropped(json, rendered);
    if (!rendered.left_out.empty()) WriteLeftOut(json, rendered);
    json.EndObject();
  }
  return json.EndArray().EndObject().Take();
}

std::string Describe(const ChatTemplate& chat) {
  JsonWriter json;
  json.BeginObject().Member("names", chat.names());
  json.Key("generation").BeginArray();
  for (const std::string& name : chat.names()) {
    if (chat.Select(name, false).has_generation()) json.Value(name);
  }
  json.EndArray().Key("special_tokens").BeginObject();
  for (const auto& [name, token] : chat.special_tokens().entries()) {
    if (token.IsText()) json.Member(name.text().bytes(), token.text().bytes());
  }
  return json.EndObject()
      .Member("added_tokens", chat.added_tokens())
      .Member("stop_tokens", chat.stop_tokens())
      .EndObject()
      .Take();
}

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

hlm_error* hlm_template_open(const char* path, hlm_template** out_template) {
  return Guard([&] {
    const std::string given = NotEmpty(path, "path");
    NotNull(out_template, "out_template");
    *out_template = new hlm_template{hlm::ChatTemplate::Open(given)};
  });
}

hlm_error* hlm_template_create(const char* text, hlm_template** out_template) {
  return Guard([&] {
    NotNull(text, "text");
    NotNull(out_template, "out_template");
    *out_template = new hlm_template{hlm::ChatTemplate::Create(text)};
  });
}

hlm_error* hlm_template_with_tokenizer(const hlm_template* chat_template, const hlm_tokenizer* tokenizer,
                                       hlm_template** out_template) {
  return Guard([&] {
    NotNull(chat_template, "chat_template");
    NotNull(tokenizer, "tokenizer");
    NotNull(out_template, "out_template");
    *out_template = new hlm_template{chat_template->chat->WithTokenizer(*tokenizer->tokenizer)};
  });
}

hlm_error* hlm_template_describe(const hlm_template* chat_template, char** out_json) {
  return Guard([&] {
    NotNull(chat_template, "chat_template");
    NotNull(out_json, "out_json");
    *out_json = CopyString(Describe(*chat_template->chat));
  });
}

void hlm_template_options_init_sized(hlm_template_options* options, size_t struct_size) {
  InitStruct(options, struct_size, Defaults());
}

hlm_error* hlm_template_render(const hlm_template* chat_template, const char* messages_json, const hlm_template_options* options,
                               char** out_text) {
  return Guard([&] {
    NotNull(chat_template, "chat_template");
    NotNull(messages_json, "messages_json");
    NotNull(out_text, "out_text");
    const Request request = ReadRequest(messages_json, options);
    const std::string text = RenderConversation(*chat_template->chat, request.conversation, request.options);
    if (text.find('\0') != std::string::npos) throw hlm::InvalidArgument("the text holds a NUL, which ends a string in C");
    *out_text = CopyString(text);
  });
}

hlm_error* hlm_template_render_training(const hlm_template* chat_template, const char* messages_json,
                                        const hlm_template_options* options, char** out_json) {
  return Guard([&] {
    NotNull(chat_template, "chat_template");
    NotNull(messages_json, "messages_json");
    NotNull(out_json, "out_json");
    const Request request = ReadRequest(messages_json, options);
    const auto sequences = RenderForTraining(*chat_template->chat, request.conversation, request.options);
    *out_json = CopyString(Training(sequences, request.options.train_on));
  });
}

void hlm_template_destroy(hlm_template* chat_template) { delete chat_template; }

}  // extern "C"
