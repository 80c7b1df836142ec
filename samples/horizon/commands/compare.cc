#include "samples/horizon/commands/compare.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

// More than any machine has: to learn what a plan would take that does not fit.
constexpr int64_t kNoLimit = int64_t{1} << 60;

struct Choice {
  int32_t states, master, timing;
};

// In the order in which a budget takes them.
std::vector<Choice> Choices(const Options& options) {
  std::vector<Choice> choices;
  const OptimizerOptions& o = options.optimizer;
  for (const int32_t master : {HLM_MASTER_SPLIT, HLM_MASTER_NONE}) {
    const bool varied = o.master == kByBudget || o.master == HLM_MASTER_AUTO;
    if (varied ? options.engine.compute == HLM_DTYPE_F32 && master == HLM_MASTER_NONE : master != o.master) continue;
    for (const int32_t states : {HLM_STATES_F32, HLM_STATES_BF16, HLM_STATES_INT8}) {
      if (o.states != kByBudget && o.states != HLM_STATES_AUTO && o.states != states) continue;
      if (options.engine.timing_given) {
        choices.push_back({states, master, options.engine.optimizer_timing});
        continue;
      }
      for (const int32_t timing : {HLM_TIMING_NEXT_FORWARD, HLM_TIMING_BACKWARD}) choices.push_back({states, master, timing});
    }
  }
  return choices;
}

Json RowOf(const Json& plan) {
  const Json& prediction = plan.at("prediction");
  return {{"optimizer", plan.at("numerics").at("algorithm")},
          {"states", plan.at("states")},
          {"master", plan.at("master")},
          {"grad_dtype", plan.at("numerics").at("grad_dtype")},
          {"optimizer_timing", plan.at("optimizer_timing")},
          {"grad_clip", plan.at("grad_clip")},
          {"sweeps", plan.at("sweeps")},
          {"expert_groups", plan.at("expert_groups")},
          {"gradient_store", plan.at("gradient_store")},
          {"bytes_per_parameter", plan.at("bytes_per_parameter")},
          {"host_bytes", plan.at("host_bytes")},
          {"device_bytes", plan.at("device_bytes")},
          {"exactness", plan.at("exactness")},
          {"step_seconds", prediction.at("step_seconds")},
          {"tokens_per_second", prediction.at("tokens_per_second")},
          {"limit", prediction.at("limit")}};
}

// The plan of one choice; where it does not fit, what it would take.
Json Compare(const Model& model, hlm_plan_options one) {
  std::string why_not;
  const int64_t host = one.host_limit_bytes, device = one.device_limit_bytes;
  for (const auto& [host_limit, device_limit] : {std::pair{host, device}, {kNoLimit, device}, {kNoLimit, kNoLimit}}) {
    one.host_limit_bytes = host_limit;
    one.device_limit_bytes = device_limit;
    try {
      Json row = RowOf(DescribePlan(MakePlan(model, one)));
      row["fits"] = why_not.empty();
      if (!why_not.empty()) row["why_not"] = why_not;
      return row;
    } catch (const ApiError& error) {
      if (error.code() != HLM_RESOURCE_EXHAUSTED || (host_limit == kNoLimit && device_limit == kNoLimit)) throw;
      if (why_not.empty()) why_not = error.what();
    }
  }
  return {};  // not reached
}

// The row that a budget takes: of the most exact that fit, the fastest; with the clipping that was asked for.
void MarkTaken(const Options& options, Json& rows) {
  const Json* first = nullptr;
  Json* taken = nullptr;
  for (Json& row : rows) row["taken"] = false;
  for (Json& row : rows) {
    const bool clips = row["grad_clip"] != 0.0;
    if (!row["fits"].get<bool>() || clips != (options.optimizer.grad_clip != 0)) continue;
    if (first != nullptr && ((*first)["states"] != row["states"] || (*first)["master"] != row["master"])) break;
    if (first == nullptr) first = &row;
    if (taken == nullptr || row["step_seconds"] < (*taken)["step_seconds"]) taken = &row;
  }
  if (taken != nullptr) (*taken)["taken"] = true;
}

}  // namespace

Json ComparePlans(const Model& model, const Options& options, int64_t seq_len) {
  const std::string machine = ReadMachine(options);
  Json rows = Json::array();
  for (const Choice& choice : Choices(options)) {
    hlm_plan_options one = PlanOptionsOf(options, HLM_PURPOSE_TRAIN, options.shape.batch_size, seq_len, machine);
    one.states = choice.states;
    one.master = choice.master;
    one.optimizer_timing = choice.timing;
    if (choice.timing == HLM_TIMING_BACKWARD) one.grad_clip = 0;
    rows.push_back(Compare(model, one));
  }
  MarkTaken(options, rows);
  return rows;
}

void PrintComparison(const Json& rows) {
  std::printf("%-6s %-6s %-13s %5s %6s %8s %11s %11s %-5s %12s  %s\n", "states", "master", "timing", "clip", "sweeps", "bytes/p.",
              "host", "device", "fits", "tokens/s", "what is exact");
  for (const Json& row : rows) {
    const auto text = [&row](const char* key) { return row.at(key).get<std::string>(); };
    std::printf("%-6s %-6s %-13s %5s %6s %8.2f %11s %11s %-5s %12s  %s%s\n", text("states").c_str(), text("master").c_str(),
                text("optimizer_timing").c_str(),
                row.at("grad_clip") == 0.0 ? "off" : Format("%g", row["grad_clip"].get<double>()).c_str(),
                row.at("sweeps").dump().c_str(), row.at("bytes_per_parameter").get<double>(),
                FormatBytes(row.at("host_bytes")).c_str(), FormatBytes(row.at("device_bytes")).c_str(),
                row.at("fits").get<bool>() ? "yes" : "no", FormatRate(row.at("tokens_per_second")).c_str(),
                text("exactness").c_str(), row.at("taken").get<bool>() ? "  <- taken by a budget" : "");
  }
  std::printf("Predicted for one step of many. Exactness comes first, then speed; what does not fit shows what it would take.\n");
}

}  // namespace horizon
