// Interrupt: cancel and deadline, asked for from any thread and looked at between visits.
#ifndef HORIZON_LM_CORE_TRAIN_INTERRUPT_H_
#define HORIZON_LM_CORE_TRAIN_INTERRUPT_H_

#include <atomic>
#include <chrono>

#include "core/base/error.h"

namespace hlm {

class Interrupt {
 public:
  using Clock = std::chrono::steady_clock;

  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  void SetDeadline(double seconds) { seconds_ = seconds; }
  void CallBegins() { began_ = Clock::now(); }

  // Throws CANCELLED once for each request, DEADLINE_EXCEEDED once the call has run too long.
  void Check() {
    if (cancelled_.exchange(false, std::memory_order_relaxed)) throw Error(Code::kCancelled, "the call was cancelled");
    const double ran = std::chrono::duration<double>(Clock::now() - began_).count();
    if (seconds_ > 0 && ran > seconds_) {
      throw Error(Code::kDeadlineExceeded, StrCat("the call has run for ", ran, " s; the deadline is ", seconds_, " s"));
    }
  }

 private:
  std::atomic<bool> cancelled_{false};
  double seconds_ = 0;
  Clock::time_point began_ = Clock::now();
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_INTERRUPT_H_
