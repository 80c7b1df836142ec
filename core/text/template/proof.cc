#include "core/text/template/proof.h"

#include <algorithm>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/text/template/unicode.h"

namespace hlm {

using jinja::Field;
using jinja::Origin;
using jinja::Run;

namespace {

// Names are looked for in so many ids: with more, what is in them is told as dropped.
constexpr size_t kMostIds = 1024;

// A byte of a character other than its first.
bool IsInner(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

std::string Visible(std::string_view text) {
  std::string visible;
  for (size_t at = 0, length = 0; at < text.size(); at += length) {
    if (!jinja::IsSpace(jinja::CharAt(text, at, length))) visible.append(text.substr(at, length));
  }
  return visible;
}

// The text without white space begins with `visible`, or ends with it.
bool BeginsVisibly(std::string_view text, std::string_view visible) {
  for (size_t at = 0, length = 0; at < text.size() && !visible.empty(); at += length) {
    if (jinja::IsSpace(jinja::CharAt(text, at, length))) continue;
    if (!visible.starts_with(text.substr(at, length))) return false;
    visible.remove_prefix(length);
  }
  return visible.empty();
}

bool EndsVisibly(std::string_view text, std::string_view visible) {
  while (!visible.empty()) {
    text = jinja::StripRight(text);
    size_t start = text.size();
    while (start > 0 && IsInner(text[--start])) {
    }
    const std::string_view last = text.substr(start);
    if (last.empty() || !visible.ends_with(last)) return false;
    text.remove_suffix(last.size());
    visible.remove_suffix(last.size());
  }
  return true;
}

// The whole characters that a range of words has part in.
std::string_view Characters(const Words& words, Span places) {
  const std::string_view text = words.text.bytes();
  auto begin = static_cast<size_t>(places.begin - words.places.begin), end = static_cast<size_t>(places.end - words.places.begin);
  while (begin > 0 && IsInner(text[begin])) --begin;
  while (end < text.size() && IsInner(text[end])) ++end;
  return text.substr(begin, end - begin);
}

}  // namespace

MaskProof::MaskProof(const MaskedText& mask, const std::vector<Words>& words) : mask_(mask), words_(words) {
  size_t at = 0;
  ForEachRun(mask.text, [&](int64_t begin, int64_t end, const Run& run) {
    while (at < mask_.trained.size() && mask_.trained[at].end <= begin) ++at;
    if (!IsOwn(run)) return;
    if (run.place == 0) {
      const bool id = run.source.field() == Field::kToolCalls && at < mask_.trained.size() && mask_.trained[at].begin < end;
      const auto first = static_cast<size_t>(begin), size = static_cast<size_t>(end - begin);
      if (id && ids_.size() < kMostIds) ids_.emplace_back(run.source.message(), mask_.text.bytes().substr(first, size));
      return;
    }
    const bool copy = run.taken == end - begin;
    const auto add = [&](int64_t from, int64_t to) {
      from = std::max(from, begin);
      to = std::min(to, end);
      if (from >= to) return;
      const int64_t place = int64_t{run.place} + (copy ? from - begin : 0);
      by_begin_.push_back({{place, place + (copy ? to - from : int64_t{run.taken})}, {from, to}});
    };
    add(begin, mask_.prompt_end[run.source.message()]);
    for (size_t s = at; s < mask_.trained.size() && mask_.trained[s].begin < end; ++s)
      add(mask_.trained[s].begin, mask_.trained[s].end);
  });
  by_end_ = by_begin_;
  std::stable_sort(by_begin_.begin(), by_begin_.end(),
                   [](const Piece& a, const Piece& b) { return a.places.begin < b.places.begin; });
  std::stable_sort(by_end_.begin(), by_end_.end(), [](const Piece& a, const Piece& b) { return a.places.end < b.places.end; });
  std::vector<Span> places;
  for (const Piece& piece : by_begin_) places.push_back(piece.places);
  covered_ = Joined(places);
}

bool MaskProof::IsOwn(const Run& run) const {
  return run.source.origin() == Origin::kMessage && mask_.messages[run.source.message()];
}

// What of a range is in no piece.
std::vector<Span> MaskProof::Missing(Span places) const {
  std::vector<Span> missing;
  auto next = std::partition_point(covered_.begin(), covered_.end(), [&](const Span& span) { return span.end <= places.begin; });
  for (int64_t at = places.begin; at < places.end; ++next) {
    const bool more = next != covered_.end() && next->begin < places.end;
    const int64_t end = more ? next->begin : places.end;
    if (at < end) missing.push_back({at, end});
    if (!more) break;
    at = next->end;
  }
  return missing;
}

std::optional<MaskFault> MaskProof::Fault() const {
  if (mask_.trained.empty()) return MaskFault{-1, "the mask is empty"};
  std::optional<MaskFault> fault;
  size_t at = 0;
  ForEachRun(mask_.text, [&](int64_t begin, int64_t end, const Run& run) {
    const Origin origin = run.source.origin();
    if (fault || origin == Origin::kTemplate || origin == Origin::kVariable) return;
    const auto message = origin == Origin::kMessage ? static_cast<int64_t>(run.source.message()) : int64_t{-1};
    while (at < mask_.trained.size() && mask_.trained[at].end <= begin) ++at;
    if (IsOwn(run)) {
      if (run.place == 0 || !IsWritten(run.source.field())) return;
      const std::vector<Span> missing = Missing({run.place, int64_t{run.place} + run.taken});
      if (missing.empty()) return;
      int64_t bytes = 0;
      for (const Span& span : missing) bytes += span.end - span.begin;
      const int64_t first = run.taken == end - begin ? begin + missing.front().begin - run.place : begin;
      fault = {message, StrCat(Counted(bytes, "byte"), " that the assistant wrote would not be trained, from byte ", first,
                               " of the text")};
      return;
    }
    int64_t inside = 0;
    for (size_t s = at; s < mask_.trained.size() && mask_.trained[s].begin < end; ++s) {
      inside += std::min(end, mask_.trained[s].end) - std::max(begin, mask_.trained[s].begin);
    }
    if (inside == 0 || run.source.field() == Field::kRole) return;
    fault = {message,
             StrCat(Counted(inside, "byte"), " of ", message >= 0 ? "another message" : "what describes tools or documents",
                    " would be trained, at byte ", begin, " of the text")};
  });
  return fault;
}

bool MaskProof::SaidByTemplate(const Words& words, Span gap) const {
  if (words.field == Field::kToolCalls) return false;
  const std::string visible = Visible(Characters(words, gap));
  // What was printed of the same words before the gap and behind it.
  auto before = std::partition_point(by_end_.begin(), by_end_.end(), [&](const Piece& p) { return p.places.end < gap.begin; });
  if (before != by_end_.end() && (before->places.end != gap.begin || gap.begin == words.places.begin)) before = by_end_.end();
  auto after = std::partition_point(by_begin_.begin(), by_begin_.end(), [&](const Piece& p) { return p.places.begin < gap.end; });
  if (after != by_begin_.end() && (after->places.begin != gap.end || gap.end == words.places.end)) after = by_begin_.end();
  const std::string_view text = mask_.text.bytes();
  const bool has_before = before != by_end_.end(), has_after = after != by_begin_.end();
  if (!has_before && !has_after) return false;
  const size_t from = has_before ? static_cast<size_t>(before->bytes.end) : 0;
  const size_t to = has_after ? static_cast<size_t>(after->bytes.begin) : text.size();
  if (from > to) return false;
  const std::string_view between = text.substr(from, to - from);
  return (has_before && BeginsVisibly(between, visible)) || (has_after && EndsVisibly(between, visible));
}

bool MaskProof::SaidById(const Words& words, Span gap) const {
  if (words.field != Field::kToolCalls || gap != words.places) return false;
  return std::any_of(ids_.begin(), ids_.end(), [&](const auto& id) {
    return id.first == words.message && id.second.find(words.text.bytes()) != std::string_view::npos;
  });
}

std::vector<DroppedWords> MaskProof::Dropped() const {
  std::vector<DroppedWords> dropped;
  for (const Words& words : words_) {
    if (!mask_.messages[words.message] || !IsWritten(words.field)) continue;
    int64_t characters = 0;
    for (const Span& gap : Missing(words.places)) {
      const int64_t visible = CountVisible(Characters(words, gap));
      if (visible > 0 && !SaidByTemplate(words, gap) && !SaidById(words, gap)) characters += visible;
    }
    if (characters == 0) continue;
    const auto message = static_cast<int64_t>(words.message);
    // A message's entries are the last ones, and at most one a field.
    auto known = dropped.rbegin();
    while (known != dropped.rend() && known->message == message && known->field != words.field) ++known;
    if (known != dropped.rend() && known->message == message) {
      known->characters += characters;
    } else {
      dropped.push_back({message, words.field, characters});
    }
  }
  return dropped;
}

bool IsWritten(Field field) { return field == Field::kContent || field == Field::kReasoning || field == Field::kToolCalls; }

const char* FieldName(Field field) {
  switch (field) {
    case Field::kRole:
      return "role";
    case Field::kContent:
      return "content";
    case Field::kReasoning:
      return "reasoning";
    case Field::kToolCalls:
      return "tool_calls";
    case Field::kNone:
    case Field::kOther:
      break;
  }
  return "other";
}

}  // namespace hlm
