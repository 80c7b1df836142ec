// ConvertSentencePiece of convert.h.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/convert.h"
#include "core/text/tokenizer/vocabulary.h"

namespace hlm {
namespace {

using Piece = SentencePieceFile::Piece;

constexpr const char* kSpace = "\xe2\x96\x81";  // the sign that stands for a space

// Classes of transformers that order the pieces anew, or cut texts in their own way.
constexpr const char* kOtherClasses[] = {
    "AlbertTokenizer",      "BarthezTokenizer",    "BertGenerationTokenizer", "BigBirdTokenizer",
    "CamembertTokenizer",   "CodeLlamaTokenizer",  "CohereTokenizer",         "CpmTokenizer",
    "DebertaV2Tokenizer",   "FNetTokenizer",       "GPTSw3Tokenizer",         "LasrTokenizer",
    "LayoutXLMTokenizer",   "M2M100Tokenizer",     "MBart50Tokenizer",        "MBartTokenizer",
    "MLukeTokenizer",       "MarianTokenizer",     "NllbTokenizer",           "PLBartTokenizer",
    "ParakeetTokenizer",    "PegasusTokenizer",    "ReformerTokenizer",       "RemBertTokenizer",
    "SeamlessM4TTokenizer", "Siglip2Tokenizer",    "SiglipTokenizer",         "Speech2TextTokenizer",
    "SpeechT5Tokenizer",    "T5Tokenizer",         "UdopTokenizer",           "VideoPrismTokenizer",
    "XGLMTokenizer",        "XLMRobertaTokenizer", "XLNetTokenizer"};

// Of the work of finding all pairs of pieces that make a piece: the sum over pieces of their lengths' squares.
constexpr double kMostPairWork = 1e10;

class Converter {
 public:
  Converter(const SentencePieceFile& file, const FolderSettings& settings)
      : file_(file), settings_(settings), class_(TokenizerClassOf(settings, true)) {
    for (const char* other : kOtherClasses) {
      if (class_ == other) throw Unimplemented(settings.where, ": tokenizer.model for the class ", class_);
    }
    // Both classes know BPE only.
    const bool bpe = file.model_type == SentencePieceFile::kBpe;
    llama_ = bpe && class_ == "LlamaTokenizer";
    gemma_ = bpe && class_ == "GemmaTokenizer";
    NamePieces();
  }

  ConvertedTokenizer Run() {
    const auto find = [this](std::string_view token) { return ids_.Find(token); };
    added_ = AddTokens(settings_, Known(), find, names_.size());
    json_.BeginObject();
    json_.Member("version", "1.0");
    added_.Write(json_);
    WriteNormalizer();
    WritePreTokenizer();
    WriteDecoder();
    WriteModel();
    json_.EndObject();
    return {json_.Take(), std::move(added_.special)};
  }

 private:
  bool General() const { return !llama_ && !gemma_; }

  // The general class takes the names that the configuration gives to ids, unless another piece is called so.
  void NamePieces() {
    ids_.Reserve(file_.pieces.size(), file_.pieces.size() * 8);
    for (const Piece& piece : file_.pieces) names_.push_back(piece.text);
    if (General() && file_.model_type == SentencePieceFile::kBpe) {
      std::map<int64_t, std::string> given;
      for (auto& [id, token] : DecoderTokens(settings_)) given.insert_or_assign(id, std::move(token.content));
      std::map<std::string_view, bool> kept;
      for (size_t i = 0; i < names_.size(); ++i) {
        if (given.count(static_cast<int64_t>(i)) == 0) kept.emplace(file_.pieces[i].text, true);
      }
      for (auto& [id, name] : given) {
        if (id < static_cast<int64_t>(names_.size()) && kept.count(name) == 0 && !name.empty()) {
          names_[static_cast<size_t>(id)] = name;
        }
      }
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      const bool fresh = ids_.Insert(names_[i], static_cast<int32_t>(i));
      if (!fresh)
        throw InvalidArgument(settings_.where, ": two tokens of tokenizer.model are called \"", Printable(names_[i]), "\"");
    }
  }

  ClassTokens Known() const {
    ClassTokens known;
    known.own_extra = true;
    if (llama_) {
      known.defaults = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}};
    } else if (gemma_) {
      known.defaults = {{"bos_token", "<bos>"},
                        {"eos_token", "<eos>"},
                        {"unk_token", "<unk>"},
                        {"pad_token", "<pad>"},
                        {"mask_token", "<mask>"}};
    } else {
      if (file_.bos_id >= 0) known.defaults.emplace_back("bos_token", file_.bos_piece.empty() ? "<s>" : file_.bos_piece);
      if (file_.eos_id >= 0) known.defaults.emplace_back("eos_token", file_.eos_piece.empty() ? "</s>" : file_.eos_piece);
      known.defaults.emplace_back("unk_token", file_.unk_piece.empty() ? "<unk>" : file_.unk_piece);
      known.raw = file_.add_dummy_prefix;
    }
    for (const Piece& piece : file_.pieces) {
      const bool control = piece.type == SentencePieceFile::kControl;
      if (!control && (piece.type != SentencePieceFile::kUserDefined || General())) continue;
      known.extra.push_back({.content = piece.text, .plain = false, .normalized = false, .special = control});
    }
    return known;
  }

  std::vector<std::string> UserDefined() const {
    std::vector<std::string> texts;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (file_.pieces[i].type == SentencePieceFile::kUserDefined) texts.push_back(names_[i]);
    }
    return texts;
  }

  // ---- Components ----

  void Replace(const char* kind, const std::string& pattern, const std::string& with) {
    json_.BeginObject();
    json_.Member("type", "Replace");
    json_.Key("pattern").BeginObject();
    json_.Member(kind, pattern);
    json_.EndObject();
    json_.Member("content", with);
    json_.EndObject();
  }

  void Base64(std::string_view bytes) {
    static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 3) {
      uint32_t word = 0;
      for (size_t k = 0; k < 3; ++k) word = word << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
      for (size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : kLetters[word >> (18 - 6 * k) & 63];
    }
    json_.Value(text);
  }

  void WriteNormalizer() {
    json_.Key("normalizer");
    if (llama_) {
      json_.Null();
      return;
    }
    if (gemma_) return Replace("String", " ", kSpace);
    json_.BeginObject();
    json_.Member("type", "Sequence");
    json_.Key("normalizers").BeginArray();
    if (!file_.charsmap.empty()) {
      json_.BeginObject();
      json_.Member("type", "Precompiled").Key("precompiled_charsmap");
      Base64(file_.charsmap);
      json_.EndObject();
    }
    if (file_.remove_extra_whitespaces) {
      Replace("Regex", R"(\A +| +\z)", "");
      Replace("Regex", " {2,}", " ");
    }
    if (file_.escape_whitespaces) Replace("String", " ", kSpace);
    // Metaspace puts no prefix in front of a text that begins with the sign; SentencePiece does.
    if (file_.add_dummy_prefix && settings_.Flag("legacy", true)) {
      Replace("Regex", std::string("\\A") + kSpace, std::string(kSpace) + kSpace);
    }
    json_.EndArray();
    json_.EndObject();
  }

  void Metaspace(const char* scheme) {
    json_.BeginObject();
    json_.Member("type", "Metaspace");
    json_.Member("replacement", kSpace);
    json_.Member("prepend_scheme", scheme);
    json_.Member("split", false);
    json_.EndObject();
  }

  void WritePreTokenizer() {
    json_.Key("pre_tokenizer");
    if (llama_) {
      const JsonValue* prefix = settings_.tokenizer_config.Find("add_prefix_space");
      const bool wanted = prefix == nullptr || prefix->IsNull() || settings_.Flag("add_prefix_space", true);
      return Metaspace(!wanted ? "never" : settings_.Flag("legacy", false) ? "always" : "first");
    }
    if (gemma_) {
      json_.BeginObject();
      json_.Member("type", "Split");
      json_.Key("pattern").BeginObject().Member("String", " ").EndObject();
      json_.Member("behavior", "MergedWithPrevious");
      json_.Member("invert", false);
      json_.EndObject();
      return;
    }
    json_.BeginObject();
    json_.Member("type", "Sequence");
    json_.Key("pretokenizers").BeginArray();
    if (file_.add_dummy_prefix) Metaspace(settings_.Flag("legacy", true) ? "always" : "first");
    WriteUserDefined();
    json_.EndArray();
    json_.EndObject();
  }

  // Pieces that the user defined are always taken whole: cuts around them, the longest first.
  void WriteUserDefined() {
    std::vector<std::string> texts = UserDefined();
    if (texts.empty()) return;
    const auto characters = [](const std::string& text) {
      return std::count_if(text.begin(), text.end(), [](char byte) { return !IsContinuation(byte); });
    };
    std::stable_sort(texts.begin(), texts.end(),
                     [&](const std::string& a, const std::string& b) { return characters(a) > characters(b); });
    std::string pattern;
    for (const std::string& text : texts) {
      if (!pattern.empty()) pattern += '|';
      for (const char byte : text) {
        if (std::strchr("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", byte) != nullptr && byte != '\0') pattern += '\\';
        pattern += byte;
      }
    }
    json_.BeginObject();
    json_.Member("type", "Split");
    json_.Key("pattern").BeginObject().Member("Regex", pattern).EndObject();
    json_.Member("behavior", "Isolated");
    json_.Member("invert", false);
    json_.EndObject();
  }

  void WriteDecoder() {
    const bool fallback = !General() || file_.byte_fallback;
    const JsonValue* prefix = settings_.tokenizer_config.Find("add_prefix_space");
    const bool strip = llama_ ? prefix == nullptr || prefix->IsNull() || settings_.Flag("add_prefix_space", true)
                              : General() && file_.add_dummy_prefix;
    json_.Key("decoder").BeginObject();
    json_.Member("type", "Sequence");
    json_.Key("decoders").BeginArray();
    Replace("String", kSpace, " ");
    if (fallback) json_.BeginObject().Member("type", "ByteFallback").EndObject();
    if (fallback || strip) json_.BeginObject().Member("type", "Fuse").EndObject();
    if (strip) {
      json_.BeginObject();
      json_.Member("type", "Strip").Member("content", " ").Member("start", 1).Member("stop", 0);
      json_.EndObject();
    }
    json_.EndArray();
    json_.EndObject();
  }

  // ---- The model ----

  void WriteModel() {
    json_.Key("model").BeginObject();
    if (file_.model_type == SentencePieceFile::kUnigram) {
      json_.Member("type", "Unigram");
      json_.Member("unk_id", file_.unk_id);
      json_.Member("byte_fallback", file_.byte_fallback);
      json_.Key("vocab").BeginArray();
      for (const Piece& piece : file_.pieces) {
        json_.BeginArray().Value(piece.text).Value(static_cast<double>(piece.score)).EndArray();
      }
      json_.EndArray();
      json_.EndObject();
      return;
    }
    json_.Member("type", "BPE");
    if (gemma_) json_.Member("unk_token", UnknownToken());
    if (General()) json_.Member("unk_token", file_.unk_piece);
    json_.Member("fuse_unk", true);
    json_.Member("byte_fallback", !General() || file_.byte_fallback);
    json_.Member("ignore_merges", General() && !UserDefined().empty());
    json_.Key("vocab").BeginObject();
    for (size_t i = 0; i < names_.size(); ++i) json_.Member(names_[i], i);
    json_.EndObject();
    json_.Key("merges").BeginArray();
    General() ? WriteMergesByScore() : WriteMergesById();
    json_.EndArray();
    json_.EndObject();
  }

  std::string UnknownToken() const {
    for (const SpecialToken& token : added_.special) {
      if (token.role == "unk_token") return token.content;
    }
    return file_.unk_piece;
  }

  void CheckPairWork() const {
    double work = 0;
    for (const std::string& name : names_) work += static_cast<double>(name.size()) * static_cast<double>(name.size());
    if (work > kMostPairWork) {
      throw Error(Code::kResourceExhausted,
                  StrCat(settings_.where, ": the pieces of tokenizer.model are so long that finding their merges takes ", work,
                         " steps; the limit is ", kMostPairWork));
    }
  }

  // The two sides of every way to make this piece of two others, the shortest left side first.
  template <class Has>
  void WritePairs(std::string_view text, const Has& has) {
    for (size_t at = Utf8Length(text[0]); at < text.size(); at += Utf8Length(text[at])) {
      const std::string_view left = text.substr(0, at), right = text.substr(at);
      if (!has(left) || !has(right)) continue;
      json_.BeginArray().Value(left).Value(right).EndArray();
    }
  }

  void WriteMergesById() {
    CheckPairWork();
    for (const std::string& name : names_) {
      WritePairs(name, [&](std::string_view part) { return ids_.Find(part) >= 0; });
    }
  }

  // Only normal pieces are merged; a higher score first.
  void WriteMergesByScore() {
    CheckPairWork();
    std::vector<size_t> order;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (file_.pieces[i].type == SentencePieceFile::kNormal) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return file_.pieces[a].score > file_.pieces[b].score; });
    const auto normal = [&](std::string_view part) {
      const int32_t id = ids_.Find(part);
      return id >= 0 && file_.pieces[static_cast<size_t>(id)].type == SentencePieceFile::kNormal;
    };
    for (const size_t i : order) WritePairs(names_[i], normal);
  }

  const SentencePieceFile& file_;
  const FolderSettings& settings_;
  std::string class_;
  bool llama_ = false, gemma_ = false;
  std::vector<std::string> names_;  // by id
  StringMap ids_;
  AddedVocabulary added_;
  JsonWriter json_;
};

}  // namespace

ConvertedTokenizer ConvertSentencePiece(const SentencePieceFile& file, const FolderSettings& settings) {
  return Converter(file, settings).Run();
}

}  // namespace hlm
