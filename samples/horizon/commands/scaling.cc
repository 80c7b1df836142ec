#include "samples/horizon/commands/scaling.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

// Below this more devices are no help worth having.
constexpr double kLeastGain = 1.1;

Json Try(const Model& model, hlm_plan_options one, const std::string& devices, int64_t processes, int64_t batch_size) {
  one.device = devices.c_str();
  one.processes = processes;
  one.batch_size = batch_size;
  try {
    const Json plan = DescribePlan(MakePlan(model, one));
    const Json& prediction = plan.at("prediction");
    return {{"rows", batch_size},
            {"route", plan.contains("route") ? plan["route"] : Json("")},
            {"host_bytes", plan.at("host_bytes")},
            {"step_seconds", prediction.at("step_seconds")},
            {"tokens_per_second", prediction.at("tokens_per_second")},
            {"limit", prediction.at("limit")}};
  } catch (const ApiError& error) {
    if (error.code() != HLM_RESOURCE_EXHAUSTED && error.code() != HLM_INVALID_ARGUMENT) throw;
    return {{"rows", batch_size}, {"why_not", error.what()}};
  }
}

std::string Cells(const Json& plan, const Json& first) {
  if (plan.contains("why_not")) return Format("%9s %10s %8s  %s", "-", "-", "-", "no such plan");
  std::string times = "";
  if (!first.contains("why_not")) {
    times = Format("%.2f", plan["tokens_per_second"].get<double>() / first["tokens_per_second"].get<double>());
  }
  const std::string route = plan["route"].get<std::string>();
  return Format("%9s %10s %8s  ", FormatSeconds(plan["step_seconds"]).c_str(), FormatRate(plan["tokens_per_second"]).c_str(),
                times.c_str()) +
         plan["limit"].get<std::string>() + (route.empty() ? "" : ", route " + route);
}

// From where on the same step gains next to nothing.
int64_t MostThatHelp(const Json& rows) {
  int64_t most = 1;
  double rate = 0;
  for (const Json& row : rows) {
    const Json& step = row.at("step");
    if (step.contains("why_not")) break;
    const double own = step["tokens_per_second"];
    if (rate > 0 && own < kLeastGain * rate) break;
    rate = own;
    most = row.at("devices").get<int64_t>() * row.at("processes").get<int64_t>();
  }
  return most;
}

}  // namespace

std::vector<std::string> DeviceNames(const std::string& list) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string item = list.substr(begin, end - begin);
    begin = end + 1;
    const size_t colon = item.find(':'), dash = item.find('-');
    const auto number = [&](size_t at) {
      int64_t value = 0;
      std::from_chars(item.data() + at, item.data() + item.size(), value);
      return value;
    };
    const bool one = colon == std::string::npos || (dash == std::string::npos && !item.starts_with("cpu:"));
    if (one) {
      names.push_back(item);
    } else if (item.starts_with("cpu:")) {
      for (int64_t n = number(colon + 1); n > 0; --n) names.push_back("cpu");
    } else {
      for (int64_t n = number(colon + 1); n <= number(dash + 1); ++n)
        names.push_back(item.substr(0, colon + 1) + std::to_string(n));
    }
  }
  return names;
}

Json ScalingOf(const Model& model, const Options& options, int64_t seq_len) {
  const std::string machine = ReadMachine(options);
  hlm_plan_options asked = PlanOptionsOf(options, HLM_PURPOSE_TRAIN, options.shape.batch_size, seq_len, machine);
  asked.reduction_groups = 0;
  // Which devices there are the library knows.
  hlm_plan_options whole = asked;
  whole.batch_size = std::max<int64_t>(whole.batch_size, 1024);
  whole.host_limit_bytes = whole.device_limit_bytes = INT64_MAX / 4;
  const std::vector<std::string> names = DeviceNames(DescribePlan(MakePlan(model, whole)).at("device").get<std::string>());
  const auto first_of = [&](size_t count) {
    if (names[0] == "cpu") return count == 1 ? std::string("cpu") : "cpu:" + std::to_string(count);
    std::string list;
    for (size_t d = 0; d < count; ++d) list += (d == 0 ? "" : ",") + names[d];
    return list;
  };
  Json rows = Json::array();
  const auto add = [&](size_t devices, int64_t processes) {
    const int64_t all = static_cast<int64_t>(devices) * processes;
    rows.push_back({{"devices", devices},
                    {"processes", processes},
                    {"step", Try(model, asked, first_of(devices), processes, options.shape.batch_size)},
                    {"grown", Try(model, asked, first_of(devices), processes, options.shape.batch_size * all)}});
  };
  for (size_t devices = 1; devices <= names.size(); devices *= 2) add(devices, 1);
  size_t most = 1;
  while (2 * most <= names.size()) most *= 2;
  for (int64_t processes = 2; processes <= options.engine.processes; processes *= 2) add(most, processes);
  // The number that was asked for is a row, though it is no power of two.
  if (const int64_t asked_for = options.engine.processes; (asked_for & (asked_for - 1)) != 0) add(most, asked_for);
  return {{"batch_size", options.shape.batch_size},
          {"seq_len", seq_len},
          {"rows", rows},
          {"most_devices_that_help", MostThatHelp(rows)}};
}

void PrintScaling(const Json& scaling) {
  const Json &rows = scaling.at("rows"), &first = rows.front();
  std::printf("%-8s %-8s | %s a step: %-34s | %s a device\n", "devices", "machines",
              FormatCount(scaling.at("batch_size"), "row").c_str(), "", FormatCount(scaling.at("batch_size"), "row").c_str());
  const std::string head = Format("%9s %10s %8s  %-24s", "step", "tokens/s", "times", "what binds");
  std::printf("%-8s %-8s | %s | %s\n", "", "", head.c_str(), head.c_str());
  for (const Json& row : rows) {
    const std::string step = Cells(row.at("step"), first.at("step"));
    std::printf("%-8s %-8s | %-53s | %s\n", row.at("devices").dump().c_str(), row.at("processes").dump().c_str(), step.c_str(),
                Cells(row.at("grown"), first.at("grown")).c_str());
  }
  for (const Json& row : rows) {
    for (const char* kind : {"step", "grown"}) {
      if (!row.at(kind).contains("why_not")) continue;
      std::printf("%s x %s, %s: %s\n", row.at("devices").dump().c_str(), row.at("processes").dump().c_str(),
                  FormatCount(row.at(kind).at("rows"), "row").c_str(), row.at(kind)["why_not"].get<std::string>().c_str());
    }
  }
  const int64_t most = scaling.at("most_devices_that_help");
  const Json& last = rows.back();
  const std::string step = FormatCount(scaling.at("batch_size"), "row");
  if (most > 1 && most == last.at("devices").get<int64_t>() * last.at("processes").get<int64_t>()) {
    std::printf("Predicted for one step of many. All %s help a step of %s.\n", FormatCount(most, "device").c_str(), step.c_str());
    return;
  }
  std::printf("Predicted for one step of many. More than %s %s not help a step of %s.\n", FormatCount(most, "device").c_str(),
              most == 1 ? "does" : "do", step.c_str());
}

}  // namespace horizon
