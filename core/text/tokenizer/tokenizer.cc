#include "core/text/tokenizer/tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <unordered_set>
#include <utility>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/text/tokenizer/tokenizer_folder.h"
#include "core/text/tokenizer/tokenizer_parts.h"

namespace hlm {
namespace {

constexpr int64_t kLargestFile = int64_t{512} << 20;
constexpr int64_t kLargestConfig = int64_t{64} << 20;
constexpr size_t kLongestText = (size_t{1} << 31) - 1;

// Takes a scratch out of the pool and puts it back.
class Borrowed {
 public:
  explicit Borrowed(ScratchPool& pool) : pool_(pool), scratch_(pool.Take()) {}
  ~Borrowed() { pool_.Give(std::move(scratch_)); }
  EncodeScratch& operator*() const { return *scratch_; }

 private:
  ScratchPool& pool_;
  std::unique_ptr<EncodeScratch> scratch_;
};

// One call of Encode.
class Encoder {
 public:
  Encoder(const Tokenizer::Parts& parts, std::string_view text, const EncodeOptions& options, EncodeScratch& scratch,
          Encoding& out)
      : parts_(parts), text_(text), options_(options), scratch_(scratch), out_(out) {}

  void Run() {
    scratch_.regex.Begin(text_.size());
    made_left_ = kMadeBytes + static_cast<int64_t>(text_.size()) * kMadeBytesAByte;
    scratch_.text.left = scratch_.spare.left = &made_left_;
    if (options_.add_special_tokens) AddAround(parts_.post_processor.before);
    const size_t first = out_.ids.size();
    const AddedTokenFinder::Rules rules{options_.plain, options_.plain_added};
    parts_.added.raw.ForEach(text_, rules, [&](size_t begin, size_t end, const AddedToken* token) {
      if (token != nullptr) {
        Add(token->id, {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
      } else {
        Section(begin, end);
      }
    });
    if (options_.offsets && options_.trim_offsets && parts_.post_processor.trim_offsets) Trim(first);
    if (options_.add_special_tokens) AddAround(parts_.post_processor.after);
  }

 private:
  void Add(int32_t id, Origin origin) {
    out_.ids.push_back(id);
    if (options_.offsets) out_.offsets.push_back({origin.begin, origin.end});
  }
  void AddAround(const std::vector<int32_t>& ids) {
    for (const int32_t id : ids) Add(id, {0, 0});
  }

  // A stretch between tokens that match the raw text.
  void Section(size_t begin, size_t end) {
    const std::string_view raw = text_.substr(begin, end - begin);
    const bool track = options_.offsets || parts_.pre_tokenizers.needs_origins || !options_.plain.empty();
    if (parts_.normalizer == nullptr || parts_.normalizer->Leaves(raw)) {
      Normalized(raw, nullptr, static_cast<uint32_t>(begin));
      return;
    }
    AlignedText& text = scratch_.text;
    text.Clear(track);
    text.AppendOriginal(text_, begin, end);
    parts_.normalizer->Apply(text, scratch_.spare, scratch_.regex);
    Normalized(text.text, track ? text.origins.data() : nullptr, static_cast<uint32_t>(begin));
  }

  // The stretch after normalization: tokens that match normalized text. Where `origins` is null, byte i came from byte base + i
  // (or nobody asks).
  void Normalized(std::string_view text, const Origin* origins, uint32_t base) {
    if (parts_.added.normalized.empty()) {
      if (!text.empty()) Words(text, origins, base);
      return;
    }
    std::vector<ByteSpan> plain;
    AddedTokenFinder::Rules rules;
    if (!options_.plain.empty()) {
      plain = PlainIn(text, origins, base);
      rules = {plain, options_.plain_added};
    }
    parts_.added.normalized.ForEach(text, rules, [&](size_t begin, size_t end, const AddedToken* token) {
      const Origin* from = origins == nullptr ? nullptr : origins + begin;
      if (token == nullptr) {
        Words(text.substr(begin, end - begin), from, base + static_cast<uint32_t>(begin));
      } else if (from != nullptr) {
        Add(token->id, {from[0].begin, std::max(from[0].begin, origins[end - 1].end)});
      } else {
        Add(token->id, {base + static_cast<uint32_t>(begin), base + static_cast<uint32_t>(end)});
      }
    });
  }

  // The bytes of a normalized text that came from somebody's input.
  std::vector<ByteSpan> PlainIn(std::string_view text, const Origin* origins, uint32_t base) const {
    std::vector<ByteSpan> spans;
    size_t span = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto begin = static_cast<int64_t>(origins == nullptr ? base + i : origins[i].begin);
      const auto end = static_cast<int64_t>(origins == nullptr ? base + i + 1 : origins[i].end);
      while (span < options_.plain.size() && options_.plain[span].end <= begin) ++span;
      if (span == options_.plain.size()) break;
      if (options_.plain[span].begin >= end) continue;
      const auto at = static_cast<int64_t>(i);
      if (!spans.empty() && spans.back().end == at) {
        spans.back().end = at + 1;
      } else {
        spans.push_back({at, at + 1});
      }
    }
    return spans;
  }

  void Words(std::string_view text, const Origin* origins, uint32_t base) {
    Pieces& pieces = scratch_.pieces;
    pieces.Start(text, origins, base);
    const bool track = options_.offsets || parts_.pre_tokenizers.needs_origins;
    for (const auto& step : parts_.pre_tokenizers.steps) {
      if (!pieces.list.empty()) step->Apply(pieces, track, scratch_.regex);
    }
    const std::string_view all = pieces.text();
    if (!options_.offsets) {
      parts_.model->EncodePieces(all, pieces.list, scratch_.model, out_.ids);
      return;
    }
    for (const Piece piece : pieces.list) {
      scratch_.ends.clear();
      parts_.model->Encode(pieces.TextOf(piece), all.size() - piece.begin, scratch_.model, out_.ids, &scratch_.ends);
      uint32_t begin = 0, before = 0;
      for (const uint32_t end : scratch_.ends) {
        if (end > before) {
          begin = before;
          before = end;
        }
        const Origin origin = pieces.OriginOf(piece.begin + begin, piece.begin + before);
        out_.offsets.push_back({origin.begin, origin.end});
      }
    }
  }

  // As the ByteLevel post-processor: spaces at either end of a token do not belong to it.
  void Trim(size_t first) {
    for (size_t i = first; i < out_.ids.size(); ++i) {
      ByteSpan& span = out_.offsets[i];
      const int64_t begin = span.begin;
      while (span.begin < span.end && text_[static_cast<size_t>(span.begin)] == ' ') ++span.begin;
      while (span.end > span.begin && text_[static_cast<size_t>(span.end) - 1] == ' ') --span.end;
      // A single space in front of the whole text counts as one that was put there.
      if (begin == 0 && span.begin == 1 && parts_.post_processor.prefix_space) span.begin = 0;
    }
  }

  const Tokenizer::Parts& parts_;
  std::string_view text_;
  const EncodeOptions& options_;
  EncodeScratch& scratch_;
  Encoding& out_;
  int64_t made_left_ = 0;
};

void CheckPlain(std::span<const ByteSpan> plain, size_t size) {
  int64_t end = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    if (plain[i].begin < end || plain[i].end < plain[i].begin || plain[i].end > static_cast<int64_t>(size)) {
      throw InvalidArgument("plain span ", i, " is [", plain[i].begin, ", ", plain[i].end,
                            "); spans are sorted, do not overlap and lie in the text, which has ", Counted(size, "byte"));
    }
    end = plain[i].end;
  }
}

std::string ReadIfThere(const std::string& path) {
  return IsRegularFile(path) ? ReadSmallFile(path, kLargestConfig) : std::string();
}

// Leaves out what stands before the text where the text begins with the same ids.
void DropSecondBeginning(Encoding& encoding) {
  const auto stands_for_nothing = [](const ByteSpan& span) { return span.begin >= span.end; };
  const auto text = std::find_if_not(encoding.offsets.begin(), encoding.offsets.end(), stands_for_nothing);
  const std::ptrdiff_t own = text - encoding.offsets.begin(), all = encoding.offsets.end() - encoding.offsets.begin();
  const auto ids = encoding.ids.begin();
  if (own == 0 || own > all - own || !std::equal(ids, ids + own, ids + own)) return;
  if (std::any_of(text, text + own, stands_for_nothing)) return;
  encoding.ids.erase(ids, ids + own);
  encoding.offsets.erase(encoding.offsets.begin(), text);
  encoding.second_beginning = true;
}

}  // namespace

std::unique_ptr<EncodeScratch> ScratchPool::Take() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      std::unique_ptr<EncodeScratch> scratch = std::move(free_.back());
      free_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<EncodeScratch>();
}

void ScratchPool::Give(std::unique_ptr<EncodeScratch> scratch) noexcept {
  if (scratch == nullptr) return;
  // What one very long text took is not kept for all that follow.
  if (scratch->model.symbols.capacity() > (1 << 16) || scratch->model.path.capacity() > (1 << 16)) return;
  const std::lock_guard lock(mutex_);
  try {
    free_.push_back(std::move(scratch));
  } catch (const std::bad_alloc&) {
    // It is freed instead.
  }
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::~Tokenizer() = default;

std::shared_ptr<const Tokenizer> Tokenizer::Parse(std::string_view tokenizer_json, std::string_view config_json,
                                                  const std::string& where) {
  std::unique_ptr<Parts> parts = ReadTokenizerFile(tokenizer_json, where);
  FolderSettings settings;
  const std::string config_where = where + ": tokenizer_config.json";
  if (!config_json.empty()) settings.tokenizer_config = ParseJson(config_json, config_where);
  ApplyTokenizerConfig(settings, config_where, *parts);
  return std::make_shared<const Tokenizer>(std::move(parts));
}

std::shared_ptr<const Tokenizer> Tokenizer::Open(const std::string& folder_or_file) {
  const TokenizerFiles files = FindTokenizer(folder_or_file);
  std::unique_ptr<Parts> parts;
  if (files.kind == TokenizerFiles::Kind::kJson) {
    parts = ReadTokenizerFile(ReadSmallFile(files.file, kLargestFile), PrintablePath(files.file));
    ApplyTokenizerConfig(FolderSettings::ReadBesideJson(files.folder), PrintablePath(files.folder + "/tokenizer_config.json"),
                         *parts);
  } else {
    ConvertedTokenizer made = ConvertFiles(files);
    parts = ReadTokenizerFile(made.json, PrintablePath(files.file));
    parts->special_tokens = std::move(made.special);
  }
  parts->generation_json = ReadIfThere(files.folder + "/generation_config.json");
  parts->folder = files.folder;
  return std::make_shared<const Tokenizer>(std::move(parts));
}

Encoding Tokenizer::Encode(std::string_view text, const EncodeOptions& given) const {
  if (text.size() > kLongestText) throw InvalidArgument("a text of ", text.size(), " bytes; the limit is ", kLongestText);
  const size_t bad = FirstInvalidUtf8(text);
  if (bad != std::string_view::npos) {
    char byte[8];
    std::snprintf(byte, sizeof(byte), "0x%02X", static_cast<unsigned char>(text[bad]));
    throw InvalidArgument("the text is not UTF-8 at byte ", bad, " (", byte, ")");
  }
  CheckPlain(given.plain, text.size());
  EncodeOptions options = given;
  options.one_beginning &= options.add_special_tokens;
  options.offsets |= options.one_beginning;
  Encoding encoding;
  encoding.ids.reserve(text.size() / 4 + 8);
  const Borrowed scratch(parts_->pool);
  Encoder(*parts_, text, options, *scratch, encoding).Run();
  if (options.one_beginning) DropSecondBeginning(encoding);
  if (!given.offsets) encoding.offsets.clear();
  return encoding;
}

std::optional<std::string> Tokenizer::TokenText(int32_t id) const {
  const auto added = parts_->added.by_id.find(id);
  if (added != parts_->added.by_id.end()) return parts_->added.all[added->second].shown;
  if (!parts_->model->vocabulary().Has(id)) return std::nullopt;
  return std::string(parts_->model->vocabulary().Text(id));
}

std::optional<int32_t> Tokenizer::TokenId(std::string_view token) const {
  const auto added = parts_->added.ids.find(std::string(token));
  if (added != parts_->added.ids.end()) return added->second;
  const int32_t id = parts_->model->vocabulary().Find(token);
  if (id < 0) return std::nullopt;
  return id;
}

bool Tokenizer::IsAdded(int32_t id) const { return parts_->added.by_id.count(id) != 0; }

std::vector<std::pair<int32_t, std::string>> Tokenizer::ListAddedTokens() const {
  std::vector<std::pair<int32_t, std::string>> tokens;
  for (const AddedToken& token : parts_->added.all) tokens.emplace_back(token.id, token.content);
  return tokens;
}

bool Tokenizer::IsSpecial(int32_t id) const {
  const auto added = parts_->added.by_id.find(id);
  return added != parts_->added.by_id.end() && parts_->added.all[added->second].special;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  DecoderState state = parts_->decoder.Start();
  std::string text;
  for (const int32_t id : ids) {
    const auto token = TokenText(id);
    if (!token || (skip_special_tokens && parts_->added.special.count(*token) != 0)) continue;
    parts_->decoder.Push(*token, state, text);
  }
  parts_->decoder.Finish(state, text);
  return text;
}

int64_t Tokenizer::VocabSize() const {
  int64_t size = static_cast<int64_t>(parts_->model->vocabulary().size());
  for (const AddedToken& token : parts_->added.all) size += parts_->model->vocabulary().Find(token.content) < 0;
  return size;
}

int32_t Tokenizer::MaxId() const {
  int32_t largest = parts_->model->vocabulary().max_id();
  for (const AddedToken& token : parts_->added.all) largest = std::max(largest, token.id);
  return largest;
}

const std::vector<SpecialToken>& Tokenizer::special_tokens() const { return parts_->special_tokens; }

std::optional<std::string> Tokenizer::Special(std::string_view role) const {
  for (const SpecialToken& token : parts_->special_tokens) {
    if (token.role == role) return token.content;
  }
  return std::nullopt;
}

const std::string& Tokenizer::generation_json() const { return parts_->generation_json; }
const std::string& Tokenizer::folder() const { return parts_->folder; }
uint64_t Tokenizer::content_hash() const { return parts_->content_hash; }

std::string Tokenizer::Describe() const {
  char hash[20];
  std::snprintf(hash, sizeof(hash), "%016llx", static_cast<unsigned long long>(content_hash()));
  JsonWriter json;
  json.BeginObject();
  json.Member("model", parts_->model->type());
  json.Member("vocab_size", VocabSize());
  json.Member("max_id", MaxId());
  json.Member("added_tokens", parts_->added.all.size());
  json.Member("byte_level", parts_->pre_tokenizers.byte_level);
  json.Member("bos_rule", parts_->bos_rule ? "tokenizer_config.json" : "tokenizer.json");
  json.Member("ids_before", parts_->post_processor.before);
  json.Member("ids_after", parts_->post_processor.after);
  json.Key("special_tokens").BeginObject();
  for (const SpecialToken& token : special_tokens()) {
    if (token.role != "additional_special_tokens") json.Member(token.role, token.content);
  }
  json.Key("additional_special_tokens").BeginArray();
  for (const SpecialToken& token : special_tokens()) {
    if (token.role == "additional_special_tokens") json.Value(token.content);
  }
  json.EndArray();
  json.EndObject();
  json.Member("content_hash", hash);
  json.EndObject();
  return json.Take();
}

struct StreamDecoder::State {
  DecoderState decoder;
  bool skip_special_tokens;
};

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)), state_(new State{tokenizer_->parts().decoder.Start(), skip_special_tokens}) {}
StreamDecoder::~StreamDecoder() = default;

std::string StreamDecoder::Push(int32_t id) {
  std::string text;
  const auto token = tokenizer_->TokenText(id);
  if (!token || (state_->skip_special_tokens && tokenizer_->parts().added.special.count(*token) != 0)) return text;
  tokenizer_->parts().decoder.Push(*token, state_->decoder, text);
  return text;
}

std::string StreamDecoder::Finish() {
  std::string text;
  tokenizer_->parts().decoder.Finish(state_->decoder, text);
  return text;
}

}  // namespace hlm
