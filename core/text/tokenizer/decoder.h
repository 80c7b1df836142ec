// Decoders of tokenizer.json: from the texts of tokens to one text, token by token.
//
// A decoder is a chain of stages. Each is given the texts of tokens one behind the other and hands on texts, as soon as nothing
// that comes later can change them. So decoding a stream and decoding all at once are the same code.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_DECODER_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_DECODER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer/aligned_text.h"
#include "core/text/tokenizer/component.h"

namespace hlm {

// The part of a stage that changes while a text is decoded.
struct DecoderState {
  struct Stage {
    size_t tokens = 0;  // seen so far
    size_t stripped = 0;
    bool stripping = true;
    std::string held;  // bytes or text that waits for more
  };
  std::vector<Stage> stages;
  int64_t left = kMadeBytes;  // bytes that the stages may still make; each token brings more
  std::unique_ptr<RegexScratch> regex = std::make_unique<RegexScratch>();
};

class DecoderStage {
 public:
  virtual ~DecoderStage() = default;
  using Emit = std::vector<std::string>;
  // Where `fused` is set, texts are parts of one text, not tokens.
  virtual void Push(std::string_view text, DecoderState::Stage& state, RegexScratch& scratch, Emit& out) const = 0;
  virtual void Finish(DecoderState::Stage& state, RegexScratch& scratch, Emit& out) const = 0;
};

class Decoder {
 public:
  // Without a component: tokens with spaces between.
  Decoder();
  // Throws UNIMPLEMENTED naming a type that is not known.
  explicit Decoder(const Component& component);

  DecoderState Start() const;
  void Push(std::string_view token, DecoderState& state, std::string& out) const;
  void Finish(DecoderState& state, std::string& out) const;

 private:
  void Add(const Component& component);
  void Run(size_t stage, std::vector<std::string>& texts, DecoderState& state) const;

  std::vector<std::unique_ptr<const DecoderStage>> stages_;
  bool fused_ = false;  // a stage joins all tokens
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_DECODER_H_
