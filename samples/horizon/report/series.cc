#include "samples/horizon/report/series.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

constexpr size_t kMostPoints = 2000;  // more than a screen has columns, twice
constexpr size_t kTrendStretches = 100;
constexpr size_t kLeastForTrend = 60;

// Where stretch `i` of `count` begins among n.
size_t Border(size_t n, size_t i, size_t count) {
  return static_cast<size_t>(static_cast<double>(n) * static_cast<double>(i) / static_cast<double>(count));
}

// The chart that a series belongs to: what is said above it, and its name in the legend.
struct Place {
  const char* title;
  const char* label;
};
struct Known {
  const char* name;
  Place place;
};
const std::string kEval = "eval_";
constexpr const char* kTraining = "training";
constexpr const char* kLossTitle = "Loss";
constexpr Known kKnown[] = {
    {"loss", {kLossTitle, kTraining}},
    {"rewards/margins", {"Reward margin, chosen over rejected", kTraining}},
    {"rewards/accuracies", {"Pairs whose chosen answer has the larger reward (share)", kTraining}},
    {"rewards/chosen", {"Rewards", "chosen"}},
    {"rewards/rejected", {"Rewards", "rejected"}},
    {"logps/chosen", {"Log-probability of answers", "chosen"}},
    {"logps/rejected", {"Log-probability of answers", "rejected"}},
    {"mean_token_accuracy", {"Tokens predicted right (share)", kTraining}},
    {"entropy", {"Entropy (nats a token)", kTraining}},
    {"aux_loss", {"Balancing loss of the routers", kTraining}},
    {"router_z_loss", {"Squared logsumexp of the routers' logits", kTraining}},
    {"expert_imbalance", {"Most tokens of an expert over the mean", kTraining}},
    {"unrouted_experts", {"Experts without a token (share)", kTraining}},
    {"grad_norm", {"Gradient norm, before clipping", "norm"}},
    {"lr", {"Learning rate", "rate"}},
    {"learning_rate", {"Learning rate", "rate"}},
    {"tokens_per_second", {"Speed (tokens a second)", "speed"}},
};
constexpr const char* kNotDrawn[] = {"step",        "epoch",       "tokens",          "num_tokens",
                                     "loss_tokens", "eval_tokens", "eval_perplexity", "skipped"};

std::string HeldOut(const std::string& label) { return label == kTraining ? "held out" : label + ", held out"; }

// What the loss of a task is counted in.
std::string LossTitle(const std::string& task) {
  const std::string title = kLossTitle;
  if (task == "dpo" || task == "orpo" || task == "simpo") return title + " (nats a pair)";
  return title + (task == "kto" ? " (mean over answers)" : " (nats a token)");
}

Json Value(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return std::strtod(Format("%.7g", value).c_str(), nullptr);  // digits that no eye sees are left out of the file
}

Json Lists(const std::vector<Point>& points) {
  Json steps = Json::array(), values = Json::array();
  for (const Point& point : points) {
    steps.push_back(point.step);
    values.push_back(Value(point.value));
  }
  return {std::move(steps), std::move(values)};
}

Json SeriesJson(const Series& series, const std::string& label) {
  return {{"name", series.name},
          {"label", label},
          {"measured", series.points.size()},
          {"points", Lists(Thin(series.points, kMostPoints))},
          {"trend", Lists(Trend(series.points, kTrendStretches))}};
}

void AddTo(Json& charts, const std::string& title, Json series) {
  for (Json& chart : charts) {
    if (chart["title"] == title) return chart["series"].push_back(std::move(series));
  }
  charts.push_back({{"title", title}, {"series", Json::array({std::move(series)})}});
}

}  // namespace

std::vector<Point> Thin(const std::vector<Point>& points, size_t most) {
  if (points.size() <= most) return points;
  const size_t stretches = std::max<size_t>(most / 4, 1);
  std::vector<Point> kept;
  for (size_t i = 0; i < stretches; ++i) {
    const size_t begin = Border(points.size(), i, stretches), end = Border(points.size(), i + 1, stretches);
    size_t lowest = end, highest = end, odd = end;
    for (size_t at = begin; at < end; ++at) {
      const double value = points[at].value;
      if (!std::isfinite(value)) {
        if (odd == end) odd = at;
        continue;
      }
      if (lowest == end || value < points[lowest].value) lowest = at;
      if (highest == end || value > points[highest].value) highest = at;
    }
    size_t chosen[] = {begin, lowest, highest, odd, end - 1};
    std::sort(std::begin(chosen), std::end(chosen));
    for (size_t c = 0; c < std::size(chosen); ++c) {
      if (chosen[c] < end && (c == 0 || chosen[c] != chosen[c - 1])) kept.push_back(points[chosen[c]]);
    }
  }
  return kept;
}

std::vector<Point> Trend(const std::vector<Point>& points, size_t stretches) {
  std::vector<Point> trend;
  if (points.size() < kLeastForTrend) return trend;
  stretches = std::min(stretches, points.size() / 8);
  for (size_t i = 0; i < stretches; ++i) {
    const size_t begin = Border(points.size(), i, stretches), end = Border(points.size(), i + 1, stretches);
    double sum = 0, finite = 0;
    for (size_t at = begin; at < end; ++at) {
      if (!std::isfinite(points[at].value)) continue;
      sum += points[at].value;
      finite += 1;
    }
    if (finite > 0) trend.push_back({points[begin + (end - begin) / 2].step, sum / finite});
  }
  return trend;
}

Json ChartsOf(const std::vector<Series>& series, const std::string& task) {
  Json charts = Json::array();
  for (const Known& known : kKnown) {
    for (const bool held_out : {false, true}) {
      for (const Series& one : series) {
        if (one.name != (held_out ? kEval : "") + known.name) continue;
        const std::string title = std::string_view(known.place.title) == kLossTitle ? LossTitle(task) : known.place.title;
        AddTo(charts, title, SeriesJson(one, held_out ? HeldOut(known.place.label) : known.place.label));
      }
    }
  }
  for (const Series& one : series) {
    const auto is = [&one](const auto& name) { return one.name == name; };
    const auto known = [&one](const Known& k) { return one.name == k.name || one.name == kEval + k.name; };
    if (std::any_of(std::begin(kKnown), std::end(kKnown), known)) continue;
    if (std::any_of(std::begin(kNotDrawn), std::end(kNotDrawn), is)) continue;
    // "clip_ratio/low" and "clip_ratio/high" belong together; "eval_kl" goes beside "kl".
    const bool held_out = one.name.starts_with(kEval);
    const std::string name = held_out ? one.name.substr(kEval.size()) : one.name;
    const size_t slash = name.find('/');
    const std::string label = slash == std::string::npos ? kTraining : name.substr(slash + 1);
    AddTo(charts, name.substr(0, slash), SeriesJson(one, held_out ? HeldOut(label) : label));
  }
  return charts;
}

}  // namespace horizon
