#include "core/text/tokenizer/bpe.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/byte_level.h"

namespace hlm {
Bpe::Bpe(Vocabulary vocabulary, Merges merges, BpeOptions options, bool byte_level)
    : TokenModel(std::move(vocabulary)), merges_(std::move(merges)), options_(std::move(options)) {
  fallback_ids_.assign(256, -1);
  if (options_.byte_fallback) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      char name[8];
      std::snprintf(name, sizeof(name), "<0x%02X>", byte);
      fallback_ids_[byte] = this->vocabulary().Find(name);
    }
  }
  // What has no token of its own is dropped, or else its character's own bytes or an unknown token take its place: that is for
  // the general way.
  bytes_ = byte_level && options_.prefix.empty() && options_.suffix.empty();
  for (int byte = 0; byte < 256 && bytes_; ++byte) {
    const bool known = this->vocabulary().Find(ByteLevelText(static_cast<unsigned char>(byte))) >= 0;
    bytes_ = known || (!options_.unknown && !options_.byte_fallback);
  }
  map_first_ = byte_level && !bytes_;
  bytes_ ? PrepareBytes() : PrepareChars();
}

void Bpe::PrepareChars() {
  low_char_ids_.resize(0x10000, -1);
  lengths_.assign(static_cast<size_t>(vocabulary().max_id()) + 1, kNoLength);
  const bool plain = options_.prefix.empty() && options_.suffix.empty();
  for (int32_t id = 0; id <= vocabulary().max_id(); ++id) {
    if (!vocabulary().Has(id)) continue;
    const std::string_view text = vocabulary().Text(id);
    if (plain) lengths_[static_cast<size_t>(id)] = static_cast<uint32_t>(text.size());
    if (text.empty() || Utf8Length(text[0]) != text.size()) continue;
    size_t at = 0;
    const char32_t c = NextChar(text, at);
    if (c < low_char_ids_.size()) low_char_ids_[c] = id;
  }
  for (const int32_t id : fallback_ids_) {
    if (id >= 0) lengths_[static_cast<size_t>(id)] = kNoLength;
  }
  if (options_.unknown && UnknownId() >= 0) lengths_[static_cast<size_t>(UnknownId())] = kNoLength;

  // Two characters that no merged token has side by side are never merged across: the piece may be cut between them, and short
  // pieces are found in the cache. (Where "▁" begins every word that is nearly every space.)
  cuts_ = plain;
  if (!cuts_) return;
  filter_ = CutFilter(merges_.size());
  for (uint32_t rank = 0; rank < merges_.size(); ++rank) filter_.Add(vocabulary().Text(merges_.Merged(rank)));
}

int32_t Bpe::IdOfChar(std::string_view text, char32_t c) const {
  return c < low_char_ids_.size() ? low_char_ids_[c] : vocabulary().Find(text);
}

int32_t Bpe::UnknownId() const { return options_.unknown ? vocabulary().Find(*options_.unknown) : -1; }

void Bpe::Encode(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
                 std::vector<uint32_t>* ends) const {
  if (bytes_) return EncodeBytes(piece, readable, scratch, ids, ends);
  if (!map_first_) return EncodeChars(piece, scratch, ids, ends);
  const std::string mapped = ToByteLevel(piece);
  const size_t first = ends == nullptr ? 0 : ends->size();
  EncodeChars(mapped, scratch, ids, ends);
  if (ends == nullptr) return;
  // Ends in the characters, as ends in the bytes.
  size_t at = 0, bytes = 0;
  for (size_t i = first; i < ends->size(); ++i) {
    while (at < (*ends)[i]) {
      at += Utf8Length(mapped[at]);
      ++bytes;
    }
    (*ends)[i] = static_cast<uint32_t>(bytes);
  }
}

// Short pieces are looked up in blocks: what is asked of memory is on its way while the next keys are made.
void Bpe::EncodePieces(std::string_view text, std::span<const Piece> pieces, ModelScratch& scratch,
                       std::vector<int32_t>& ids) const {
  if (!bytes_) return TokenModel::EncodePieces(text, pieces, scratch, ids);
  constexpr size_t kBlock = 32;
  ShortWords::Key keys[kBlock];
  ShortWords::Set* sets[kBlock];
  ShortWords& table = scratch.cache.short_words;
  for (; !pieces.empty(); pieces = pieces.subspan(std::min(pieces.size(), kBlock))) {
    const std::span<const Piece> block = pieces.first(std::min(pieces.size(), kBlock));
    const auto text_of = [&](Piece piece) { return text.substr(piece.begin, piece.end - piece.begin); };
    for (size_t i = 0; i < block.size(); ++i) {
      if (block[i].end - block[i].begin > ShortWords::kLongestKey) continue;
      keys[i] = ShortWords::KeyOf(text_of(block[i]), text.size() - block[i].begin, options_.ignore_merges);
      sets[i] = table.SetOf(keys[i]);
      __builtin_prefetch(sets[i]);
    }
    for (size_t i = 0; i < block.size(); ++i) {
      if (block[i].end - block[i].begin > ShortWords::kLongestKey) {
        EncodeBytes(text_of(block[i]), text.size() - block[i].begin, scratch, ids, nullptr);
      } else {
        ShortWords::Append(*sets[i], keys[i], ids, [&] { EncodeUncached(text_of(block[i]), true, scratch, ids, nullptr); });
      }
    }
  }
}

// A piece of characters, cut where nothing can be merged across.
void Bpe::EncodeChars(std::string_view text, ModelScratch& scratch, std::vector<int32_t>& ids,
                      std::vector<uint32_t>* ends) const {
  if (options_.ignore_merges) {
    const int32_t id = vocabulary().Find(text);
    if (id >= 0) {
      ids.push_back(id);
      if (ends != nullptr) ends->push_back(static_cast<uint32_t>(text.size()));
      return;
    }
  }
  if (!cuts_) return EncodeUncached(text, true, scratch, ids, ends);
  const auto encode = [&](size_t begin, size_t end) {
    const size_t first = ends == nullptr ? 0 : ends->size();
    EncodeCached(text.substr(begin, end - begin), text.size() - begin, false, scratch, ids, ends);
    for (size_t i = first; ends != nullptr && i < ends->size(); ++i) (*ends)[i] += static_cast<uint32_t>(begin);
  };
  size_t begin = 0;
  CutFilter::Char left{0, 0};
  bool left_known = false;
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    const CutFilter::Char right = CutFilter::At(text, here);
    const char32_t c = NextChar(text, at);
    const bool right_known = IdOfChar(text.substr(here, at - here), c) >= 0;
    // Unknown characters may be fused with each other, and their bytes may be merged.
    if (here > begin && left_known && right_known && !filter_.MayMerge(left, right)) {
      encode(begin, here);
      begin = here;
    }
    left = right;
    left_known = right_known;
  }
  encode(begin, text.size());
}

void Bpe::EncodeCached(std::string_view piece, size_t readable, bool whole, ModelScratch& scratch, std::vector<int32_t>& ids,
                       std::vector<uint32_t>* ends) const {
  if (piece.size() > LongWords::kLongestKey) return EncodeUncached(piece, whole, scratch, ids, ends);
  const size_t first = ids.size();
  const auto encode = [&](auto& table) {
    const auto key = table.KeyOf(piece, readable, whole && options_.ignore_merges);
    table.Append(*table.SetOf(key), key, ids, [&] { EncodeUncached(piece, whole, scratch, ids, nullptr); });
  };
  piece.size() <= ShortWords::kLongestKey ? encode(scratch.cache.short_words) : encode(scratch.cache.long_words);
  if (ends == nullptr) return;
  const size_t first_end = ends->size();
  uint64_t end = 0;
  for (size_t i = first; i < ids.size(); ++i) {
    const uint32_t length = lengths_[static_cast<size_t>(ids[i])];
    end += length == kNoLength ? uint64_t{1} << 40 : length;
    ends->push_back(static_cast<uint32_t>(end));
  }
  if (end == piece.size()) return;
  // Unknown or dropped characters, or bytes of one: where they lie is only known while merging.
  ids.resize(first);
  ends->resize(first_end);
  EncodeUncached(piece, whole, scratch, ids, ends);
}

void Bpe::EncodeUncached(std::string_view piece, bool whole, ModelScratch& scratch, std::vector<int32_t>& ids,
                         std::vector<uint32_t>* ends) const {
  if (bytes_ && whole && AppendWhole(piece, ids, ends)) return;
  if (bytes_ && ends == nullptr && MergeBytes(piece, scratch, ids)) return;
  std::vector<ModelScratch::Symbol>& symbols = scratch.symbols;
  symbols.clear();
  bytes_ ? AddBytes(piece, scratch) : AddSymbols(piece, symbols);
  if (ends == nullptr && symbols.size() <= Merges::kShort) {
    int32_t short_symbols[Merges::kShort];
    uint32_t ranks[Merges::kShort];
    for (size_t i = 0; i < symbols.size(); ++i) short_symbols[i] = symbols[i].id;
    std::fill(ranks, ranks + symbols.size(), Merges::kUnknown);
    const size_t n = merges_.MergeShort({short_symbols, symbols.size()}, ranks);
    ids.insert(ids.end(), short_symbols, short_symbols + n);
    return;
  }
  // Lengths are at least 1 here: 0 says that a symbol was merged. Where ends matter they are kept apart.
  if (ends == nullptr) {
    merges_.MergeLong(symbols, scratch.heap);
    for (const ModelScratch::Symbol& symbol : symbols) {
      if (symbol.length != 0) ids.push_back(symbol.id);
    }
    return;
  }
  scratch.ends.clear();
  uint32_t end = 0;
  for (ModelScratch::Symbol& symbol : symbols) {
    end = symbol.previous;  // AddSymbols leaves the end there
    scratch.ends.push_back(end);
    symbol.length = 1;
  }
  merges_.MergeLong(symbols, scratch.heap);
  size_t at = 0;
  for (const ModelScratch::Symbol& symbol : symbols) {
    if (symbol.length == 0) continue;
    at += symbol.length;
    ids.push_back(symbol.id);
    ends->push_back(scratch.ends[at - 1]);
  }
}

// The characters of the piece as symbols, each with the byte where it ends in `previous`.
void Bpe::AddSymbols(std::string_view piece, std::vector<ModelScratch::Symbol>& symbols) const {
  const auto add = [&](int32_t id, size_t end) { symbols.push_back({id, 1, static_cast<uint32_t>(end), 0}); };
  int32_t unknown = -1;  // an unknown token that is still to be added, since more characters may belong to it
  size_t unknown_end = 0;
  const bool plain = options_.prefix.empty() && options_.suffix.empty();
  std::string with;
  for (size_t at = 0; at < piece.size();) {
    const size_t begin = at;
    const char32_t c = NextChar(piece, at);
    std::string_view text = piece.substr(begin, at - begin);
    int32_t id;
    if (plain) {
      id = IdOfChar(text, c);
    } else {
      with.clear();
      if (begin > 0) with += options_.prefix;
      with += text;
      if (at == piece.size()) with += options_.suffix;
      text = with;
      id = vocabulary().Find(text);
    }
    if (id >= 0) {
      if (unknown >= 0) add(unknown, unknown_end);
      unknown = -1;
      add(id, at);
      continue;
    }
    const auto has = [&](char byte) { return fallback_ids_[static_cast<unsigned char>(byte)] >= 0; };
    if (options_.byte_fallback && std::all_of(text.begin(), text.end(), has)) {
      // An unknown token that is waiting stays behind these: so does the reference.
      for (const char byte : text) add(fallback_ids_[static_cast<unsigned char>(byte)], at);
      continue;
    }
    if (!options_.unknown) continue;  // dropped
    if (unknown >= 0 && !options_.fuse_unknown) add(unknown, unknown_end);
    unknown = UnknownId();
    unknown_end = at;
    if (unknown < 0) {
      throw InvalidArgument("the character \"", Printable(piece.substr(begin, at - begin)),
                            "\" is not in the vocabulary, and neither is the unk_token \"", Printable(*options_.unknown), "\"");
    }
  }
  if (unknown >= 0) add(unknown, unknown_end);
}

}  // namespace hlm
