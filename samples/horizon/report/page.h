// The page that a run leaves behind: one HTML file that needs no network.
#ifndef HORIZON_LM_SAMPLES_HORIZON_REPORT_PAGE_H_
#define HORIZON_LM_SAMPLES_HORIZON_REPORT_PAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "samples/horizon/base/json.h"
#include "samples/horizon/options/setting.h"
#include "samples/horizon/report/experts.h"
#include "samples/horizon/report/series.h"
#include "samples/horizon/run/run_log.h"

namespace horizon {

// All that a page shows. Texts may hold anything: the page escapes them.
struct RunRecord {
  std::string model;    // as the user named it
  std::string task;     // "rows", "sft", ...
  std::string command;  // the command line
  std::vector<Setting> settings;
  std::string version;  // of the library
  std::string when;     // the run's end, for people
  Outcome outcome = Outcome::kFinished;
  std::string outcome_note;  // why it ended early

  int64_t parameters = 0;
  int64_t steps = 0;   // asked for
  int64_t begun = 0;   // done by an earlier run that this one went on from
  int64_t done = 0;    // in all
  int64_t tokens = 0;  // trained on by this run
  double seconds = 0;  // in this run's steps

  std::vector<Series> series;
  std::vector<int64_t> skipped;       // steps that changed no weight
  std::vector<ExpertTokens> experts;  // of some steps, in order

  std::vector<Json> samples;  // {"step", "samples": [{"prompt", "text"}]}
  Json account = nullptr;     // hlm_dataset_describe's
  Json plan = nullptr;        // hlm_plan_json's
  Json trace = nullptr;       // of trace.h; with "steps": [first, last] and "links": [{"name", "bytes"}] of those steps
  Json metrics = nullptr;     // hlm_trainer_metrics' at the end
};

std::string ReportPage(const RunRecord& run);

// The sections below the curves (sections.cc); "" where there is nothing to show.
std::string SamplesSection(const std::vector<Json>& samples);
std::string AccountSection(const Json& account);
std::string TraceSection(const RunRecord& run);
std::string MemorySection(const Json& plan);
std::string PlanSectionOf(const Json& plan);
std::string SettingsSection(const RunRecord& run);

// `text` as HTML text or as a value between quotes. What is not UTF-8 or not printable becomes U+FFFD.
std::string Escape(const std::string& text);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_REPORT_PAGE_H_
