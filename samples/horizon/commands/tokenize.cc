// horizon tokenize
#include <cstdio>
#include <string>
#include <vector>

#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/data_file.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/run/engine.h"

namespace horizon {
namespace {

void CheckTokenizeOptions(const Options& options) {
  const TokenizeOptions& tokenize = options.tokenize;
  if (options.model.folder.empty() == tokenize.tokenizer.empty()) {
    throw UsageError(tokenize.tokenizer.empty() ? "no tokenizer: --model or --tokenizer is needed"
                                                : "both --model and --tokenizer");
  }
  const int given = tokenize.has_text + !options.data.data.empty() + tokenize.has_ids;
  if (given != 1)
    throw UsageError(given == 0 ? "nothing to do: one of --text, --data and --ids is needed"
                                : "more than one of --text, --data and --ids");
}

// An id that stands for nothing would leave nothing behind in the text.
void CheckKnown(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  for (const int32_t id : ids) {
    try {
      tokenizer.Token(id);
    } catch (const ApiError& error) {
      throw ApiError(error.code(), std::string("--ids: ") + error.what());
    }
  }
}

int PrintText(const Tokenizer& tokenizer, const Options& options) {
  const std::vector<int32_t> ids = WrittenIds(options.tokenize.ids, "--ids");
  CheckKnown(tokenizer, ids);
  const std::string text = tokenizer.Decode(ids, options.tokenize.no_special);
  if (options.json) {
    std::printf("%s\n", Json({{"text", text}}).dump().c_str());
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::putchar('\n');
  }
  return kExitOk;
}

int PrintIds(const Tokenizer& tokenizer, std::string_view text, const Options& options) {
  const bool special = !options.tokenize.no_special;
  std::vector<int64_t> offsets;
  const std::vector<int32_t> ids = Encode(tokenizer, text, special, &offsets);
  if (!options.json) {
    std::string line;
    for (const int32_t id : ids) line += (line.empty() ? "" : " ") + std::to_string(id);
    std::printf("%s\n", line.c_str());
    return kExitOk;
  }
  Json tokens = Json::array(), spans = Json::array();
  for (size_t i = 0; i < ids.size(); ++i) {
    tokens.push_back(tokenizer.Token(ids[i]));
    spans.push_back({offsets[2 * i], offsets[2 * i + 1]});
  }
  const Json line = {{"ids", ids}, {"tokens", tokens}, {"offsets", spans}, {"bytes", text.size()}};
  std::printf("%s\n", line.dump().c_str());
  return kExitOk;
}

}  // namespace

int RunTokenize(const Options& options) {
  CheckTokenizeOptions(options);
  const TokenizeOptions& tokenize = options.tokenize;
  const Tokenizer tokenizer = Tokenizer::Open(tokenize.tokenizer.empty() ? options.model.folder : tokenize.tokenizer);
  if (tokenize.has_ids) return PrintText(tokenizer, options);
  if (tokenize.has_text) return PrintIds(tokenizer, tokenize.text, options);
  const std::string text = ReadWholeFile(options.data.data);
  try {
    return PrintIds(tokenizer, text, options);
  } catch (const ApiError& error) {
    throw Error(options.data.data + ": " + error.what());
  }
}

}  // namespace horizon
