// RenderForTraining: which bytes of a conversation are learned, and the proof that it is they.
#include <algorithm>
#include <optional>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/text/template/conversation.h"
#include "core/text/template/generation_blocks.h"
#include "core/text/template/left_out.h"
#include "core/text/template/message.h"
#include "core/text/template/proof.h"
#include "core/text/template/render_conversation.h"
#include "core/text/template/unicode.h"

namespace hlm {
namespace {

using jinja::Dict;
using jinja::Origin;
using jinja::Output;
using jinja::Run;
using jinja::Text;

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
  while (n > 0 && n < static_cast<int64_t>(b.size()) && (static_cast<unsigned char>(b[static_cast<size_t>(n)]) & 0xc0u) == 0x80u)
    --n;
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
      case MaskMethod::kAuto:
        break;
      case MaskMethod::kTags:
        return {Tags()};
      case MaskMethod::kSpans: {
        std::optional<Rendered> spans = Spans();
        if (spans) return {std::move(*spans)};
        Fail(rewritten_,
             "the template rewrites what came before it: a mask by spans would be of another text than inference sees");
      }
      case MaskMethod::kUnroll:
        return Unroll();
    }
    if (renderer_.used().has_generation()) return {TagsOfAll()};
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
        if (prompt > n)
          throw InvalidArgument("prompt_messages is ", prompt, ", but the conversation has ", Counted(n, "message"));
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
    if (count_ == 0) Fail(-1, "nothing to train on among ", Counted(n, "message"), ": no message of role \"assistant\" is left");
  }

  Rendered WholeText() {
    const Output output = renderer_.Render(renderer_.messages(), false);
    Rendered rendered = Start(output);
    if (output.text.empty()) Fail(-1, "the conversation renders to nothing");
    rendered.trained.push_back({0, static_cast<int64_t>(output.text.size())});
    rendered.trained_messages.push_back(-1);
    trained_.assign(renderer_.messages(), true);
    prompt_end_.assign(renderer_.messages(), 0);
    rendered.dropped = Proof(output, rendered).Dropped();
    rendered.left_out = FindLeftOut(conversation_, trained_, output.text);
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
    const std::vector<GenerationBlock> blocks = GenerationBlocks(output);
    if (blocks.empty()) Fail(-1, "has {% generation %}, but printed nothing in it: the mask would be empty");
    const bool all = count_ == static_cast<int64_t>(assistants_);
    for (const GenerationBlock& block : blocks) {
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
    rendered.left_out = FindLeftOut(conversation_, trained_, output.text);
    return rendered;
  }

  // A tagged template that leaves out what earlier turns said (their reasoning, as inference does not see it) can be trained turn
  // by turn: the caller may like to know.
  Rendered TagsOfAll() {
    Rendered rendered = Tags();
    if (rendered.dropped.empty() || count_ < 2) return rendered;
    try {
      int64_t lost = 0, unrolled = 0;
      for (const DroppedWords& words : rendered.dropped) lost += words.characters;
      for (const Rendered& one : Unroll()) {
        for (const DroppedWords& words : one.dropped) unrolled += words.characters;
      }
      rendered.unroll_keeps = std::max<int64_t>(lost - unrolled, 0);
    } catch (const Error&) {
      // It cannot.
    }
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
    rendered.left_out = FindLeftOut(conversation_, trained_, whole.text);
    return rendered;
  }

  // Adds the span of message i, which ends the text of `turn`; `whole` begins with that text.
  void Take(size_t i, const Output& turn, std::string_view whole, Rendered& rendered) {
    Span span{0, static_cast<int64_t>(turn.text.size())};
    const std::optional<Output> prompt = RenderPrompt(i);
    span.begin = prompt ? CommonPrefix(prompt->text.bytes(), turn.text.bytes()) : span.end;
    if (prompt && span.begin == static_cast<int64_t>(prompt->text.size())) {
      // Where the prompt itself opens what the message begins with (<think>), inference does not generate it.
      prompt_end_[i] = span.begin;
    } else {
      // The prompt goes on otherwise, and the message may begin with the same characters (<answer>): they are its own.
      span.begin = std::min(span.begin, BeginOfOwn(i, turn.text, span.begin));
    }
    if (!rendered.trained.empty()) span.begin = std::max(span.begin, rendered.trained.back().end);
    const bool stops = EndTurn(i, turn, whole, span);
    if (span.begin >= span.end) Fail(static_cast<int64_t>(i), "the turn adds nothing to the prompt: its mask would be empty");
    rendered.trained.push_back(span);
    rendered.trained_messages.push_back(static_cast<int64_t>(i));
    rendered.without_stop += !stops;
  }

  // Where what message i says begins before `end`, with no other message between; else `end`.
  static int64_t BeginOfOwn(size_t i, const Text& text, int64_t end) {
    int64_t first = end;
    ForEachRun(text, [&](int64_t begin, int64_t, const jinja::Run& run) {
      const Origin origin = run.source.origin();
      if (begin >= end || origin == Origin::kTemplate || origin == Origin::kVariable) return;
      const bool own = origin == Origin::kMessage && run.source.message() == i;
      if (!own && run.source.field() != jinja::Field::kRole) first = end;
      if (own && IsWritten(run.source.field())) first = std::min(first, begin);
    });
    return first;
  }

  // Nothing: the conversation begins with the message, and the template asks for one before it. What the message says is the turn then.
  std::optional<Output> RenderPrompt(size_t i) {
    try {
      return renderer_.Render(i, true);
    } catch (const Error& error) {
      if (i == 0 && error.code() == Code::kInvalidArgument) return std::nullopt;
      throw Error(error.code(), StrCat(error.message(), " (in the prompt of message ", i, ")"));
    }
  }

  // What follows the token that ends the turn is not of the turn: nobody generates it. True where the turn ends with such a
  // token.
  bool EndTurn(size_t i, const Output& turn, std::string_view whole, Span& span) const {
    const std::string_view text = turn.text.bytes();
    int64_t written = span.begin;  // the end of what the message holds
    ForEachRun(turn.text, [&](int64_t, int64_t end, const jinja::Run& run) {
      if (run.source.origin() == Origin::kMessage && run.source.message() == i) written = std::max(written, end);
    });
    const std::string_view tail = text.substr(static_cast<size_t>(written));
    // Behind a token that ends generation nobody generates: what a template prints there opens the next turn, or ends the text.
    if (const size_t stop = EndOfFirstStop(tail); stop > 0) {
      span.end = written + static_cast<int64_t>(stop);
      return true;
    }
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

  // 0: there is none.
  size_t EndOfFirstStop(std::string_view tail) const {
    size_t first = std::string_view::npos, end = 0;
    for (const std::string& token : chat_.stop_tokens()) {
      const size_t at = tail.find(token);
      if (at > first || at == std::string_view::npos || (at == first && at + token.size() < end)) continue;
      first = at;
      end = at + token.size();
    }
    return end;
  }

  bool EndsWithAdded(std::string_view text, const Span& span) const {
    const std::string_view inside = jinja::StripRight(text.substr(0, static_cast<size_t>(span.end)));
    const auto& tokens = chat_.added_tokens();
    return tokens.empty() ||
           std::any_of(tokens.begin(), tokens.end(), [&](const auto& token) { return inside.ends_with(token); });
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
      const std::optional<Output> prompt = RenderPrompt(i);
      if (prompt && !turn.text.bytes().starts_with(prompt->text.bytes())) {
        if (std::optional<Text> joined = JoinToPrompt(i, prompt->text, turn.text)) turn.text = std::move(*joined);
      }
      Rendered rendered = Start(turn);
      rendered.method = MaskMethod::kUnroll;
      Take(i, turn, turn.text.bytes(), rendered);
      Check(turn, rendered);
      // The last text has what all that are trained have before them.
      if (std::find(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end(), true) == all.end())
        rendered.left_out = FindLeftOut(conversation_, all, turn.text);
      sequences.push_back(std::move(rendered));
    }
    trained_ = all;
    return sequences;
  }

  // Some templates say before the last message only what inference is to see (a system message, tools): the turn's own text then
  // follows another one than the prompt. Where both end alike, with the same bytes behind the message before, the turn is put
  // behind the prompt.
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

  MaskProof Proof(const Output& output, const Rendered& rendered) const {
    return MaskProof({output.text, rendered.trained, trained_, prompt_end_}, conversation_.words);
  }

  void Check(const Output& output, Rendered& rendered) const {
    const MaskProof proof = Proof(output, rendered);
    if (const std::optional<MaskFault> fault = proof.Fault()) Fail(fault->message, fault->what);
    rendered.dropped = proof.Dropped();
  }

  const ChatTemplate& chat_;
  const Conversation& conversation_;
  const TrainingOptions& options_;
  ConversationRenderer renderer_;
  std::vector<bool> trained_;        // by message
  std::vector<int64_t> prompt_end_;  // by message: bytes that the prompt of inference has given
  size_t assistants_ = 0;
  int64_t count_ = 0;
  int64_t rewritten_ = -1;
};

}  // namespace

std::vector<Rendered> RenderForTraining(const ChatTemplate& chat, const Conversation& conversation,
                                        const TrainingOptions& options) {
  return Trainer(chat, conversation, options).Run();
}

}  // namespace hlm
