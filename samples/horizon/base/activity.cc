#include "samples/horizon/base/activity.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <system_error>
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

}  // namespace

Activity::Activity(std::string what, int64_t to_read, std::FILE* out)
    : what_(std::move(what)), out_(out), begin_(Clock::now()), reading_(to_read) {
  outer_ = last_begun.exchange(this);
  if (!silent && TakesSequences(out_)) thread_ = std::thread([this] { Run(); });
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

std::string Activity::Line() {
  const auto seconds_since = [now = Clock::now()](Clock::time_point then) {
    return std::chrono::duration<double>(now - then).count();
  };
  std::string line = what_;
  double share = 0, seconds = seconds_since(begin_);
  if (done_ >= 0) {
    line += "  " + FormatCount(done_);
    if (all_ > 0) line += "/" + FormatCount(all_);
    share = all_ > 0 ? static_cast<double>(done_) / static_cast<double>(all_) : 0;
  } else if (const std::optional<int64_t> bytes = reading_.Bytes()) {
    const int64_t all = reading_.expected();
    line += "  " + FormatBytes(*bytes) + (all > 0 ? " of " + FormatBytes(all) : "") + " read";
    if (all > 0) {
      share = static_cast<double>(*bytes) / static_cast<double>(all);
      seconds = seconds_since(reading_.since());
    }
  }
  const double left = share >= kLeastShare && share < 1 ? seconds / share - seconds : -1;
  return line + "  " + FormatSeconds(seconds_since(begin_)) + (left >= 0 ? "  " + FormatSeconds(left) + " left" : "");
}

int64_t BytesIn(const std::string& path, std::initializer_list<std::string_view> endings) {
  namespace fs = std::filesystem;
  std::error_code failure;
  if (!fs::is_directory(path, failure)) {
    const auto bytes = fs::file_size(path, failure);
    return failure ? 0 : static_cast<int64_t>(bytes);
  }
  int64_t sum = 0;
  for (fs::directory_iterator file(path, failure), end; !failure && file != end; file.increment(failure)) {
    const std::string name = file->path().filename().string();
    const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
    if (endings.size() > 0 && std::none_of(endings.begin(), endings.end(), ends)) continue;
    std::error_code ignored;
    const auto bytes = file->file_size(ignored);
    if (!ignored) sum += static_cast<int64_t>(bytes);
  }
  return sum;
}

}  // namespace horizon
