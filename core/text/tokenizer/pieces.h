// A stretch of text between added tokens, on its way through the pre-tokenizers: its bytes and where it is cut.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_PIECES_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_PIECES_H_

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/utf8_text.h"
#include "core/text/tokenizer/aligned_text.h"

namespace hlm {

struct Piece {
  uint32_t begin, end;
};

class Pieces {
 public:
  // All of `text`, in one piece. Its bytes are bytes [base, ...) of the original where `origins` is null, else they came from
  // where it says.
  void Start(std::string_view text, const Origin* origins, uint32_t base) {
    text_ = text;
    origins_ = origins;
    base_ = base;
    list.assign(1, {0, static_cast<uint32_t>(text.size())});
  }

  std::string_view text() const { return text_; }
  std::string_view TextOf(Piece piece) const { return text_.substr(piece.begin, piece.end - piece.begin); }
  bool tracked() const { return origins_ != nullptr; }

  // The characters of the original that the bytes [begin, end) came from; begin < end.
  Origin OriginOf(size_t begin, size_t end) const {
    if (origins_ != nullptr) return {origins_[begin].begin, std::max(origins_[begin].begin, origins_[end - 1].end)};
    while (begin > 0 && IsContinuation(text_[begin])) --begin;
    while (end < text_.size() && IsContinuation(text_[end])) ++end;
    return {static_cast<uint32_t>(base_ + begin), static_cast<uint32_t>(base_ + end)};
  }

  // Rewrites every piece: change(piece's text, its index, out) appends the new text piece by piece with Keep and friends on
  // `out`. Where nothing of the text changes (wanted() is false for all) nothing is copied.
  template <class Change>
  void Rewrite(const Change& change) {
    AlignedText from;
    from.tracked = tracked();
    AlignedText& to = buffers_[which_ ^= 1];
    to.Clear(from.tracked);
    for (Piece& piece : list) {
      from.text.assign(TextOf(piece));
      if (from.tracked) from.origins.assign(origins_ + piece.begin, origins_ + piece.end);
      const auto begin = static_cast<uint32_t>(to.text.size());
      change(from, OriginOf(piece.begin, piece.end), to);
      piece = {begin, static_cast<uint32_t>(to.text.size())};
    }
    text_ = to.text;
    origins_ = to.tracked ? to.origins.data() : nullptr;
  }
  // Gives each byte its own origin, so that Rewrite keeps them. Needed before a Rewrite wherever offsets matter.
  void Track() {
    if (tracked()) return;
    own_origins_.resize(text_.size() + 1);
    for (size_t at = 0; at < text_.size();) {
      const size_t length = Utf8Length(text_[at]);
      for (size_t i = 0; i < length; ++i) {
        own_origins_[at + i] = {static_cast<uint32_t>(base_ + at), static_cast<uint32_t>(base_ + at + length)};
      }
      at += length;
    }
    origins_ = own_origins_.data();
  }

  std::vector<Piece> list;  // none is empty
  std::vector<Piece> spare;

 private:
  std::string_view text_;
  const Origin* origins_ = nullptr;
  uint32_t base_ = 0;
  AlignedText buffers_[2];
  int which_ = 0;
  std::vector<Origin> own_origins_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_PIECES_H_
