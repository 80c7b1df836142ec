#include "core/stream/trace.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <memory>
#include <set>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_writer.h"

namespace hlm {

double Trace::Now() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Trace::Start() {
  std::lock_guard lock(mutex_);
  spans_.clear();
  on_ = true;
}

void Trace::Add(Row row, const std::string& name, double begin, double end) {
  if (!on()) return;
  std::lock_guard lock(mutex_);
  spans_.push_back({row, name, begin, end, nullptr, nullptr});
}

void Trace::Add(Row row, const std::string& name, std::shared_ptr<TimeStamp> begin, std::shared_ptr<TimeStamp> end) {
  std::lock_guard lock(mutex_);
  spans_.push_back({row, name, 0, 0, std::move(begin), std::move(end)});
}

Trace::StreamSpan::StreamSpan(Trace& trace, Stream& stream, Row row, std::string name) {
  if (!trace.on()) return;
  trace_ = &trace;
  stream_ = &stream;
  row_ = row;
  name_ = std::move(name);
  begin_ = stream.Stamp();
}

Trace::StreamSpan::~StreamSpan() {
  if (trace_ == nullptr) return;
  try {
    trace_->Add(row_, name_, begin_, stream_->Stamp());
  } catch (...) {  // a mark that is missing in the trace must not end a step
  }
}

void Trace::Write(const std::string& path) {
  if (!on_.exchange(false)) throw FailedPrecondition("no trace was started");
  struct Resume {  // where it cannot be written: nothing is lost, and it can be written elsewhere
    std::atomic<bool>& on;
    bool written = false;
    ~Resume() { on = !written; }
  } resume{on_};
  std::lock_guard lock(mutex_);
  for (Span& span : spans_) {
    if (span.begin_stamp == nullptr) continue;
    span.begin = span.begin_stamp->Microseconds();
    span.end = span.end_stamp->Microseconds();
  }
  static constexpr const char* kRows[kRowsOfLane] = {"", "compute", "up", "down", "optimizer", "host", "save", "peers"};
  std::set<int64_t> rows;
  for (int64_t row = kCompute; row <= kSave; ++row) rows.insert(row);
  for (const Span& span : spans_) rows.insert(span.row);
  JsonWriter json;
  json.BeginObject();
  json.Member("displayTimeUnit", "ms");
  json.Key("traceEvents").BeginArray();
  for (const int64_t row : rows) {
    const int64_t lane = row / kRowsOfLane;
    json.BeginObject();
    json.Member("ph", "M").Member("pid", 1).Member("tid", row).Member("name", "thread_name");
    json.Key("args")
        .BeginObject()
        .Member("name", StrCat(kRows[row % kRowsOfLane], lane > 0 ? StrCat(" ", lane) : ""))
        .EndObject();
    json.EndObject();
  }
  double first = 0;
  for (const Span& span : spans_) first = first == 0 ? span.begin : std::min(first, span.begin);
  for (const Span& span : spans_) {
    json.BeginObject();
    json.Member("ph", "X").Member("pid", 1).Member("tid", static_cast<int>(span.row)).Member("name", span.name);
    json.Member("ts", span.begin - first).Member("dur", span.end - span.begin);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << json.text() << "\n";
  file.close();
  if (!file) throw FileError(errno, "write the trace to", path);
  resume.written = true;
  spans_.clear();
}

}  // namespace hlm
