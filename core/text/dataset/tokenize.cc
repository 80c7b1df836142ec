#include "core/text/dataset/tokenize.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/text/dataset/read_messages.h"

namespace hlm::dataset {
namespace {

class Work {
 public:
  Work(const Example& example, Task task, TrainOn train_on, const TextPipeline& pipeline, const std::string& where, Notes* notes)
      : example_(example),
        task_(task),
        train_on_(task == Task::kPretrain ? TrainOn::kAll : train_on),
        pipeline_(pipeline),
        where_(where),
        notes_(notes) {}

  std::vector<TokenDocument> Run() {
    std::vector<TokenDocument> documents;
    switch (example_.kind) {
      case ExampleKind::kText:
        CheckTask({Task::kPretrain, Task::kSft}, "a text");
        documents.push_back(WholeText(example_.text));
        break;
      case ExampleKind::kMessages:
        CheckTask({Task::kPretrain, Task::kSft}, "a conversation");
        documents = Conversation();
        break;
      case ExampleKind::kCompletion:
        CheckTask({Task::kPretrain, Task::kSft}, "a prompt with a completion");
        documents = Completion(example_.chosen, true);
        break;
      case ExampleKind::kPair:
        CheckTask({Task::kPreference, Task::kUnpaired}, "a preference pair");
        for (const JsonValue* answer : {&example_.chosen, &example_.rejected}) {
          std::vector<TokenDocument> one = Completion(*answer, false);
          one.front().desirable = answer == &example_.chosen;
          documents.push_back(std::move(one.front()));
        }
        break;
      case ExampleKind::kUnpaired:
        CheckTask({Task::kUnpaired}, "a completion with a label");
        documents = Completion(example_.chosen, false);
        documents.front().desirable = example_.label;
        break;
      case ExampleKind::kIds:
        CheckTask({Task::kPretrain, Task::kSft}, "a list of token ids");
        documents.push_back({example_.ids, example_.trained, true});
        break;
    }
    for (const TokenDocument& document : documents) CheckIds(document);
    return documents;
  }

 private:
  void CheckTask(std::initializer_list<Task> tasks, const char* what) const {
    if (std::find(tasks.begin(), tasks.end(), task_) != tasks.end()) return;
    throw InvalidArgument(where_, ": ", what, " is of no use for this task");
  }

  void CheckIds(const TokenDocument& document) const {
    for (size_t t = 0; t < document.ids.size(); ++t) {
      const int32_t id = document.ids[t];
      if (id < 0 || (pipeline_.vocab_size > 0 && id >= pipeline_.vocab_size)) {
        throw InvalidArgument(where_, ": token ", t, " has the id ", id, "; it must lie in [0, ", pipeline_.vocab_size,
                              "), the vocabulary");
      }
    }
  }

  template <class Call>
  auto Located(const Call& call) const {
    try {
      return call();
    } catch (const Error& error) {
      throw Error(error.code(), StrCat(where_, ": ", error.message()));
    }
  }

  EncodedText Encode(std::string_view text, bool add_special_tokens, const std::vector<TextSpan>& plain) const {
    if (!pipeline_.encode) throw FailedPrecondition(where_, ": text needs a tokenizer, and there is none");
    EncodedText encoded = Located([&] { return pipeline_.encode(text, add_special_tokens, plain); });
    HLM_CHECK(encoded.offsets.size() == encoded.ids.size());
    if (encoded.second_beginning && notes_ != nullptr) notes_->push_back({Did::kRepaired, "second_beginning", "", 1});
    return encoded;
  }
  std::vector<RenderedText> Render(const JsonValue& messages, TrainOn train_on, int64_t prompt_messages) const {
    if (!pipeline_.render) throw FailedPrecondition(where_, ": a conversation needs a chat template, and there is none");
    std::vector<RenderedText> texts = Located([&] {
      return pipeline_.render({&messages, &example_.tools, &example_.template_arguments, train_on, prompt_messages, notes_});
    });
    HLM_CHECK(!texts.empty());
    return texts;
  }
  void AppendEos(TokenDocument& document, uint8_t trained) const {
    if (!pipeline_.eos) return;
    if (document.ids.empty() || document.ids.back() != *pipeline_.eos) {
      document.ids.push_back(*pipeline_.eos);
      document.trained.push_back(trained);
    }
    document.trained.back() = trained;  // the tokenizer may have put one there that stands for no text
  }

  TokenDocument WholeText(std::string_view text) const {
    TokenDocument document;
    document.ids = Encode(text, true, {}).ids;
    document.trained.assign(document.ids.size(), 1);
    AppendEos(document, 1);
    return document;
  }

  TokenDocument Tokens(const RenderedText& text, bool all) const {
    TokenDocument document;
    EncodedText encoded = Encode(text.text, false, text.input);
    document.trained = all ? std::vector<uint8_t>(encoded.ids.size(), 1) : TokensIn(encoded.offsets, text.trained);
    document.ids = std::move(encoded.ids);
    return document;
  }

  // A record may take all of its answers out of training: of a completion those behind its prompt.
  bool NothingTrained(const JsonValue& messages, TrainOn train_on, int64_t prompt_messages) const {
    if (train_on == TrainOn::kAll || example_.skipped_turns.empty()) return false;
    const auto begin = train_on == TrainOn::kCompletion ? static_cast<size_t>(prompt_messages) : 0;
    for (size_t i = begin; i < messages.Items().size(); ++i) {
      if (RoleOf(messages.Items()[i]) == "assistant" && !example_.skipped_turns[i]) return false;
    }
    return true;
  }

  std::vector<TokenDocument> Conversation() const {
    TrainOn train_on = train_on_ == TrainOn::kAuto ? TrainOn::kAssistant : train_on_;
    if (train_on == TrainOn::kCompletion) train_on = TrainOn::kLast;
    if (NothingTrained(example_.prompt, train_on, 0)) return {};
    std::vector<TokenDocument> documents;
    for (const RenderedText& text : Render(example_.prompt, train_on, -1)) {
      documents.push_back(Tokens(text, train_on == TrainOn::kAll));
    }
    return documents;
  }

  // `free`: what is trained may be chosen; of pairs it is always the completion.
  std::vector<TokenDocument> Completion(const JsonValue& answer, bool free) const {
    TrainOn train_on = free && train_on_ != TrainOn::kAuto ? train_on_ : TrainOn::kCompletion;
    std::vector<TokenDocument> documents;
    if (answer.IsString()) {
      documents.push_back(PlainCompletion(answer.String(), train_on == TrainOn::kAll));
      return documents;
    }
    JsonValue messages = example_.prompt;
    const auto prompt_messages = static_cast<int64_t>(messages.Items().size());
    for (const JsonValue& message : answer.Items()) messages.Items().push_back(message);
    if (free && NothingTrained(messages, train_on, prompt_messages)) return documents;
    for (const RenderedText& text : Render(messages, train_on, prompt_messages)) {
      documents.push_back(Tokens(text, train_on == TrainOn::kAll));
    }
    if (!free && documents.size() != 1) {
      throw InvalidArgument(where_, ": this template trains a completion of several turns in ", documents.size(),
                            " pieces; a preference needs it in one");
    }
    return documents;
  }

  // Prompt and completion are tokenized as one text: a border between them would change the tokens. A token with bytes of both is
  // the completion's.
  TokenDocument PlainCompletion(const std::string& answer, bool all) const {
    const std::string& prompt = example_.prompt.String();
    const std::string text = prompt + answer;
    EncodedText encoded = Encode(text, true, {});
    TokenDocument document;
    const TextSpan completion{static_cast<int64_t>(prompt.size()), static_cast<int64_t>(text.size())};
    document.trained = all ? std::vector<uint8_t>(encoded.ids.size(), 1) : TokensIn(encoded.offsets, {completion});
    document.ids = std::move(encoded.ids);
    AppendEos(document, 1);
    return document;
  }

  const Example& example_;
  const Task task_;
  const TrainOn train_on_;
  const TextPipeline& pipeline_;
  const std::string& where_;
  Notes* const notes_;
};

}  // namespace

std::vector<uint8_t> TokensIn(const std::vector<TextSpan>& offsets, const std::vector<TextSpan>& spans) {
  std::vector<uint8_t> in(offsets.size());
  size_t next = 0;  // the first span that may still meet a token
  int64_t furthest = 0;
  for (size_t t = 0; t < offsets.size(); ++t) {
    const TextSpan& token = offsets[t];
    if (token.begin >= token.end) continue;
    // Tokens rise, but those that share a character begin where the one before did.
    HLM_CHECK(token.end >= furthest, "token ", t);
    furthest = token.end;
    while (next < spans.size() && spans[next].end <= token.begin) ++next;
    for (size_t s = next; s < spans.size() && spans[s].begin < token.end; ++s) {
      if (spans[s].end > token.begin) in[t] = 1;
    }
  }
  return in;
}

std::vector<TokenDocument> TokenizeExample(const Example& example, Task task, TrainOn train_on, const TextPipeline& pipeline,
                                           const std::string& where, Notes* notes) {
  return Work(example, task, train_on, pipeline, where, notes).Run();
}

}  // namespace hlm::dataset
