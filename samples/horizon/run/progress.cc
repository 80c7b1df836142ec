#include "samples/horizon/run/progress.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include "samples/horizon/base/terminal.h"
#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

using namespace std::chrono_literals;

constexpr auto kTerminalInterval = 200ms;
constexpr auto kPlainInterval = 10s;
constexpr double kNewestShare = 0.1;

}  // namespace

Progress::Progress(std::FILE* out, int64_t steps, std::string who)
    : out_(out), who_(std::move(who)), terminal_(out != nullptr && TakesSequences(out)), steps_(steps) {}

void Progress::Step(const ProgressStep& done) {
  if (out_ == nullptr) return;
  // The first step also pays for what is made once, so the second one starts the mean anew.
  ++seen_;
  const double share = seen_ <= 2 ? 1.0 : std::max(kNewestShare, 1.0 / static_cast<double>(seen_ - 1));
  smooth_seconds_ += share * (done.seconds - smooth_seconds_);
  smooth_limit_ += share * (done.limit_seconds - smooth_limit_);
  smooth_tokens_ += share * (static_cast<double>(done.tokens) - smooth_tokens_);

  const Clock::time_point now = Clock::now();
  const bool due =
      seen_ == 1 || done.step == steps_ || now - last_shown_ >= (terminal_ ? Clock::duration(kTerminalInterval) : kPlainInterval);
  if (!due && !done.skipped) return;
  last_shown_ = now;

  std::string line = Format("step %lld/%lld  loss %.4f  %s tokens/s", static_cast<long long>(done.step),
                            static_cast<long long>(steps_), done.loss, FormatRate(smooth_tokens_ / smooth_seconds_).c_str());
  if (smooth_limit_ > 0) line += Format("  %.0f%% of the limit", 100 * smooth_limit_ / smooth_seconds_);
  if (done.step < steps_) line += "  " + FormatSeconds(smooth_seconds_ * static_cast<double>(steps_ - done.step)) + " left";
  if (done.skipped) line += "  skipped, no weight changed";
  if (!terminal_ || done.skipped) return Say(line);
  winsize window = {};
  const int columns = ioctl(fileno(out_), TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
  std::fprintf(out_, "\r%s\x1b[K", CutTo(line, columns).c_str());  // a line that wraps could not be rewritten
  std::fflush(out_);
  shown_ = true;
}

void Progress::Say(const std::string& line) {
  if (out_ == nullptr) return;
  Clear();
  std::fprintf(out_, "%s\n", line.c_str());
  std::fflush(out_);
}

void Progress::Warn(const std::string& message) {
  Clear();
  std::fprintf(stderr, "warning: %s%s\n", who_.empty() ? "" : (who_ + ": ").c_str(), OneLine(message).c_str());
}

void Progress::Clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", out_);
  std::fflush(out_);
  shown_ = false;
}

}  // namespace horizon
