// Ctrl-C as a request: the first SIGINT, SIGTERM or SIGHUP (a terminal that closes) asks the run to end (and cancels an evaluation in
// progress), a second one ends the process at once. SIGHUP is left alone where it is ignored already, as by nohup.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_INTERRUPT_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_INTERRUPT_H_

#include <signal.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "c_api/horizon_lm.h"

namespace horizon {

// Signals are taken by a thread of their own, from which any call is legal; in a signal handler next to none is. Every other
// thread must have them blocked, so make this object before the library starts threads.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // A reader of standard output that has gone away, or a file that may not grow, is an error of a write and not the end of the process.
  static void TakeWriteErrors();

  // The trainer to cancel, until it is replaced; NULL: none. The caller keeps it alive until then.
  void Watch(hlm_trainer* trainer) {
    std::lock_guard lock(mutex_);
    trainer_ = trainer;
  }

  // Until it is called again the first signal ends the process at once: there is nothing yet that could be saved.
  void EndAtOnce(bool at_once) { at_once_ = at_once; }

  bool requested() const { return signal_ != 0; }
  int signal() const { return signal_; }  // that came first; 0: none

 private:
  void Run();

  const sigset_t signals_;
  std::mutex mutex_;  // held while a trainer is cancelled: it lives as long
  hlm_trainer* trainer_ = nullptr;
  std::atomic<int> signal_ = 0;
  std::atomic<bool> done_ = false, at_once_ = false;
  std::thread thread_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_INTERRUPT_H_
