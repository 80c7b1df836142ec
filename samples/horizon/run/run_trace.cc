#include "samples/horizon/run/run_trace.h"

#include <algorithm>
#include <cstdio>

namespace horizon {
namespace {

// A trace of a whole run would be too large to look at; it begins with the second step, because the first is not like the others.
constexpr int64_t kTracedSteps = 3;

}  // namespace

RunTrace::RunTrace(const RunOptions& run, bool on) : wanted_(!run.trace.empty()) {
  if (on && (wanted_ || !run.report.empty())) path_ = wanted_ ? run.trace : run.report + ".trace.tmp";
}

void RunTrace::BeforeStep(Trainer& trainer, const Course& course) {
  const int64_t step = course.done() + 1;
  if (path_.empty() || step != std::min(course.begun() + 2, course.steps())) return;
  traced_.before = Json::parse(trainer.Metrics());
  traced_.first = step;
  trainer.TraceStart();
  running_to_ = std::min(step + kTracedSteps - 1, course.steps());
}

void RunTrace::AfterStep(Trainer& trainer, const Course& course) {
  if (course.done() == running_to_) Write(trainer, course.done());
}

void RunTrace::End(Trainer& trainer, const Course& course) {
  if (running_to_ > 0) Write(trainer, course.done());
}

void RunTrace::Write(Trainer& trainer, int64_t last) {
  trainer.Finish();  // the last step's updates belong to the picture
  traced_.file = path_;
  traced_.last = last;
  traced_.after = Json::parse(trainer.Metrics());
  trainer.TraceWrite(path_);
  running_to_ = 0;
}

RunTrace::~RunTrace() {
  if (!wanted_ && !traced_.file.empty()) std::remove(traced_.file.c_str());
}

}  // namespace horizon
