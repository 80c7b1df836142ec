// horizon show-mask
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/terminal.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/data/account.h"
#include "samples/horizon/data/examples.h"
#include "samples/horizon/data/json_lines.h"

namespace horizon {
namespace {

constexpr std::string_view kTrainedColor = "\x1b[1;32m", kPlainColor = "\x1b[0;2m", kNoColor = "\x1b[0m";

// A conversation of the row. A pair has two, of which always the answer behind the prompt is trained, as of one with a label.
struct Shown {
  std::string messages;
  int64_t prompt_messages = -1;
  std::string title = {};  // "chosen", "rejected", "desirable", "undesirable", or none
};

struct Row {
  std::vector<Shown> shown;
  std::string tools, variables;
  Json description;     // its account, as a data set has one
  std::string dropped;  // why training drops the record; empty: it does not
};

std::string RecordText(const std::string& config, int64_t index) {
  try {
    return hlm::Dataset::ReadRecord(config, index);
  } catch (const ApiError& error) {
    std::string message = error.what();
    const size_t at = message.rfind("index ");
    if (error.code() == HLM_NOT_FOUND && at != std::string::npos) throw Error(message.insert(at, "--"));
    throw;
  }
}

// A record as it was read: its text, in which every value is as the record has it, and what can be parsed of that.
struct Record {
  std::string text;
  Json parsed;

  bool IsList(const char* key) const { return parsed.contains(key) && parsed[key].is_array(); }
  std::string Raw(const char* key) const { return std::string(RawMember(text, key)); }
};

// Two texts of objects, or of lists, as one: the first one's members before the second one's, of which the later of equal ones count.
std::string Joined(std::string first, const std::string& second) {
  if (second.size() <= 2) return first;  // "", "{}", "[]"
  if (first.size() <= 2) return second;
  first.back() = ',';
  return first + second.substr(1);
}

// The prompt's messages and an answer's behind them.
Shown PromptAnd(const Record& record, const char* answer, const char* title) {
  Shown shown;
  shown.title = title;
  shown.messages = Joined(record.Raw("prompt"), record.Raw(answer));
  shown.prompt_messages = static_cast<int64_t>(record.parsed.at("prompt").size());
  return shown;
}

std::vector<Shown> ConversationsOf(const Record& record) {
  const Json& parsed = record.parsed;
  if (parsed.contains("messages")) return {{record.Raw("messages")}};
  if (record.IsList("chosen") && record.IsList("rejected"))
    return {PromptAnd(record, "chosen", "chosen"), PromptAnd(record, "rejected", "rejected")};
  if (record.IsList("completion")) {
    const char* title = !parsed.contains("label") ? "" : parsed["label"].get<bool>() ? "desirable" : "undesirable";
    return {PromptAnd(record, "completion", title)};
  }
  throw Error(parsed.at("where").get<std::string>() + ": has no messages, it is of the format " +
              parsed.at("format").get<std::string>() + ": no template renders it");
}

// A record as a data set reads it: a conversation, or a prompt and answers of messages.
Row ReadRow(const Options& options) {
  const MaskOptions& mask = options.mask;
  const Json config = {{"data", ParseSource(mask.data)},
                       {"task", options.task.task},
                       {"empty_answers", options.text.empty_answers},
                       {"unused_members", options.text.unused_members},
                       {"content_parts", options.text.content_parts},
                       {"null_arguments", options.text.null_arguments}};
  Record record = {RecordText(config.dump(), mask.index), {}};
  record.parsed = ParseRow(record.text);
  Row row;
  row.shown = ConversationsOf(record);
  if (record.parsed["dropped"].is_string()) row.dropped = record.parsed["dropped"].get<std::string>();
  row.description = {{"account", record.parsed.value("account", Json::array())}};
  row.tools = record.Raw("tools");
  // What the record gives its template stands above what the command gives all.
  Json variables = Json::object();
  if (!mask.variables.empty()) {
    const Json given = Json::parse(mask.variables, nullptr, false);
    if (!given.is_object()) throw UsageError("--variables: '" + OneLine(mask.variables) + "' is no JSON object");
    variables = given;
  }
  row.variables = Joined(variables.dump(), record.Raw("template_arguments"));
  return row;
}

// Nothing of the data reaches the terminal as a control sequence.
void PrintVisible(std::string_view text) {
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t') {
      std::putchar(c);
    } else {
      std::printf("\\x%02x", byte);
    }
  }
}

// A sequence in tokens, as a data set makes them of it: a token is trained where any of its bytes is.
void AddTokens(const Tokenizer& tokenizer, Json& sequence) {
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
    return FormatCount(trained) + " of " + FormatCount(static_cast<int64_t>(sequence["ids"].size()), "token");
  }
  for (const Json& span : sequence.at("trained")) trained += span[1].get<int64_t>() - span[0].get<int64_t>();
  return FormatCount(trained) + " of " + FormatCount(static_cast<int64_t>(sequence.at("text").get<std::string>().size()), "byte");
}

// What the template leaves out of what else the record says: a system message, tools, members that it does not read.
void PrintLeftOut(const Json& sequence) {
  if (!sequence.contains("left_out")) return;
  for (const Json& words : sequence["left_out"]) {
    const std::string of = words.at("of").get<std::string>(), name = OneLine(words.value("name", std::string()));
    const std::string what = of == "role"     ? "messages of the role " + name
                             : of == "member" ? "the member \"" + name + "\" of messages"
                                              : "the tools, of which it prints nothing";
    std::printf("-- the template leaves out %s of %s\n", FormatCount(words.at("characters").get<int64_t>(), "character").c_str(),
                what.c_str());
  }
}

// What the template leaves out of what it trains, and what would keep it.
void PrintDropped(const Json& sequence) {
  if (!sequence.contains("dropped")) return;
  for (const Json& words : sequence["dropped"]) {
    const std::string field = words.at("field").get<std::string>();
    std::printf("-- the template leaves out %s of the %s of message %s: --template with a training form keeps them%s\n",
                FormatCount(words.at("characters").get<int64_t>(), "character").c_str(), field.c_str(),
                FormatCount(words.at("message").get<int64_t>()).c_str(),
                field == "reasoning" ? ", or --content-parts keep where it reads parts of a content" : "");
  }
  const int64_t unroll = sequence.at("unroll_keeps").get<int64_t>();
  if (unroll > 0) std::printf("-- %s of these characters are trained with --mask unroll\n", FormatCount(unroll).c_str());
}

// As a training run takes them: --template and --tokenizer, or the model folder's.
TextTools ToolsFor(const Options& options) {
  const std::string& file = options.mask.chat_template;
  if (options.model.folder.empty() && file.empty()) throw UsageError("one of --model and --template is needed");
  Options of_run = options;
  of_run.text.chat_template = file.empty() ? "auto" : file;
  of_run.text.variables.clear();
  if (options.model.bytes) of_run.text.tokenizer.clear();
  TextTools tools(of_run);
  if (!tools.chat_template) tools.chat_template = hlm::Template::Open(options.model.folder);  // which says that there is none
  return tools;
}

Json Train(const TextTools& tools, const Options& options, const Row& row, const Shown& shown) {
  hlm::TemplateOptions request;
  request.name = tools.template_name.empty() ? nullptr : tools.template_name.c_str();
  request.tools_json = row.tools.empty() ? nullptr : row.tools.c_str();
  request.variables_json = row.variables.c_str();
  request.date = options.mask.date.empty() ? nullptr : options.mask.date.c_str();
  request.train_on = shown.title.empty() ? options.mask.train_on : HLM_TRAIN_ON_COMPLETION;
  request.mask = options.mask.mask;
  request.prompt_messages = shown.prompt_messages;
  request.parse_arguments = options.text.tool_arguments == "parse";
  request.drop_null_arguments = options.text.null_arguments == "drop";
  Json training = Json::parse(tools.chat_template.RenderTraining(shown.messages, request));
  if (tools.tokenizer) {
    for (Json& sequence : training.at("sequences")) AddTokens(tools.tokenizer, sequence);
  }
  return training;
}

void PrintTraining(const Json& training, bool color) {
  const Json& sequences = training.at("sequences");
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (sequences.size() > 1) std::printf("-- sequence %zu of %zu\n", i + 1, sequences.size());
    const auto ranges = MarkedRanges(sequences[i]);
    PrintSequence(sequences[i], ranges, color);
    std::printf("-- %s trained, in %s (%s)", TrainedShare(sequences[i]).c_str(),
                FormatCount(static_cast<int64_t>(ranges.size()), "range").c_str(),
                training.at("method").get<std::string>().c_str());
    const int64_t without = sequences[i].at("without_stop").get<int64_t>();
    if (without > 0) std::printf("; %s do not end with an added token", FormatCount(without).c_str());
    std::printf("\n");
    PrintDropped(sequences[i]);
    PrintLeftOut(sequences[i]);
  }
}

}  // namespace

int RunShowMask(const Options& options) {
  const TextTools tools = ToolsFor(options);
  const Row row = ReadRow(options);
  std::vector<Json> trainings;
  for (const Shown& shown : row.shown) trainings.push_back(Train(tools, options, row, shown));
  if (options.json) {
    Json all = trainings.size() == 1 ? trainings.front() : Json::object();
    for (size_t i = 0; trainings.size() > 1 && i < trainings.size(); ++i) all[row.shown[i].title] = trainings[i];
    all["account"] = row.description["account"];
    std::printf("%s\n", all.dump().c_str());
    return kExitOk;
  }
  const bool color = options.mask.color || (TakesSequences(stdout) && !NoColor());
  for (size_t i = 0; i < trainings.size(); ++i) {
    if (!row.shown[i].title.empty()) std::printf("-- %s\n", row.shown[i].title.c_str());
    PrintTraining(trainings[i], color);
  }
  if (!row.dropped.empty()) std::printf("-- training drops this record: %s\n", row.dropped.c_str());
  for (const std::string& line : AccountLines(row.description)) std::printf("-- %s\n", line.c_str());
  return kExitOk;
}

}  // namespace horizon
