// The sections of a report below its curves: where the time went, memory, the plan, the settings.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "samples/horizon/base/text.h"
#include "samples/horizon/report/page.h"
#include "samples/horizon/report/plan_table.h"

namespace horizon {
namespace {

std::string Percent(double share) { return Format(share < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * share); }

struct Part {
  std::string name;
  double size;
  std::string text;  // the size for people
};

// A bar of coloured parts and what each is, the largest first.
std::string StackedBar(std::vector<Part> parts, const std::string& kind) {
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.size > b.size; });
  double total = 0;
  for (const Part& part : parts) total += part.size;
  if (!(total > 0)) return "";
  std::string bar = "<div class=\"bar " + kind + "\">", legend = "<ul class=\"parts " + kind + "\">";
  for (const Part& part : parts) {
    const double share = part.size / total;
    bar += Format("<span style=\"width:%.3f%%\" title=\"", 100 * share) + Escape(part.name + ": " + part.text) + "\"></span>";
    legend +=
        "<li><i></i><span>" + Escape(part.name) + "</span><b>" + Escape(part.text) + "</b><em>" + Percent(share) + "</em></li>";
  }
  return bar + "</div>" + legend + "</ul>\n";
}

std::string Table(const std::vector<PlanRow>& rows) {
  std::string table = "<table>";
  for (const PlanRow& row : rows) {
    table += "<tr><th scope=\"row\">" + Escape(row.name) + "</th><td>" + Escape(row.value) + "</td>";
    table += "<td class=\"note\">" + Escape(row.note) + "</td></tr>";
  }
  return table + "</table>\n";
}

// The lanes of the traced steps as a picture: bytes are moved and weights updated beside the computation, or they are not.
std::string Timeline(const Json& trace, double seconds) {
  std::string picture = "<div class=\"timeline\" aria-label=\"Timeline of the traced steps\">";
  for (const Json& lane : trace.at("lanes")) {
    picture +=
        "<div class=\"lane\">" + Escape(lane.at("name").get<std::string>()) + "</div><svg role=\"img\" aria-hidden=\"true\">";
    for (const Json& span : lane.at("spans")) {
      const double begin = span[0].get<double>() / seconds, width = (span[1].get<double>() - span[0].get<double>()) / seconds;
      picture += Format("<rect x=\"%.3f%%\" width=\"%.3f%%\" height=\"100%%\"/>", 100 * begin, 100 * std::max(width, 0.0005));
    }
    picture += "</svg><div class=\"share\">" + Percent(lane.at("busy_seconds").get<double>() / seconds) + "</div>";
  }
  return picture + "<div></div><div class=\"scale\"><span>0</span><span>" + FormatSeconds(seconds) +
         "</span></div><div></div></div>\n";
}

// Bytes of the traced steps over the time that the link was at work in them, which is what the link does; and over all of it.
std::string LinkTable(const RunRecord& run, double seconds) {
  std::string table;
  for (const Json& link : run.trace.at("links")) {
    const std::string name = link.at("name").get<std::string>();
    const double bytes = link.at("bytes").get<double>();
    double busy = 0;
    for (const Json& lane : run.trace.at("lanes")) {
      if (lane.at("name") == name) busy = lane.at("busy_seconds").get<double>();
    }
    const std::string total = name + "_bytes";
    table += "<tr><th scope=\"row\">" +
             Escape(name == "up"     ? "up, to the device"
                    : name == "down" ? "down, to the host"
                                     : name) +
             "</th>";
    table += "<td>" + (run.metrics.contains(total) ? FormatBytes(run.metrics[total]) : "") + "</td>";
    table += "<td>" + FormatBytes(static_cast<int64_t>(bytes)) + "</td><td>" + Percent(busy / seconds) + "</td>";
    table += "<td>" + (busy > 0 ? Format("%.3g GB/s", bytes / busy / 1e9) : "") + "</td><td>" +
             Format("%.3g GB/s", bytes / seconds / 1e9) + "</td></tr>";
  }
  if (table.empty()) return "";
  return "<h3>Links</h3>\n<div class=\"scroll\"><table class=\"columns\"><tr><td></td><th>bytes, whole run</th><th>bytes, traced "
         "steps</th><th>at "
         "work</th><th>rate while at work</th><th>mean rate</th></tr>" +
         table + "</table></div>\n";
}

std::string WaitTable(const Json& metrics) {
  if (!metrics.is_object() || !metrics.contains("seconds")) return "";
  std::vector<PlanRow> rows;
  for (const auto& [key, value] : metrics["seconds"].items()) {
    if (value.is_number()) rows.push_back({Words(key), FormatSeconds(value), ""});
  }
  return "<h3>Over the whole run</h3>\n<div class=\"scroll\">" + Table(rows) + "</div>";
}

}  // namespace

// The last rounds first: how the model writes now, and what it wrote before.
std::string SamplesSection(const std::vector<Json>& samples) {
  if (samples.empty()) return "";
  std::string section =
      "<section id=\"samples\" class=\"card\"><h2>Samples</h2>\n<p class=\"sub\">How the model went on with the same prompts, "
      "the last "
      "ones first.</p>\n<div class=\"scroll\"><table class=\"columns\"><tr><th>step</th><th>prompt</th><th>text</th></tr>";
  for (auto round = samples.rbegin(); round != samples.rend(); ++round) {
    for (const Json& sample : round->at("samples")) {
      section += "<tr><td>" + FormatCount(round->value("step", int64_t{0})) + "</td><td>" + Escape(sample.value("prompt", "")) +
                 "</td><td>" + Escape(sample.value("text", "")) + "</td></tr>";
    }
  }
  return section + "</table></div></section>\n";
}

std::string AccountSection(const Json& account) {
  if (!account.is_array() || account.empty()) return "";
  std::string section =
      "<section id=\"account\" class=\"card\"><h2>Records</h2>\n<p class=\"sub\">What was done to them beside reading them.</p>\n"
      "<div class=\"scroll\"><table "
      "class=\"columns\"><tr><td></td><th>records</th><th>amount</th><th>what</th><th>first</th></tr>";
  for (const Json& row : account) {
    section += "<tr><th scope=\"row\">" + Escape(row.value("did", "")) + "</th><td>" +
               FormatCount(row.value("records", int64_t{0})) + "</td><td>" + FormatCount(row.value("amount", int64_t{0})) +
               "</td><td>" + Escape(row.value("text", "")) + "</td><td>" + Escape(row.value("first", "")) + "</td></tr>";
  }
  return section + "</table></div></section>\n";
}

std::string TraceSection(const RunRecord& run) {
  if (!run.trace.is_object() || !(run.trace.at("seconds").get<double>() > 0)) return "";
  const double seconds = run.trace["seconds"];
  const std::string first = FormatCount(run.trace.at("steps")[0]), last = FormatCount(run.trace["steps"][1]);
  std::string section = "<section id=\"trace\" class=\"card\"><h2>Where the time went</h2>\n<p class=\"sub\">" +
                        (first == last ? "Step " + first : "Steps " + first + " to " + last) +
                        ", recorded as a trace: " + FormatSeconds(seconds) +
                        " from the first piece of work to the last. Shares are of this time.</p>\n";
  section += Timeline(run.trace, seconds);
  const Json& stream = run.trace.at("compute_stream");
  const double stream_seconds = stream.at("seconds"), idle = stream.at("idle_seconds");
  if (stream_seconds > 0) {
    std::vector<Part> parts = {{"computing", stream_seconds - idle, FormatSeconds(stream_seconds - idle)}};
    for (const auto& [reason, wait] : stream.at("idle").items()) {
      parts.push_back({"idle, waiting for " + reason, wait, FormatSeconds(wait)});
    }
    section += "<h3>The compute stream: idle for " + Percent(idle / stream_seconds) + "</h3>\n" + StackedBar(parts, "time");
  }
  return section + LinkTable(run, seconds) + WaitTable(run.metrics) + "</section>\n";
}

std::string MemorySection(const Json& plan) {
  if (!plan.is_object() || !plan.contains("memory")) return "";
  // Sums of what stands beside them, which would be counted twice.
  static constexpr const char* kSums[] = {"slots", "arena", "scratch_total"};
  std::string section;
  for (const auto& [place, items] : plan["memory"].items()) {
    if (!items.is_object()) continue;
    std::vector<Part> parts;
    int64_t total = 0;
    for (const auto& [name, bytes] : items.items()) {
      const bool sum =
          std::any_of(std::begin(kSums), std::end(kSums), [&name = name](const char* known) { return name == known; });
      if (sum || !bytes.is_number_integer() || bytes.get<int64_t>() <= 0) continue;
      parts.push_back({Words(name), bytes.get<double>(), FormatBytes(bytes)});
      total += bytes.get<int64_t>();
    }
    const int64_t reserve = plan["memory"].value(place + "_reserve", int64_t{0});
    if (reserve > 0) parts.push_back({"libraries and drivers", static_cast<double>(reserve), FormatBytes(reserve)});
    total += reserve;
    if (total > 0)
      section += "<div><h3>" + Escape(place) + ": " + FormatBytes(total) + "</h3>\n" + StackedBar(parts, "memory") + "</div>";
  }
  if (section.empty()) return "";
  return "<section id=\"memory\" class=\"card\"><h2>Memory, as planned</h2>\n<div class=\"halves\">" + section +
         "</div></section>\n";
}

std::string PlanSectionOf(const Json& plan) {
  if (!plan.is_object()) return "";
  std::string section = "<section id=\"plan\" class=\"card\"><h2>Plan</h2>\n";
  if (plan.contains("choice")) section += "<p class=\"sub\">" + Escape(WithSizes(plan["choice"].get<std::string>())) + "</p>\n";
  section += "<div class=\"flow\">\n";
  for (const auto& [title, rows] : PlanTable(plan)) {
    if (rows.empty()) continue;
    section += "<details" + std::string(title == "Plan" || title == "Prediction for one step" ? " open" : "") + "><summary>" +
               Escape(title) + "</summary><div class=\"scroll\">" + Table(rows) + "</div></details>\n";
  }
  return section + "</div></section>\n";
}

std::string SettingsSection(const RunRecord& run) {
  std::vector<PlanRow> given, defaults;
  for (const Setting& setting : run.settings) (setting.given ? given : defaults).push_back({setting.name, setting.value, ""});
  if (given.empty() && defaults.empty() && run.command.empty()) return "";
  std::string section = "<section id=\"settings\" class=\"card\"><h2>Settings</h2>\n";
  if (!run.command.empty()) section += "<pre>" + Escape(run.command) + "</pre>\n";
  section += "<div class=\"flow\">\n";
  if (!given.empty())
    section += "<details open><summary>Given</summary><div class=\"scroll\">" + Table(given) + "</div></details>\n";
  if (!defaults.empty())
    section += "<details><summary>Defaults</summary><div class=\"scroll\">" + Table(defaults) + "</div></details>\n";
  return section + "</div></section>\n";
}

}  // namespace horizon
