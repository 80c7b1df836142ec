// Byte-level BPE against merging as it is defined, one pair at a time over all symbols, on random vocabularies: tokens that hold
// parts of characters, merges in any order, texts in which most neighbours can or cannot be merged.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/base/utf8_text.h"
#include "tests/text/support.h"

namespace hlm {
namespace {

// The characters that stand for bytes (Radford et al. 2019): the printable ones of Latin-1 for themselves, the others from U+0100
// on.
std::vector<std::string> Alphabet() {
  std::vector<std::string> alphabet(256);
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int c = printable ? byte : next++;
    if (c < 128) {
      alphabet[static_cast<size_t>(byte)] = std::string(1, static_cast<char>(c));
    } else {
      alphabet[static_cast<size_t>(byte)] = {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
    }
  }
  return alphabet;
}

struct Random {
  uint64_t state;
  size_t Below(size_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>((state >> 33) % n);
  }
};

struct Model {
  std::map<std::string, int> ids;  // of tokens as bytes
  std::vector<std::pair<std::string, std::string>> merges;
  bool ignore_merges = false;

  Json File() const {
    const std::vector<std::string> alphabet = Alphabet();
    const auto mapped = [&](const std::string& bytes) {
      std::string text;
      for (const char byte : bytes) text += alphabet[static_cast<unsigned char>(byte)];
      return text;
    };
    Json model = {{"type", "BPE"}, {"ignore_merges", ignore_merges}, {"vocab", Json::object()}, {"merges", Json::array()}};
    for (const auto& [bytes, id] : ids) model["vocab"][mapped(bytes)] = id;
    for (const auto& [left, right] : merges) model["merges"].push_back({mapped(left), mapped(right)});
    return {{"version", "1.0"},
            {"added_tokens", Json::array()},
            {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
            {"model", model}};
  }
  // The definition: the pair of the lowest rank, of equals the leftmost, until there is none.
  Ids Encode(const std::string& text) const {
    if (ignore_merges && ids.count(text)) return {ids.at(text)};
    std::vector<std::string> symbols;
    for (const char byte : text) symbols.emplace_back(1, byte);
    for (;;) {
      size_t best = merges.size(), at = 0;
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        for (size_t rank = 0; rank < best; ++rank) {
          if (merges[rank].first == symbols[i] && merges[rank].second == symbols[i + 1]) {
            best = rank;
            at = i;
          }
        }
      }
      if (best == merges.size()) break;
      symbols[at] += symbols[at + 1];
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    Ids out;
    for (const std::string& symbol : symbols) out.push_back(ids.at(symbol));
    return out;
  }
};

// Characters of one to four bytes; the kanji and kana share their first bytes. NUL, since zeros fill up what is compared.
const std::vector<std::string> kChars = {
    std::string(1, '\0'), "a", "b", " ", "\n", "é", "è", "ж", "日", "旦", "本", "の", "は", "を", "語", "😀", "😁"};

std::string RandomText(Random& random, size_t chars) {
  std::string text;
  for (size_t i = 0; i < chars; ++i) text += kChars[random.Below(kChars.size())];
  return text;
}

Model RandomModel(uint64_t seed) {
  Random random{seed};
  Model model;
  for (int byte = 0; byte < 256; ++byte) model.ids[std::string(1, static_cast<char>(byte))] = byte;
  // As training does, pairs that stand side by side in a text; many of them inside of characters, some across their borders.
  const std::string text = RandomText(random, 300);
  std::vector<std::string> symbols;
  for (const char byte : text) symbols.emplace_back(1, byte);
  std::set<std::pair<std::string, std::string>> seen;
  for (int tries = 0; tries < 90 && symbols.size() > 1; ++tries) {
    const size_t at = random.Below(symbols.size() - 1);
    const std::pair<std::string, std::string> pair{symbols[at], symbols[at + 1]};
    if (pair.first.size() + pair.second.size() > 14 || !seen.insert(pair).second) continue;
    model.merges.push_back(pair);
    model.ids.emplace(pair.first + pair.second, static_cast<int>(model.ids.size()));
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      if (symbols[i] != pair.first || symbols[i + 1] != pair.second) continue;
      symbols[i] += symbols[i + 1];
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
  }
  // Ranks that come before those of what they are made of.
  if (seed % 3 == 1) {
    for (size_t i = model.merges.size(); i > 1; --i) std::swap(model.merges[i - 1], model.merges[random.Below(i)]);
  } else if (seed % 3 == 2 && model.merges.size() > 10) {
    std::swap(model.merges[2], model.merges[model.merges.size() - 2]);
  }
  model.ignore_merges = seed % 4 == 3;
  return model;
}

TEST(BpeRandom, IdsAreThoseOfTheDefinition) {
  size_t tokens = 0, merged = 0;
  for (uint64_t seed = 0; seed < 240; ++seed) {
    SCOPED_TRACE(seed);
    const Model model = RandomModel(seed);
    const auto tokenizer = Parse(model.File());
    Random random{seed + 1000};
    for (int i = 0; i < 12; ++i) {
      // Words that the cache holds, pieces that are cut before, and more symbols than the short way takes.
      const std::string text = RandomText(random, 1 + random.Below(i % 4 == 3 ? 120 : 14));
      const Ids expected = model.Encode(text);
      ASSERT_EQ(tokenizer->Encode(text).ids, expected) << text;
      ASSERT_EQ(tokenizer->Encode(text).ids, expected) << "again: " << text;
      EncodeOptions options;
      options.offsets = true;
      const Encoding with = tokenizer->Encode(text, options);
      ASSERT_EQ(with.ids, expected) << "with offsets: " << text;
      ASSERT_EQ(with.offsets.size(), expected.size());
      tokens += expected.size();
      merged += text.size() - expected.size();
    }
    // A whole token as a text of its own.
    for (const auto& [bytes, id] : model.ids) {
      if (bytes.size() < 2 || FirstInvalidUtf8(bytes) != std::string::npos) continue;
      ASSERT_EQ(tokenizer->Encode(bytes).ids, model.Encode(bytes)) << bytes;
    }
  }
  EXPECT_GT(merged, tokens / 2) << "there was something to merge";
}

// Pieces of many lengths in one text, new ones and repeated ones: each is encoded as it is alone.
// Where a byte has no token nothing is cut; a piece that is a token as a whole stays one, too long for the cache or not.
TEST(BpeRandom, AWholePieceIsATokenWithOffsetsAsWithout) {
  for (const size_t length : {3, 20, 40, 200}) {
    Model model;
    model.ignore_merges = true;
    for (int byte = 0; byte < 256; ++byte) {
      if (byte != 'z') model.ids[std::string(1, static_cast<char>(byte))] = byte;
    }
    const std::string text(length, 'a');
    model.ids[text] = 256;
    const auto tokenizer = Parse(model.File());
    EXPECT_EQ(tokenizer->Encode(text).ids, Ids{256});
    EncodeOptions options;
    options.offsets = true;
    const Encoding with = tokenizer->Encode(text, options);
    EXPECT_EQ(with.ids, Ids{256}) << length;
    EXPECT_EQ(with.offsets.size(), 1u);
  }
}

TEST(BpeRandom, PiecesOfOneTextAreEncodedOneByOne) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const Model model = RandomModel(seed);
    Json file = model.File();
    const Json split = {{"type", "Split"}, {"pattern", {{"String", " "}}}, {"behavior", "Isolated"}, {"invert", false}};
    file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {split, file["pre_tokenizer"]}}};
    const auto tokenizer = Parse(file);
    Random random{seed + 2000};
    std::vector<std::string> words;
    for (int i = 0; i < 40; ++i) {
      std::string word;
      while (word.empty()) {
        for (const char c : RandomText(random, 1 + random.Below(i % 8 == 7 ? 70 : 12))) {
          if (c != ' ') word += c;
        }
      }
      words.push_back(word);
    }
    for (int round = 0; round < 2; ++round) {
      std::string text;
      Ids expected;
      for (int i = 0; i < 100; ++i) {
        const std::string& word = words[random.Below(words.size())];
        for (const std::string& piece : {word, std::string(" ")}) {
          text += piece;
          const Ids ids = model.Encode(piece);
          expected.insert(expected.end(), ids.begin(), ids.end());
        }
      }
      ASSERT_EQ(tokenizer->Encode(text).ids, expected);
    }
  }
}

}  // namespace
}  // namespace hlm
