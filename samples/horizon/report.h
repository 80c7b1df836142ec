// --report FILE.html: collects a run as it goes, and writes the page at its end.
#ifndef HORIZON_LM_SAMPLES_HORIZON_REPORT_H_
#define HORIZON_LM_SAMPLES_HORIZON_REPORT_H_

#include <cstdint>
#include <string>

#include "samples/horizon/report_page.h"

namespace horizon {

class Report {
 public:
  // An empty path writes nothing. Throws where the file cannot be made.
  explicit Report(const std::string& path);
  bool on() const { return !path_.empty(); }

  // What the page says beside the curves; filled in as it becomes known.
  RunRecord& run() { return run_; }

  // A line of --log-json, of a step or an evaluation: each number in it is a point of the curve of its name, at "step".
  void Add(const Json& line);
  // The lines that an earlier run wrote, up to and with `last_step`; what is no such line ends them.
  void ReadLog(const std::string& path, int64_t last_step);

  // A trace of the steps first to last as the library wrote it to `path`, and the metrics before and after these steps.
  void AddTrace(const std::string& path, int64_t first, int64_t last, const Json& before, const Json& after);
  // Where such a trace may be written if nobody wants to keep it: beside the report.
  std::string TracePath() const { return path_ + ".trace.tmp"; }

  // Writes the page, through a second file: an older report stays until the new one is whole.
  void Write(RunRecord::Outcome outcome, const std::string& note = "");

 private:
  Series& SeriesOf(const std::string& name);

  std::string path_;
  RunRecord run_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_REPORT_H_
