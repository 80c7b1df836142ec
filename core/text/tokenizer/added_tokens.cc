#include "core/text/tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/component.h"
#include "core/text/tokenizer/unicode.h"

namespace hlm {
namespace {

// Whether [begin, end) has a byte in one of the spans; and whether it lies in one as a whole.
struct Touch {
  bool any = false, whole = false;
};
Touch Touching(std::span<const ByteSpan> spans, size_t begin, size_t end) {
  const auto first = std::partition_point(spans.begin(), spans.end(),
                                          [&](const ByteSpan& span) { return span.end <= static_cast<int64_t>(begin); });
  if (first == spans.end() || first->begin >= static_cast<int64_t>(end)) return {};
  return {true, first->begin <= static_cast<int64_t>(begin) && first->end >= static_cast<int64_t>(end)};
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens, const std::vector<std::string>& contents)
    : tokens_(std::move(tokens)) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (!contents[i].empty()) entries.emplace_back(contents[i], static_cast<int32_t>(i));
  }
  std::reverse(entries.begin(), entries.end());  // of equal contents the first token counts, in the trie the last
  trie_ = ByteTrie(std::move(entries));
}

bool AddedTokenFinder::Next(std::string_view text, const Rules& rules, size_t from, size_t done, Match& match) const {
  for (size_t at = trie_.NextBegin(text, from); at < text.size(); at = trie_.NextBegin(text, at + 1)) {
    size_t length = 0, hidden = 0;
    const AddedToken* token = nullptr;
    trie_.ForEachPrefix(text, at, [&](size_t n, int32_t index) {
      const AddedToken& candidate = tokens_[static_cast<size_t>(index)];
      if (!rules.plain.empty() && (candidate.special || rules.plain_added)) {
        const Touch touch = Touching(rules.plain, at, at + n);
        if (touch.any) {
          // Inside somebody's text it is text, all of it. Where it only reaches into that text, shorter and later ones still
          // count.
          if (touch.whole) hidden = n;
          return;
        }
      }
      length = n;
      token = &candidate;
    });
    if (token == nullptr || hidden > length) {
      if (hidden > 0) at += hidden - 1;
      continue;
    }
    size_t begin = at, end = at + length;
    if (token->single_word) {
      size_t other = begin, before = 0;
      const bool left = begin > 0 && IsWordChar(CharBefore(text, begin, before));
      other = end;
      const bool right = end < text.size() && IsWordChar(NextChar(text, other));
      if (left || right) {
        at = end - 1;
        continue;
      }
    }
    match.next = end;
    while (token->lstrip && begin > done) {
      size_t before = 0;
      if (!IsWhiteSpace(CharBefore(text, begin, before)) || before < done) break;
      begin = before;
    }
    while (token->rstrip && end < text.size()) {
      size_t next = end;
      if (!IsWhiteSpace(NextChar(text, next))) break;
      end = next;
    }
    // What it took in may hold the beginning of the next match (a token that is white space): that one is not looked for again.
    match.next = std::max(match.next, end);
    match.begin = begin;
    match.end = end;
    match.token = token;
    return true;
  }
  return false;
}

AddedTokens ReadAddedTokens(const JsonValue& json, const std::string& where, const Vocabulary& vocabulary,
                            const Normalizer* normalizer) {
  AddedTokens added;
  if (json.IsNull()) return added;
  RegexScratch scratch;
  int64_t made_left = kMadeBytes;  // of all of them
  const auto size = static_cast<int32_t>(vocabulary.size());
  int32_t largest = -1;
  if (!json.IsArray()) throw InvalidArgument(where, " is ", json.KindName(), ", not an array");
  for (const JsonValue& item : json.Items()) {
    const Component component(item, StrCat(where, "[", added.all.size(), "]"));
    AddedToken token;
    token.content = component.String("content");
    const int64_t id = component.Int("id");
    if (id < 0 || id > (1 << 24) - 1)
      component.Bad(StrCat("the id ", id, " of \"", Printable(token.content), "\" is outside [0, 16777215]"));
    token.single_word = component.Bool("single_word", false);
    token.lstrip = component.Bool("lstrip", false);
    token.rstrip = component.Bool("rstrip", false);
    token.special = component.Bool("special", false);
    token.normalized = component.Bool("normalized", !token.special);
    if (token.content.empty()) continue;
    token.shown = token.content;
    if (token.normalized && normalizer != nullptr && !normalizer->Leaves(token.content)) {
      AlignedText text, spare;
      made_left += static_cast<int64_t>(token.content.size()) * kMadeBytesAByte;
      scratch.Allow(token.content.size());
      text.left = spare.left = &made_left;
      text.text = token.content;
      normalizer->Apply(text, spare, scratch);
      token.shown = text.text;
    }
    if (token.special) added.special.emplace(token.content, true);
    if (const auto known = added.ids.find(token.content); known != added.ids.end()) {
      token.id = known->second;
      added.all[added.by_id.at(token.id)] = std::move(token);
      continue;
    }
    token.id = vocabulary.Find(token.content);
    if (token.id < 0) token.id = largest < size ? size : largest + 1;
    largest = std::max(largest, token.id);
    added.ids.emplace(token.content, token.id);
    added.by_id.insert_or_assign(token.id, added.all.size());
    added.all.push_back(std::move(token));
  }

  // Special tokens come first where two are spelled alike after normalization.
  std::vector<AddedToken> ordered = added.all;
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.special > b.special; });
  std::vector<AddedToken> tokens[2];
  std::vector<std::string> contents[2];
  for (AddedToken& token : ordered) {
    contents[token.normalized].push_back(token.normalized ? token.shown : token.content);
    tokens[token.normalized].push_back(std::move(token));
  }
  added.raw = AddedTokenFinder(std::move(tokens[0]), contents[0]);
  added.normalized = AddedTokenFinder(std::move(tokens[1]), contents[1]);
  return added;
}

}  // namespace hlm
