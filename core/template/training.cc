// RenderForTraining: which bytes of a conversation are learned, and the proof that it is they.
#include <algorithm>
#include <cmath>
#include <optional>

#include "core/base/error.h"
#include "core/template/conversation.h"
#include "core/template/render_conversation.h"
#include "core/template/unicode.h"

namespace hlm {
namespace {

using jinja::Dict;
using jinja::Field;
using jinja::Origin;
using jinja::Output;
using jinja::Run;
using jinja::Text;
using jinja::Value;

bool HasRole(const Dict& message, std::string_view role) {
  const Value* value = message.Find("role");
  return value != nullptr && value->IsText() && value->text().bytes() == role;
}

// "weight": 0 (OpenAI) or "train": false leave a message out.
bool IsExcluded(const Dict& message, size_t index) {
  const Value* weight = message.Find("weight");
  if (weight != nullptr && !weight->IsNone()) {
    if (!weight->IsNumber() || (weight->AsDouble() != 0 && weight->AsDouble() != 1)) {
      throw InvalidArgument("message ", index, ": \"weight\" is neither 0 nor 1");
    }
    if (weight->AsDouble() == 0) return true;
  }
  const Value* train = message.Find("train");
  return train != nullptr && !train->IsNone() && !jinja::Truth(*train);
}

bool IsWritten(Field field) { return field == Field::kContent || field == Field::kReasoning || field == Field::kToolCalls; }

// Calls visit(begin, end, run) for each run.
template <class Visit>
void ForEachRun(const Text& text, const Visit& visit) {
  int64_t begin = 0;
  for (const Run& run : text.runs()) {
    visit(begin, static_cast<int64_t>(run.end), run);
    begin = run.end;
  }
}

std::vector<Span> InputSpans(const Text& text) {
  std::vector<Span> spans;
  ForEachRun(text, [&](int64_t begin, int64_t end, const Run& run) {
    if (run.source.origin() == Origin::kTemplate) return;
    if (!spans.empty() && spans.back().end == begin) {
      spans.back().end = end;
    } else {
      spans.push_back({begin, end});
    }
  });
  return spans;
}

int64_t CommonPrefix(std::string_view a, std::string_view b) {
  const auto [at, other] = std::mismatch(a.begin(), a.begin() + static_cast<int64_t>(std::min(a.size(), b.size())), b.begin());
  static_cast<void>(other);
  auto n = at - a.begin();
  while (n > 0 && n < static_cast<int64_t>(b.size()) && (static_cast<unsigned char>(b[static_cast<size_t>(n)]) & 0xc0u) == 0x80u) --n;
  return n;
}

class Trainer {
 public:
  Trainer(const ChatTemplate& chat, const Conversation& conversation, const TrainingOptions& options)
      : chat_(chat), conversation_(conversation), options_(options), renderer_(chat, conversation, options) {}

  std::vector<Rendered> Run() {
    if (options_.train_on == TrainOn::kAll) return {WholeText()};
    ChooseMessages();
    switch (options_.method) {
      case MaskMethod::kAuto: break;
      case MaskMethod::kTags: return {Tags()};
      case MaskMethod::kSpans: {
        std::optional<Rendered> spans = Spans();
        if (spans) return {std::move(*spans)};
        Fail(rewritten_, "the template rewrites what came before it: a mask by spans would be of another text than inference sees");
      }
      case MaskMethod::kUnroll: return Unroll();
    }
    if (renderer_.used().has_generation()) return {Tags()};
    std::optional<Rendered> spans = Spans();
    if (spans) return {std::move(*spans)};
    return Unroll();
  }

 private:
  template <class... Parts>
  [[noreturn]] void Fail(int64_t message, const Parts&... parts) const {
    const std::string where = message < 0 ? std::string() : StrCat(", message ", message);
    throw InvalidArgument(renderer_.used().name(), where, ": ", parts...);
  }

  const Dict& Message(size_t i) const { return conversation_.messages.sequence().items[i].dict(); }

  void ChooseMessages() {
    const size_t n = renderer_.messages();
    trained_.assign(n, false);
    prompt_end_.assign(n, 0);
    size_t prompt = 0;
    if (options_.train_on == TrainOn::kCompletion) {
      if (options_.prompt_messages >= 0) {
        prompt = static_cast<size_t>(options_.prompt_messages);
        if (prompt > n) throw InvalidArgument("prompt_messages is ", prompt, ", but there are ", n, " messages");
      } else {
        for (size_t i = 0; i < n; ++i) {
          if (HasRole(Message(i), "user")) prompt = i + 1;
        }
      }
    }
    assistants_ = 0;
    for (size_t i = 0; i < n; ++i) {
      if (!HasRole(Message(i), "assistant")) continue;
      ++assistants_;
      trained_[i] = !IsExcluded(Message(i), i) && i >= prompt;
    }
    if (options_.train_on == TrainOn::kLast) {
      const auto last = std::find(trained_.rbegin(), trained_.rend(), true);
      if (last != trained_.rend()) std::fill(last + 1, trained_.rend(), false);
    }
    count_ = static_cast<int64_t>(std::count(trained_.begin(), trained_.end(), true));
    if (count_ == 0) Fail(-1, "nothing to train on among ", n, " messages: no message of role \"assistant\" is left");
  }

  Rendered WholeText() {
    const Output output = renderer_.Render(renderer_.messages(), false);
    Rendered rendered = Start(output);
    if (output.text.empty()) Fail(-1, "the conversation renders to nothing");
    rendered.trained.push_back({0, static_cast<int64_t>(output.text.size())});
    rendered.trained_messages.push_back(-1);
    return rendered;
  }

  static Rendered Start(const Output& output) {
    Rendered rendered;
    rendered.text = output.text.bytes();
    rendered.input = InputSpans(output.text);
    return rendered;
  }

  // ---- by tags

  Rendered Tags() {
    const Output output = renderer_.Render(renderer_.messages(), false);
    Rendered rendered = Start(output);
    rendered.method = MaskMethod::kTags;
    struct Block {
      Span span;
      uint32_t generation;
      int64_t message;
    };
    std::vector<Block> blocks;
    ForEachRun(output.text, [&](int64_t begin, int64_t end, const jinja::Run& run) {
      if (run.generation == 0) return;
      if (blocks.empty() || blocks.back().generation != run.generation || blocks.back().span.end != begin) {
        blocks.push_back({{begin, end}, run.generation, output.generations[run.generation - 1]});
      }
      blocks.back().span.end = end;
      if (blocks.back().message < 0 && run.source.origin() == Origin::kMessage) blocks.back().message = run.source.message();
    });
    if (blocks.empty()) Fail(-1, "has {% generation %}, but printed nothing in it: the mask would be empty");
    const bool all = count_ == static_cast<int64_t>(assistants_);
    for (const Block& block : blocks) {
      const auto message = static_cast<size_t>(block.message);
      if (!all && block.message < 0) {
        Fail(-1, "a {% generation %} block belongs to no message that can be told, and not all assistant messages are trained");
      }
      if (!all && !trained_[message]) continue;
      rendered.trained.push_back(block.span);
      rendered.trained_messages.push_back(block.message);
      rendered.without_stop += !EndsWithAdded(rendered.text, block.span);
    }
    Check(output, rendered);
    return rendered;
  }

  // ---- by spans

  std::optional<Rendered> Spans() {
    const Output whole = renderer_.Render(renderer_.messages(), false);
    Rendered rendered = Start(whole);
    rendered.method = MaskMethod::kSpans;
    for (size_t i = 0; i < trained_.size(); ++i) {
      if (!trained_[i]) continue;
      const Output turn = i + 1 == trained_.size() ? whole : renderer_.Render(i + 1, false);
      if (!whole.text.bytes().starts_with(turn.text.bytes())) {
        rewritten_ = static_cast<int64_t>(i);
        return std::nullopt;
      }
      Take(i, turn, whole.text.bytes(), rendered);
    }
    try {
      Check(whole, rendered);
    } catch (const Error&) {
      // What a turn adds holds another's text: the prompt of inference differs from the text before the turn.
      if (options_.method == MaskMethod::kSpans) throw;
      return std::nullopt;
    }
    return rendered;
  }

  // Adds the span of message i, which ends the text of `turn`; `whole` begins with that text.
  void Take(size_t i, const Output& turn, std::string_view whole, Rendered& rendered) {
    Span span{0, static_cast<int64_t>(turn.text.size())};
    const Output prompt = RenderPrompt(i);
    span.begin = CommonPrefix(prompt.text.bytes(), turn.text.bytes());
    // Where the prompt itself opens what the message begins with (<think>), inference does not generate it.
    if (span.begin == static_cast<int64_t>(prompt.text.size())) prompt_end_[i] = span.begin;
    if (!rendered.trained.empty()) span.begin = std::max(span.begin, rendered.trained.back().end);
    const bool stops = EndTurn(i, turn, whole, span);
    if (span.begin >= span.end) Fail(static_cast<int64_t>(i), "the turn adds nothing to the prompt: its mask would be empty");
    rendered.trained.push_back(span);
    rendered.trained_messages.push_back(static_cast<int64_t>(i));
    rendered.without_stop += !stops;
  }

  Output RenderPrompt(size_t i) {
    try {
      return renderer_.Render(i, true);
    } catch (const Error& error) {
      throw Error(error.code(), StrCat(error.message(), " (in the prompt of message ", i, ")"));
    }
  }

  // What follows the token that ends the turn is not of the turn: nobody generates it. True where the turn ends with such a token.
  bool EndTurn(size_t i, const Output& turn, std::string_view whole, Span& span) const {
    const std::string_view text = turn.text.bytes();
    int64_t written = span.begin;  // the end of what the message holds
    ForEachRun(turn.text, [&](int64_t, int64_t end, const jinja::Run& run) {
      if (run.source.origin() == Origin::kMessage && run.source.message() == i) written = std::max(written, end);
    });
    const std::string_view tail = text.substr(static_cast<size_t>(written));
    if (chat_.added_tokens().empty()) {
      // Without a list of tokens: white space behind something else that the template printed.
      const std::string_view kept = jinja::StripRight(tail);
      if (kept.empty()) return false;
      span.end = written + static_cast<int64_t>(kept.size());
      return true;
    }
    for (size_t end = tail.size(); end > 0; --end) {
      if (!jinja::StripLeft(tail.substr(end)).empty()) break;
      for (const std::string& token : chat_.added_tokens()) {
        if (!tail.substr(0, end).ends_with(token)) continue;
        span.end = written + static_cast<int64_t>(end);
        return true;
      }
    }
    // Templates that leave the end of a turn to the beginning of the next one.
    const std::string_view next = whole.substr(text.size());
    for (const std::string& token : chat_.stop_tokens()) {
      if (!next.starts_with(token)) continue;
      span.end += static_cast<int64_t>(token.size());
      return true;
    }
    return false;
  }

  bool EndsWithAdded(std::string_view text, const Span& span) const {
    const std::string_view inside = jinja::StripRight(text.substr(0, static_cast<size_t>(span.end)));
    const auto& tokens = chat_.added_tokens();
    return tokens.empty() || std::any_of(tokens.begin(), tokens.end(), [&](const auto& token) { return inside.ends_with(token); });
  }

  // ---- one sequence a turn

  std::vector<Rendered> Unroll() {
    std::vector<Rendered> sequences;
    const std::vector<bool> all = trained_;
    for (size_t i = 0; i < all.size(); ++i) {
      if (!all[i]) continue;
      std::fill(trained_.begin(), trained_.end(), false);
      trained_[i] = true;
      Output turn = renderer_.Render(i + 1, false);
      const Output prompt = RenderPrompt(i);
      if (!turn.text.bytes().starts_with(prompt.text.bytes())) {
        if (std::optional<Text> joined = JoinToPrompt(i, prompt.text, turn.text)) turn.text = std::move(*joined);
      }
      Rendered rendered = Start(turn);
      rendered.method = MaskMethod::kUnroll;
      Take(i, turn, turn.text.bytes(), rendered);
      Check(turn, rendered);
      sequences.push_back(std::move(rendered));
    }
    trained_ = all;
    return sequences;
  }

  // Some templates say before the last message only what inference is to see (a system message, tools): the turn's own text then
  // follows another one than the prompt. Where both end alike, with the same bytes behind the message before, the turn is put behind
  // the prompt.
  std::optional<Text> JoinToPrompt(size_t i, const Text& prompt, const Text& turn) const {
    const auto end_of_others = [&](const Text& text) {
      size_t last = 0;
      ForEachRun(text, [&](int64_t, int64_t end, const jinja::Run& run) {
        if (run.source.origin() == Origin::kMessage && run.source.message() < i) last = static_cast<size_t>(end);
      });
      return last;
    };
    const size_t in_prompt = end_of_others(prompt), in_turn = end_of_others(turn);
    const std::string_view tail = prompt.bytes().substr(in_prompt);
    if (in_prompt == 0 || in_turn == 0 || !turn.bytes().substr(in_turn).starts_with(tail)) return std::nullopt;
    jinja::Budget budget(options_.limits);
    return jinja::TextBuilder(budget).Append(prompt).Append(turn, in_turn + tail.size(), turn.size()).Take();
  }

  // ---- the proof

  void Check(const Output& output, const Rendered& rendered) const {
    if (rendered.trained.empty()) Fail(-1, "the mask is empty");
    size_t at = 0;
    ForEachRun(output.text, [&](int64_t begin, int64_t end, const jinja::Run& run) {
      const Origin origin = run.source.origin();
      if (origin == Origin::kTemplate || origin == Origin::kVariable) return;
      const bool own = origin == Origin::kMessage && trained_[run.source.message()];
      const auto message = origin == Origin::kMessage ? static_cast<int64_t>(run.source.message()) : int64_t{-1};
      while (at < rendered.trained.size() && rendered.trained[at].end <= begin) ++at;
      int64_t inside = 0;
      for (size_t s = at; s < rendered.trained.size() && rendered.trained[s].begin < end; ++s) {
        inside += std::min(end, rendered.trained[s].end) - std::max(begin, rendered.trained[s].begin);
      }
      const int64_t needed = own ? end - std::clamp(prompt_end_[run.source.message()], begin, end) : 0;
      if (own && IsWritten(run.source.field()) && inside < needed) {
        Fail(message, needed - inside, " bytes that the assistant wrote would not be trained, from byte ", begin, " of the text");
      }
      // The name of a role may be part of the token that ends the turn before it.
      if (!own && inside != 0 && run.source.field() != Field::kRole) {
        Fail(message, inside, " bytes that ", origin == Origin::kMessage ? "are another message's" : "describe tools or documents",
             " would be trained, at byte ", begin, " of the text");
      }
    });
  }

  const ChatTemplate& chat_;
  const Conversation& conversation_;
  const TrainingOptions& options_;
  ConversationRenderer renderer_;
  std::vector<bool> trained_;         // by message
  std::vector<int64_t> prompt_end_;  // by message: bytes that the prompt of inference has given
  size_t assistants_ = 0;
  int64_t count_ = 0;
  int64_t rewritten_ = -1;
};

}  // namespace

std::vector<Rendered> RenderForTraining(const ChatTemplate& chat, const Conversation& conversation, const TrainingOptions& options) {
  return Trainer(chat, conversation, options).Run();
}

}  // namespace hlm
