// Text to token ids and back, as a Hugging Face tokenizer.json says.
//
//   text -> added tokens that match the raw text
//        -> normalizer, on each piece between them -> added tokens that match the normalized text
//        -> pre-tokenizers: pieces -> model (BPE or Unigram): ids -> post-processor: special tokens around them
//
// docs/decisions/0013-tokenizer.md says what is read and where Unicode versions differ from Hugging Face's.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hlm {

// Bytes [begin, end) of a text.
struct ByteSpan {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const ByteSpan&) const = default;
};

struct EncodeOptions {
  bool add_special_tokens = true;  // the post-processor's, and those of the BOS rule; false for text rendered by a chat template
  bool offsets = false;            // fill in Encoding::offsets
  bool trim_offsets = false;       // leave white space out of offsets where the file's post-processor asks for it
  // Where the text is somebody's input: no special token is matched that has a byte in one of these. Sorted, not overlapping.
  std::span<const ByteSpan> plain = {};
  bool plain_added = false;  // there, no added token is matched at all, special or not
  // What add_special_tokens puts before a text (BOS) is there once where the text begins with it, as one that was rendered does.
  bool one_beginning = false;
};

struct Encoding {
  std::vector<int32_t> ids;
  // The bytes of the text that each id stands for, whole characters; several ids may share a character. {0, 0} for ids that the
  // post-processor added.
  std::vector<ByteSpan> offsets;
  bool second_beginning = false;  // the text began with what stands before it: one of both was left out
};

struct SpecialToken {
  std::string role;     // "bos_token", "eos_token", "pad_token", "unk_token", ..., "additional_special_tokens" (may repeat)
  std::string content;  // "<s>"
};

// Immutable; any number of threads may use one.
class Tokenizer {
 public:
  // A folder with tokenizer.json, tokenizer.model (SentencePiece) or vocab.json and merges.txt (and tokenizer_config.json,
  // special_tokens_map.json), or the path of one of these, whose folder is looked through in the same way. NOT_FOUND where there
  // is none, INVALID_ARGUMENT naming file and place where it is damaged, UNIMPLEMENTED naming a component that is not known.
  static std::shared_ptr<const Tokenizer> Open(const std::string& folder_or_file);
  // From the texts of tokenizer.json and, unless it is empty, tokenizer_config.json. `where` begins the messages.
  static std::shared_ptr<const Tokenizer> Parse(std::string_view tokenizer_json, std::string_view config_json,
                                                const std::string& where);

  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;
  ~Tokenizer();

  // INVALID_ARGUMENT naming the byte where `text` is not UTF-8, or where a pattern of the file gives up on it.
  Encoding Encode(std::string_view text, const EncodeOptions& options = {}) const;

  // Ids that stand for nothing are left out, as Hugging Face does.
  std::string Decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  std::optional<int32_t> TokenId(std::string_view token) const;
  // The token's text as the file spells it (an added token that is looked for in normalized text: normalized); nothing for an id
  // that stands for nothing.
  std::optional<std::string> TokenText(int32_t id) const;
  bool IsSpecial(int32_t id) const;
  bool IsAdded(int32_t id) const;
  std::vector<std::pair<int32_t, std::string>> ListAddedTokens() const;  // as they are looked for in texts

  int64_t VocabSize() const;  // different tokens, added ones included
  int32_t MaxId() const;      // the largest id; a model has at least this many rows, plus one

  // From tokenizer_config.json and special_tokens_map.json; a model's own roles ("image_token") are among them.
  const std::vector<SpecialToken>& special_tokens() const;
  // The content of the first of this role, nothing where there is none.
  std::optional<std::string> Special(std::string_view role) const;

  // The text of the generation_config.json beside the files, for who asks what ends a generation; empty where there is none.
  const std::string& generation_json() const;
  const std::string& folder() const;  // where tokenizer.json lies; empty from Parse
  uint64_t content_hash() const;      // of tokenizer.json and of the BOS rule: the same text gives the same ids

  // "BPE" and so on, and the rest that hlm_tokenizer_describe prints, as a JSON object.
  std::string Describe() const;

  struct Parts;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  const Parts& parts() const { return *parts_; }

 private:
  std::unique_ptr<const Parts> parts_;
};

// Decodes ids as they come. All that Push and Finish returned, one behind the other, is what Decode of all the ids gives; each
// is valid UTF-8. A character is handed out when its last byte is there and nothing later can change it.
class StreamDecoder {
 public:
  StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens);
  ~StreamDecoder();
  StreamDecoder(const StreamDecoder&) = delete;
  StreamDecoder& operator=(const StreamDecoder&) = delete;

  std::string Push(int32_t id);
  std::string Finish();  // what is left; then it may begin again

 private:
  struct State;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<State> state_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_TOKENIZER_H_
