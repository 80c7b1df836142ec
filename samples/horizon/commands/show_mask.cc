// horizon show-mask
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/examples.h"
#include "samples/horizon/data/mapped_file.h"

namespace horizon {
namespace {

constexpr std::string_view kTrainedColor = "\x1b[1;32m", kPlainColor = "\x1b[0;2m", kNoColor = "\x1b[0m";

// Line `index` of a JSONL file, from 0, that is not empty; `line` becomes its number in the file, from 1.
std::string_view FindRow(const MappedFile& file, int64_t index, int64_t& line) {
  std::string_view rest(reinterpret_cast<const char*>(file.data()), file.size());
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  int64_t rows = 0;
  for (line = 1; !rest.empty(); ++line) {
    const size_t end = rest.find('\n');
    const std::string_view row = rest.substr(0, end);
    if (row.find_first_not_of(" \t\r") != std::string_view::npos && rows++ == index) return row;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  throw Error(file.path() + ": has " + std::to_string(rows) + " rows; there is none of --index " + std::to_string(index));
}

struct Row {
  std::string messages, tools;
  int64_t prompt_messages = -1;
};

// {"messages": [...]}, or {"prompt": [...], "completion": [...]}; with "tools" as an array or a string that holds one.
Row ReadRow(const std::string& path, int64_t index) {
  const MappedFile file(path);
  int64_t line = 0;
  const std::string_view text = FindRow(file, index, line);
  const std::string where = path + ":" + std::to_string(line) + ": ";
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw Error(where + "is no JSON object");
  Row row;
  if (json.contains("messages")) {
    row.messages = json["messages"].dump();
  } else if (json.contains("prompt") && json["prompt"].is_array() && json.contains("completion") &&
             json["completion"].is_array()) {
    Json all = json["prompt"];
    row.prompt_messages = static_cast<int64_t>(all.size());
    for (const Json& message : json["completion"]) all.push_back(message);
    row.messages = all.dump();
  } else {
    throw Error(where + "has neither \"messages\" nor \"prompt\" and \"completion\" of messages");
  }
  if (json.contains("tools") && !json["tools"].is_null()) row.tools = json["tools"].dump();
  return row;
}

// Nothing of the data reaches the terminal as a control sequence.
void PrintVisible(std::string_view text) {
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      std::putchar(c);
    } else if (c == '\n' || c == '\t') {
      std::putchar(c);
    } else {
      std::printf("\\x%02x", byte);
    }
  }
}

// A sequence in tokens, as a data set makes them of it: a token is trained where any of its bytes is.
void AddTokens(const hlm_tokenizer* tokenizer, Json& sequence) {
  const std::string text = sequence.at("text").get<std::string>();
  std::vector<int64_t> offsets;
  sequence["ids"] = Encode(tokenizer, text, false, &offsets);
  Json spans = Json::array(), trained = Json::array();
  for (size_t i = 0; i < offsets.size(); i += 2) {
    const int64_t begin = offsets[i], end = offsets[i + 1];
    bool any = false;
    for (const Json& span : sequence.at("trained"))
      any = any || (begin < end && begin < span[1].get<int64_t>() && end > span[0].get<int64_t>());
    spans.push_back({begin, end});
    trained.push_back(any);
  }
  sequence["offsets"] = spans;
  sequence["trained_tokens"] = trained;
}

// Ranges of bytes to mark: what is trained, to the ends of its tokens where they are known.
std::vector<std::pair<size_t, size_t>> MarkedRanges(const Json& sequence) {
  std::vector<std::pair<size_t, size_t>> ranges;
  const auto add = [&](const Json& span) {
    const size_t begin = span[0], end = span[1];
    // Tokens of one character's bytes have the same span.
    if (!ranges.empty() && begin <= ranges.back().second) {
      ranges.back().second = std::max(ranges.back().second, end);
    } else {
      ranges.emplace_back(begin, end);
    }
  };
  if (!sequence.contains("ids")) {
    for (const Json& span : sequence.at("trained")) add(span);
    return ranges;
  }
  for (size_t t = 0; t < sequence["ids"].size(); ++t) {
    if (sequence["trained_tokens"][t].get<bool>()) add(sequence["offsets"][t]);
  }
  return ranges;
}

void PrintSequence(const Json& sequence, const std::vector<std::pair<size_t, size_t>>& ranges, bool color) {
  const std::string text = sequence.at("text").get<std::string>();
  size_t at = 0;
  const auto print = [&](size_t end, bool trained) {
    if (end == at) return;
    std::fputs(color ? std::string(trained ? kTrainedColor : kPlainColor).c_str() : trained ? "⟦" : "", stdout);
    PrintVisible(std::string_view(text).substr(at, end - at));
    std::fputs(color ? std::string(kNoColor).c_str() : trained ? "⟧" : "", stdout);
    at = end;
  };
  for (const auto& [begin, end] : ranges) {
    print(begin, false);
    print(end, true);
  }
  print(text.size(), false);
  std::putchar('\n');
}

// "10 of 35 tokens"
std::string TrainedShare(const Json& sequence) {
  int64_t trained = 0;
  if (sequence.contains("ids")) {
    for (const Json& one : sequence["trained_tokens"]) trained += one.get<bool>();
    return FormatCount(trained) + " of " + FormatCount(static_cast<int64_t>(sequence["ids"].size())) + " tokens";
  }
  for (const Json& span : sequence.at("trained")) trained += span[1].get<int64_t>() - span[0].get<int64_t>();
  return FormatCount(trained) + " of " + FormatCount(static_cast<int64_t>(sequence.at("text").get<std::string>().size())) +
         " bytes";
}

// What the template leaves out of what it trains, and what would keep it.
void PrintDropped(const Json& sequence) {
  if (!sequence.contains("dropped")) return;
  for (const Json& words : sequence["dropped"]) {
    std::printf("-- the template leaves out %s characters of the %s of message %s: --template with a training form keeps them\n",
                FormatCount(words.at("characters").get<int64_t>()).c_str(), words.at("field").get<std::string>().c_str(),
                FormatCount(words.at("message").get<int64_t>()).c_str());
  }
  const int64_t unroll = sequence.at("unroll_keeps").get<int64_t>();
  if (unroll > 0) std::printf("-- %s of these characters are trained with --mask unroll\n", FormatCount(unroll).c_str());
}

// --tokenizer, or the model folder's; null where there is none.
Tokenizer TokenizerFor(const Options& options) {
  if (options.model.bytes) return nullptr;
  return options.text.tokenizer.empty() ? TokenizerOf(options.model) : OpenTokenizer(options.text.tokenizer);
}

}  // namespace

int RunShowMask(const Options& options) {
  const MaskOptions& mask = options.mask;
  if (options.model.folder.empty() == mask.chat_template.empty()) throw UsageError("one of --model and --template is needed");
  const std::string& path = mask.chat_template.empty() ? options.model.folder : mask.chat_template;
  hlm_template* opened = nullptr;
  Check(hlm_template_open(path.c_str(), &opened));
  const ChatTemplate chat(opened);
  const Tokenizer tokenizer = TokenizerFor(options);
  const Row row = ReadRow(mask.data, mask.index);

  hlm_template_options request;
  hlm_template_options_init(&request);
  request.tools_json = row.tools.empty() ? nullptr : row.tools.c_str();
  request.variables_json = mask.variables.empty() ? nullptr : mask.variables.c_str();
  request.date = mask.date.empty() ? nullptr : mask.date.c_str();
  request.train_on = mask.train_on;
  request.mask = mask.mask;
  request.prompt_messages = row.prompt_messages;
  request.parse_arguments = options.text.tool_arguments == "parse";
  request.drop_null_arguments = options.text.null_arguments == "drop";
  const std::string text = TextOf(hlm_template_render_training, static_cast<const hlm_template*>(chat.get()),
                                  row.messages.c_str(), static_cast<const hlm_template_options*>(&request));
  Json training = Json::parse(text);
  Json& sequences = training.at("sequences");
  if (tokenizer != nullptr) {
    for (Json& sequence : sequences) AddTokens(tokenizer.get(), sequence);
  }
  if (options.json) {
    std::printf("%s\n", training.dump().c_str());
    return kExitOk;
  }
  const bool color = mask.color || isatty(STDOUT_FILENO) == 1;
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (sequences.size() > 1) std::printf("-- sequence %zu of %zu\n", i + 1, sequences.size());
    const auto ranges = MarkedRanges(sequences[i]);
    PrintSequence(sequences[i], ranges, color);
    std::printf("-- %s trained, in %zu ranges (%s)", TrainedShare(sequences[i]).c_str(), ranges.size(),
                training.at("method").get<std::string>().c_str());
    const int64_t without = sequences[i].at("without_stop").get<int64_t>();
    if (without > 0) std::printf("; %s do not end with an added token", FormatCount(without).c_str());
    std::printf("\n");
    PrintDropped(sequences[i]);
  }
  return kExitOk;
}

}  // namespace horizon
