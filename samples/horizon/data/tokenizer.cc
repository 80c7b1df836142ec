#include "samples/horizon/data/tokenizer.h"

#include <memory>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/data/data_file.h"

namespace horizon {
namespace {

constexpr const char* kBytesHint = " (--bytes takes a text's bytes as ids)";

bool BytesAreIds(const ModelOptions& options, int64_t vocab_size) {
  constexpr int64_t kBytes = 256;
  return options.bytes || options.folder.empty() || vocab_size <= kBytes;
}

}  // namespace

Tokenizer OpenTokenizer(const std::string& path) {
  hlm_tokenizer* tokenizer = nullptr;
  Check(hlm_tokenizer_open(path.c_str(), &tokenizer));
  return Tokenizer(tokenizer);
}

Tokenizer TokenizerOf(const ModelOptions& options) {
  if (options.bytes || options.folder.empty()) return nullptr;
  try {
    return OpenTokenizer(options.folder);
  } catch (const ApiError& error) {
    if (error.code() == HLM_NOT_FOUND) return nullptr;
    throw Error(std::string(error.what()) + kBytesHint);
  }
}

void CheckBytes(const ModelOptions& options, int64_t vocab_size) {
  if (BytesAreIds(options, vocab_size)) return;
  try {
    OpenTokenizer(options.folder);  // for what it says is missing
  } catch (const ApiError& error) {
    throw Error(std::string(error.what()) + kBytesHint);
  }
  throw Error(options.folder + ": its tokenizer came when the run had begun");
}

std::vector<int32_t> Encode(const hlm_tokenizer* tokenizer, std::string_view text, bool special_tokens,
                            std::vector<int64_t>* offsets) {
  hlm_encode_options options;
  hlm_encode_options_init(&options);
  options.add_special_tokens = special_tokens ? 1 : 0;
  std::vector<int32_t> ids(text.size() + 16);
  size_t n = 0;
  const auto encode = [&] {
    if (offsets != nullptr) offsets->resize(2 * ids.size());
    return hlm_tokenizer_encode(tokenizer, text.data(), text.size(), &options, ids.data(), ids.size(),
                                offsets == nullptr ? nullptr : offsets->data(), offsets == nullptr ? 0 : offsets->size(), &n);
  };
  hlm_error* error = encode();
  if (hlm_error_code(error) == HLM_OUT_OF_RANGE) {  // a normalizer made the text longer
    hlm_error_destroy(error);
    Check(hlm_tokenizer_encode(tokenizer, text.data(), text.size(), &options, nullptr, 0, nullptr, 0, &n));
    ids.resize(n);
    error = encode();
  }
  Check(error);
  ids.resize(n);
  if (offsets != nullptr) offsets->resize(2 * n);
  return ids;
}

std::string Decode(const hlm_tokenizer* tokenizer, const std::vector<int32_t>& ids, bool skip_special_tokens) {
  char* text = nullptr;
  size_t n = 0;
  Check(hlm_tokenizer_decode(tokenizer, ids.data(), ids.size(), skip_special_tokens ? 1 : 0, &text, &n));
  const std::unique_ptr<char, Destroyer<hlm_string_destroy>> owner(text);
  return {text, n};
}

TextReader ReaderOf(const ModelOptions& options, int64_t vocab_size) {
  const std::shared_ptr<hlm_tokenizer> tokenizer = TokenizerOf(options);
  if (tokenizer == nullptr && BytesAreIds(options, vocab_size)) return nullptr;
  if (tokenizer == nullptr) {
    return [options, vocab_size](const std::string&) -> std::vector<int32_t> {
      CheckBytes(options, vocab_size);
      return {};
    };
  }
  return [tokenizer](const std::string& path) {
    const Activity reading("reading and tokenizing " + path);
    const std::string text = ReadWholeFile(path);
    try {
      return Encode(tokenizer.get(), text, true);
    } catch (const ApiError& error) {
      throw Error(path + ": " + error.what());
    }
  };
}

}  // namespace horizon
