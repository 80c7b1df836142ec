#include "samples/horizon/run/samples.h"

#include <algorithm>
#include <sstream>
#include <string_view>

#include "samples/horizon/data/data_file.h"
#include "samples/horizon/data/json_lines.h"
#include "samples/horizon/data/packed_text.h"
#include "samples/horizon/run/generation.h"

namespace horizon {
namespace {

constexpr size_t kLargestFile = 1 << 20;

// Bytes of a model that predicts bytes need not be UTF-8, and a log is JSON.
std::string Valid(const std::string& text) {
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

std::string TextOf(const std::string& path) {
  const DataFile file(path);
  return IsPacked(file) ? Unpack(file, kLargestFile) : ReadTextFile(path, kLargestFile);
}

}  // namespace

Samples::Samples(const Options& options, const Json& model, int64_t row_tokens)
    : run_(options.run),
      options_(options),
      vocab_size_(model.at("vocab_size").get<int64_t>()),
      row_tokens_(row_tokens),
      tools_(options) {
  stops_ = StopIdsOf(model);
  if (!tools_.tokenizer) CheckBytes(options.model, vocab_size_);
  Read(run_.sample_prompts);
  if (prompts_.empty()) throw Error(run_.sample_prompts + ": no prompt in it");
  for (const Prompt& prompt : prompts_) {
    if (prompt.ids.empty()) throw Error(run_.sample_prompts + ": the prompt '" + prompt.shown + "' has no ids");
    if (static_cast<int64_t>(prompt.ids.size()) < row_tokens_) continue;
    throw Error(run_.sample_prompts + ": a prompt has " + std::to_string(prompt.ids.size()) +
                " ids; with something new it must fit a row of " + std::to_string(row_tokens_));
  }
}

void Samples::Read(const std::string& path) {
  const std::string_view name = NameOfText(path);
  if (name.ends_with(".jsonl") || name.ends_with(".ndjson") || name.ends_with(".json"))
    return ForEachJsonLine(path, [this](const Json& record, const std::string& where) { AddRecord(record, where); });
  std::istringstream lines(TextOf(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) AddText(line);
  }
}

void Samples::AddRecord(const Json& record, const std::string& where) {
  const auto member = [&](const char* name) { return record.contains(name) && !record[name].is_null(); };
  const bool messages = member("messages");
  if (!messages && !member("prompt")) throw Error(where + ": has neither \"prompt\" nor \"messages\"");
  const Json& prompt = record[messages ? "messages" : "prompt"];
  const bool conversation = messages || prompt.is_array();
  if (!conversation && !prompt.is_string()) throw Error(where + ": \"prompt\" is neither a text nor a list of messages");
  for (const auto& [name, value] : record.items()) {
    const bool used = name == (messages ? "messages" : "prompt") || (name == "system" && conversation);
    if (used || value.is_null()) continue;
    throw Error(where + ": \"" + name +
                "\" is not used: a record is \"prompt\", a text, or \"messages\", with \"system\" or without");
  }
  if (!conversation) return AddText(prompt.get<std::string>());
  if (!member("system")) return AddConversation(prompt, where);
  if (!record["system"].is_string()) throw Error(where + ": \"system\" is no text");
  Json turns = Json::array({{{"role", "system"}, {"content", record["system"]}}});
  for (const Json& turn : prompt) turns.push_back(turn);
  AddConversation(turns, where);
}

void Samples::AddText(const std::string& text) {
  prompts_.push_back({Valid(text), IdsOf(tools_.tokenizer, text, true, vocab_size_, run_.sample_prompts)});
}

void Samples::AddConversation(const Json& messages, const std::string& where) {
  if (!tools_.chat_template) throw Error(where + ": there is no chat template for a conversation (--template)");
  if (!messages.is_array() || messages.empty() || !messages.back().is_object())
    throw Error(where + ": messages are no list of turns");
  const std::string text = RenderPrompt(tools_, messages, options_.text.date);
  const Json& last = messages.back();
  const bool spoken = last.contains("content") && last["content"].is_string();
  prompts_.push_back({spoken ? last["content"].get<std::string>() : last.dump(),
                      IdsOf(tools_.tokenizer, text, false, vocab_size_, run_.sample_prompts)});
}

bool Samples::Due(int64_t step, bool last) const { return last || (run_.sample_every > 0 && step % run_.sample_every == 0); }

Json Samples::Round(Trainer& trainer) const {
  Json round = Json::array();
  for (const Prompt& prompt : prompts_) {
    const int64_t room = row_tokens_ - static_cast<int64_t>(prompt.ids.size());
    const Continuation made =
        Generate(trainer, prompt.ids, vocab_size_, {.most = std::min(run_.sample_tokens, room), .stops = stops_});
    StreamedText streamed(tools_.tokenizer, true);
    std::string text;
    for (size_t i = 0; i + (made.stopped ? 1 : 0) < made.ids.size(); ++i) text += streamed.Push(made.ids[i]);
    text += streamed.Finish();
    round.push_back({{"prompt", prompt.shown}, {"text", Valid(text)}});
  }
  return round;
}

}  // namespace horizon
