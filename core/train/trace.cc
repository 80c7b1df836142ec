#include "core/train/trace.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace hlm {

double Trace::Now() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Trace::Start() {
  std::lock_guard lock(mutex_);
  spans_.clear();
  on_ = true;
}

void Trace::Add(Lane lane, const std::string& name, double begin, double end) {
  if (!on()) return;
  std::lock_guard lock(mutex_);
  spans_.push_back({lane, name, begin, end});
}

Trace::StreamSpan::StreamSpan(Trace& trace, Stream& stream, Lane lane, std::string name) {
  if (!trace.on()) return;
  trace_ = &trace;
  stream_ = &stream;
  lane_ = lane;
  name_ = std::move(name);
  begin_ = std::make_shared<double>(0);
  stream.Call([begin = begin_] { *begin = Now(); });
}

Trace::StreamSpan::~StreamSpan() {
  if (trace_ == nullptr) return;
  try {
    stream_->Call([trace = trace_, lane = lane_, name = name_, begin = begin_] { trace->Add(lane, name, *begin, Now()); });
  } catch (...) {  // a mark that is missing in the trace must not end a step
  }
}

void Trace::Write(const std::string& path) {
  if (!on_.exchange(false)) throw FailedPrecondition("no trace was started");
  std::lock_guard lock(mutex_);
  using Json = nlohmann::ordered_json;
  Json events = Json::array();
  static constexpr const char* kLanes[] = {"", "compute", "up", "down", "optimizer", "host"};
  for (int lane = kCompute; lane <= kHost; ++lane) {
    events.push_back({{"ph", "M"}, {"pid", 1}, {"tid", lane}, {"name", "thread_name"}, {"args", {{"name", kLanes[lane]}}}});
  }
  double first = 0;
  for (const Span& span : spans_) first = first == 0 ? span.begin : std::min(first, span.begin);
  for (const Span& span : spans_) {
    events.push_back({{"ph", "X"},
                      {"pid", 1},
                      {"tid", static_cast<int>(span.lane)},
                      {"name", span.name},
                      {"ts", span.begin - first},
                      {"dur", span.end - span.begin}});
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << Json({{"displayTimeUnit", "ms"}, {"traceEvents", events}}).dump() << "\n";
  file.flush();
  if (!file) throw InvalidArgument("cannot write the trace to ", path, ": ", std::strerror(errno));
  spans_.clear();
}

}  // namespace hlm
