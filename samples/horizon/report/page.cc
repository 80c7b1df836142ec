#include "samples/horizon/report/page.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "samples/horizon/base/text.h"
#include "samples/horizon/report/script.js.h"
#include "samples/horizon/report/style.css.h"

namespace horizon {
namespace {

constexpr size_t kMostMarks = 500;  // of skipped steps

const Series* Find(const RunRecord& run, const std::string& name) {
  for (const Series& series : run.series) {
    if (series.name == name && !series.points.empty()) return &series;
  }
  return nullptr;
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  return Format("%.4g", value);
}

// "7.62 B": for figures of which nobody reads the last digit.
std::string Short(int64_t count) {
  static constexpr const char* kUnits[] = {"", " k", " M", " B", " T"};
  double value = static_cast<double>(count);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return unit == 0 ? FormatCount(count) : Format(value < 99.95 ? "%.3g" : "%.0f", value) + kUnits[unit];
}

std::string Tile(const std::string& label, const std::string& value, const std::string& note = "") {
  std::string tile =
      "<div class=\"tile\"><div class=\"label\">" + Escape(label) + "</div><div class=\"value\">" + Escape(value) + "</div>";
  if (!note.empty()) tile += "<div class=\"note\">" + Escape(note) + "</div>";
  return tile + "</div>\n";
}

std::optional<double> Median(const Series& series) {
  std::vector<double> values;
  for (const Point& point : series.points) {
    if (std::isfinite(point.value)) values.push_back(point.value);
  }
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The smallest finite value; nullptr without one.
const Point* Lowest(const Series& series) {
  const Point* lowest = nullptr;
  for (const Point& point : series.points) {
    if (std::isfinite(point.value) && (lowest == nullptr || point.value < lowest->value)) lowest = &point;
  }
  return lowest;
}

std::string Step(int64_t step) { return "step " + FormatCount(step); }

std::string Tiles(const RunRecord& run) {
  std::string tiles = "<section class=\"tiles\" aria-label=\"The run in figures\">\n";
  if (const Series* loss = Find(run, "loss")) {
    tiles += Tile("Loss", Number(loss->points.back().value),
                  Number(loss->points.front().value) + " at " + Step(loss->points.front().step));
  }
  if (const Series* loss = Find(run, "eval_loss")) {
    const Point* lowest = Lowest(*loss);
    tiles += Tile("Held-out loss", Number(loss->points.back().value),
                  lowest == nullptr ? "" : "lowest " + Number(lowest->value) + " at " + Step(lowest->step));
  }
  if (const Series* margin = Find(run, "rewards/margins")) tiles += Tile("Reward margin", Number(margin->points.back().value));
  if (const Series* speed = Find(run, "tokens_per_second")) {
    if (const auto median = Median(*speed)) tiles += Tile("Speed", FormatRate(*median), "tokens/s, median of steps");
  }
  tiles += Tile("Steps", FormatCount(run.done),
                run.begun > 0 ? FormatCount(run.begun) + " of an earlier run" : "of " + FormatCount(run.steps));
  tiles += Tile("Trained on", Short(run.tokens), "tokens in " + FormatSeconds(run.seconds));
  tiles += Tile("Parameters", Short(run.parameters), FormatCount(run.parameters));
  if (run.plan.is_object() && run.plan.contains("host_bytes")) {
    tiles +=
        Tile("Memory", FormatBytes(run.plan["host_bytes"]),
             run.plan.value("device_bytes", int64_t{0}) > 0 ? "host; device " + FormatBytes(run.plan["device_bytes"]) : "host");
  }
  return tiles + "</section>\n";
}

// What somebody should know who looks at the page for a moment.
std::vector<std::string> Remarks(const RunRecord& run) {
  std::vector<std::string> remarks;
  if (!run.outcome_note.empty()) remarks.push_back(run.outcome_note);
  if (!run.skipped.empty()) {
    remarks.push_back(FormatCount(static_cast<int64_t>(run.skipped.size())) +
                      (run.skipped.size() == 1 ? " step was" : " steps were") + " skipped and changed no weight, the first at " +
                      Step(run.skipped.front()) + ".");
  }
  if (const Series* loss = Find(run, "eval_loss")) {
    const Point* lowest = Lowest(*loss);
    const Point& last = loss->points.back();
    if (lowest != nullptr && lowest->step < last.step && !(last.value <= lowest->value * 1.01)) {
      remarks.push_back("The held-out loss was lowest at " + Step(lowest->step) + " (" + Number(lowest->value) +
                        ") and ended at " + Number(last.value) + ".");
    }
  }
  const Series* loss = Find(run, "loss");
  if (run.begun > 0 && (loss == nullptr || loss->points.front().step > run.begun)) {
    remarks.push_back("This run went on from step " + FormatCount(run.begun) +
                      "; the steps before are not shown (with --log-json they are).");
  }
  return remarks;
}

// JSON inside a script element: no "<" can end it.
std::string ScriptJson(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string safe;
  for (const char c : text) c == '<' ? void(safe += "\\u003c") : safe.push_back(c);
  return safe;
}

Json CurveData(const RunRecord& run) {
  Json skipped = Json::array();
  const size_t every = run.skipped.size() / kMostMarks + 1;
  for (size_t i = 0; i < run.skipped.size(); i += every) skipped.push_back(run.skipped[i]);
  return {{"charts", ChartsOf(run.series, run.task)}, {"skipped", skipped}};
}

}  // namespace

std::string Escape(const std::string& text) {
  std::string escaped;
  // The JSON library knows what is valid UTF-8.
  const std::string valid = Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
  for (const char c : valid) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? void(escaped += "\xef\xbf\xbd")
                                                                                      : escaped.push_back(c);
    }
  }
  return escaped;
}

std::string ReportPage(const RunRecord& run) {
  const std::string outcome = Name(run.outcome);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  // Nothing is fetched, whatever a text in the page might ask for.
  page +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src "
      "'unsafe-inline'\">\n";
  page +=
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
      "dark\">\n";
  page += "<title>" + Escape(run.model) + " · training run</title>\n<style>\n";
  page += kStyle;
  page += "</style>\n</head>\n<body>\n<main>\n";
  page += "<header>\n<div><h1>" + Escape(run.model) + "</h1>\n<p class=\"sub\">Training run" +
          (run.task.empty() ? "" : " (" + Escape(run.task) + ")") + ", " + Escape(run.when) + "</p></div>\n";
  page += "<span class=\"outcome " + outcome + "\">" + outcome + "</span>\n</header>\n";
  for (const std::string& remark : Remarks(run)) page += "<p class=\"remark\">" + Escape(remark) + "</p>\n";
  page += Tiles(run);
  page +=
      "<section id=\"charts\" class=\"charts\" aria-label=\"Curves\"><noscript><p>The curves are drawn by a script inside this "
      "page, which "
      "is switched off here.</p></noscript></section>\n";
  page += SamplesSection(run.samples) + ExpertSection(run.experts) + AccountSection(run.account) + TraceSection(run) +
          MemorySection(run.plan) + PlanSectionOf(run.plan) + SettingsSection(run);
  page += "<footer>Horizon-LM " + Escape(run.version) + "</footer>\n</main>\n";
  page += "<script type=\"application/json\" id=\"data\">" + ScriptJson(CurveData(run)) + "</script>\n";
  page += "<script>\n";
  page += kScript;
  page += "</script>\n</body>\n</html>\n";
  return page;
}

}  // namespace horizon
