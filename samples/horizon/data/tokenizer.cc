#include "samples/horizon/data/tokenizer.h"

#include <cctype>
#include <charconv>
#include <memory>
#include <sstream>
#include <system_error>
#include <utility>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/data/data_file.h"

namespace horizon {
namespace {

constexpr const char* kBytesHint = " (--bytes takes a text's bytes as ids)";

bool BytesAreIds(const ModelOptions& options, int64_t vocab_size) {
  constexpr int64_t kBytes = 256;
  return options.bytes || options.folder.empty() || vocab_size <= kBytes;
}

}  // namespace

Tokenizer TokenizerOf(const ModelOptions& options) {
  if (options.bytes || options.folder.empty()) return {};
  try {
    return Tokenizer::Open(options.folder);
  } catch (const ApiError& error) {
    if (error.code() == HLM_NOT_FOUND) return {};
    throw Error(std::string(error.what()) + kBytesHint);
  }
}

std::string WhyNoTokenizer(const ModelOptions& options) {
  if (options.bytes || options.folder.empty()) return "";
  try {
    Tokenizer::Open(options.folder);
  } catch (const ApiError& error) {
    return error.what();
  }
  return "";
}

void CheckBytes(const ModelOptions& options, int64_t vocab_size) {
  if (BytesAreIds(options, vocab_size)) return;
  const std::string why = WhyNoTokenizer(options);
  throw Error(why.empty() ? options.folder + ": its tokenizer came when the run had begun" : why + kBytesHint);
}

std::vector<int32_t> Encode(const Tokenizer& tokenizer, std::string_view text, bool special_tokens,
                            std::vector<int64_t>* offsets) {
  hlm::EncodeOptions options;
  options.add_special_tokens = special_tokens ? 1 : 0;
  return tokenizer.Encode(text, options, offsets);
}

std::vector<int32_t> EncodeWhole(const Tokenizer& tokenizer, std::string_view text, std::vector<int64_t>* offsets) {
  hlm::EncodeOptions options;
  options.one_beginning = 1;
  return tokenizer.Encode(text, options, offsets);
}

std::vector<int32_t> WrittenIds(const std::string& text, const std::string& option) {
  std::vector<int32_t> ids;
  // "[5, 4, 2]", "5,4,2" or "5 4 2".
  std::string spaced = text;
  if (spaced.starts_with('[') && spaced.ends_with(']')) spaced = spaced.substr(1, spaced.size() - 2);
  bool id_before = false;
  for (char& c : spaced) {
    if (c == ',' && !std::exchange(id_before, false))
      throw UsageError(option + ": '" + OneLine(text) + "' lacks an id before a comma");
    if (c == ',') {
      c = ' ';
    } else if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      id_before = true;
    }
  }
  std::istringstream words(spaced);
  for (std::string word; words >> word;) {
    int32_t id = -1;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (failure != std::errc() || end != word.data() + word.size() || id < 0)
      throw UsageError(option + ": '" + OneLine(word) + "' is no id");
    ids.push_back(id);
  }
  return ids;
}

TextReader ReaderOf(const ModelOptions& options, int64_t vocab_size) {
  const auto tokenizer = std::make_shared<const Tokenizer>(TokenizerOf(options));
  if (!*tokenizer && BytesAreIds(options, vocab_size)) return nullptr;
  if (!*tokenizer) {
    return [options, vocab_size](const std::string&) -> std::vector<int32_t> {
      CheckBytes(options, vocab_size);
      return {};
    };
  }
  return [tokenizer](const std::string& path) {
    const Activity reading("reading and tokenizing " + path, BytesIn(path));
    const std::string text = ReadWholeFile(path);
    try {
      return EncodeWhole(*tokenizer, text);
    } catch (const ApiError& error) {
      throw Error(path + ": " + error.what());
    }
  };
}

}  // namespace horizon
