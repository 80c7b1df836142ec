// Interrupt: cancel and deadline, asked for from any thread. The thread that runs a pass looks at it between visits; the devices, while
// the pass may still be called back, before each operation, so that what is enqueued ends at once.
#ifndef HORIZON_LM_CORE_TRAIN_INTERRUPT_H_
#define HORIZON_LM_CORE_TRAIN_INTERRUPT_H_

#include <atomic>
#include <chrono>

#include "core/base/error.h"

namespace hlm {

class Interrupt {
 public:
  using Clock = std::chrono::steady_clock;

  void Cancel() { cancelled_ = true; }
  void SetDeadline(double seconds) { seconds_ = seconds; }
  void CallBegins() { began_ = Clock::now(); }

  // Throws CANCELLED once for each request, DEADLINE_EXCEEDED once the call has run too long.
  void Check() {
    if (!Asked()) return;
    Stop();  // before the request is taken, so that no operation begins between
    if (cancelled_.exchange(false)) throw Error(Code::kCancelled, "the call was cancelled");
    throw Error(Code::kDeadlineExceeded, StrCat("the call has run for ", Ran(), " s; the deadline is ", seconds_, " s"));
  }

  // A pass begins that may be called back.
  void Open() { pass_ = kOpen; }
  // From here on it may not: what it has made is whole, or this throws as Check does.
  void Close() {
    if (pass_ == kClosed) return;
    Check();
    Pass open = kOpen;
    if (pass_.compare_exchange_strong(open, kClosed)) return;
    Check();  // asked for since
    throw Internal("a pass was stopped that nobody had asked to end");
  }
  // Of devices, before an operation: whether it is left out, as all behind it are then.
  bool LeavesOut() {
    if (pass_ == kOpen && Asked()) Stop();
    return pass_ == kStopped;
  }
  // The open pass has failed: what it has enqueued is left out until Forget.
  void Stop() {
    Pass open = kOpen;
    pass_.compare_exchange_strong(open, kStopped);
  }
  void Forget() { pass_ = kClosed; }

 private:
  enum Pass { kClosed, kOpen, kStopped };

  double Ran() const { return std::chrono::duration<double>(Clock::now() - began_.load()).count(); }
  bool Late() const { return seconds_ > 0 && Ran() > seconds_; }
  bool Asked() const { return cancelled_ || Late(); }

  std::atomic<bool> cancelled_{false};
  std::atomic<Pass> pass_{kClosed};
  std::atomic<double> seconds_{0};
  std::atomic<Clock::time_point> began_{Clock::now()};
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_INTERRUPT_H_
