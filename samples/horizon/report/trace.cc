#include "samples/horizon/report/trace.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "samples/horizon/report/idle.h"

namespace horizon {
namespace {

constexpr double kColumns = 1500;  // of a picture; gaps smaller than one are not seen

struct Lane {
  std::string name;
  std::vector<std::pair<double, double>> spans;
};

Json LaneJson(Lane& lane, double first, double smallest_gap) {
  std::sort(lane.spans.begin(), lane.spans.end());
  Json spans = Json::array();
  double busy = 0, end = first;
  double shown_begin = 0, shown_end = 0;
  bool open = false;
  const auto show = [&] { spans.push_back({shown_begin - first, shown_end - first}); };
  for (const auto& [begin, until] : lane.spans) {
    busy += std::max(0.0, until - std::max(begin, end));
    end = std::max(end, until);
    if (open && begin - shown_end < smallest_gap) {
      shown_end = std::max(shown_end, until);
      continue;
    }
    if (open) show();
    shown_begin = begin;
    shown_end = until;
    open = true;
  }
  if (open) show();
  return {{"name", lane.name}, {"busy_seconds", busy}, {"spans", spans}};
}

}  // namespace

Json SummaryOf(const Json& trace) {
  std::map<int, Lane> lanes;
  double first = 0, last = 0;
  bool any = false;
  for (const Json& event : trace.at("traceEvents")) {
    Lane& lane = lanes[event.at("tid").get<int>()];
    if (event.at("ph") == "M") lane.name = event.at("args").at("name").get<std::string>();
    if (event.at("ph") != "X") continue;
    const double begin = event.at("ts").get<double>() * 1e-6;
    const double end = begin + event.at("dur").get<double>() * 1e-6;
    lane.spans.emplace_back(begin, end);
    first = any ? std::min(first, begin) : begin;
    last = any ? std::max(last, end) : end;
    any = true;
  }
  Json summary = {{"seconds", last - first}, {"lanes", Json::array()}, {"compute_stream", IdleOf(trace)}};
  for (auto& [id, lane] : lanes) {
    if (!lane.spans.empty()) summary["lanes"].push_back(LaneJson(lane, first, (last - first) / kColumns));
  }
  return summary;
}

}  // namespace horizon
