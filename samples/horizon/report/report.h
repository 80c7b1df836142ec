// --report FILE.html: collects a run as it goes, and writes the page at its end.
#ifndef HORIZON_LM_SAMPLES_HORIZON_REPORT_REPORT_H_
#define HORIZON_LM_SAMPLES_HORIZON_REPORT_REPORT_H_

#include <cstdint>
#include <string>

#include "samples/horizon/base/json.h"
#include "samples/horizon/report/page.h"
#include "samples/horizon/run/run_log.h"

namespace horizon {

class Report : public RunLog {
 public:
  // Throws where the file cannot be made.
  explicit Report(const std::string& path);
  // A run that has begun and not ended has failed: its page says so.
  ~Report() override;
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  // What the page says beside the curves and is not told as the run goes: model, command, settings, version.
  RunRecord& run() { return run_; }

  void Begin(const RunStart& start) override;
  void Step(const Json& line, const StepWork& work) override;
  void Evaluation(const Json& line) override { Add(line); }
  void Samples(const Json& line) override { Add(line); }
  void End(const RunEnd& end) override;
  void Close() override;

  // The lines that an earlier run wrote, up to and with `last_step`; what is no such line ends them.
  void ReadLog(const std::string& path, int64_t last_step);

 private:
  // Each number in a line is a point of the curve of its name, at "step".
  void Add(const Json& line);
  Series& SeriesOf(const std::string& name);
  void AddTrace(const RunEnd& end);
  // Through a second file: an older report stays until the new one is whole.
  void Write(Outcome outcome, const std::string& note);

  std::string path_;
  RunRecord run_;
  bool begun_ = false, ended_ = false;
  std::string failure_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_REPORT_REPORT_H_
