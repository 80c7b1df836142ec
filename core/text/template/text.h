// Strings that know where their bytes come from.
//
// A template joins its own text with that of messages, tools and variables. Each byte of a Text carries the source that it was
// copied from, through slices, joins, filters and macros, and the number of the {% generation %} block that printed it. So a
// rendered conversation can say which bytes an assistant wrote without searching for them.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_TEXT_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/template/limits.h"

namespace hlm::jinja {

// Where a byte came from, packed: 0 is the template itself.
enum class Origin : uint32_t { kTemplate = 0, kMessage = 1, kTools = 2, kDocuments = 3, kVariable = 4 };
enum class Field : uint32_t { kNone = 0, kRole = 1, kContent = 2, kReasoning = 3, kToolCalls = 4, kOther = 5 };

class Source {
 public:
  static constexpr uint32_t kMaxMessages = 1u << 24;

  constexpr Source() = default;
  constexpr explicit Source(Origin origin, Field field = Field::kNone, uint32_t message = 0)
      : bits_(static_cast<uint32_t>(origin) << 28 | static_cast<uint32_t>(field) << 24 | message) {}
  constexpr Origin origin() const { return static_cast<Origin>(bits_ >> 28); }
  constexpr Field field() const { return static_cast<Field>(bits_ >> 24 & 15u); }
  constexpr uint32_t message() const { return bits_ & (kMaxMessages - 1); }
  constexpr bool operator==(const Source&) const = default;

 private:
  uint32_t bits_ = 0;
};

// Neighbouring bytes of one source and one generation block; it begins where the run before it ends.
struct Run {
  uint32_t end = 0;
  Source source;
  uint32_t generation = 0;  // 0: outside; else 1 + index into the render's list of blocks
  // The place among a conversation's words (words.h) of what these bytes were made of; 0: none. They are a copy where there are
  // as many of them; else (an escape, another case) all of them stand for all of it.
  uint32_t place = 0;
  uint32_t taken = 0;
};

// An immutable string of UTF-8. Copies share the bytes.
class Text {
 public:
  Text() = default;  // ""
  explicit Text(std::string bytes, Source source = Source(), bool safe = false, uint32_t place = 0);

  std::string_view bytes() const { return data_ == nullptr ? std::string_view() : std::string_view(data_->bytes); }
  size_t size() const { return data_ == nullptr ? 0 : data_->bytes.size(); }
  bool empty() const { return size() == 0; }
  // Code points, as Python counts.
  size_t chars() const { return data_ == nullptr ? 0 : data_->chars; }
  bool is_ascii() const { return chars() == size(); }
  // Marked by the filters `safe` and `escape`: joined by + with a string that is not, the other one is escaped.
  bool safe() const { return data_ != nullptr && data_->safe; }
  // Empty where all of it is the template's.
  const std::vector<Run>& runs() const;
  // The byte where code point `index` begins; size() for chars().
  size_t ByteOf(size_t index) const;

 private:
  friend class TextBuilder;
  struct Data {
    std::string bytes;
    std::vector<Run> runs;
    size_t chars = 0;
    bool safe = false;
  };
  explicit Text(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

// Puts a Text together. Each byte is charged to the render's budget, and no string grows beyond the limit of one.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(&budget) {}

  TextBuilder& Append(const Text& text) { return Append(text, 0, text.size()); }
  // The bytes [begin, end) with their sources.
  TextBuilder& Append(const Text& text, size_t begin, size_t end);
  TextBuilder& Append(std::string_view bytes);
  TextBuilder& Append(char byte) { return Append(std::string_view(&byte, 1)); }
  // Bytes made out of the `length` bytes at `at` of a text (an upper-case form, an escape): they share the source of the first.
  TextBuilder& AppendMade(std::string_view bytes, const Text& text, size_t at, size_t length);

  size_t size() const { return bytes_.size(); }
  std::string_view bytes() const { return bytes_; }
  // All of it in one generation block, apart from what is in one already.
  void MarkGeneration(uint32_t generation);
  Text Take(bool safe = false);

 private:
  void Reserve(size_t more);
  void EndRun(const Run& run);

  Budget* budget_;
  std::string bytes_;
  std::vector<Run> runs_;
};

// The bytes [begin, end), with their sources.
Text SubText(const Text& text, size_t begin, size_t end, Budget& budget);
// The same string, marked safe or not.
Text WithSafe(const Text& text, bool safe, Budget& budget);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_TEXT_H_
