// Tokenizer files of a few hundred bytes, and texts, that would take minutes or all memory: each call ends within seconds, with ids
// or with an error that names the limit.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <random>

#include "tests/text/support.h"

namespace hlm {
namespace {

// Alone each takes a second or two at most; the rest is for a busy machine and sanitizers.
constexpr double kMostSeconds = 60;

std::string Times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

Json Split(const std::string& regex, const char* behavior = "Isolated") {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", behavior}, {"invert", false}};
}
Json Replace(const std::string& regex, const std::string& with) {
  return {{"type", "Replace"}, {"pattern", {{"Regex", regex}}}, {"content", with}};
}
Json With(const char* member, const Json& value) {
  Json json = LetterTokenizer();
  json[member] = value;
  return json;
}

// What it ends with: "" or the error.
std::string EndsSoon(const std::string& what, const std::function<void()>& call) {
  const auto begin = std::chrono::steady_clock::now();
  std::string result;
  try {
    call();
  } catch (const Error& error) {
    result = std::string(CodeName(error.code())) + ": " + error.message();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%6.2f s: %s -> %s\n", seconds, what.substr(0, 70).c_str(), result.substr(0, 110).c_str());
  EXPECT_LT(seconds, kMostSeconds) << what;
  return result;
}

TEST(TokenizerWork, PatternsThatBacktrackAreStopped) {
  // Classes at the ends: a single character that must come is looked for before anything else.
  const std::string many(60'000, 'a'), spaces(60'000, ' ');
  struct Case {
    const char* pattern;
    std::string text;
    bool must_stop;
  };
  for (const Case& c : std::vector<Case>{
           {"(a+)+[bc]", many, true},
           {"(a|a)+[bc]", many, false},
           {"(a*)*[bc]", many, true},
           {"(?:a?){30}a{30}", many, false},
           {"(.*)*[xy]", many, true},
           {"(\\s+|\\s*\\n)+[xy]", spaces, true},
           {"a*[bc]", many, false},
           {"\\s*[\\n\\r]", spaces, false},
           {"(?<=a{3}.{0,200})x", many, false},
           {"(a+)\\1[bc]", many, false},
           {"((a{1,100}){1,100}){1,100}[bc]", many, false},
       }) {
    for (const char* kind : {"pre_tokenizer", "normalizer"}) {
      const Json json = With(kind, std::string(kind) == "normalizer" ? Replace(c.pattern, "z") : Split(c.pattern));
      const std::string error = EndsSoon(std::string(kind) + " " + c.pattern, [&] { Parse(json)->Encode(c.text); });
      if (c.must_stop) {
        EXPECT_TRUE(error.find("than the limit of") != std::string::npos && error.find("byte") != std::string::npos) << error;
      }
    }
  }
  // Another text has its own steps: the tokenizer goes on.
  const auto tokenizer = Parse(With("pre_tokenizer", Split("(a+)+[bc]")));
  EXPECT_NE(EndsSoon("first", [&] { tokenizer->Encode(many); }), "");
  EXPECT_EQ(EndsSoon("second", [&] { EXPECT_FALSE(tokenizer->Encode("aab abc").ids.empty()); }), "");
}

// Runs over single characters are no steps to PCRE2: the thread's own clock ends them.
TEST(TokenizerWork, PatternsThatRunOverAllOfATextFromEachByteAreStopped) {
  const auto tokenizer = Parse(With("pre_tokenizer", Split("(?=(a+))a*[bc]")));
  std::string result;
  try {
    tokenizer->Encode(std::string(1'000'000, 'a'));
  } catch (const Error& error) {
    result = error.message();
  }
  EXPECT_NE(result.find("takes longer than the limit of 11 seconds"), std::string::npos) << result;
}

// What published tokenizers do on long texts is far below the limit.
TEST(TokenizerWork, OrdinaryPatternsAreNotStopped) {
  const char* r2 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const char* r6 =
      R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  Json json = LetterTokenizer();
  json["model"]["fuse_unk"] = true;
  for (const char* pattern : {r2, r6}) {
    json["pre_tokenizer"] = Split(pattern);
    const auto tokenizer = Parse(json);
    for (const std::string& text :
         {std::string(2'000'000, 'a'), std::string(2'000'000, ' '), std::string(2'000'000, '\n'), Times(200'000, "a   \n  "),
          Times(100'000, std::string(40, ' ') + "x\n"), Times(300, std::string(5'000, ' ') + "x"), Times(500'000, "日本"),
          Times(200'000, "the cat's "), std::string(2'000'000, '!'), Times(500'000, "12.5,")}) {
      EXPECT_EQ(EndsSoon(pattern + std::string(" on ") + text.substr(0, 10), [&] { tokenizer->Encode(text); }), "");
    }
  }
}

TEST(TokenizerWork, NormalizersThatDoubleAreStopped) {
  const auto sequence = [](int n, const Json& one) {
    Json list = Json::array();
    for (int i = 0; i < n; ++i) list.push_back(one);
    return With("normalizer", {{"type", "Sequence"}, {"normalizers", list}});
  };
  for (const Json& json : {sequence(60, Replace("a", "aa")), sequence(12, Replace(".", std::string(200, 'a'))),
                           sequence(8, Replace("", std::string(100, 'b'))), sequence(3000, Replace("a", "aaaa"))}) {
    const auto tokenizer = Parse(json);
    for (const std::string& text : {std::string("a"), std::string(1000, 'a'), Times(20'000, "a b")}) {
      const std::string error = EndsSoon("normalizers on " + std::to_string(text.size()), [&] { tokenizer->Encode(text); });
      EXPECT_NE(error.find("normalizers make more of the text than the limit"), std::string::npos) << error;
    }
    // An added token that is normalized when the file is read.
    Json with = json;
    with["added_tokens"] = {Added("aaa", 9, false, {{"normalized", true}})};
    EXPECT_NE(EndsSoon("an added token", [&] { Parse(with); }).find("normalizers make more"), std::string::npos);
  }
}

TEST(TokenizerWork, DecodersThatDoubleAreStopped) {
  Json list = Json::array();
  for (int i = 0; i < 60; ++i) list.push_back(Replace("a", "aa"));
  const auto tokenizer = Parse(With("decoder", {{"type", "Sequence"}, {"decoders", list}}));
  const Ids ids(1000, 0);
  EXPECT_NE(EndsSoon("decoders", [&] { tokenizer->Decode(ids); }).find("limit of"), std::string::npos);
  const auto slow = Parse(With("decoder", Replace("(a+)+[bc]", "")));
  EXPECT_EQ(EndsSoon("one a a token", [&] { slow->Decode(ids); }), "");
  const auto fused = Parse(With("decoder", {{"type", "Sequence"}, {"decoders", {{{"type", "Fuse"}}, Replace("(a+)+[bc]", "")}}}));
  EXPECT_NE(EndsSoon("all as", [&] { fused->Decode(ids); }).find("steps"), std::string::npos);
}

TEST(TokenizerWork, LongWordsAreCutInLinearTime) {
  const std::string word(300'000, 'a');
  Json json = {{"version", "1.0"}, {"added_tokens", Json::array()}};
  json["model"] = {{"type", "WordPiece"},
                   {"unk_token", "[UNK]"},
                   {"continuing_subword_prefix", "##"},
                   {"max_input_chars_per_word", 1'000'000'000},
                   {"vocab", {{"[UNK]", 0}, {"a", 1}, {"##a", 2}, {"##aaaa", 3}}}};
  EXPECT_EQ(EndsSoon("WordPiece", [&] { EXPECT_EQ(Parse(json)->Encode(word).ids.size(), 1u + 74'999u + 3u); }), "");
  json["model"] = {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", Json::array()}};
  for (const auto& [piece, score] :
       std::vector<std::pair<std::string, double>>{{"<unk>", 0.0}, {"a", -1.0}, {std::string(200, 'a'), -2.0}}) {
    json["model"]["vocab"].push_back(Json::array({piece, score}));
  }
  EXPECT_EQ(EndsSoon("Unigram", [&] { Parse(json)->Encode(word); }), "");
  EXPECT_EQ(EndsSoon("BPE", [&] { Parse(LetterTokenizer())->Encode(Times(100'000, "abc")); }), "");
  json = LetterTokenizer();
  for (int i = 1; i < 200; ++i)
    json["added_tokens"].push_back(Added(std::string(static_cast<size_t>(i), 'x') + "y", 8 + i, true,
                                         {{"lstrip", true}, {"rstrip", true}, {"single_word", true}}));
  EXPECT_EQ(EndsSoon("added tokens", [&] { Parse(json)->Encode(Times(10'000, "xxxxxxxxxxxxxxxxxxxx   ")); }), "");
}

TEST(TokenizerWork, FilesThatAreOnlyBracketsOrRepeatThemselvesEnd) {
  const auto text = [&](const std::string& file) {
    return EndsSoon(file.substr(0, 30), [&] { Tokenizer::Parse(file, "", "t"); });
  };
  EXPECT_NE(text(std::string(2'000'000, '[')), "");
  EXPECT_NE(text("{\"model\":" + std::string(2'000'000, '{')), "");
  EXPECT_NE(text("{\"normalizer\":" + Times(100'000, "{\"type\":\"Sequence\",\"normalizers\":[") + "1"), "");
  EXPECT_NE(text("{" + Times(200'000, "\"a\":1,") + "\"a\":1}"), "");
  for (const std::string& pattern : {Times(2000, "("), Times(10'000, "\\s"), Times(30, "(") + "a" + Times(30, "){1000}"),
                                     "(?:" + Times(3000, "\\p{L}|") + "a)*b", Times(20'000, "a|"), Times(5000, "[^\\s]"),
                                     "(?<=" + Times(5000, "a|") + "b)c", Times(60, "(?=") + "a" + Times(60, ")")}) {
    EndsSoon("pattern " + pattern.substr(0, 20),
             [&] { Parse(With("pre_tokenizer", Split(pattern)))->Encode(std::string(20'000, 'a')); });
  }
}

// Patterns put together at random from what makes them slow.
TEST(TokenizerWork, RandomPatternsEnd) {
  static constexpr const char* kParts[] = {"a", "a", ".", "\\s", "\\p{L}", "[^b]",  "(",   "(?:", "(?=", "(?!", "(?<=",  ")", ")",
                                           ")", "+", "*", "?",   "|",      "{1,9}", "{3}", "\\1", "$",   "b",   "(?i:A)"};
  std::mt19937 random(11);
  const std::string text = std::string(3'000, 'a') + " " + Times(500, "ab ") + std::string(2'000, ' ');
  const auto begin = std::chrono::steady_clock::now();
  int matched = 0, stopped = 0;
  double worst = 0;
  for (int i = 0; i < 1'000; ++i) {
    std::string pattern;
    for (size_t n = 2 + random() % 9; n > 0; --n) pattern += kParts[random() % std::size(kParts)];
    const auto at = std::chrono::steady_clock::now();
    try {
      Parse(With("pre_tokenizer", Split(pattern)))->Encode(text);
      ++matched;
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Code::kInvalidArgument || error.code() == Code::kUnimplemented) << error.message();
      stopped += error.message().find("steps than the limit") != std::string::npos;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - at).count();
    worst = std::max(worst, seconds);
    EXPECT_LT(seconds, kMostSeconds) << pattern;
  }
  std::printf("%d matched, %d stopped, the slowest took %.2f s, all %.1f s\n", matched, stopped, worst,
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  EXPECT_GT(matched, 60);
}

}  // namespace
}  // namespace hlm
