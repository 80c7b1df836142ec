#include "core/text/tokenizer/decoder.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/text/tokenizer/byte_level.h"

namespace hlm {
namespace {

using Stage = DecoderState::Stage;

// What one replacement may make of one text, whatever is left for all.
constexpr size_t kMostDecoded = size_t{64} << 20;

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  size_t at = from.empty() ? std::string::npos : text.find(from);
  if (at == std::string::npos) return;
  std::string out;
  size_t done = 0;
  for (; at != std::string::npos; at = text.find(from, done)) {
    out.append(text, done, at - done).append(to);
    done = at + from.size();
  }
  text = std::move(out.append(text, done));
}

// One text at a time, knowing its number only. After a stage that joins all tokens there is one text: it waits until it is whole.
class PerToken : public DecoderStage {
 public:
  explicit PerToken(bool fused) : fused_(fused) {}
  void Push(std::string_view text, Stage& state, RegexScratch& scratch, Emit& out) const override {
    if (fused_) {
      state.held += text;
    } else {
      out.push_back(Change(std::string(text), state.tokens++, scratch));
    }
  }
  void Finish(Stage& state, RegexScratch& scratch, Emit& out) const override {
    if (fused_) out.push_back(Change(std::move(state.held), 0, scratch));
  }

 protected:
  virtual std::string Change(std::string text, size_t index, RegexScratch& scratch) const = 0;

 private:
  bool fused_;
};

class Join final : public PerToken {
 public:
  Join() : PerToken(false) {}

 private:
  std::string Change(std::string text, size_t index, RegexScratch&) const override { return index == 0 ? text : " " + text; }
};

class Metaspace final : public PerToken {
 public:
  Metaspace(bool fused, std::string replacement, bool drop_first)
      : PerToken(fused), replacement_(std::move(replacement)), drop_first_(drop_first) {}

 private:
  std::string Change(std::string text, size_t index, RegexScratch&) const override {
    ReplaceAll(text, replacement_, index == 0 && drop_first_ ? "" : " ");
    return text;
  }
  std::string replacement_;
  bool drop_first_;
};

class Replace final : public PerToken {
 public:
  Replace(bool fused, Regex pattern, std::string with) : PerToken(fused), pattern_(std::move(pattern)), with_(std::move(with)) {}

 private:
  std::string Change(std::string text, size_t, RegexScratch& scratch) const override {
    std::string out;
    scratch.Allow(text.size());
    ForEachStretch(pattern_, text, scratch, [&](size_t begin, size_t end, bool match) {
      if (out.size() > std::max(kMostDecoded, text.size() * 64)) [[unlikely]]
        throw InvalidArgument("a decoder makes more than ", kMostDecoded, " bytes of a text");
      out += match ? std::string_view(with_) : std::string_view(text).substr(begin, end - begin);
    });
    return out;
  }
  Regex pattern_;
  std::string with_;
};

// Spaces that a tokenizer of English put in go.
void CleanUp(std::string& text) {
  static constexpr std::pair<const char*, const char*> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : kRules) ReplaceAll(text, from, to);
}

class WordPiece final : public PerToken {
 public:
  WordPiece(bool fused, std::string prefix, bool cleanup) : PerToken(fused), prefix_(std::move(prefix)), cleanup_(cleanup) {}

 private:
  std::string Change(std::string text, size_t index, RegexScratch&) const override {
    if (index != 0) text = text.starts_with(prefix_) ? text.substr(prefix_.size()) : " " + text;
    if (cleanup_) CleanUp(text);
    return text;
  }
  std::string prefix_;
  bool cleanup_;
};

class Strip final : public DecoderStage {
 public:
  Strip(bool fused, std::string content, size_t start, size_t stop)
      : fused_(fused), content_(std::move(content)), start_(start), stop_(stop) {}
  void Push(std::string_view text, Stage& state, RegexScratch&, Emit& out) const override {
    if (!fused_) {
      Stage own;
      out.push_back(Front(text, own));
      Back(out.back());
      return;
    }
    state.held += Front(text, state);
    // What may yet be stripped from the end waits.
    size_t waiting = 0, n = 0;
    while (n < stop_ && EndsWithContent(std::string_view(state.held).substr(0, state.held.size() - waiting))) {
      waiting += content_.size();
      ++n;
    }
    out.push_back(state.held.substr(0, state.held.size() - waiting));
    state.held.erase(0, state.held.size() - waiting);
  }
  void Finish(Stage& state, RegexScratch&, Emit& out) const override {
    if (!fused_) return;
    Back(state.held);
    out.push_back(std::move(state.held));
  }

 private:
  bool EndsWithContent(std::string_view text) const { return text.ends_with(content_); }
  std::string Front(std::string_view text, Stage& state) const {
    while (state.stripping && state.stripped < start_ && text.starts_with(content_)) {
      text.remove_prefix(content_.size());
      ++state.stripped;
    }
    if (!text.empty()) state.stripping = false;
    return std::string(text);
  }
  void Back(std::string& text) const {
    for (size_t i = 0; i < stop_ && EndsWithContent(text); ++i) text.resize(text.size() - content_.size());
  }

  bool fused_;
  std::string content_;
  size_t start_, stop_;
};

class Fuse final : public DecoderStage {
 public:
  void Push(std::string_view text, Stage&, RegexScratch&, Emit& out) const override { out.emplace_back(text); }
  void Finish(Stage&, RegexScratch&, Emit&) const override {}
};

class ByteLevel final : public DecoderStage {
 public:
  void Push(std::string_view text, Stage& state, RegexScratch&, Emit& out) const override {
    std::string bytes;
    state.held += FromByteLevel(text, bytes) ? bytes : std::string(text);
    // A character that is not whole yet waits.
    const size_t whole = WholeChars(state.held);
    std::string ready;
    AppendLossy(ready, std::string_view(state.held).substr(0, whole));
    state.held.erase(0, whole);
    out.push_back(std::move(ready));
  }
  void Finish(Stage& state, RegexScratch&, Emit& out) const override {
    std::string ready;
    AppendLossy(ready, state.held);
    state.held.clear();
    out.push_back(std::move(ready));
  }

 private:
  // Without what may be the beginning of a character that goes on.
  static size_t WholeChars(std::string_view bytes) {
    for (size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
      const std::string_view tail = bytes.substr(bytes.size() - back);
      const auto first = static_cast<unsigned char>(tail[0]);
      if (IsContinuation(tail[0])) continue;
      if (first < 0xc2 || first > 0xf4 || Utf8Length(tail[0]) <= back) break;
      // Only if it can still become one: e.g. F0 needs 90 or more behind it. One bad part says so.
      std::string lossy;
      AppendLossy(lossy, tail);
      return lossy.size() == 3 ? bytes.size() - back : bytes.size();
    }
    return bytes.size();
  }
};

// <0x41> is a byte. A run of them that is not UTF-8 as a whole becomes U+FFFD for each, so a run waits for its end.
class ByteFallback final : public DecoderStage {
 public:
  void Push(std::string_view text, Stage& state, RegexScratch&, Emit& out) const override {
    const int byte = ByteOf(text);
    if (byte >= 0) {
      state.held += static_cast<char>(static_cast<unsigned char>(byte));
      return;
    }
    EndRun(state, out);
    out.emplace_back(text);
  }
  void Finish(Stage& state, RegexScratch&, Emit& out) const override { EndRun(state, out); }

 private:
  static int ByteOf(std::string_view text) {
    if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
    int value = 0;
    for (size_t i = 3; i < 5; ++i) {
      const char c = text[i];
      if (i == 3 && c == '+') continue;  // as Rust reads numbers
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                               : -1;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }
  static void EndRun(Stage& state, Emit& out) {
    if (state.held.empty()) return;
    if (FirstInvalidUtf8(state.held) == std::string_view::npos) {
      out.push_back(state.held);
    } else {
      for (size_t i = 0; i < state.held.size(); ++i) out.emplace_back("\xef\xbf\xbd");
    }
    state.held.clear();
  }
};

// The end of a word becomes a space, but for the last token.
class Bpe final : public DecoderStage {
 public:
  explicit Bpe(std::string suffix) : suffix_(std::move(suffix)) {}
  void Push(std::string_view text, Stage& state, RegexScratch&, Emit& out) const override {
    if (state.tokens++ > 0) {
      ReplaceAll(state.held, suffix_, " ");
      out.push_back(state.held);
    }
    state.held = text;
  }
  void Finish(Stage& state, RegexScratch&, Emit& out) const override {
    ReplaceAll(state.held, suffix_, "");
    out.push_back(std::move(state.held));
  }

 private:
  std::string suffix_;
};

}  // namespace

Decoder::Decoder() { stages_.push_back(std::make_unique<Join>()); }
Decoder::Decoder(const Component& component) { Add(component); }

void Decoder::Add(const Component& component) {
  const std::string& type = component.type();
  const auto add = [&](std::unique_ptr<const DecoderStage> stage) { stages_.push_back(std::move(stage)); };
  if (type == "Sequence") {
    size_t i = 0;
    for (const JsonValue& part : component.Array("decoders")) Add(component.Of(part, StrCat("[", i++, "]")));
  } else if (type == "ByteLevel") {
    add(std::make_unique<ByteLevel>());
    fused_ = true;
  } else if (type == "Fuse") {
    add(std::make_unique<Fuse>());
    fused_ = true;
  } else if (type == "ByteFallback") {
    if (fused_) throw Unimplemented(component.where(), ": ByteFallback behind a decoder that joins all tokens");
    add(std::make_unique<ByteFallback>());
  } else if (type == "Metaspace") {
    const std::string scheme = component.String("prepend_scheme", component.Bool("add_prefix_space", true) ? "always" : "never");
    add(std::make_unique<Metaspace>(fused_, component.OneChar("replacement"), scheme != "never"));
  } else if (type == "Replace") {
    add(std::make_unique<Replace>(fused_, component.Pattern("pattern"), component.String("content")));
  } else if (type == "Strip") {
    const int64_t start = component.Int("start"), stop = component.Int("stop");
    if (start < 0 || stop < 0) component.Bad(StrCat("\"start\" is ", start, " and \"stop\" is ", stop, "; they are at least 0"));
    add(std::make_unique<Strip>(fused_, component.OneChar("content"), static_cast<size_t>(start), static_cast<size_t>(stop)));
  } else if (type == "WordPiece") {
    add(std::make_unique<WordPiece>(fused_, component.String("prefix"), component.Bool("cleanup")));
  } else if (type == "BPEDecoder") {
    if (fused_) throw Unimplemented(component.where(), ": BPEDecoder behind a decoder that joins all tokens");
    add(std::make_unique<Bpe>(component.String("suffix")));
  } else {
    component.Unknown("decoder");
  }
}

DecoderState Decoder::Start() const {
  DecoderState state;
  state.stages.resize(stages_.size());
  return state;
}

// The texts through the stages from `stage` on.
void Decoder::Run(size_t stage, std::vector<std::string>& texts, DecoderState& state) const {
  for (; stage < stages_.size() && !texts.empty(); ++stage) {
    std::vector<std::string> next;
    for (const std::string& text : texts) stages_[stage]->Push(text, state.stages[stage], *state.regex, next);
    texts = std::move(next);
    for (const std::string& text : texts) state.left -= static_cast<int64_t>(text.size());
    if (state.left < 0) {
      throw InvalidArgument("the decoders make more of the tokens than the limit of ", kMadeBytes, " bytes and ", kMadeBytesAByte,
                            " for each of their bytes");
    }
  }
}

void Decoder::Push(std::string_view token, DecoderState& state, std::string& out) const {
  std::vector<std::string> texts;
  texts.emplace_back(token);
  state.left += static_cast<int64_t>(token.size() + 1) * kMadeBytesAByte;
  Run(0, texts, state);
  for (const std::string& text : texts) out += text;
}

void Decoder::Finish(DecoderState& state, std::string& out) const {
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    std::vector<std::string> texts;
    stages_[stage]->Finish(state.stages[stage], *state.regex, texts);
    Run(stage + 1, texts, state);
    for (const std::string& text : texts) out += text;
  }
  state.stages.assign(stages_.size(), {});
}

}  // namespace hlm
