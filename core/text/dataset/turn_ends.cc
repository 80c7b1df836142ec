#include "core/text/dataset/turn_ends.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace hlm::dataset {
namespace {

constexpr int64_t kMostDocuments = 16384;
constexpr int64_t kMostTokens = int64_t{1} << 26;

class Finder {
 public:
  explicit Finder(const TextPipeline::KindOfToken& kind) : kind_(kind) {}

  void Add(const std::vector<int32_t>& ids, const std::vector<uint8_t>& trained) {
    ++found_.documents;
    for (size_t begin = 0; begin < ids.size();) {
      size_t end = begin;
      while (end < ids.size() && trained[end] == trained[begin]) ++end;
      if (trained[begin] != 0) AddTurn(ids, begin, end);
      begin = end;
    }
  }

  TurnEnds Take() {
    for (const auto& [id, end] : ends_) {
      if (end.last + end.inner > 0) found_.ends.push_back(end);
    }
    std::stable_sort(found_.ends.begin(), found_.ends.end(),
                     [](const TurnEnd& a, const TurnEnd& b) { return a.last + a.inner > b.last + b.inner; });
    return std::move(found_);
  }

 private:
  TokenKind KindOf(int32_t id) {
    const auto [at, is_new] = kinds_.try_emplace(id, TokenKind::kWord);
    if (is_new) at->second = kind_(id);
    return at->second;
  }

  TurnEnd& EndOf(int32_t id) {
    TurnEnd& end = ends_[id];
    end.id = id;
    return end;
  }

  void AddTurn(const std::vector<int32_t>& ids, size_t begin, size_t end) {
    ++found_.turns;
    size_t last = end - 1;
    while (last > begin && KindOf(ids[last]) == TokenKind::kBlank) --last;
    const bool stops = KindOf(ids[last]) == TokenKind::kAdded;
    if (stops) {
      ++(end == ids.size() || Blank(ids, end) ? EndOf(ids[last]).last : EndOf(ids[last]).inner);
    } else {
      ++found_.without_stop;
    }
    // Of a document that is trained from its beginning nobody knows where its turns are.
    if (begin <= 1) return;
    for (size_t t = begin; t < (stops ? last : end); ++t) {
      if (KindOf(ids[t]) == TokenKind::kAdded) ++EndOf(ids[t]).inside;
    }
  }

  // Nothing but white space is left.
  bool Blank(const std::vector<int32_t>& ids, size_t from) {
    for (size_t t = from; t < ids.size(); ++t) {
      if (KindOf(ids[t]) != TokenKind::kBlank) return false;
    }
    return true;
  }

  const TextPipeline::KindOfToken& kind_;
  TurnEnds found_;
  std::map<int32_t, TurnEnd> ends_;
  std::unordered_map<int32_t, TokenKind> kinds_;
};

}  // namespace

TurnEnds FindTurnEnds(const TokenStore& store, const TextPipeline::KindOfToken& kind) {
  Finder finder(kind);
  const int64_t step = std::max<int64_t>((store.documents() + kMostDocuments - 1) / kMostDocuments, 1);
  std::vector<int32_t> ids;
  std::vector<uint8_t> trained;
  int64_t tokens = 0;
  for (int64_t d = 0; d < store.documents() && tokens < kMostTokens; d += step) {
    const StoredDocument document = store.document(d);
    ids.resize(static_cast<size_t>(document.length));
    store.ReadIds(document.begin, document.length, ids.data());
    store.ReadTrained(document.begin, document.length, trained);
    finder.Add(ids, trained);
    tokens += document.length;
  }
  return finder.Take();
}

void WriteTurnEnds(const TurnEnds& found, const TextPipeline& pipeline, JsonWriter& json) {
  std::vector<int64_t> last, inner;
  json.BeginObject().Member("documents", found.documents).Member("turns", found.turns).Member("without_stop", found.without_stop);
  json.Key("ends").BeginArray();
  for (const TurnEnd& end : found.ends) {
    json.BeginObject().Member("id", int64_t{end.id}).Member("token", pipeline.token_text(end.id));
    json.Member("last", end.last).Member("inner", end.inner).Member("inside", end.inside).EndObject();
    if (end.inside == 0) (end.last > 0 ? last : inner).push_back(end.id);
  }
  json.EndArray().Member("stop_ids", last).Member("inner_stop_ids", inner).EndObject();
}

}  // namespace hlm::dataset
