// horizon chat
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "samples/horizon/base/nearest.h"
#include "samples/horizon/base/terminal.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/data_file.h"
#include "samples/horizon/data/json_lines.h"
#include "samples/horizon/run/engine.h"
#include "samples/horizon/run/generation.h"

namespace horizon {
namespace {

constexpr size_t kLargestConfig = 16 << 20;
constexpr int64_t kContext = 2048;
// What Linux hands on of a line that is typed or pasted at a terminal; the rest is lost.
constexpr size_t kTerminalLine = 4095;

constexpr const char* kHelp = "A line is a turn; /reset forgets the conversation, /exit leaves, Ctrl-C ends an answer.";

volatile sig_atomic_t answer_ends = 0;

class Chat {
 public:
  // A turn that cannot be answered; the conversation goes on without it.
  class Refused : public Error {
   public:
    using Error::Error;
  };

  explicit Chat(const Options& options)
      : options_(options),
        model_(OpenModel(options.model)),
        description_(DescribeModel(model_)),
        vocab_size_(description_.at("vocab_size").get<int64_t>()),
        stops_(StopIdsOf(description_)),
        tools_(options),
        positions_(Positions(options)),
        context_(ContextOf(options)) {
    const std::string what = options.model.folder.empty() ? "the model" : options.model.folder;
    if (!tools_.tokenizer) throw Error(what + ": has no tokenizer; chat needs one (--tokenizer)");
    if (!tools_.chat_template) throw Error(what + ": has no chat template; chat needs one (--template), generate does not");
    if (options.generate.max_new_tokens >= context_) {
      throw UsageError(Format("--max-new-tokens %lld leaves no room for a question in a --context of %lld",
                              static_cast<long long>(options.generate.max_new_tokens), static_cast<long long>(context_)));
    }
    if (!IsUtf8(options.chat.system)) throw UsageError("--system: is not UTF-8");
    Forget();
    const Plan plan = MakePlan(model_, options, HLM_PURPOSE_FORWARD, 1, context_);
    trainer_ = MakeTrainer(model_, plan, options.optimizer, 0);
  }

  int64_t context() const { return context_; }
  // A folder's positions, where the context reaches beyond them; else 0.
  int64_t PositionsBelowContext() const { return positions_ < context_ ? positions_ : 0; }

  void Forget() {
    messages_ = Json::array();
    if (!options_.chat.system.empty()) messages_.push_back({{"role", "system"}, {"content", options_.chat.system}});
  }

  // The answer to a turn, shown as it comes where `show`.
  Json Answer(const std::string& turn, bool show) {
    CheckTurn(turn);
    messages_.push_back({{"role", "user"}, {"content", turn}});
    std::vector<int32_t> ids;
    try {
      ids = Prompt();
    } catch (const Refused&) {
      messages_.erase(messages_.end() - 1);
      throw;
    }
    StreamedText text(tools_.tokenizer, true);
    std::string answer;
    const auto take = [&](const std::string& piece) {
      answer += piece;
      if (show) ShowWritten(piece);
    };
    const GenerateOptions& generate = options_.generate;
    Continue how = {.most = generate.max_new_tokens,
                    .stops = stops_,
                    .temperature = generate.temperature,
                    .top_k = generate.top_k,
                    .seed = generate.seed,
                    .draw = drawn_};
    how.each = [&](int32_t id) {
      take(text.Push(id));
      return answer_ends == 0;
    };
    const Continuation made = Generate(trainer_, ids, vocab_size_, how);
    take(text.Finish());
    drawn_ += static_cast<int64_t>(made.ids.size());
    messages_.push_back({{"role", "assistant"}, {"content", answer}});
    return {
        {"role", "assistant"}, {"content", answer}, {"ids", made.ids}, {"prompt_tokens", ids.size()}, {"stopped", made.stopped}};
  }

 private:
  // Those of a folder's config.json; 0: it tells none.
  static int64_t Positions(const Options& options) {
    if (options.model.folder.empty()) return 0;
    const Json config = ParseRow(ReadTextFile(options.model.folder + "/config.json", kLargestConfig));
    const Json& text = config.contains("text_config") && config["text_config"].is_object() ? config["text_config"] : config;
    for (const char* name : {"max_position_embeddings", "n_positions"}) {
      if (text.contains(name) && text[name].is_number_integer()) return std::max<int64_t>(0, text[name].get<int64_t>());
    }
    return 0;
  }

  // As asked for; else what a model was trained with, where an answer leaves room in that for a question.
  int64_t ContextOf(const Options& options) const {
    if (options.chat.context > 0) return options.chat.context;
    return positions_ > options.generate.max_new_tokens ? std::min(positions_, kContext) : kContext;
  }

  static bool IsUtf8(const std::string& text) {
    try {
      (void)Json(text).dump();
      return true;
    } catch (const Json::exception&) {  // the JSON library knows what is valid UTF-8
      return false;
    }
  }

  static void CheckTurn(const std::string& turn) {
    if (turn.find('\0') != std::string::npos) throw Refused("this turn holds a NUL, which is no text");
    if (!IsUtf8(turn)) throw Refused("this turn is not UTF-8");
  }

  // Many templates refuse what they do not know: a system turn, a fourth turn.
  std::string Rendered() const {
    try {
      return RenderPrompt(tools_, messages_, options_.text.date);
    } catch (const ApiError& error) {
      throw Refused(error.what());
    }
  }

  // The conversation's ids. Where they and an answer are too many the oldest turns are left out, a question with its answer.
  std::vector<int32_t> Prompt() {
    const auto most = static_cast<size_t>(context_ - options_.generate.max_new_tokens);
    const size_t first = options_.chat.system.empty() ? 0 : 1;
    while (true) {
      std::vector<int32_t> ids = IdsOf(tools_.tokenizer, Rendered(), false, vocab_size_, "the conversation");
      if (ids.empty()) throw Refused("the chat template makes nothing of this turn");
      if (ids.size() <= most) return ids;
      if (messages_.size() - first < 3) {
        throw Refused("this turn is " + std::to_string(ids.size()) +
                      " ids with its template, and --context less --max-new-tokens leaves " + std::to_string(most));
      }
      messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(first),
                      messages_.begin() + static_cast<std::ptrdiff_t>(first) + 2);
    }
  }

  const Options& options_;
  Model model_;
  Json description_;
  int64_t vocab_size_;
  std::vector<int64_t> stops_;
  TextTools tools_;
  int64_t positions_, context_;
  Trainer trainer_;
  Json messages_;
  int64_t drawn_ = 0;
};

// While it lives Ctrl-C ends the answer that is being written; a second one, or one at the prompt, ends the program.
class EndsAnswer {
 public:
  explicit EndsAnswer(bool on) : on_(on) {
    answer_ends = 0;
    if (!on_) return;
    struct sigaction action = {};
    action.sa_handler = [](int) { answer_ends = 1; };
    action.sa_flags = SA_RESTART | SA_RESETHAND;
    sigaction(SIGINT, &action, &before_);
  }
  ~EndsAnswer() {
    if (on_) sigaction(SIGINT, &before_, nullptr);
  }
  EndsAnswer(const EndsAnswer&) = delete;
  EndsAnswer& operator=(const EndsAnswer&) = delete;

 private:
  const bool on_;
  struct sigaction before_ = {};
};

std::string Trimmed(const std::string& line) {
  const size_t first = line.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

// "/rest", but not "/usr/bin": a word behind a slash is meant for this program.
bool LooksLikeCommand(const std::string& line) {
  return line.size() > 1 && line[0] == '/' && line.find_first_not_of("abcdefghijklmnopqrstuvwxyz", 1) == std::string::npos;
}

}  // namespace

int RunChat(const Options& options) {
  CheckModelOptions(options);
  Chat chat(options);
  if (const int64_t positions = chat.PositionsBelowContext(); positions > 0) {
    std::fprintf(stderr,
                 "--context %lld is more than the %lld positions of the model's config.json: further on it was not trained\n",
                 static_cast<long long>(chat.context()), static_cast<long long>(positions));
  }
  const bool terminal = isatty(STDIN_FILENO) == 1 && !options.json;
  if (terminal) std::fprintf(stderr, "%s\n", kHelp);
  int status = kExitOk;
  while (true) {
    if (terminal) std::fprintf(stderr, "> ");
    std::string line;
    if (!std::getline(std::cin, line)) break;
    const bool cut = terminal && line.size() >= kTerminalLine;
    line = Trimmed(line);
    if (line.empty()) continue;
    if (line == "/exit" || line == "/quit") return status;
    if (line == "/help") {
      std::fprintf(stderr, "%s\n", kHelp);
      continue;
    }
    if (line == "/reset") {
      chat.Forget();
      continue;
    }
    try {
      if (LooksLikeCommand(line)) throw Chat::Refused("there is no " + line + DidYouMean(line, {"/help", "/reset", "/exit"}));
      if (cut) {
        throw Chat::Refused(
            "a terminal hands on " + std::to_string(kTerminalLine) +
            " bytes of a line, and the rest of this turn is lost; a file or a pipe as the input has no such limit");
      }
      const EndsAnswer ends(terminal);
      const Json answer = chat.Answer(line, !options.json);
      std::printf("%s\n", options.json ? answer.dump().c_str() : "");
      std::fflush(stdout);
    } catch (const Chat::Refused& error) {
      std::fprintf(stderr, "error: %s\n", error.what());
      status = kExitError;
    }
  }
  if (terminal) std::fprintf(stderr, "\n");
  return status;
}

}  // namespace horizon
