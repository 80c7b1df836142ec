#include "core/text/template/words.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/text/template/json.h"
#include "core/text/template/message.h"
#include "core/text/template/unicode.h"

namespace hlm {

using jinja::Dict;
using jinja::Field;
using jinja::Text;
using jinja::Value;

namespace {

constexpr int64_t kMostPlaces = int64_t{1} << 31;

std::string_view KeyOf(const Value& key) { return key.IsText() ? key.text().bytes() : std::string_view(); }

bool IsId(std::string_view member) { return member == "id" || member.ends_with("_id"); }

template <class Place>
Value EachOf(const Value& list, const Place& place) {
  std::vector<Value> items;
  for (const Value& item : list.sequence().items) items.push_back(place(item));
  return jinja::MakeSequence(list.sequence().flavor, std::move(items));
}

}  // namespace

std::vector<Span> Joined(const std::vector<Span>& rising) {
  std::vector<Span> joined;
  for (const Span& span : rising) {
    if (!joined.empty() && span.begin <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, span.end);
    } else {
      joined.push_back(span);
    }
  }
  return joined;
}

int64_t CountVisible(std::string_view text) {
  int64_t count = 0;
  for (size_t at = 0, length = 0; at < text.size(); at += length) count += !jinja::IsSpace(jinja::CharAt(text, at, length));
  return count;
}

Value WordList::Place(const Value& value, std::string_view member, uint32_t index) {
  const Field field = FieldOf(member);
  member_.clear();
  source_ = jinja::Source(jinja::Origin::kMessage, field, index);
  if (field == Field::kContent) return PlaceContent(value);
  if (field == Field::kToolCalls) return PlaceCalls(value);
  if (field == Field::kOther && !IsId(member)) {
    member_ = member;
    return PlaceAll(value);
  }
  if (field != Field::kReasoning) return jinja::WithSource(value, source_);
  if (reasoning_of_ != index) reasoning_.clear();
  reasoning_of_ = index;
  for (const auto& [given, placed] : reasoning_) {
    const bool texts = given.IsText() && value.IsText();
    if (texts ? given.text().bytes() == value.text().bytes() : given.SameObject(value)) return placed;
  }
  reasoning_.emplace_back(value, PlaceContent(value));
  return reasoning_.back().second;
}

Value WordList::PlaceText(const Text& text) {
  if (text.empty()) return Value::String(text);
  const Span places{next_, next_ + static_cast<int64_t>(text.size())};
  // One place between two strings belongs to none: the ranges never touch.
  next_ = places.end + 1;
  if (next_ > kMostPlaces) throw ResourceExhausted("the messages of a conversation have more than ", kMostPlaces, " bytes");
  words_.push_back({places, source_.message(), source_.field(), text, member_});
  return Value::String(Text(std::string(text.bytes()), source_, text.safe(), static_cast<uint32_t>(places.begin)));
}

Value WordList::PlaceAll(const Value& value) {
  if (value.IsText()) return PlaceText(value.text());
  if (value.IsSequence()) return EachOf(value, [&](const Value& item) { return PlaceAll(item); });
  if (!value.IsDict()) return value;
  Dict dict;
  for (const auto& [key, member] : value.dict().entries()) {
    Value placed = PlaceAll(key);
    dict.Set(std::move(placed), PlaceAll(member));
  }
  return jinja::MakeDict(std::move(dict));
}

template <class PlaceMember>
Value WordList::PlaceMembers(const Dict& dict, const PlaceMember& place) {
  Dict own;
  for (const auto& [key, member] : dict.entries()) own.Set(jinja::WithSource(key, source_), place(KeyOf(key), member));
  return jinja::MakeDict(std::move(own));
}

Value WordList::PlaceContent(const Value& value) {
  if (value.IsSequence()) return EachOf(value, [&](const Value& item) { return PlaceContent(item); });
  const Value* type = value.IsDict() ? value.dict().Find("type") : nullptr;
  // An object that is no part of a content is data: a tool's result.
  if (type == nullptr || !type->IsText()) return PlaceAll(value);
  return PlaceMembers(value.dict(), [&](std::string_view key, const Value& member) {
    const bool says = key == "text" || key == "thinking" || key == "reasoning" || key == "content";
    return says ? PlaceContent(member) : jinja::WithSource(member, source_);
  });
}

Value WordList::PlaceCalls(const Value& value) {
  if (value.IsSequence()) return EachOf(value, [&](const Value& call) { return PlaceCalls(call); });
  if (!value.IsDict()) return PlaceAll(value);
  const Value* function = value.dict().Find("function");
  if (function == nullptr || !function->IsDict()) return PlaceCall(value);
  return PlaceMembers(value.dict(), [&](std::string_view key, const Value& member) {
    return key == "function" ? PlaceCall(member) : jinja::WithSource(member, source_);
  });
}

Value WordList::PlaceCall(const Value& call) {
  return PlaceMembers(call.dict(), [&](std::string_view key, const Value& member) {
    return key == "name" || key == "arguments" ? PlaceAll(member) : jinja::WithSource(member, source_);
  });
}

}  // namespace hlm
