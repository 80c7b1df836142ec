#include "samples/horizon/report/idle.h"

#include <algorithm>
#include <string>
#include <vector>

namespace horizon {
namespace {

constexpr int kComputeLane = 1;  // "compute" is the first lane of a trace

// What a piece of work waits for before it begins.
std::string ReasonFor(const std::string& name) {
  if (name.rfind("round", 0) == 0) return "a place for the gradient (the link down)";
  if (name.rfind("embed", 0) == 0) return "the batch and the embedding's weights (the link up)";
  return "weights or block inputs (the link up)";
}

}  // namespace

Json IdleOf(const Json& trace) {
  struct Span {
    double begin, end;
    std::string name;
  };
  std::vector<Span> spans;
  for (const Json& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X" || event.at("tid") != kComputeLane) continue;
    const double begin = event.at("ts").get<double>();
    spans.push_back({begin, begin + event.at("dur").get<double>(), event.at("name").get<std::string>()});
  }
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  Json result = {{"seconds", 0.0}, {"idle_seconds", 0.0}, {"idle", Json::object()}};
  if (spans.empty()) return result;
  double idle = 0, end = spans.front().end;
  Json reasons = Json::object();
  for (const Span& span : spans) {
    if (span.begin > end) {
      const std::string reason = ReasonFor(span.name);
      reasons[reason] = reasons.value(reason, 0.0) + (span.begin - end) * 1e-6;
      idle += (span.begin - end) * 1e-6;
    }
    end = std::max(end, span.end);
  }
  result["seconds"] = (end - spans.front().begin) * 1e-6;
  result["idle_seconds"] = idle;
  result["idle"] = reasons;
  return result;
}

}  // namespace horizon
