// What the messages of a conversation say, as places: each string of a message's content, reasoning, tool calls and further members
// has its own range of whole numbers, one a byte, and what a template prints of it knows them (jinja::Run). So it can be told which
// words came out.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_WORDS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_WORDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/template/spans.h"
#include "core/text/template/value.h"

namespace hlm {

// One string of a message.
struct Words {
  Span places;
  uint32_t message = 0;
  jinja::Field field = jinja::Field::kNone;
  jinja::Text text;
  std::string member = {};  // of the message, where the field is kOther
};

// Ranges that rise, joined where they meet or overlap.
std::vector<Span> Joined(const std::vector<Span>& rising);

// Characters other than white space.
int64_t CountVisible(std::string_view text);

class WordList {
 public:
  // The value of a member of message `index` with all of its strings from there, those that are words in it with places of their
  // own. Words are: of content and reasoning the strings, of their parts ({"type": ...}) the texts, of tool calls the names and the
  // arguments, keys included, of further members all strings. Roles, ids, types and pictures are none. Reasoning that a message has
  // under several names has its places once.
  jinja::Value Place(const jinja::Value& value, std::string_view member, uint32_t index);

  // Their places rise.
  const std::vector<Words>& words() const { return words_; }

 private:
  jinja::Value PlaceAll(const jinja::Value& value);
  jinja::Value PlaceContent(const jinja::Value& value);
  jinja::Value PlaceCalls(const jinja::Value& value);
  jinja::Value PlaceCall(const jinja::Value& value);
  template <class PlaceMember>
  jinja::Value PlaceMembers(const jinja::Dict& dict, const PlaceMember& place);
  jinja::Value PlaceText(const jinja::Text& text);

  jinja::Source source_;
  std::string member_;
  int64_t next_ = 1;
  std::vector<Words> words_;
  uint32_t reasoning_of_ = 0;  // a message, and its reasoning as it was given and placed
  std::vector<std::pair<jinja::Value, jinja::Value>> reasoning_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_WORDS_H_
