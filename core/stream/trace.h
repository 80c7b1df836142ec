// Trace: what each stream and the optimizer did when, as Chrome/Perfetto JSON (chrome://tracing, ui.perfetto.dev).
#ifndef HORIZON_LM_CORE_STREAM_TRACE_H_
#define HORIZON_LM_CORE_STREAM_TRACE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/device/device.h"

namespace hlm {

class Trace {
 public:
  enum Row : int { kCompute = 1, kUp = 2, kDown = 3, kOptimizer = 4, kHost = 5, kSave = 6, kPeers = 7 };
  // The row of a lane's stream; the first lane's are those above.
  static Row OfLane(Row row, int64_t lane) { return static_cast<Row>(row + lane * kRowsOfLane); }

  void Start();
  bool on() const { return on_.load(std::memory_order_relaxed); }

  // Microseconds on the trace's clock.
  static double Now();
  void Add(Row row, const std::string& name, double begin, double end);
  // A span whose moments a stream takes; they are asked for when the trace is written.
  void Add(Row row, const std::string& name, std::shared_ptr<TimeStamp> begin, std::shared_ptr<TimeStamp> end);

  // Brackets what is enqueued on a stream while it lives. Costs nothing while the trace is off.
  class StreamSpan {
   public:
    StreamSpan(Trace& trace, Stream& stream, Row row, std::string name);
    ~StreamSpan();

   private:
    Trace* trace_ = nullptr;
    Stream* stream_ = nullptr;
    Row row_ = kCompute;
    std::string name_;
    std::shared_ptr<TimeStamp> begin_;
  };

  // Ends the trace and writes it. FAILED_PRECONDITION where none was started.
  void Write(const std::string& path);

 private:
  static constexpr int64_t kRowsOfLane = 8;
  struct Span {
    Row row;
    std::string name;
    double begin = 0, end = 0;
    std::shared_ptr<TimeStamp> begin_stamp, end_stamp;  // null where the moments are known already
  };
  std::atomic<bool> on_{false};
  std::mutex mutex_;
  std::vector<Span> spans_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_STREAM_TRACE_H_
