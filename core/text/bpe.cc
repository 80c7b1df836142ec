#include "core/text/bpe.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/base/error.h"
#include "core/model/json_text.h"
#include "core/text/byte_level.h"
#include "core/text/utf8_text.h"

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

void Bpe::PrepareBytes() {
  byte_ids_.resize(256);
  for (int byte = 0; byte < 256; ++byte) {
    byte_ids_[static_cast<size_t>(byte)] = vocabulary().Find(ByteLevelText(static_cast<unsigned char>(byte)));
  }
  byte_text_.resize(256);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string_view text = ByteLevelText(static_cast<unsigned char>(byte));
    int32_t& packed = byte_text_[static_cast<size_t>(byte)];
    packed = static_cast<int32_t>(text.size());
    for (size_t i = 0; i < text.size(); ++i) packed |= static_cast<unsigned char>(text[i]) << (8 * (i + 1));
  }
  lengths_.assign(static_cast<size_t>(vocabulary().max_id()) + 1, kNoLength);
  std::string bytes;
  // Where a byte is dropped its neighbours meet, and are merged.
  cuts_ = std::none_of(byte_ids_.begin(), byte_ids_.end(), [](int32_t id) { return id < 0; });
  std::vector<bool> merged(lengths_.size());
  if (cuts_) {
    filter_ = CutFilter(merges_.size());
    for (uint32_t rank = 0; rank < merges_.size(); ++rank) merged[static_cast<size_t>(merges_.Merged(rank))] = true;
  }
  if (options_.ignore_merges) whole_.Reserve(vocabulary().size(), vocabulary().size() * 8);
  for (int32_t id = 0; id <= vocabulary().max_id(); ++id) {
    if (!vocabulary().Has(id) || !FromByteLevel(vocabulary().Text(id), bytes)) continue;
    lengths_[static_cast<size_t>(id)] = static_cast<uint32_t>(bytes.size());
    if (options_.ignore_merges) whole_.Insert(bytes, id);
    if (merged[static_cast<size_t>(id)]) filter_.Add(bytes);
  }
  if (cuts_) PrepareCharStarts();
}

// A character of several bytes is merged to its token by itself, whatever stands beside it, where no token holds only a part of it and
// something else (ForEachStart looks at that), and where nothing that the whole is merged with could have had its turn before the whole was
// made: ranks that use a token lie above those that make it. Then merging may begin with the whole.
void Bpe::PrepareCharStarts() {
  low_char_ids_.assign(0x10000, -1);
  std::vector<uint32_t> first_use(static_cast<size_t>(vocabulary().max_id()) + 1, Merges::kNone);
  for (uint32_t rank = 0; rank < merges_.size(); ++rank) {
    for (const int32_t id : {merges_.Left(rank), merges_.Right(rank)}) {
      uint32_t& first = first_use[static_cast<size_t>(id)];
      first = std::min(first, rank);
    }
  }
  std::string bytes;
  for (int32_t id = 0; id <= vocabulary().max_id(); ++id) {
    const uint32_t length = lengths_[static_cast<size_t>(id)];
    if (length < 2 || length > 3 || !FromByteLevel(vocabulary().Text(id), bytes)) continue;
    if (FirstInvalidUtf8(bytes) != std::string::npos || Utf8Length(bytes[0]) != length) continue;
    int32_t symbols[3];
    for (size_t i = 0; i < length; ++i) symbols[i] = byte_ids_[static_cast<unsigned char>(bytes[i])];
    uint32_t last = 0;  // the highest rank on the way
    size_t n = length;
    while (n > 1) {
      const uint32_t left = merges_.Rank(symbols[0], symbols[1]), right = n == 3 ? merges_.Rank(symbols[1], symbols[2]) : Merges::kNone;
      const uint32_t rank = std::min(left, right);
      if (rank == Merges::kNone) break;
      last = std::max(last, rank);
      symbols[left == rank ? 0 : 1] = merges_.Merged(rank);
      if (left == rank) symbols[1] = symbols[2];
      --n;
    }
    size_t at = 0;
    if (n == 1 && symbols[0] == id && last < first_use[static_cast<size_t>(id)]) low_char_ids_[NextChar(bytes, at)] = id;
  }
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
void Bpe::EncodePieces(std::string_view text, std::span<const Piece> pieces, ModelScratch& scratch, std::vector<int32_t>& ids) const {
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
      keys[i] = ShortWords::KeyOf(text_of(block[i]), text.size() - block[i].begin, true);
      sets[i] = table.SetOf(keys[i]);
      __builtin_prefetch(sets[i]);
    }
    for (size_t i = 0; i < block.size(); ++i) {
      if (block[i].end - block[i].begin > ShortWords::kLongestKey) {
        EncodeBytes(text_of(block[i]), text.size() - block[i].begin, scratch, ids, nullptr);
      } else {
        EncodeFrom<ShortWords>(*sets[i], keys[i], text_of(block[i]), true, scratch, ids);
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

// A piece of bytes. What is short and has been seen is in the cache; else it is cut where nothing can be merged across: in
// scripts without spaces pieces are whole clauses, which are never seen twice, of words that are.
void Bpe::EncodeBytes(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
                      std::vector<uint32_t>* ends) const {
  if (!cuts_ || piece.size() <= ShortWords::kLongestKey) return EncodeCached(piece, readable, true, scratch, ids, ends);
  if (options_.ignore_merges) {
    const int32_t id = whole_.Find(piece);
    if (id >= 0) {
      ids.push_back(id);
      if (ends != nullptr) ends->push_back(static_cast<uint32_t>(piece.size()));
      return;
    }
  }
  size_t begin = 0;
  const auto encode = [&](size_t end) {
    const size_t first = ends == nullptr ? 0 : ends->size();
    EncodeCached(piece.substr(begin, end - begin), readable - begin, begin == 0 && end == piece.size(), scratch, ids, ends);
    for (size_t i = first; ends != nullptr && i < ends->size(); ++i) (*ends)[i] += static_cast<uint32_t>(begin);
    begin = end;
  };
  CutFilter::Char left = CutFilter::At(piece, 0);
  for (size_t at = left.length; at < piece.size();) {
    const CutFilter::Char right = CutFilter::At(piece, at);
    if (!filter_.MayMerge(left, right)) encode(at);
    left = right;
    at += right.length;
  }
  encode(piece.size());
}

// From the entry of a table of words, or uncached and put there.
template <class Table>
inline void Bpe::EncodeFrom(typename Table::Set& set, const typename Table::Key& key, std::string_view piece, bool whole, ModelScratch& scratch,
                            std::vector<int32_t>& ids) const {
  if (const typename Table::Entry* known = Table::Find(set, key)) {
    for (const int32_t id : known->Ids()) ids.push_back(id);
    return;
  }
  const size_t first = ids.size();
  EncodeUncached(piece, whole, scratch, ids, nullptr);
  Table::Put(set, key, std::span(ids).subspan(first));
}

void Bpe::EncodeCached(std::string_view piece, size_t readable, bool whole, ModelScratch& scratch, std::vector<int32_t>& ids,
                       std::vector<uint32_t>* ends) const {
  if (piece.size() > LongWords::kLongestKey) return EncodeUncached(piece, whole, scratch, ids, ends);
  const size_t first = ids.size();
  if (piece.size() <= ShortWords::kLongestKey) {
    const ShortWords::Key key = ShortWords::KeyOf(piece, readable, whole);
    EncodeFrom<ShortWords>(*scratch.cache.short_words.SetOf(key), key, piece, whole, scratch, ids);
  } else {
    const LongWords::Key key = LongWords::KeyOf(piece, readable, whole);
    EncodeFrom<LongWords>(*scratch.cache.long_words.SetOf(key), key, piece, whole, scratch, ids);
  }
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
  if (whole && bytes_ && options_.ignore_merges) {
    const int32_t id = whole_.Find(piece);
    if (id >= 0) {
      ids.push_back(id);
      if (ends != nullptr) ends->push_back(static_cast<uint32_t>(piece.size()));
      return;
    }
  }
  if (bytes_ && ends == nullptr && piece.size() <= 3 * Merges::kShort) {
    if (IsToken(piece, scratch, ids)) return;
    int32_t symbols[3 * Merges::kShort];
    size_t n = 0;
    ForEachStart(piece, [&](int32_t id, size_t) { symbols[n++] = id; });
    if (n <= Merges::kShort) {
      n = merges_.MergeShort({symbols, n});
      ids.insert(ids.end(), symbols, symbols + n);
      return;
    }
  }
  std::vector<ModelScratch::Symbol>& symbols = scratch.symbols;
  symbols.clear();
  AddSymbols(piece, symbols);
  if (ends == nullptr && symbols.size() <= Merges::kShort) {
    int32_t short_symbols[Merges::kShort];
    for (size_t i = 0; i < symbols.size(); ++i) short_symbols[i] = symbols[i].id;
    const size_t n = merges_.MergeShort({short_symbols, symbols.size()});
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

// Whether a piece of bytes is a token that merging arrives at; it is added then. What merging arrives at was tried once for each token.
bool Bpe::IsToken(std::string_view piece, ModelScratch& scratch, std::vector<int32_t>& ids) const {
  if (piece.size() > LongWords::kLongestKey) return false;
  char text[2 * LongWords::kLongestKey + 1];
  size_t size = 0;
  for (const char byte : piece) {
    const int32_t packed = byte_text_[static_cast<unsigned char>(byte)];
    text[size] = static_cast<char>(packed >> 8);
    text[size + 1] = static_cast<char>(packed >> 16);
    size += static_cast<size_t>(packed & 0xff);
  }
  const int32_t id = vocabulary().Find({text, size});
  if (id < 0) return false;
  if (scratch.arrived.empty()) scratch.arrived.resize(lengths_.size());
  uint8_t& arrived = scratch.arrived[static_cast<size_t>(id)];
  if (arrived == ModelScratch::kNotTried) {
    int32_t symbols[LongWords::kLongestKey];
    size_t n = 0;
    ForEachStart(piece, [&](int32_t symbol, size_t) { symbols[n++] = symbol; });
    n = merges_.MergeShort({symbols, n});
    arrived = n == 1 && symbols[0] == id ? ModelScratch::kArrives : ModelScratch::kDoesNot;
  }
  if (arrived == ModelScratch::kArrives) ids.push_back(id);
  return arrived == ModelScratch::kArrives;
}

// add(id, byte behind it) of what merging a piece of bytes begins with: its bytes, or whole characters (PrepareCharStarts).
template <class Add>
void Bpe::ForEachStart(std::string_view piece, const Add& add) const {
  const auto byte = [&](size_t at) {
    const int32_t id = byte_ids_[static_cast<unsigned char>(piece[at])];
    if (id >= 0) add(id, at + 1);
  };
  bool left_clean = true;  // no part of the character at hand is in a token with something before it
  for (size_t at = 0; at < piece.size();) {
    const size_t length = Utf8Length(piece[at]), end = at + length;
    if (!cuts_ || end > piece.size()) {
      for (; at < piece.size(); ++at) byte(at);
      return;
    }
    if (length == 1 && (end == piece.size() || Utf8Length(piece[end]) == 1)) {
      byte(at);
      left_clean = true;
      at = end;
      continue;
    }
    const CutFilter::Char here = CutFilter::At(piece, at);
    bool right_clean = true;
    if (end < piece.size() && end + Utf8Length(piece[end]) <= piece.size()) right_clean = !filter_.MayMergeParts(here, CutFilter::At(piece, end));
    int32_t whole = -1;
    if (left_clean && right_clean && length > 1 && length < 4) {
      size_t next = at;
      whole = low_char_ids_[NextChar(piece, next)];
    }
    if (whole >= 0) {
      add(whole, end);
    } else {
      for (size_t i = at; i < end; ++i) byte(i);
    }
    left_clean = right_clean;
    at = end;
  }
}

// The characters of the piece as symbols, each with the byte where it ends in `previous`.
void Bpe::AddSymbols(std::string_view piece, std::vector<ModelScratch::Symbol>& symbols) const {
  const auto add = [&](int32_t id, size_t end) { symbols.push_back({id, 1, static_cast<uint32_t>(end), 0}); };
  if (bytes_) {
    ForEachStart(piece, add);
    return;
  }
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
