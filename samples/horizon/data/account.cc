#include "samples/horizon/data/account.h"

#include <algorithm>
#include <cstdio>

#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

std::string Named(const Json& end) {
  return "\"" + OneLine(end.at("token").get<std::string>()) + "\" (" + std::to_string(end.at("id").get<int64_t>()) + ")";
}

void Append(std::string& list, const std::string& one) { list += (list.empty() ? "" : ", ") + one; }

}  // namespace

std::vector<std::string> AccountLines(const Json& description) {
  std::vector<std::string> lines;
  const Json rows = description.value("account", Json::array());
  for (const Json& row : rows) {
    std::string line = "  " + OneLine(row.at("text").get<std::string>());
    if (row.contains("first")) line += "  (first: " + OneLine(row.at("first").get<std::string>()) + ")";
    lines.push_back(line);
  }
  if (!lines.empty()) lines.insert(lines.begin(), "beside reading the records:");
  return lines;
}

std::string WithoutStop(int64_t turns, int64_t without_stop) {
  if (without_stop == 0) return "";
  return FormatCount(without_stop) + " of " + FormatCount(turns) +
         " trained turns do not end with an added token: nothing tells a generation to stop behind them";
}

Stops StopsOf(const Json& model, const Json& dataset) {
  Stops stops;
  if (!dataset.contains("turns")) return stops;
  const Json& turns = dataset["turns"];
  // Other programs read generation_config.json alone, where it is there.
  const Json known = model.value("stop_ids_unsaid", false) ? Json::array() : model.value("stop_ids", Json::array());
  const auto is_in = [](const Json& list, const Json& id) { return std::find(list.begin(), list.end(), id) != list.end(); };
  std::string added, inside, inner;
  bool last_is_missing = false;
  for (const Json& end : turns.at("ends")) {
    const Json& id = end.at("id");
    if (is_in(known, id)) continue;
    if (end.at("inside").get<int64_t>() > 0) {
      Append(inside, Named(end));
    } else {
      last_is_missing = last_is_missing || is_in(turns.at("stop_ids"), id);
      stops.ids.push_back(id.get<int32_t>());
      Append(is_in(turns.at("stop_ids"), id) ? added : inner, Named(end));
    }
  }
  // Where the last turns end as the folder has it, its word on the others is taken: some formats end a message as they end a
  // turn.
  if (!last_is_missing) {
    stops.ids.clear();
    if (!inner.empty())
      stops.text = "turns that are not the last end with " + inner + ", which the model's folder does not stop at";
  } else {
    stops.text =
        "trained turns end with " + added + (inner.empty() ? "" : ", " + inner) + ", which the model's folder does not stop at";
  }
  if (!inside.empty()) {
    stops.text += (stops.text.empty() ? "" : "; ") +
                  ("turns end with " + inside + ", which stands inside turns as well and cannot stop a generation");
  }
  return stops;
}

}  // namespace horizon
