// horizon plan
#include <algorithm>
#include <cstdio>
#include <string>

#include "samples/horizon/command.h"
#include "samples/horizon/compare.h"
#include "samples/horizon/engine.h"
#include "samples/horizon/error.h"
#include "samples/horizon/text.h"
#include "samples/horizon/tokenizer.h"

namespace horizon {
namespace {

void Row(const std::string& name, const std::string& value, const std::string& note = "") {
  std::printf("  %-22s %16s%s%s\n", name.c_str(), value.c_str(), note.empty() ? "" : "  ", note.c_str());
}

// "block_inputs" as "block inputs".
std::string Words(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  return key;
}

void BytesRow(const std::string& key, int64_t bytes) { Row(Words(key), FormatBytes(bytes), FormatCount(bytes)); }

// Any value of the plan: its keys grow with the library, and a new one should be seen without a change here.
void ValueRow(const std::string& key, const Json& value) {
  if (key.ends_with("_bytes") && value.is_number_integer()) return BytesRow(key, value);
  if (key.ends_with("_seconds") && value.is_number()) return Row(Words(key), FormatSeconds(value));
  if (value.is_number_integer()) return Row(Words(key), FormatCount(value));
  if (value.is_number()) return Row(Words(key), Format("%.4g", value.get<double>()));
  Row(Words(key), value.is_string() ? value.get<std::string>() : value.dump());
}

void Section(const std::string& title, const Json& object) {
  std::printf("%s\n", title.c_str());
  for (const auto& [key, value] : object.items()) {
    if (!value.is_structured()) ValueRow(key, value);
  }
}

// Bytes by item, leaving out what takes none.
void MemorySection(const std::string& title, const Json& items) {
  std::printf("%s\n", title.c_str());
  for (const auto& [key, value] : items.items()) {
    if (value.is_number_integer() && value.get<int64_t>() != 0) BytesRow(key, value);
  }
}

void Print(const Json& plan) {
  Section("Plan", plan);
  if (plan.contains("activations") && plan["activations"].contains("blocks")) {
    std::printf("Activations, blocks by policy\n");
    for (const auto& [policy, blocks] : plan["activations"]["blocks"].items()) Row(policy, blocks.dump());
  }
  if (plan.contains("memory")) {
    for (const auto& [place, items] : plan["memory"].items()) {
      if (items.is_object()) MemorySection("Memory: " + place, items);
    }
    MemorySection("Memory: what libraries and drivers take for themselves", plan["memory"]);
  }
  if (plan.contains("numerics")) Section("Numerics", plan["numerics"]);
  if (plan.contains("saving")) Section("Saving a checkpoint beside training (stall: what a step waits for)", plan["saving"]);
  if (plan.contains("prediction")) Section("Prediction for one step", plan["prediction"]);
}

// A run's rows where its data are given, else rows of --seq-len tokens, which those of examples are as well.
int64_t RowTokens(const Options& options, const Model& model) {
  if (options.data.data.empty() || !options.task.task.empty()) return options.shape.seq_len;
  const int64_t vocab_size = DescribeModel(model).at("vocab_size").get<int64_t>();
  const auto row_tokens = [&](const std::string& data, const std::string& labels) {
    return data.empty() ? 0 : Dataset(data, labels, options.shape.seq_len, vocab_size, ReaderOf(options.model)).row_tokens();
  };
  return std::max(row_tokens(options.data.data, options.data.labels), row_tokens(options.run.eval_data, options.run.eval_labels));
}

}  // namespace

int RunPlan(const Options& options) {
  CheckModelOptions(options);
  if (options.purpose == HLM_PURPOSE_TRAIN) CheckTrainingOptions(options);
  const Model model = OpenModel(options.model);
  if (options.plan.compare) {
    if (options.purpose != HLM_PURPOSE_TRAIN) throw UsageError("--compare is for --purpose train: the other purposes have no states");
    const Json rows = ComparePlans(model, options, RowTokens(options, model));
    options.json ? void(std::printf("%s\n", rows.dump(2).c_str())) : PrintComparison(rows);
    return kExitOk;
  }
  const Plan plan = MakePlan(model, options, options.purpose, options.shape.batch_size, RowTokens(options, model));
  const Json json = DescribePlan(plan);
  if (options.json) {
    std::printf("%s\n", json.dump(2).c_str());
  } else {
    Print(json);
  }
  return kExitOk;
}

}  // namespace horizon
