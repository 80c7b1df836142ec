// What a data set needs of a tokenizer and a chat template: two functions and what identifies them. core/text/dataset knows neither.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_PIPELINE_H_
#define HORIZON_LM_CORE_TEXT_DATASET_PIPELINE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/json_value.h"
#include "core/text/dataset/account.h"

namespace hlm::dataset {

// Bytes [begin, end) of a text.
struct TextSpan {
  int64_t begin = 0, end = 0;
  bool operator==(const TextSpan&) const = default;
};

struct EncodedText {
  std::vector<int32_t> ids;
  std::vector<TextSpan> offsets;  // one an id: the bytes it stands for; empty spans for ids that stand for no text
  bool second_beginning = false;  // what the tokenizer puts before a text was there already: it is there once
};

enum class TrainOn {
  kAuto,        // completions of prompts, answers of conversations, all of a text
  kAssistant,   // every answer
  kLast,        // the last answer
  kCompletion,  // what stands behind the prompt; of a conversation the last answer
  kAll,
};

struct RenderRequest {
  const JsonValue* messages = nullptr;            // a list
  const JsonValue* tools = nullptr;               // a list, or null
  const JsonValue* template_arguments = nullptr;  // an object, or null
  TrainOn train_on = TrainOn::kAssistant;         // not kAuto
  int64_t prompt_messages = -1;  // kCompletion: how many of the messages are the prompt; -1: all up to the last question
  Notes* notes = nullptr;        // what the template's side did to the record is added here, where it is given
};

struct RenderedText {
  std::string text;
  std::vector<TextSpan> trained;  // rising, apart
  std::vector<TextSpan> input;    // what is the caller's data and not the template's; filled in only where it is to be kept plain
};

enum class TokenKind { kWord, kBlank, kAdded };  // kBlank: white space; kAdded: an added token, special or not

// The functions are called from several threads at once and throw Errors.
struct TextPipeline {
  using KindOfToken = std::function<TokenKind(int32_t id)>;

  // Without one only token ids can be read. No special token is matched in the spans of `plain`.
  std::function<EncodedText(std::string_view text, bool add_special_tokens, std::span<const TextSpan> plain)> encode;
  // One text, or several that are trained apart. Without one conversations cannot be read.
  std::function<std::vector<RenderedText>(const RenderRequest&)> render;

  KindOfToken kind;                                   // with `encode`
  std::function<std::string(int32_t id)> token_text;  // as people read it; with `encode`

  std::optional<int32_t> eos;  // ends every text and every completion that is a string
  int64_t vocab_size = 0;      // ids lie below it; 0: not known
  std::string tokenizer_key;   // what the result depends on: a hash of the tokenizer's content
  std::string template_key;    // the same of the template and of the options that it is rendered with
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_PIPELINE_H_
