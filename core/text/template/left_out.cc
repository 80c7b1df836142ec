#include "core/text/template/left_out.h"

#include <string.h>

#include <algorithm>
#include <string_view>

#include "core/text/template/conversation.h"
#include "core/text/template/unicode.h"

namespace hlm {

using jinja::Field;
using jinja::Origin;
using jinja::Value;

namespace {

// Of text that is searched for words; words behind that are told without a search.
constexpr size_t kMostSearched = size_t{1} << 28;

// Names that are told by themselves; what is behind them is told together, without a name.
constexpr size_t kMostNames = 64;

// By memmem, which is linear in both.
bool IsIn(std::string_view words, std::string_view text) {
  return memmem(text.data(), text.size(), words.data(), words.size()) != nullptr;
}

int64_t CountIn(const Value& value) {
  if (value.IsText()) return CountVisible(value.text().bytes());
  int64_t count = 0;
  if (value.IsSequence()) {
    for (const Value& item : value.sequence().items) count += CountIn(item);
  } else if (value.IsDict()) {
    for (const auto& [key, member] : value.dict().entries()) count += CountIn(member);
  }
  return count;
}

// The places of words that a text has, rising and apart.
std::vector<Span> PlacesIn(const jinja::Text& text) {
  std::vector<Span> places;
  ForEachRun(text, [&](int64_t, int64_t, const jinja::Run& run) {
    if (run.place != 0) places.push_back({run.place, int64_t{run.place} + run.taken});
  });
  std::sort(places.begin(), places.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  return Joined(places);
}

// Characters of the words that are at none of the places.
int64_t CountMissing(const Words& words, const std::vector<Span>& places) {
  const std::string_view text = words.text.bytes();
  auto next =
      std::partition_point(places.begin(), places.end(), [&](const Span& span) { return span.end <= words.places.begin; });
  int64_t count = 0;
  for (size_t at = 0, length = 0; at < text.size(); at += length) {
    const bool space = jinja::IsSpace(jinja::CharAt(text, at, length));
    const int64_t place = words.places.begin + static_cast<int64_t>(at);
    while (next != places.end() && next->end <= place) ++next;
    count += !space && (next == places.end() || next->begin > place);
  }
  return count;
}

}  // namespace

std::vector<LeftOut> FindLeftOut(const Conversation& conversation, const std::vector<bool>& trained, const jinja::Text& text) {
  std::vector<LeftOut> all;
  const auto add = [&](LeftOutOf of, std::string_view name, int64_t characters) {
    if (characters == 0) return;
    const auto find = [&] {
      return std::find_if(all.begin(), all.end(), [&](const LeftOut& one) { return one.of == of && one.name == name; });
    };
    auto known = find();
    if (known == all.end() && all.size() >= kMostNames) {
      name = "";
      known = find();
    }
    if (known != all.end()) {
      known->characters += characters;
    } else {
      all.push_back({of, std::string(name), characters});
    }
  };
  const std::vector<Span> places = PlacesIn(text);
  size_t searched = 0;
  for (const Words& words : conversation.words) {
    if (words.field != Field::kOther) {
      if (trained[words.message]) continue;
      const Value* role = conversation.messages.sequence().items[words.message].dict().Find("role");
      add(LeftOutOf::kMessages, role->text().bytes(), CountMissing(words, places));
    } else if ((searched += text.size()) > kMostSearched || !IsIn(words.text.bytes(), text.bytes())) {
      // A tool's result may name the function whose call has been printed: that is no loss.
      add(LeftOutOf::kMember, words.member, CountMissing(words, places));
    }
  }
  bool tools = false;
  ForEachRun(text, [&](int64_t, int64_t, const jinja::Run& run) { tools = tools || run.source.origin() == Origin::kTools; });
  if (!tools) add(LeftOutOf::kTools, "", CountIn(conversation.tools));
  return all;
}

}  // namespace hlm
