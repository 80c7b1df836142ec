// ConvertByteLevel of convert.h.
#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_reader.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/convert.h"
#include "core/text/tokenizer/vocabulary.h"

namespace hlm {
namespace {

constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
struct Kind {
  const char* name;
  bool nfc;
  const char* pattern;  // null: ByteLevel's own
  bool plain_specials;
};

Kind KindOf(const FolderSettings& settings) {
  const std::string name = TokenizerClassOf(settings, false);
  if (name == "GPT2Tokenizer" || name == "CodeGenTokenizer" || name == "TokenizersBackend") {
    return {"GPT2Tokenizer", false, nullptr, false};
  }
  if (name == "GPTNeoXTokenizer") return {"GPTNeoXTokenizer", true, nullptr, false};
  if (name == "Qwen2Tokenizer") return {"Qwen2Tokenizer", true, kQwen2, true};
  throw Unimplemented(settings.where, ": vocab.json and merges.txt for the class ", Printable(name),
                      "; GPT2Tokenizer, GPTNeoXTokenizer and Qwen2Tokenizer are read");
}

Vocabulary ReadVocabulary(std::string_view text, const std::string& where) {
  Vocabulary vocabulary;
  vocabulary.Reserve(text.size() / 16, text.size() / 2);
  JsonReader reader(text, where);
  std::string_view key;
  std::string token;
  for (reader.BeginObject(); reader.NextKey(key);) {
    token.assign(key);
    try {
      vocabulary.Add(token, reader.Int());
    } catch (const Error& error) {
      if (error.message().starts_with(where)) throw;
      reader.Fail(error.message());
    }
  }
  reader.End();
  return vocabulary;
}

void WriteMerges(std::string_view text, const std::string& where, JsonWriter& json) {
  if (const size_t bad = FirstInvalidUtf8(text); bad != std::string_view::npos) {
    throw InvalidArgument(where, ": not UTF-8 at byte ", bad);
  }
  int64_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) continue;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      throw InvalidArgument(where, ": line ", number, ": \"", Printable(line), "\" is not two tokens with a space between");
    }
    json.BeginArray().Value(line.substr(0, space)).Value(line.substr(space + 1)).EndArray();
  }
}

void WriteByteLevel(JsonWriter& json, bool prefix_space, bool use_regex) {
  json.BeginObject();
  json.Member("type", "ByteLevel");
  json.Member("add_prefix_space", prefix_space);
  json.Member("trim_offsets", true);
  json.Member("use_regex", use_regex);
  json.EndObject();
}

}  // namespace

ConvertedTokenizer ConvertByteLevel(std::string_view vocab, const std::string& vocab_where, std::string_view merges,
                                    const std::string& merges_where, const FolderSettings& settings) {
  const Kind kind = KindOf(settings);
  const Vocabulary vocabulary = ReadVocabulary(vocab, vocab_where);
  ClassTokens known;
  known.defaults = ByteLevelDefaults(kind.name);
  known.plain_specials = kind.plain_specials;
  const auto find = [&](std::string_view token) { return vocabulary.Find(token); };
  const AddedVocabulary added = AddTokens(settings, known, find, vocabulary.size());

  JsonWriter json;
  json.BeginObject();
  json.Member("version", "1.0");
  added.Write(json);
  json.Key("normalizer");
  kind.nfc ? json.BeginObject().Member("type", "NFC").EndObject() : json.Null();
  const bool prefix_space = settings.Flag("add_prefix_space", false);
  json.Key("pre_tokenizer");
  if (kind.pattern == nullptr) {
    WriteByteLevel(json, prefix_space, true);
  } else {
    json.BeginObject();
    json.Member("type", "Sequence");
    json.Key("pretokenizers").BeginArray();
    json.BeginObject();
    json.Member("type", "Split");
    json.Key("pattern").BeginObject().Member("Regex", kind.pattern).EndObject();
    json.Member("behavior", "Isolated");
    json.Member("invert", false);
    json.EndObject();
    WriteByteLevel(json, prefix_space, false);
    json.EndArray();
    json.EndObject();
  }
  json.Key("decoder");
  WriteByteLevel(json, true, true);
  json.Key("model").BeginObject();
  json.Member("type", "BPE");
  json.Member("continuing_subword_prefix", "");
  json.Member("end_of_word_suffix", "");
  json.Key("vocab").BeginObject();
  for (int32_t id = 0; id <= vocabulary.max_id(); ++id) {
    if (vocabulary.Has(id)) json.Member(vocabulary.Text(id), id);
  }
  json.EndObject();
  json.Key("merges").BeginArray();
  WriteMerges(merges, merges_where, json);
  json.EndArray();
  json.EndObject();
  json.EndObject();
  return {json.Take(), added.special};
}

}  // namespace hlm
