// Byte-pair encoding (Sennrich et al. 2016) as Hugging Face's BPE model does it.
#ifndef HORIZON_LM_CORE_TEXT_BPE_H_
#define HORIZON_LM_CORE_TEXT_BPE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/text/merges.h"
#include "core/text/model.h"

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

 private:
  static constexpr uint32_t kNoLength = ~uint32_t{0};

  void PrepareBytes();
  void PrepareChars();
  int32_t IdOfChar(std::string_view text, char32_t c) const;
  bool MayCut(char32_t left, char32_t right) const;
  void EncodeChars(std::string_view text, ModelScratch& scratch, std::vector<int32_t>& ids, std::vector<uint32_t>* ends) const;
  void EncodeCached(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
                    std::vector<uint32_t>* ends) const;
  void EncodeUncached(std::string_view piece, ModelScratch& scratch, std::vector<int32_t>& ids,
                      std::vector<uint32_t>* ends) const;
  void AddSymbols(std::string_view piece, std::vector<ModelScratch::Symbol>& symbols) const;
  int32_t UnknownId() const;

  Merges merges_;
  BpeOptions options_;
  bool bytes_ = false;                 // pieces are bytes and every symbol is one byte
  bool map_first_ = false;             // pieces are bytes, but must become characters first
  std::vector<int32_t> byte_ids_;      // of each byte, where bytes_; -1: dropped
  std::vector<int32_t> fallback_ids_;  // of <0x00> to <0xFF>, -1 where there is none
  StringMap whole_;                    // tokens as bytes, where bytes_ and ignore_merges
  std::vector<uint32_t> lengths_;      // bytes of a piece that an id stands for, kNoLength where that depends
  std::vector<int32_t> low_char_ids_;  // of U+0000 to U+FFFF
  StringMap pairs_;                    // neighbours that some merged token has inside
  std::vector<uint64_t> low_pairs_;    // the same as bits, for both below U+0080
  bool cuts_ = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_BPE_H_
