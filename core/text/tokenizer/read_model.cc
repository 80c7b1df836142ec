#include "core/text/tokenizer/read_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/bpe.h"
#include "core/text/tokenizer/unigram.h"
#include "core/text/tokenizer/word_models.h"

namespace hlm {
namespace {

class ModelReader {
 public:
  ModelReader(const RawMembers& members, bool byte_level, std::string where)
      : members_(members), byte_level_(byte_level), where_(std::move(where)) {}

  std::unique_ptr<const TokenModel> Read() {
    const std::string type = Text("type").value_or(Guess());
    if (type == "BPE") return ReadBpe();
    if (type == "Unigram") return ReadUnigram();
    if (type == "WordPiece") return ReadWordPiece();
    if (type == "WordLevel") return ReadWordLevel();
    throw Unimplemented(where_, ": the model \"", Printable(type), "\" is not known");
  }

 private:
  bool Has(const char* name) const {
    const auto found = members_.find(name);
    return found != members_.end() && found->second.text != "null";
  }
  JsonReader Open(const char* name) const {
    const auto found = members_.find(name);
    if (found == members_.end()) throw InvalidArgument(where_, ": \"", name, "\" is missing");
    return JsonReader(found->second.text, where_ + ": " + name, found->second.at);
  }
  std::optional<std::string> Text(const char* name) const {
    if (!Has(name)) return std::nullopt;
    return std::string(Open(name).String());
  }
  bool Bool(const char* name) const {
    if (!Has(name)) return false;
    const std::string_view text = members_.at(name).text;
    if (text != "true" && text != "false")
      throw InvalidArgument(where_, ": \"", name, "\" is ", Printable(text), ", not a boolean");
    return text == "true";
  }

  // Older files do not say what they are.
  std::string Guess() const {
    if (Has("merges")) return "BPE";
    if (Has("vocab") && members_.at("vocab").text.starts_with('[')) return "Unigram";
    return Has("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
  }

  Vocabulary ReadVocabulary() const {
    Vocabulary vocabulary;
    const std::string_view text = members_.count("vocab") != 0 ? members_.at("vocab").text : std::string_view();
    vocabulary.Reserve(static_cast<size_t>(std::count(text.begin(), text.end(), '"')) / 2, text.size() / 2);
    JsonReader reader = Open("vocab");
    std::string_view key;
    try {
      for (reader.BeginObject(); reader.NextKey(key);) {
        token_.assign(key);
        vocabulary.Add(token_, reader.Int());
      }
    } catch (const Error& error) {
      if (error.message().starts_with(where_)) throw;
      throw InvalidArgument(where_, ": vocab: ", error.message(), ", at byte ", reader.position());
    }
    return vocabulary;
  }

  std::unique_ptr<const TokenModel> ReadBpe() const {
    if (Has("dropout") && Open("dropout").Number() != 0) {
      throw Unimplemented(where_, ": dropout ", Printable(members_.at("dropout").text),
                          "; ids drawn at random are not made here");
    }
    BpeOptions options;
    options.unknown = Text("unk_token");
    options.prefix = Text("continuing_subword_prefix").value_or("");
    options.suffix = Text("end_of_word_suffix").value_or("");
    options.fuse_unknown = Bool("fuse_unk");
    options.byte_fallback = Bool("byte_fallback");
    options.ignore_merges = Bool("ignore_merges");
    Vocabulary vocabulary = ReadVocabulary();
    Merges merges = ReadMerges(vocabulary, options.prefix.size());
    return std::make_unique<Bpe>(std::move(vocabulary), std::move(merges), std::move(options), byte_level_);
  }

  Merges ReadMerges(const Vocabulary& vocabulary, size_t prefix) const {
    Merges merges;
    merges.Reserve(vocabulary.size());
    JsonReader reader = Open("merges");
    std::string left, right;
    int32_t merged_id = -1;
    const auto find = [&](std::string_view token) {
      const int32_t id = vocabulary.Find(token);
      if (id < 0) {
        reader.Fail(StrCat("the merge of \"", Printable(left), "\" and \"", Printable(right), "\" needs \"", Printable(token),
                           "\", which is not in the vocabulary,"));
      }
      return id;
    };
    for (reader.BeginArray(); reader.NextItem();) {
      if (reader.Peek() == '[') {
        reader.BeginArray();
        std::string* sides[] = {&left, &right};
        for (std::string* side : sides) {
          if (!reader.NextItem()) reader.Fail("a merge of less than two tokens");
          *side = reader.String();
        }
        if (reader.NextItem()) reader.Fail("a merge of more than two tokens");
      } else {
        const std::string_view text = reader.String();
        if (text.starts_with("#version")) continue;
        const size_t space = text.find(' ');
        if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
          reader.Fail(StrCat("the merge \"", Printable(text), "\", which is not two tokens with a space between,"));
        }
        left = text.substr(0, space);
        right = text.substr(space + 1);
      }
      const int32_t left_id = find(left), right_id = find(right);
      if (right.size() < prefix) reader.Fail(StrCat("the merge's token \"", Printable(right), "\" is shorter than the prefix"));
      merged_.assign(left).append(right, prefix);
      // The token behind the last merge's, in most files: a look at memory that was just read.
      ++merged_id;
      if (!vocabulary.Has(merged_id) || vocabulary.Text(merged_id) != merged_) merged_id = find(merged_);
      merges.Add(left_id, right_id, merged_id);
    }
    return merges;
  }

  std::unique_ptr<const TokenModel> ReadUnigram() const {
    std::vector<UnigramPiece> pieces;
    JsonReader reader = Open("vocab");
    for (reader.BeginArray(); reader.NextItem();) {
      reader.BeginArray();
      UnigramPiece piece;
      if (!reader.NextItem()) reader.Fail("a piece without a text");
      piece.text = reader.String();
      if (!reader.NextItem()) reader.Fail("a piece without a score");
      piece.score = reader.Number();
      if (reader.NextItem()) reader.Fail("a piece that is more than a text and a score");
      pieces.push_back(std::move(piece));
    }
    int64_t unknown = -1;
    if (Has("unk_id")) {
      unknown = Open("unk_id").Int();
      if (unknown < 0 || unknown >= static_cast<int64_t>(pieces.size())) {
        throw InvalidArgument(where_, ": unk_id is ", unknown, "; the vocabulary has ", Counted(pieces.size(), "piece"));
      }
    }
    return std::make_unique<Unigram>(std::move(pieces), static_cast<int32_t>(unknown), Bool("byte_fallback"));
  }

  std::unique_ptr<const TokenModel> ReadWordPiece() const {
    const int64_t longest = Has("max_input_chars_per_word") ? Open("max_input_chars_per_word").Int() : 100;
    return std::make_unique<WordPiece>(ReadVocabulary(), Text("unk_token").value_or("[UNK]"),
                                       Text("continuing_subword_prefix").value_or("##"), longest, byte_level_);
  }
  std::unique_ptr<const TokenModel> ReadWordLevel() const {
    return std::make_unique<WordLevel>(ReadVocabulary(), Text("unk_token").value_or("<unk>"), byte_level_);
  }

  const RawMembers& members_;
  bool byte_level_;
  std::string where_;
  mutable std::string token_, merged_;
};

}  // namespace

RawMembers ReadMembers(JsonReader& reader) {
  RawMembers members;
  std::string_view key;
  for (reader.BeginObject(); reader.NextKey(key);) {
    const std::string name(key);
    reader.Peek();
    const size_t at = reader.position();
    members[name] = {reader.Raw(), at};
  }
  return members;
}

std::unique_ptr<const TokenModel> ReadModel(const RawMembers& members, bool byte_level, const std::string& where) {
  try {
    return ModelReader(members, byte_level, where).Read();
  } catch (const Error& error) {
    if (error.message().starts_with(where)) throw;
    throw Error(error.code(), StrCat(where, ": ", error.message()));
  }
}

}  // namespace hlm
