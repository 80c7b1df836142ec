#include "samples/horizon/base/activity.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "samples/horizon/base/terminal.h"
#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 500ms, kInterval = 200ms;
constexpr double kLeastShare = 0.05;  // of the work, before it is foretold how long it takes

std::atomic<Activity*> last_begun{nullptr};
std::atomic<bool> silent{false};

// Bytes that this process asked files for, whether they came from a disk or from memory; 0 where it is not told.
int64_t BytesRead() {
  std::FILE* file = std::fopen("/proc/self/io", "re");
  if (file == nullptr) return 0;
  long long bytes = 0;
  const int found = std::fscanf(file, "rchar: %lld", &bytes);
  std::fclose(file);
  return found == 1 ? bytes : 0;
}

}  // namespace

Activity::Activity(std::string what, std::FILE* out)
    : what_(std::move(what)), out_(out), begin_(Clock::now()), read_before_(BytesRead()) {
  outer_ = last_begun.exchange(this);
  if (!silent && isatty(fileno(out_)) == 1) thread_ = std::thread([this] { Run(); });
}

Activity::~Activity() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  end_.notify_one();
  if (thread_.joinable()) thread_.join();
  last_begun = outer_;
}

void Activity::Silence() { silent = true; }

void Activity::Done(int64_t done, int64_t all) {
  const std::lock_guard lock(mutex_);
  done_ = done;
  all_ = all;
}

void Activity::Run() {
  std::unique_lock lock(mutex_);
  for (auto pause = Clock::duration(kPatience); !end_.wait_for(lock, pause, [this] { return ended_; }); pause = kInterval) {
    if (last_begun != this) continue;
    winsize window = {};
    const int columns = ioctl(fileno(out_), TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
    std::fprintf(out_, "\r%s\x1b[K", CutTo(Line(), columns).c_str());  // a line that wraps could not be rewritten
    std::fflush(out_);
    shown_ = true;
  }
  if (!shown_) return;
  std::fputs("\r\x1b[K", out_);
  std::fflush(out_);
}

std::string Activity::Line() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  std::string line = what_;
  double left = -1;
  if (done_ >= 0) {
    line += "  " + FormatCount(done_);
    if (all_ > 0) line += "/" + FormatCount(all_);
    const double share = all_ > 0 ? static_cast<double>(done_) / static_cast<double>(all_) : 0;
    if (share >= kLeastShare) left = seconds / share - seconds;
  } else {
    constexpr int64_t kWorthTelling = 1 << 20;
    const int64_t bytes = BytesRead() - read_before_;
    if (bytes >= kWorthTelling) line += "  " + FormatBytes(bytes) + " read";
  }
  return line + "  " + FormatSeconds(seconds) + (left >= 0 ? "  " + FormatSeconds(left) + " left" : "");
}

}  // namespace horizon
