// BPE of pieces of bytes, each of which has a token: what begins a piece, and where it is cut.
#include <algorithm>
#include <utility>

#include "core/base/utf8_text.h"
#include "core/text/tokenizer/bpe.h"
#include "core/text/tokenizer/byte_level.h"

namespace hlm {

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

// A character of several bytes is merged to its token by itself, whatever stands beside it, where no token holds only a part of
// it and something else (ForEachStart looks at that), and where nothing that the whole is merged with could have had its turn
// before the whole was made: ranks that use a token lie above those that make it. Then merging may begin with the whole.
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
      const uint32_t left = merges_.Rank(symbols[0], symbols[1]),
                     right = n == 3 ? merges_.Rank(symbols[1], symbols[2]) : Merges::kNone;
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

int32_t Bpe::WholeId(CutFilter::Char c) const {
  const auto byte = [&](int i) { return c.bytes >> (8 * i) & 0x3f; };
  switch (c.length) {
    case 1:
      return byte_ids_[c.bytes];
    case 2:
      return low_char_ids_[(c.bytes & 0x1f) << 6 | byte(1)];
    case 3:
      return low_char_ids_[(c.bytes & 0x0f) << 12 | byte(1) << 6 | byte(2)];
    default:
      return -1;
  }
}

namespace {

uint64_t CharsOf(CutFilter::Char left, CutFilter::Char right) { return uint64_t{left.bytes} << 32 | right.bytes; }

// Where the border of two characters is, or will be.
ModelScratch::Border& PlaceOf(CutFilter::Char left, CutFilter::Char right, ModelScratch& scratch) {
  constexpr int kBits = 14;
  if (scratch.borders.empty()) scratch.borders.resize(size_t{1} << kBits);
  return scratch.borders[(CharsOf(left, right) * 0x9e3779b97f4a7c15u) >> (64 - kBits)];
}

// Asks memory for the borders of a piece all at once.
void PrefetchBorders(std::string_view piece, ModelScratch& scratch) {
  CutFilter::Char left = CutFilter::At(piece, 0);
  for (size_t at = left.length; at < piece.size();) {
    const CutFilter::Char right = CutFilter::At(piece, at);
    __builtin_prefetch(&PlaceOf(left, right, scratch));
    left = right;
    at += right.length;
  }
}

}  // namespace

// What is to be known of two neighbouring characters lies in several tables that a core's own cache does not hold. A text has few
// different pairs, so it is kept by pair.
inline ModelScratch::Border Bpe::BorderOf(CutFilter::Char left, CutFilter::Char right, ModelScratch& scratch) const {
  using Border = ModelScratch::Border;
  Border& border = PlaceOf(left, right, scratch);
  const uint64_t chars = CharsOf(left, right);
  if (border.chars == chars) return border;
  border = {chars, Merges::kNone, WholeId(right)};
  if (!filter_.MayMerge(left, right)) {
    border.rank = Border::kCut;
  } else if (filter_.MayMergeParts(left, right)) {
    border.rank = Border::kParts;
  } else if (const int32_t left_id = WholeId(left); left_id >= 0 && border.right_id >= 0) {
    border.rank = merges_.Rank(left_id, border.right_id);
  }
  return border;
}

// add(id, byte behind it, rank) of what merging a piece of bytes begins with: its bytes, or whole characters (PrepareCharStarts).
// `rank` is Merges::Rank of it and the one before, or kUnknown. cut(byte) where nothing can be merged across.
template <class Add, class Cut>
void Bpe::ForEachStart(std::string_view piece, ModelScratch& scratch, const Add& add, const Cut& cut) const {
  const auto add_bytes = [&](size_t begin, size_t end) {
    for (size_t at = begin; at < end; ++at) {
      const int32_t id = byte_ids_[static_cast<unsigned char>(piece[at])];
      if (id >= 0) add(id, at + 1, Merges::kUnknown);
    }
  };
  if (!cuts_) return add_bytes(0, piece.size());
  using Border = ModelScratch::Border;
  CutFilter::Char left = CutFilter::At(piece, 0);
  int32_t id = WholeId(left);
  uint32_t rank = Merges::kUnknown;
  bool clean = true;  // no part of the character at hand is in a token with something before it
  for (size_t begin = 0, end = left.length;; begin = end, end += left.length) {
    Border border{0, Merges::kUnknown, -1};
    const bool last = end == piece.size();
    if (!last) {
      const CutFilter::Char right = CutFilter::At(piece, end);
      border = BorderOf(left, right, scratch);
      left = right;
    }
    clean = clean && border.rank != Border::kParts;
    if (id >= 0 && (clean || end - begin == 1)) {
      add(id, end, rank);
      rank = border.rank <= Merges::kNone ? border.rank : Merges::kUnknown;
    } else {
      add_bytes(begin, end);
      rank = Merges::kUnknown;
    }
    if (last) return;
    if (border.rank == Border::kCut) cut(end);
    clean = border.rank != Border::kParts;
    id = border.right_id;
  }
}

// The symbols of a piece, each with the byte where it ends in `previous`.
void Bpe::AddBytes(std::string_view piece, ModelScratch& scratch) const {
  const auto add = [&](int32_t id, size_t end, uint32_t) { scratch.symbols.push_back({id, 1, static_cast<uint32_t>(end), 0}); };
  ForEachStart(piece, scratch, add, [](size_t) {});
}

namespace {

// What merging begins with, while there is room for it.
struct Starts {
  int32_t symbols[Merges::kShort];
  uint32_t ranks[Merges::kShort];
  size_t n = 0;
  void Add(int32_t id, uint32_t rank) {
    if (n < Merges::kShort) symbols[n] = id;
    if (n > 0 && n < Merges::kShort) ranks[n - 1] = rank;
    ++n;
  }
  bool fits() const { return n <= Merges::kShort; }
  void MergeTo(std::vector<int32_t>& ids, const Merges& merges) {
    n = merges.MergeShort({symbols, n}, ranks);
    ids.insert(ids.end(), symbols, symbols + n);
  }
};

}  // namespace

void Bpe::EncodeBytes(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids,
                      std::vector<uint32_t>* ends) const {
  if (!cuts_ || piece.size() <= ShortWords::kLongestKey) return EncodeCached(piece, readable, true, scratch, ids, ends);
  const size_t first = ids.size();
  const auto encode = [&](auto& table) {
    const auto key = table.KeyOf(piece, readable, options_.ignore_merges);
    table.Append(*table.SetOf(key), key, ids, [&] { EncodeSegments(piece, readable, scratch, ids); });
  };
  if (piece.size() <= LongWords::kLongestKey) {
    encode(scratch.cache.long_words);
  } else if (piece.size() <= Lines::kLongestKey) {
    encode(scratch.cache.lines);
  } else {
    EncodeSegments(piece, readable, scratch, ids);
  }
  if (ends == nullptr) return;
  // Every byte has a token here, so every id has a length.
  uint32_t end = 0;
  for (size_t i = first; i < ids.size(); ++i) ends->push_back(end += lengths_[static_cast<size_t>(ids[i])]);
}

// A longer piece of bytes is cut where nothing can be merged across: in scripts without spaces pieces are whole clauses, which
// are never seen twice, of words that are.
void Bpe::EncodeSegments(std::string_view piece, size_t readable, ModelScratch& scratch, std::vector<int32_t>& ids) const {
  if (AppendWhole(piece, ids, nullptr)) return;
  if (piece.size() <= Lines::kLongestKey) PrefetchBorders(piece, scratch);
  Starts starts;
  size_t begin = 0;
  const auto encode = [&](size_t end) {
    const size_t size = end - begin;
    if (starts.fits() && (size > LongWords::kLongestKey || size == piece.size())) {
      starts.MergeTo(ids, merges_);
    } else {
      EncodeCached(piece.substr(begin, size), readable - begin, size == piece.size(), scratch, ids, nullptr);
    }
    starts.n = 0;
    begin = end;
  };
  ForEachStart(
      piece, scratch, [&](int32_t id, size_t, uint32_t rank) { starts.Add(id, rank); }, encode);
  encode(piece.size());
}

// With ignore_merges a piece that is a token is that token, whatever merging would make of it.
bool Bpe::AppendWhole(std::string_view piece, std::vector<int32_t>& ids, std::vector<uint32_t>* ends) const {
  const int32_t id = options_.ignore_merges ? whole_.Find(piece) : -1;
  if (id < 0) return false;
  ids.push_back(id);
  if (ends != nullptr) ends->push_back(static_cast<uint32_t>(piece.size()));
  return true;
}

// A short piece of bytes that is in no cache; false where it is too long. What merging a token's own bytes arrives at is tried
// once for each token.
bool Bpe::MergeBytes(std::string_view piece, ModelScratch& scratch, std::vector<int32_t>& ids) const {
  if (piece.size() > Merges::kShort) return false;
  char text[2 * Merges::kShort + 1];
  size_t size = 0;
  for (const char byte : piece) {
    const int32_t packed = byte_text_[static_cast<unsigned char>(byte)];
    text[size] = static_cast<char>(packed >> 8);
    text[size + 1] = static_cast<char>(packed >> 16);
    size += static_cast<size_t>(packed & 0xff);
  }
  const int32_t id = vocabulary().Find({text, size});
  if (scratch.arrived.empty()) scratch.arrived.resize(lengths_.size());
  uint8_t none = ModelScratch::kDoesNot;
  uint8_t& arrived = id >= 0 ? scratch.arrived[static_cast<size_t>(id)] : none;
  if (arrived == ModelScratch::kArrives) {
    ids.push_back(id);
    return true;
  }
  Starts starts;
  ForEachStart(
      piece, scratch, [&](int32_t symbol, size_t, uint32_t rank) { starts.Add(symbol, rank); }, [](size_t) {});
  starts.MergeTo(ids, merges_);
  if (arrived == ModelScratch::kNotTried) {
    arrived = starts.n == 1 && ids.back() == id ? ModelScratch::kArrives : ModelScratch::kDoesNot;
  }
  return true;
}

}  // namespace hlm
