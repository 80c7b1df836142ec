#include "core/text/tokenizer/unigram.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

Vocabulary MakeVocabulary(const std::vector<UnigramPiece>& pieces) {
  Vocabulary vocabulary;
  size_t bytes = 0;
  for (const UnigramPiece& piece : pieces) bytes += piece.text.size();
  vocabulary.Reserve(pieces.size(), bytes);
  for (size_t i = 0; i < pieces.size(); ++i) {
    vocabulary.Add(pieces[i].text, static_cast<int64_t>(i));
  }
  return vocabulary;
}

}  // namespace

Unigram::Unigram(std::vector<UnigramPiece> pieces, int32_t unknown, bool byte_fallback)
    : TokenModel(MakeVocabulary(pieces)), unknown_(unknown) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  double lowest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].text.empty()) entries.emplace_back(pieces[i].text, static_cast<int32_t>(i));
    scores_.push_back(pieces[i].score);
    lowest = std::min(lowest, pieces[i].score);
  }
  unknown_score_ = lowest - 10.0;
  trie_ = ByteTrie(std::move(entries));
  if (!byte_fallback) return;
  for (unsigned byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", byte);
    fallback_ids_.push_back(vocabulary().Find(name));
  }
}

// path[i]: the best way to byte i, and the piece that ends it.
void Unigram::FindPath(std::string_view piece, ModelScratch& scratch) const {
  std::vector<ModelScratch::PathNode>& path = scratch.path;
  path.assign(piece.size() + 1, {0, 0, -2});
  for (size_t at = 0; at < piece.size();) {
    const double here = path[at].score;
    const size_t length = Utf8Length(piece[at]);
    bool single = false;
    const auto offer = [&](size_t end, double score, int32_t id) {
      ModelScratch::PathNode& node = path[end];
      if (node.id == -2 || score > node.score) node = {score, static_cast<uint32_t>(at), id};
    };
    trie_.ForEachPrefix(piece, at, [&](size_t n, int32_t id) {
      offer(at + n, scores_[static_cast<size_t>(id)] + here, id);
      single |= n == length;
    });
    if (!single) {
      const double score = unknown_score_ + here;
      if (path[at + length].id == -2 || score > path[at + length].score) {
        if (unknown_ < 0) {
          throw InvalidArgument("the character \"", Printable(piece.substr(at, length)),
                                "\" is not in the vocabulary, which has no unk_id");
        }
        offer(at + length, score, unknown_);
      }
    }
    at += length;
  }
}

void Unigram::Encode(std::string_view piece, size_t, ModelScratch& scratch, std::vector<int32_t>& ids,
                     std::vector<uint32_t>* ends) const {
  FindPath(piece, scratch);
  // From the end to the beginning; unknown pieces side by side are one.
  std::vector<uint64_t>& parts = scratch.heap;  // begin and end of each, the last first
  parts.clear();
  bool fusing = false;
  for (size_t end = piece.size(); end > 0;) {
    const ModelScratch::PathNode& node = scratch.path[end];
    const bool unknown = unknown_ >= 0 && node.id == unknown_;
    if (unknown && fusing) {
      parts.back() = uint64_t{node.begin} << 32 | (parts.back() & 0xffffffff);
    } else {
      parts.push_back(uint64_t{node.begin} << 32 | end);
    }
    fusing = unknown;
    end = node.begin;
  }
  const auto add = [&](int32_t id, size_t end) {
    ids.push_back(id);
    if (ends != nullptr) ends->push_back(static_cast<uint32_t>(end));
  };
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    const size_t begin = *part >> 32, end = *part & 0xffffffff;
    const std::string_view text = piece.substr(begin, end - begin);
    int32_t id = scratch.path[end].id;
    const bool whole = scratch.path[end].begin == begin && id != unknown_;
    if (!whole) id = vocabulary().Find(text);
    if (id >= 0) {
      add(id, end);
      continue;
    }
    const auto has = [&](char byte) { return fallback_ids_[static_cast<unsigned char>(byte)] >= 0; };
    if (!fallback_ids_.empty() && std::all_of(text.begin(), text.end(), has)) {
      for (const char byte : text) add(fallback_ids_[static_cast<unsigned char>(byte)], end);
    } else {
      add(unknown_, end);
    }
  }
}

}  // namespace hlm
