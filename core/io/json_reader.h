// Reads JSON front to back without making values: a tokenizer.json holds half a million small strings, and a tree of them costs
// more than all the rest of loading it. Small parts go to ParseJson (core/io/json_text.h) by Raw().
//
// The caller pulls: at each place it says what it expects there. Anything else is INVALID_ARGUMENT naming the byte.
#ifndef HORIZON_LM_CORE_IO_JSON_READER_H_
#define HORIZON_LM_CORE_IO_JSON_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hlm {

class JsonReader {
 public:
  // Throws where `text` is not UTF-8. It is borrowed. `where` begins every message.
  JsonReader(std::string_view text, std::string where);
  // Reads one value of a text that another reader took with Raw() and that begins at byte `base` of the whole.
  JsonReader(std::string_view part, std::string where, size_t base);

  // for (reader.BeginObject(); reader.NextKey(key);) { ... one value ... }
  void BeginObject() { Open('{'); }
  bool NextKey(std::string_view& key);  // valid until the next string is read
  // for (reader.BeginArray(); reader.NextItem();) { ... one value ... }
  void BeginArray() { Open('['); }
  bool NextItem() { return Next(']'); }

  char Peek();                // the first character of the value that comes: { [ " t f n, or a digit or minus
  std::string_view String();  // valid until the next string is read
  double Number();
  int64_t Int();    // a number without fraction or exponent
  bool TakeNull();  // true where it was null, else nothing is read
  // Steps over a value, whatever it is, and returns its text. Only brackets and strings are looked at.
  std::string_view Raw();
  // Nothing but white space is left.
  void End();

  [[noreturn]] void Fail(const std::string& what) const;  // "<where>: <what> at byte <here>"
  size_t position() const { return base_ + at_; }

 private:
  void SkipSpace();
  void Open(char bracket);
  bool Next(char closing);  // past what stands before the next one; false: past the closing bracket
  std::string_view UnescapeFrom(size_t begin);
  char32_t HexFour();

  std::string_view text_;
  std::string where_;
  size_t base_ = 0;
  size_t at_ = 0;
  int depth_ = 0;
  bool first_ = false;     // nothing yet in the innermost object or array
  std::string unescaped_;  // what String returned last, where it held escapes
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_IO_JSON_READER_H_
