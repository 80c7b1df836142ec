#include "samples/horizon/run/run_log.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

// Where a number is not finite, lines have null.
double NumberOf(const Json& value) {
  return NoSignOfNan(value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

void RunLogs::Begin(const RunStart& start) {
  for (const auto& log : logs_) log->Begin(start);
}

void RunLogs::Step(const Json& line, const StepWork& work) {
  for (const auto& log : logs_) log->Step(line, work);
}

void RunLogs::Evaluation(const Json& line) {
  for (const auto& log : logs_) log->Evaluation(line);
}

void RunLogs::Samples(const Json& line) {
  for (const auto& log : logs_) log->Samples(line);
}

void RunLogs::End(const RunEnd& end) {
  for (const auto& log : logs_) log->End(end);
}

void RunLogs::Close() {
  std::exception_ptr first;
  for (const auto& log : logs_) {
    try {
      log->Close();
    } catch (const Error&) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

const char* Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kFinished:
      return "finished";
    case Outcome::kInterrupted:
      return "interrupted";
    case Outcome::kDiverged:
      return "diverged";
    case Outcome::kFailed:
      break;
  }
  return "failed";
}

// With the step that the run goes on from: another one that goes on cuts the log behind its own.
void JsonRunLog::Begin(const RunStart& start) {
  if (!start.account.empty()) log_.Write({{"step", start.begun}, {"account", start.account}});
}

void JsonRunLog::End(const RunEnd& end) {
  if (end.outcome == Outcome::kDiverged) log_.Write({{"step", end.done}, {"outcome", Name(end.outcome)}, {"note", end.note}});
}

// What moves does so beside the arithmetic: the longer is the limit.
void ProgressRunLog::Begin(const RunStart& start) {
  if (!start.rated) return;
  const Json& prediction = start.plan.at("prediction");
  flops_seconds_per_token_ = prediction.at("flops_seconds").get<double>() / start.plan.at("step_tokens").get<double>();
  moves_seconds_ = prediction.at("moves_seconds");
}

void ProgressRunLog::Step(const Json& line, const StepWork& work) {
  const double limit = std::max(flops_seconds_per_token_ * static_cast<double>(work.tokens), moves_seconds_);
  progress_.Step({.step = line.at("step"),
                  .loss = NumberOf(line.at("loss")),
                  .tokens = line.at("tokens"),
                  .seconds = work.seconds,
                  .limit_seconds = limit,
                  .skipped = line.at("skipped")});
}

void ProgressRunLog::Evaluation(const Json& line) {
  std::string text = "step " + line.at("step").dump() + Format(": held-out loss %.4f", NumberOf(line.at("eval_loss")));
  if (line.contains("eval_perplexity")) text += Format(", perplexity %.2f", NumberOf(line["eval_perplexity"]));
  if (line.contains("eval_rewards/accuracies")) text += Format(", accuracy %.3f", NumberOf(line["eval_rewards/accuracies"]));
  if (line.contains("eval_rewards/margins")) text += Format(", margin %.4f", NumberOf(line["eval_rewards/margins"]));
  progress_.Say(text + " over " + FormatCount(line.at("eval_tokens"), "token"));
}

void ProgressRunLog::Samples(const Json& line) {
  for (const Json& sample : line.at("samples")) {
    progress_.Say("step " + line.at("step").dump() + " sample: " + OneLine(sample.at("prompt").get<std::string>()) + " => " +
                  OneLine(sample.at("text").get<std::string>()));
  }
}

std::string TensorBoardTag(const std::string& key) {
  const std::string eval = "eval_";
  if (key.starts_with(eval)) return "eval/" + key.substr(eval.size());
  return "train/" + (key == "lr" ? "learning_rate" : key);
}

void TensorBoardRunLog::Step(const Json& line, const StepWork&) { Write(line); }
void TensorBoardRunLog::Evaluation(const Json& line) { Write(line); }

void TensorBoardRunLog::Samples(const Json& line) {
  if (!failure_.empty()) return;
  std::vector<std::string> texts;
  for (const Json& sample : line.at("samples")) {
    texts.push_back("**" + sample.at("prompt").get<std::string>() + "** " + sample.at("text").get<std::string>());
  }
  try {
    writer_.AddTexts(line.at("step"), "samples", texts);
  } catch (const Error& error) {
    failure_ = error.what();
  }
}

void TensorBoardRunLog::Write(const Json& line) {
  if (!failure_.empty()) return;
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [key, value] : line.items()) {
    // A value that is not finite is null in a line, and a gap in the curve is what TensorBoard draws of NaN.
    if (key != "step" && (value.is_number() || value.is_null())) values.emplace_back(TensorBoardTag(key), NumberOf(value));
  }
  // Of each router the tokens of its experts.
  EventWriter::Bars experts;
  if (line.contains("expert_tokens")) {
    for (const Json& router : line["expert_tokens"])
      experts.emplace_back(TensorBoardTag("expert_tokens/" + std::to_string(experts.size())), router.get<std::vector<double>>());
  }
  try {
    writer_.AddScalars(line.at("step"), values);
    writer_.AddBars(line.at("step"), experts);
  } catch (const Error& error) {
    failure_ = error.what();
  }
}

void TensorBoardRunLog::Close() {
  if (!failure_.empty()) throw Error(failure_);
}

}  // namespace horizon
