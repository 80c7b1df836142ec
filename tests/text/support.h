// What the tests of tokenizers share: small tokenizers as JSON, and ids to compare.
#ifndef HORIZON_LM_TESTS_TEXT_SUPPORT_H_
#define HORIZON_LM_TESTS_TEXT_SUPPORT_H_

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/text/tokenizer/tokenizer.h"

namespace hlm {

using Json = nlohmann::ordered_json;
using Ids = std::vector<int32_t>;

// A BPE of the letters a to e and space, with a few merges; no byte-level, no pre-tokenizer.
inline Json LetterTokenizer() {
  Json model = {{"type", "BPE"}, {"vocab", Json::object()}, {"merges", {"a b", "ab c", "d e"}}};
  int id = 0;
  for (const char* token : {"a", "b", "c", "d", "e", " ", "ab", "abc", "de"}) model["vocab"][token] = id++;
  return {{"version", "1.0"}, {"added_tokens", Json::array()}, {"model", model}};
}

inline Json Added(const std::string& content, int id, bool special, const Json& more = Json::object()) {
  Json token = {{"id", id}, {"content", content}, {"special", special}, {"normalized", false}};
  token.update(more);
  return token;
}

inline std::shared_ptr<const Tokenizer> Parse(const Json& json, const Json& config = nullptr) {
  return Tokenizer::Parse(json.dump(), config.is_null() ? "" : config.dump(), "t");
}

inline Ids Encode(const Json& json, const std::string& text) { return Parse(json)->Encode(text).ids; }

// The message of the Error that opening this text throws, with its code in front; "" where it throws none.
inline std::string OpenError(const std::string& text, const std::string& config = "") {
  try {
    Tokenizer::Parse(text, config, "t");
    return "";
  } catch (const Error& error) {
    return std::string(CodeName(error.code())) + ": " + error.message();
  }
}

inline void ExpectOpenError(const Json& json, const std::string& code, const std::vector<std::string>& parts) {
  const std::string error = OpenError(json.dump());
  EXPECT_TRUE(error.starts_with(code + ": ")) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  for (const std::string& part : parts) EXPECT_NE(error.find(part), std::string::npos) << "no \"" << part << "\" in: " << error;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_TEXT_SUPPORT_H_
