// Splits a template into text and the tokens of its tags, with Jinja's control of white space (trim_blocks, lstrip_blocks, no
// trailing newline, - and +).
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_LEXER_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hlm::jinja {

struct Token {
  enum class Kind : uint8_t {
    kText,
    kOutputBegin,
    kOutputEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,
    kInt,
    kFloat,
    kOperator,
    kEnd
  };

  Kind kind;
  int line;
  std::string text;  // of text, names, strings (without quotes and escapes), operators
  int64_t whole = 0;
  double real = 0;
};

// Throws INVALID_ARGUMENT naming the line. The last token is kEnd.
std::vector<Token> Tokenize(std::string_view source);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_LEXER_H_
