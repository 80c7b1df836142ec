#include "samples/horizon/data/tokenizer.h"

#include <sys/stat.h>

#include <memory>
#include <utility>

#include "samples/horizon/data/mapped_file.h"

namespace horizon {

std::optional<Tokenizer> TokenizerOf(const ModelOptions& options) {
  struct stat status {};
  const std::string file = options.folder + "/tokenizer.json";
  if (options.bytes || options.folder.empty() || stat(file.c_str(), &status) != 0) return std::nullopt;
  try {
    return Tokenizer::Open(options.folder);
  } catch (const ApiError& error) {
    throw Error(std::string(error.what()) + " (--bytes takes a text's bytes as ids)");
  }
}

std::vector<int32_t> Encode(const Tokenizer& tokenizer, std::string_view text, bool special_tokens,
                            std::vector<int64_t>* offsets) {
  hlm::EncodeOptions options;
  options.add_special_tokens = special_tokens ? 1 : 0;
  return tokenizer.Encode(text, options, offsets);
}

TextReader ReaderOf(const ModelOptions& options) {
  std::optional<Tokenizer> opened = TokenizerOf(options);
  if (!opened) return nullptr;
  // Shared: a function object must be one that can be copied.
  const auto tokenizer = std::make_shared<const Tokenizer>(std::move(*opened));
  return [tokenizer](const std::string& path) {
    const MappedFile file(path);
    try {
      return Encode(*tokenizer, {reinterpret_cast<const char*>(file.data()), file.size()}, true);
    } catch (const ApiError& error) {
      throw Error(path + ": " + error.what());
    }
  };
}

}  // namespace horizon
