#include "core/save/pieces_at_risk.h"

#include <algorithm>

#include "core/stream/trace.h"

namespace hlm {

void PiecesAtRisk::Begin() {
  std::lock_guard lock(mutex_);
  std::fill(safe_.begin(), safe_.end(), false);
}

void PiecesAtRisk::MarkSafe(int64_t piece) {
  std::lock_guard lock(mutex_);
  safe_[static_cast<size_t>(piece)] = true;
  made_safe_.Give(checker_);
  changed_.notify_all();
}

void PiecesAtRisk::End() {
  std::lock_guard lock(mutex_);
  std::fill(safe_.begin(), safe_.end(), true);
  made_safe_.Give(checker_);
  changed_.notify_all();
}

double PiecesAtRisk::Wait(int64_t piece) {
  std::unique_lock lock(mutex_);
  double seconds = 0;
  if (!safe_[static_cast<size_t>(piece)]) {
    const double begin = Trace::Now();
    changed_.wait(lock, [&] { return safe_[static_cast<size_t>(piece)]; });
    seconds = (Trace::Now() - begin) * 1e-6;
    waited_seconds_ += seconds;
  }
  made_safe_.Take(checker_);
  return seconds;
}

double PiecesAtRisk::waited_seconds() const {
  std::lock_guard lock(mutex_);
  return waited_seconds_;
}

}  // namespace hlm
