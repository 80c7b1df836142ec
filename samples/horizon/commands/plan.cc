// horizon plan
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/commands/compare.h"
#include "samples/horizon/commands/plan_fit.h"
#include "samples/horizon/commands/scaling.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/report/plan_table.h"
#include "samples/horizon/run/engine.h"

namespace horizon {
namespace {

// What was read of the model, one row for each kind of block.
PlanSection ModelSection(const Json& model) {
  PlanSection section{"model", {{"architecture", model.at("architecture").get<std::string>(), ""}}};
  for (const Json& block : model.at("blocks")) {
    std::string parts, note;
    for (const Json& part : block.at("parts")) parts += (parts.empty() ? "" : ", ") + part.get<std::string>();
    if (const auto window = block.at("window").get<int64_t>(); window > 0) note = "window of " + std::to_string(window);
    if (const auto rope = block.at("rope").get<int64_t>(); rope >= 0) {
      const Json& turns = model.at("ropes").at(static_cast<size_t>(rope));
      note += (note.empty() ? "" : ", ") + std::string("rope ") + turns.at("type").get<std::string>() + " of " +
              turns.at("dim").dump() + " elements, theta " + turns.at("theta").dump();
      if (turns.at("factor").get<double>() != 1) note += ", factor " + turns.at("factor").dump();
    }
    section.rows.push_back({FormatCount(block.at("layers"), "layer"), parts, note});
  }
  for (const Json& dropout : model.at("dropouts")) section.rows.push_back({"not applied", dropout.get<std::string>(), ""});
  if (const auto carried = model.at("carried_tensors").get<int64_t>(); carried > 0) {
    section.rows.push_back({"carried along", FormatCount(carried, "tensor"), FormatBytes(model.at("carried_bytes"))});
  }
  return section;
}

void Print(const Json& model, const Json& plan) {
  std::vector<PlanSection> sections = PlanTable(plan);
  sections.insert(sections.begin(), ModelSection(model));
  for (const PlanSection& section : sections) {
    std::printf("%s\n", section.title.c_str());
    for (const auto& [name, value, note] : section.rows) {
      std::printf("  %-22s %16s%s%s\n", name.c_str(), value.c_str(), note.empty() ? "" : "  ", note.c_str());
    }
  }
}

// What most people look for, as the last thing that is printed.
void PrintInShort(const Json& plan) {
  std::string line =
      "Fits: host memory " + FormatBytes(plan.at("host_bytes")) + ", device memory " + FormatBytes(plan.at("device_bytes"));
  if (plan.contains("prediction")) {
    const Json& prediction = plan["prediction"];
    line += "; predicted " + FormatSeconds(prediction.at("step_seconds")) + " a step of " +
            FormatCount(plan.at("step_tokens").get<int64_t>(), "token") + ", " + FormatRate(prediction.at("tokens_per_second")) +
            " tokens/s";
  }
  if (plan.contains("saving")) line += "; a checkpoint is " + FormatBytes(plan["saving"].at("state_bytes"));
  std::printf("%s\n", line.c_str());
}

// A run's rows where its data are given, else rows of --seq-len tokens, which those of examples are as well.
int64_t RowTokens(const Options& options, const Model& model) {
  if (options.data.data.empty() || !options.task.task.empty()) return options.shape.seq_len;
  const int64_t vocab_size = DescribeModel(model).at("vocab_size").get<int64_t>();
  const auto row_tokens = [&](const std::string& data, const std::string& labels) {
    return data.empty()
               ? 0
               : Dataset(data, labels, options.shape.seq_len, vocab_size, ReaderOf(options.model, vocab_size)).row_tokens();
  };
  return std::max(row_tokens(options.data.data, options.data.labels), row_tokens(options.run.eval_data, options.run.eval_labels));
}

// The plan all the same, with what is too little and what would help; the library's error is the last word.
void TellWhatDoesNotFit(const Options& options, const Model& model, int64_t row_tokens) {
  Json plan = DescribePlan(PlanWithoutLimits(model, options, row_tokens));
  plan.erase("choice");  // what fits without limits says nothing of what fits
  const Json how = HowItFits(model, options, row_tokens);
  if (options.json) {
    plan["fits"] = false;
    plan["how_it_fits"] = how;
    std::printf("%s\n", plan.dump(2).c_str());
  } else {
    Print(DescribeModel(model), plan);
    PrintHowItFits(how);
  }
}

}  // namespace

int RunPlan(const Options& options) {
  CheckModelOptions(options);
  if (options.purpose == HLM_PURPOSE_TRAIN) CheckTrainingOptions(options);
  const Model model = OpenModel(options.model);
  if (options.plan.compare) {
    if (options.purpose != HLM_PURPOSE_TRAIN)
      throw UsageError("--compare is for --purpose train: the other purposes have no states");
    const Json rows = ComparePlans(model, options, RowTokens(options, model));
    options.json ? void(std::printf("%s\n", rows.dump(2).c_str())) : PrintComparison(rows);
    return kExitOk;
  }
  const int64_t row_tokens = RowTokens(options, model);
  if (options.plan.scaling) {
    if (options.purpose != HLM_PURPOSE_TRAIN) throw UsageError("--scaling is for --purpose train");
    const Json scaling = ScalingOf(model, options, row_tokens);
    options.json ? void(std::printf("%s\n", scaling.dump(2).c_str())) : PrintScaling(scaling);
    return kExitOk;
  }
  Plan plan;
  try {
    plan = MakePlan(model, options, options.purpose, options.shape.batch_size, row_tokens);
  } catch (const ApiError& error) {
    if (error.code() == HLM_RESOURCE_EXHAUSTED) TellWhatDoesNotFit(options, model, row_tokens);
    throw;
  }
  const Json json = DescribePlan(plan);
  if (options.json) {
    std::printf("%s\n", json.dump(2).c_str());
  } else {
    Print(DescribeModel(model), json);
    PrintInShort(json);
  }
  return kExitOk;
}

}  // namespace horizon
