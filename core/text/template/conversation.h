// Conversations as text: for generation, and for training with the bytes that are to be learned.
//
// Which bytes an assistant wrote is found in one of three ways, the first that the template allows:
//   tags    the template says so itself, with {% generation %}: the same characters as Hugging Face's assistant masks;
//   spans   what a turn adds to the prompt that inference would have seen: from the longest common prefix of P (all messages
//           before, with the generation prompt) and F (the turn included) to the end of F, where the whole conversation begins
//           with F. What the message itself says is the turn's, also where it begins as P happens to go on;
//   unroll  where it does not (templates that rewrite history): a sequence for each trained turn, F as it stands, as inference
//           would see it, only its last turn trained. (Where F itself does not begin with P, as P has a system message or tools
//           that the template prints before the last message only: P and then the turn's part of F.)
// Whatever the way, the result is checked by the sources of the bytes: all that came from a trained message's content, reasoning
// and tool calls is trained, nothing that came from another message or a tool's description is, and no mask is empty. What a
// template leaves out is counted (proof.h, left_out.h).
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_CONVERSATION_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_CONVERSATION_H_

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "core/text/template/chat_template.h"
#include "core/text/template/left_out.h"
#include "core/text/template/proof.h"
#include "core/text/template/spans.h"
#include "core/text/template/tool_calls.h"
#include "core/text/template/words.h"

namespace hlm {

// Messages whose strings know their message and field. Make one with MakeConversation.
struct Conversation {
  jinja::Value messages;     // a list of dicts
  std::vector<Words> words;  // what they say
  ArgumentRepairs repairs;
  jinja::Value tools = jinja::Value::None();  // a list, or none
  jinja::Value documents = jinja::Value::None();
};

// Messages are made normal (message.h). INVALID_ARGUMENT where they are no list of objects with a string "role". Tools may also
// be a string that holds JSON.
Conversation MakeConversation(const jinja::Value& messages, const jinja::Value& tools = jinja::Value::None(),
                              const jinja::Value& documents = jinja::Value::None(), const ArgumentRules& rules = {});

struct RenderOptions {
  std::string template_name;  // "": chosen as Hugging Face does
  bool add_generation_prompt = false;
  jinja::Value variables;  // a dict, or undefined: further variables of the template
  std::string date;        // what strftime_now says: "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS"; "": now
  jinja::Limits limits;
};

std::string RenderConversation(const ChatTemplate& chat, const Conversation& conversation, const RenderOptions& options);

enum class TrainOn : int32_t {
  kAssistant = 0,   // every message of role "assistant", but those that the record takes out (message.h)
  kLast = 1,        // the last of these
  kCompletion = 2,  // those of these behind the prompt
  kAll = 3,         // all of the text
};
enum class MaskMethod : int32_t { kAuto = 0, kTags = 1, kSpans = 2, kUnroll = 3 };

struct TrainingOptions : RenderOptions {
  TrainOn train_on = TrainOn::kAssistant;
  MaskMethod method = MaskMethod::kAuto;
  int64_t prompt_messages = -1;  // for kCompletion: how many messages are the prompt; -1: up to the last one of role "user"
};

struct Rendered {
  std::string text;
  std::vector<Span> trained;              // rising, apart
  std::vector<int64_t> trained_messages;  // the message of each
  std::vector<Span> input;  // bytes of the caller's data, not of the template: special tokens may be kept from matching there
  std::vector<DroppedWords> dropped;  // what the trained messages say and the template did not print
  int64_t unroll_keeps = 0;           // characters of it that MaskMethod::kUnroll would train
  std::vector<LeftOut> left_out;      // of the last sequence: what else of the conversation is not in its text
  int64_t without_stop = 0;           // trained spans that do not end with an added token, as far as those are known
  MaskMethod method = MaskMethod::kTags;
};

// One sequence, or several where the conversation is unrolled. INVALID_ARGUMENT naming template and message where nothing is to
// be trained, or where the mask cannot be proved.
std::vector<Rendered> RenderForTraining(const ChatTemplate& chat, const Conversation& conversation,
                                        const TrainingOptions& options);

const char* MaskMethodName(MaskMethod method);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_CONVERSATION_H_
