#include "samples/horizon/report/report.h"

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <limits>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/output.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/report/trace.h"

namespace horizon {
namespace {

std::string Now() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[64];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M %Z", &local);
  return text;
}

}  // namespace

Report::Report(const std::string& path) : path_(path) { CheckOutputFile(path_); }

Report::~Report() {
  if (!begun_ || ended_) return;
  try {
    Write(Outcome::kFailed, "The run failed after step " + FormatCount(run_.done) + " of " + FormatCount(run_.steps) + ".");
  } catch (...) {  // the run's own failure is what is told
  }
}

void Report::Begin(const RunStart& start) {
  begun_ = true;
  run_.task = start.task;
  run_.plan = start.plan;
  run_.account = start.account;
  run_.parameters = start.model.value("parameters", int64_t{0});
  run_.steps = start.steps;
  run_.begun = run_.done = start.begun;
}

void Report::Step(const Json& line, const StepWork& work) {
  Add(line);
  run_.done = line.at("step");
  run_.tokens += line.value("tokens", int64_t{0});
  run_.seconds += work.seconds;
}

void Report::End(const RunEnd& end) {
  ended_ = true;
  run_.done = end.done;
  run_.metrics = end.metrics;
  AddTrace(end);
  std::string note = end.note;
  if (!note.empty()) {
    note.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(note.front())));
    note += '.';
  }
  try {
    Write(end.outcome, note);
  } catch (const Error& error) {
    failure_ = error.what();
  }
}

void Report::Close() {
  if (!failure_.empty()) throw Error(failure_);
}

Series& Report::SeriesOf(const std::string& name) {
  for (Series& series : run_.series) {
    if (series.name == name) return series;
  }
  return run_.series.emplace_back(Series{name, {}});
}

void Report::Add(const Json& line) {
  if (!line.contains("step")) return;
  const int64_t step = line["step"];
  for (const auto& [name, value] : line.items()) {
    if (name == "step") continue;
    if (value.is_number()) SeriesOf(name).points.push_back({step, value.get<double>()});
    // In a log, which is JSON, what is not finite is null.
    if (value.is_null()) SeriesOf(name).points.push_back({step, std::numeric_limits<double>::quiet_NaN()});
  }
  if (line.contains("samples") && line["samples"].is_array()) run_.samples.push_back(line);
  if (ExpertTokens moment{step, {}}; line.contains("expert_tokens") && ReadExpertTokens(line["expert_tokens"], moment.tokens)) {
    run_.experts.push_back(std::move(moment));
  }
  if (line.value("skipped", false)) run_.skipped.push_back(step);
}

void Report::ReadLog(const std::string& path, int64_t last_step) {
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    const Json line = Json::parse(text, nullptr, false);
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number_integer() || line["step"] > last_step) return;
    Add(line);
  }
}

void Report::AddTrace(const RunEnd& end) {
  if (end.traced.file.empty()) return;
  std::ifstream file(end.traced.file);
  const Json trace = Json::parse(file, nullptr, false);
  if (!trace.is_object()) return;
  run_.trace = SummaryOf(trace);
  run_.trace["steps"] = {end.traced.first, end.traced.last};
  run_.trace["links"] = Json::array();
  for (const std::string link : {"up", "down"}) {
    const std::string key = link + "_bytes";
    if (!end.traced.before.contains(key) || !end.traced.after.contains(key)) continue;
    run_.trace["links"].push_back(
        {{"name", link}, {"bytes", end.traced.after[key].get<double>() - end.traced.before[key].get<double>()}});
  }
}

void Report::Write(Outcome outcome, const std::string& note) {
  run_.outcome = outcome;
  run_.outcome_note = note;
  run_.when = Now();
  const std::string page = ReportPage(run_), work = path_ + ".tmp";
  errno = 0;
  std::FILE* file = std::fopen(work.c_str(), "we");
  const bool written = file != nullptr && std::fwrite(page.data(), 1, page.size(), file) == page.size();
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (written && closed && std::rename(work.c_str(), path_.c_str()) == 0) return;
  const int failure = errno != 0 ? errno : EIO;
  std::remove(work.c_str());
  throw Error(path_ + ": the report cannot be written: " + std::strerror(failure));
}

}  // namespace horizon
