#include "samples/horizon/report/plan_table.h"

#include <algorithm>
#include <cstdint>

#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

PlanRow BytesRow(const std::string& key, int64_t bytes) { return {Words(key), FormatBytes(bytes), FormatCount(bytes)}; }

PlanRow ValueRow(const std::string& key, const Json& value) {
  if (key.ends_with("_bytes") && value.is_number_integer()) return BytesRow(key, value);
  if (key.ends_with("_bytes_per_second") && value.is_number()) {
    return {Words(key), FormatBytes(static_cast<int64_t>(value.get<double>())) + "/s", ""};
  }
  if (key.ends_with("_seconds") && value.is_number()) return {Words(key), FormatSeconds(value), ""};
  if (value.is_number_integer()) return {Words(key), FormatCount(value), ""};
  if (key == "tokens_per_second" && value.is_number() && value.get<double>() >= 100) return {Words(key), FormatRate(value), ""};
  if (value.is_number()) return {Words(key), Format("%.4g", value.get<double>()), ""};
  if (key == "choice") return {Words(key), WithSizes(value.get<std::string>()), ""};
  return {Words(key), value.is_string() ? value.get<std::string>() : value.dump(), ""};
}

PlanSection Values(const std::string& title, const Json& object) {
  PlanSection section{title, {}};
  for (const auto& [key, value] : object.items()) {
    if (!value.is_structured() && value != "") section.rows.push_back(ValueRow(key, value));
  }
  return section;
}

// Bytes by item, leaving out what takes none.
PlanSection Memory(const std::string& title, const Json& items) {
  PlanSection section{title, {}};
  for (const auto& [key, value] : items.items()) {
    if (value.is_number_integer() && value.get<int64_t>() != 0) section.rows.push_back(BytesRow(key, value));
  }
  return section;
}

}  // namespace

std::string Words(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  return key;
}

std::vector<PlanSection> PlanTable(const Json& plan) {
  std::vector<PlanSection> table = {Values("Plan", plan)};
  if (plan.contains("activations") && plan["activations"].contains("blocks")) {
    PlanSection& section = table.emplace_back(PlanSection{"Activations, blocks by policy", {}});
    for (const auto& [policy, blocks] : plan["activations"]["blocks"].items())
      section.rows.push_back({policy, blocks.dump(), ""});
  }
  if (plan.contains("memory")) {
    for (const auto& [place, items] : plan["memory"].items()) {
      if (items.is_object()) table.push_back(Memory("Memory: " + place, items));
    }
    table.push_back(Memory("Memory: what libraries and drivers take for themselves", plan["memory"]));
  }
  if (plan.contains("numerics")) table.push_back(Values("Numerics", plan["numerics"]));
  if (plan.contains("saving"))
    table.push_back(Values("Saving a checkpoint beside training (stall: what a step waits for)", plan["saving"]));
  if (plan.contains("prediction")) table.push_back(Values("Prediction for one step", plan["prediction"]));
  return table;
}

}  // namespace horizon
