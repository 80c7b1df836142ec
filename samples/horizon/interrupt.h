// Ctrl-C as a request: the first SIGINT or SIGTERM cancels the library call in progress, a second one ends the process at once.
#ifndef HORIZON_LM_SAMPLES_HORIZON_INTERRUPT_H_
#define HORIZON_LM_SAMPLES_HORIZON_INTERRUPT_H_

#include <atomic>
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

  // The trainer to cancel, until it is replaced; NULL: none. The caller keeps it alive.
  void Watch(hlm_trainer* trainer) { trainer_ = trainer; }

  bool requested() const { return requested_; }

 private:
  void Run();

  std::atomic<hlm_trainer*> trainer_ = nullptr;
  std::atomic<bool> requested_ = false;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_INTERRUPT_H_
