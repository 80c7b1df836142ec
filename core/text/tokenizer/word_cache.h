// Ids of short pieces that were seen before. Most words of a text are among a few ten thousand.
//
// Three tables, each of two entries a set, of which the older one goes: 2 MiB for pieces of up to 15 bytes, nearly all words of
// most scripts, with a cache line a set; 1 MiB for those of up to 31 bytes; and 128 KiB for those of up to 127, for the rulers
// and indentations that a document repeats. One thread at a time.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_WORD_CACHE_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_WORD_CACHE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "core/text/tokenizer/huge_pages.h"

namespace hlm {

// Pieces of up to 8 kWords - 1 bytes, each with up to kIds ids, which are not negative.
template <size_t kWords, size_t kIds, int kSetBits>
class WordTable {
 public:
  static constexpr size_t kLongestKey = kWords * 8 - 1;

  // A piece made comparable: its bytes and zeros, and its length in the last byte.
  struct Key {
    uint64_t words[kWords];
  };
  // `readable` bytes may be read from piece.data() on. `whole` and other pieces are different keys.
  static Key KeyOf(std::string_view piece, size_t readable, bool whole) {
    static constexpr Masks kMasks;
    Key key{};
    if (readable >= sizeof(key)) {
      Key mask;
      std::memcpy(&mask, kMasks.bytes + sizeof(key) - piece.size(), sizeof(mask));
      std::memcpy(&key, piece.data(), sizeof(key));
      for (size_t i = 0; i < kWords; ++i) key.words[i] &= mask.words[i];
    } else {
      std::memcpy(&key, piece.data(), piece.size());
    }
    key.words[kWords - 1] |= uint64_t{piece.size() | (whole ? 0x80u : 0u)} << 56;
    return key;
  }

  struct Entry {
    Key key{};               // all zero: free; a key of no bytes is never asked for
    int32_t ids[kIds] = {};  // negative behind the last
    std::span<const int32_t> Ids() const {
      size_t n = 0;
      while (n < kIds && ids[n] >= 0) ++n;
      return {ids, n};
    }
  };
  struct alignas(64) Set {
    Entry ways[2];
  };
  // Where a key's entry is, if there is one.
  Set* SetOf(const Key& key) {
    if (sets_.empty()) sets_.resize(size_t{1} << kSetBits);
    uint64_t hash = 0;
    for (const uint64_t word : key.words) hash = (hash ^ hash >> 32 ^ word) * 0x9e3779b97f4a7c15u;
    return &sets_[hash >> (64 - kSetBits)];
  }
  // nullptr where the piece is not known.
  static const Entry* Find(const Set& set, const Key& key) {
    for (const Entry& entry : set.ways) {
      uint64_t differ = 0;
      for (size_t i = 0; i < kWords; ++i) differ |= entry.key.words[i] ^ key.words[i];
      if (differ == 0) return &entry;
    }
    return nullptr;
  }
  static void Put(Set& set, const Key& key, std::span<const int32_t> ids) {
    if (ids.size() > kIds) return;
    set.ways[1] = set.ways[0];
    set.ways[0].key = key;
    std::fill(std::copy(ids.begin(), ids.end(), set.ways[0].ids), set.ways[0].ids + kIds, -1);
  }

  // Appends the ids of the piece: those that the set has, or else those that encode() appends, which the set has then.
  template <class Encode>
  static void Append(Set& set, const Key& key, std::vector<int32_t>& ids, const Encode& encode) {
    if (const Entry* known = Find(set, key)) {
      for (const int32_t id : known->Ids()) ids.push_back(id);
      return;
    }
    const size_t first = ids.size();
    encode();
    Put(set, key, std::span(ids).subspan(first));
  }

 private:
  struct Masks {
    unsigned char bytes[2 * sizeof(Key)] = {};
    constexpr Masks() {
      for (size_t i = 0; i < sizeof(Key); ++i) bytes[i] = 0xff;
    }
  };

  HugeVector<Set> sets_;
};

using ShortWords = WordTable<2, 4, 15>;
using LongWords = WordTable<4, 8, 13>;
using Lines = WordTable<16, 32, 8>;

struct WordCache {
  ShortWords short_words;
  LongWords long_words;
  Lines lines;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_WORD_CACHE_H_
