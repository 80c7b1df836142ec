#include "core/text/dataset/options.h"

#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "core/base/error.h"
#include "core/base/nearest.h"
#include "core/io/json_text.h"

namespace hlm::dataset {
namespace {

constexpr int64_t kMostSeqLen = int64_t{1} << 24;

template <class T>
struct Choice {
  const char* name;
  T value;
};

const std::string& StringOf(const JsonValue& value, const std::string& key) {
  if (!value.IsString()) throw InvalidArgument(key, " is ", PrintableJson(value), "; it must be a string");
  return value.String();
}

template <class T, size_t n>
T ChoiceOf(const JsonValue& value, const std::string& key, const Choice<T> (&choices)[n]) {
  std::string legal;
  for (const Choice<T>& choice : choices) {
    if (value.IsText(choice.name)) return choice.value;
    legal += StrCat(legal.empty() ? "" : ", ", choice.name);
  }
  throw InvalidArgument(key, " is ", PrintableJson(value), "; legal are ", legal);
}

bool BoolOf(const JsonValue& value, const std::string& key) {
  if (!value.IsBool()) throw InvalidArgument(key, " is ", PrintableJson(value), "; it must be true or false");
  return value.Bool();
}

int64_t WholeOf(const JsonValue& value, const std::string& key, int64_t least, int64_t most) {
  const std::optional<int64_t> whole = value.Int();
  if (!whole || *whole < least || *whole > most) {
    throw InvalidArgument(key, " is ", PrintableJson(value), "; it must be a whole number in [", least, ", ", most, "]");
  }
  return *whole;
}

constexpr Choice<Task> kTasks[] = {{"pretrain", Task::kPretrain}, {"sft", Task::kSft},          {"dpo", Task::kPreference},
                                   {"orpo", Task::kPreference},   {"simpo", Task::kPreference}, {"kto", Task::kUnpaired}};
constexpr Choice<TrainOn> kTrainOn[] = {{"auto", TrainOn::kAuto},
                                        {"assistant", TrainOn::kAssistant},
                                        {"last", TrainOn::kLast},
                                        {"completion", TrainOn::kCompletion},
                                        {"all", TrainOn::kAll}};
constexpr Choice<TooLong> kTooLong[] = {
    {"truncate", TooLong::kTruncate}, {"split", TooLong::kSplit}, {"drop", TooLong::kDrop}, {"error", TooLong::kError}};
constexpr Choice<Part> kParts[] = {{"train", Part::kTrain}, {"evaluation", Part::kEvaluation}};
constexpr Choice<bool> kOnOff[] = {{"on", true}, {"off", false}};
constexpr Choice<bool> kBadRecords[] = {{"error", false}, {"skip", true}};
constexpr Choice<bool> kEmptyAnswers[] = {{"drop", false}, {"keep", true}};
constexpr Choice<bool> kParts2[] = {{"join", true}, {"keep", false}};
constexpr Choice<bool> kNulls[] = {{"drop", true}, {"keep", false}};
constexpr Choice<bool> kUnused[] = {{"refuse", false}, {"count", true}};

// Whoever makes the TextPipeline has taken these out.
constexpr const char* kPipelineKeys =
    "append_eos, mask, model, safe_content, template_date, template_name, template_variables, tool_arguments, "
    "vocab_size";

using Setter = std::function<void(const JsonValue&, const std::string&, DatasetOptions&)>;

struct Key {
  const char* name;
  Setter set;
};

void SetData(const JsonValue& value, const std::string& key, DatasetOptions& o) {
  if (!value.IsArray()) {
    o.sources.push_back(ReadSource(value, key));
    return;
  }
  if (value.IsEmpty()) throw InvalidArgument(key, " is an empty list; at least one source is needed");
  for (size_t i = 0; i < value.Items().size(); ++i) o.sources.push_back(ReadSource(value.Items()[i], StrCat(key, "[", i, "]")));
}

// A fraction below 1, or a number of records.
void SetEvaluation(const JsonValue& value, const std::string& key, DatasetOptions& o) {
  if (value.IsWhole()) {
    o.eval_count = WholeOf(value, key, 0, std::numeric_limits<int64_t>::max());
    return;
  }
  if (!value.IsNumber() || !(value.Number() >= 0 && value.Number() < 1)) {
    throw InvalidArgument(key, " is ", PrintableJson(value), "; it must be a fraction in [0, 1), or a whole number of records");
  }
  o.eval_fraction = value.Number();
}

std::vector<Key> Keys() {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  return {
      {"data", SetData},
      {"task",
       [](const JsonValue& v, const std::string& k, DatasetOptions& o) {
         o.task = ChoiceOf(v, k, kTasks);
         o.task_name = v.String();
       }},
      {"train_on", [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.train_on = ChoiceOf(v, k, kTrainOn); }},
      {"seq_len", [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.seq_len = WholeOf(v, k, 2, kMostSeqLen); }},
      {"packing", [](const JsonValue& v, const std::string& k,
                     DatasetOptions& o) { o.packing = v.IsBool() ? v.Bool() : ChoiceOf(v, k, kOnOff); }},
      {"too_long", [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.too_long = ChoiceOf(v, k, kTooLong); }},
      {"shuffle", [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.shuffle = BoolOf(v, k); }},
      {"seed", [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.seed = WholeOf(v, k, -kMost - 1, kMost); }},
      {"evaluation", SetEvaluation},
      {"part", [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.part = ChoiceOf(v, k, kParts); }},
      {"epochs",
       [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.epochs = WholeOf(v, k, 0, int64_t{1} << 31); }},
      {"drop_last", [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.drop_last = BoolOf(v, k); }},
      {"bad_records",
       [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.skip_bad_records = ChoiceOf(v, k, kBadRecords); }},
      {"empty_answers", [](const JsonValue& v, const std::string& k,
                           DatasetOptions& o) { o.read.keep_empty_answers = ChoiceOf(v, k, kEmptyAnswers); }},
      {"unused_members",
       [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.read.count_unused = ChoiceOf(v, k, kUnused); }},
      {"content_parts",
       [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.read.join_parts = ChoiceOf(v, k, kParts2); }},
      {"null_arguments",
       [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.read.drop_null = ChoiceOf(v, k, kNulls); }},
      {"max_record_bytes", [](const JsonValue& v, const std::string& k,
                              DatasetOptions& o) { o.max_record_bytes = WholeOf(v, k, 1, int64_t{1} << 31); }},
      {"threads", [](const JsonValue& v, const std::string& k, DatasetOptions& o) { o.threads = WholeOf(v, k, 0, 1024); }},
      {"cache_dir",
       [](const JsonValue& v, const std::string& k, DatasetOptions& o) {
         o.keep_cache = !v.IsNull();
         if (o.keep_cache) o.cache_dir = StringOf(v, k);
       }},
  };
}

}  // namespace

DatasetOptions ReadDatasetOptions(std::string_view config_json) {
  const JsonValue config = ParseJson(config_json, "the data set's configuration", true);
  if (!config.IsObject())
    throw InvalidArgument("the data set's configuration is ", config.KindInWords(), "; it must be an object");
  const std::vector<Key> keys = Keys();
  DatasetOptions options;
  bool long_given = false;
  for (const JsonValue::Member& member : config.Members()) {
    const Key* known = nullptr;
    std::string legal;
    for (const Key& key : keys) {
      if (member.name == key.name) known = &key;
      legal += StrCat(legal.empty() ? "" : ", ", key.name);
    }
    if (known == nullptr)
      throw InvalidArgument("the data set's configuration has ", Printable(member.name, 60),
                            DidYouMean(member.name, StrCat(legal, ", ", kPipelineKeys)), "; known are ", legal,
                            ", and of tokenizer and template ", kPipelineKeys);
    known->set(member.value, member.name, options);
    long_given |= member.name == "too_long";
  }
  if (options.sources.empty()) throw InvalidArgument("the data set's configuration has no data");
  if (!long_given && options.task == Task::kPretrain) options.too_long = TooLong::kSplit;
  if (options.too_long == TooLong::kSplit && options.task != Task::kPretrain && options.task != Task::kSft) {
    throw InvalidArgument("too_long is split, and the task ", options.task_name,
                          "; a preference cannot be split: truncate, drop or error");
  }
  if (options.part == Part::kEvaluation && options.eval_fraction == 0 && options.eval_count == 0) {
    throw InvalidArgument("part is evaluation, but evaluation, its fraction or number of records, is 0");
  }
  options.read.task = options.task;
  return options;
}

}  // namespace hlm::dataset
