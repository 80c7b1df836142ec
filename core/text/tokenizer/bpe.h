// Byte-pair encoding (Sennrich et al. 2016) as Hugging Face's BPE model does it.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_BPE_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_BPE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/text/tokenizer/cut_filter.h"
#include "core/text/tokenizer/merges.h"
#include "core/text/tokenizer/model.h"

namespace hlm {

struct BpeOptions {
  std::optional<std::string> unknown;  // unk_token
  std::string prefix;                  // continuing_subword_prefix: before every character but a piece's first
  std::string suffix;                  // end_of_word_suffix: behind a piece's last
  bool fuse_unknown = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};

class Bpe final : public TokenModel {
 public:
  // `byte_level`: pieces are bytes, each of which stands for its character of the byte-level alphabet. Throws where `unknown` is
  // not in the vocabulary only when it is needed, as Hugging Face does.
  Bpe(Vocabulary vocabulary, Merges merges, BpeOptions options, bool byte_level);

  const char* type() const override { return "BPE"; }
  void Encode(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
              std::vector<uint32_t>* ends) const override;
  void EncodePieces(std::string_view text, std::span<const Piece> pieces, ModelScratch& scratch,
                    std::vector<int32_t>& ids) const override;

 private:
  static constexpr uint32_t kNoLength = ~uint32_t{0};

  void PrepareBytes();
  void PrepareCharStarts();
  void PrepareChars();
  int32_t IdOfChar(std::string_view text, char32_t c) const;
  void EncodeChars(std::string_view text, ModelScratch& scratch, std::vector<int32_t>& ids, std::vector<uint32_t>* ends) const;
  void EncodeBytes(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
                   std::vector<uint32_t>* ends) const;
  // `whole`: not cut out of a piece; ignore_merges is for those, which then are other keys.
  void EncodeCached(std::string_view piece, size_t readable, bool whole, ModelScratch& scratch, std::vector<int32_t>& ids,
                    std::vector<uint32_t>* ends) const;
  void EncodeUncached(std::string_view piece, bool whole, ModelScratch& scratch, std::vector<int32_t>& ids,
                      std::vector<uint32_t>* ends) const;
  // Where bytes_ (bpe_bytes.cc):
  int32_t WholeId(CutFilter::Char c) const;
  ModelScratch::Border BorderOf(CutFilter::Char left, CutFilter::Char right, ModelScratch& scratch) const;
  template <class Add, class Cut>
  void ForEachStart(std::string_view piece, ModelScratch& scratch, const Add& add, const Cut& cut) const;
  void AddBytes(std::string_view piece, ModelScratch& scratch) const;
  void EncodeSegments(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids) const;
  bool AppendWhole(std::string_view piece, std::vector<int32_t>& ids, std::vector<uint32_t>* ends) const;
  bool MergeBytes(std::string_view piece, ModelScratch& scratch, std::vector<int32_t>& ids) const;

  void AddSymbols(std::string_view piece, std::vector<ModelScratch::Symbol>& symbols) const;
  int32_t UnknownId() const;

  Merges merges_;
  BpeOptions options_;
  bool bytes_ = false;                 // pieces are bytes, and merging begins with them
  bool map_first_ = false;             // pieces are bytes, but must become characters first
  std::vector<int32_t> byte_ids_;      // of each byte, where bytes_; -1: dropped
  std::vector<int32_t> fallback_ids_;  // of <0x00> to <0xFF>, -1 where there is none
  StringMap whole_;                    // tokens as bytes, where bytes_ and ignore_merges
  std::vector<uint32_t> lengths_;      // bytes of a piece that an id stands for, kNoLength where that depends
  std::vector<int32_t> low_char_ids_;  // of U+0000 to U+FFFF; where bytes_, of characters that merging may begin with
  std::vector<int32_t> byte_text_;     // ByteLevelText of each byte: its length and, shifted by 8, its one or two bytes
  CutFilter filter_;
  bool cuts_ = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_BPE_H_
