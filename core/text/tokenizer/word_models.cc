#include "core/text/tokenizer/word_models.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/byte_level.h"

namespace hlm {
namespace {

int32_t UnknownId(const Vocabulary& vocabulary, const std::string& unknown) {
  const int32_t id = vocabulary.Find(unknown);
  if (id < 0) throw InvalidArgument("a word is not in the vocabulary, and neither is the unk_token \"", Printable(unknown), "\"");
  return id;
}

}  // namespace

WordPiece::WordPiece(Vocabulary vocabulary, std::string unknown, std::string prefix, int64_t longest, bool byte_level)
    : TokenModel(std::move(vocabulary)),
      unknown_(std::move(unknown)),
      prefix_(std::move(prefix)),
      longest_(longest),
      byte_level_(byte_level) {
  for (size_t i = 0; i < this->vocabulary().size(); ++i) {
    longest_token_ = std::max(longest_token_, this->vocabulary().TextAt(i).size());
  }
  if (byte_level_) throw Unimplemented("WordPiece behind a ByteLevel pre-tokenizer");
}

void WordPiece::Encode(std::string_view piece, size_t, ModelScratch& scratch, std::vector<int32_t>& ids,
                       std::vector<uint32_t>* ends) const {
  const auto unknown = [&] {
    ids.push_back(UnknownId(vocabulary(), unknown_));
    if (ends != nullptr) ends->push_back(static_cast<uint32_t>(piece.size()));
  };
  int64_t chars = 0;
  for (const char byte : piece) chars += !IsContinuation(byte);
  if (chars > longest_) return unknown();
  const size_t first = ids.size(), first_end = ends == nullptr ? 0 : ends->size();
  for (size_t begin = 0; begin < piece.size();) {
    int32_t id = -1;
    // No token is longer than the vocabulary's longest.
    size_t end = begin + std::min(piece.size() - begin, longest_token_);
    while (end < piece.size() && end > begin && IsContinuation(piece[end])) --end;
    while (end > begin) {
      scratch.text.assign(begin > 0 ? prefix_ : "").append(piece.substr(begin, end - begin));
      id = vocabulary().Find(scratch.text);
      if (id >= 0) break;
      CharBefore(piece, end, end);
    }
    if (id < 0) {
      ids.resize(first);
      if (ends != nullptr) ends->resize(first_end);
      return unknown();
    }
    ids.push_back(id);
    if (ends != nullptr) ends->push_back(static_cast<uint32_t>(end));
    begin = end;
  }
}

WordLevel::WordLevel(Vocabulary vocabulary, std::string unknown, bool byte_level)
    : TokenModel(std::move(vocabulary)), unknown_(std::move(unknown)), byte_level_(byte_level) {}

void WordLevel::Encode(std::string_view piece, size_t, ModelScratch&, std::vector<int32_t>& ids,
                       std::vector<uint32_t>* ends) const {
  const int32_t id = byte_level_ ? vocabulary().Find(ToByteLevel(piece)) : vocabulary().Find(piece);
  ids.push_back(id >= 0 ? id : UnknownId(vocabulary(), unknown_));
  if (ends != nullptr) ends->push_back(static_cast<uint32_t>(piece.size()));
}

}  // namespace hlm
