#include "samples/horizon/run/generation.h"

#include <algorithm>

#include "samples/horizon/base/error.h"
#include "samples/horizon/data/order.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/sampler.h"

namespace horizon {

std::string RenderPrompt(const TextTools& tools, const Json& messages, const std::string& date) {
  const std::string text = messages.dump(), variables = tools.variables.dump();
  hlm::TemplateOptions request;
  request.variables_json = variables.c_str();
  if (!tools.template_name.empty()) request.name = tools.template_name.c_str();
  if (!date.empty()) request.date = date.c_str();
  request.add_generation_prompt = 1;
  return tools.chat_template.Render(text, request);
}

std::vector<int32_t> IdsOf(const Tokenizer& tokenizer, const std::string& text, bool special_tokens, int64_t vocab_size,
                           const std::string& what) {
  const std::string outside = " is outside the vocabulary [0, " + std::to_string(vocab_size) + ")";
  std::vector<int32_t> ids;
  if (tokenizer) {
    ids = special_tokens ? EncodeWhole(tokenizer, text) : Encode(tokenizer, text, false);
    for (const int32_t id : ids) {
      if (id >= vocab_size) throw Error("id " + std::to_string(id) + " of " + what + outside);
    }
    return ids;
  }
  for (const unsigned char byte : text) {
    if (byte >= vocab_size) {
      throw Error("byte " + std::to_string(byte) + " at position " + std::to_string(ids.size()) + " of " + what + outside);
    }
    ids.push_back(byte);
  }
  return ids;
}

StreamedText::StreamedText(const Tokenizer& tokenizer, bool skip_special) {
  if (tokenizer) decoder_ = hlm::Decoder(tokenizer, skip_special);
}

std::string StreamedText::Push(int32_t id) {
  if (decoder_) return decoder_.Push(id);
  return id < 256 ? std::string(1, static_cast<char>(id)) : "<" + std::to_string(id) + ">";
}

std::string StreamedText::Finish() { return decoder_ ? decoder_.Finish() : ""; }

std::vector<int64_t> StopIdsOf(const Json& model) {
  if (model.contains("stop_ids_error")) throw Error(model["stop_ids_error"].get<std::string>());
  return model.at("stop_ids").get<std::vector<int64_t>>();
}

Continuation Generate(Trainer& trainer, std::vector<int32_t> ids, int64_t vocab_size, const Continue& how) {
  Continuation made;
  std::vector<float> logits(static_cast<size_t>(vocab_size));
  Batch batch;
  for (int64_t i = 0; i < how.most; ++i) {
    batch.ids = ids;
    batch.offsets = {0, static_cast<int64_t>(ids.size())};
    const hlm_batch view = ViewOf(batch);
    const int64_t place = static_cast<int64_t>(ids.size()) - 1;
    trainer.Logits(view, {&place, 1}, logits);
    const double uniform = RandomUniform(how.seed, 0, static_cast<uint64_t>(how.draw + i));
    ids.push_back(ChooseToken(logits, how.temperature, how.top_k, uniform));
    made.ids.push_back(ids.back());
    made.stopped = std::find(how.stops.begin(), how.stops.end(), ids.back()) != how.stops.end();
    if (made.stopped || (how.each && !how.each(ids.back()))) break;
  }
  return made;
}

}  // namespace horizon
