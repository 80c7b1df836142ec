#include "samples/horizon/run/interrupt.h"

#include <pthread.h>
#include <signal.h>

#include <ctime>

namespace horizon {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  struct sigaction hang_up;
  if (sigaction(SIGHUP, nullptr, &hang_up) != 0 || hang_up.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void Interrupt::TakeWriteErrors() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

Interrupt::Interrupt() : signals_(StopSignals()) {
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { Run(); });
}

Interrupt::~Interrupt() {
  done_ = true;
  thread_.join();
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
}

void Interrupt::Run() {
  const timespec poll = {0, 50'000'000};  // how long the end of a run may wait for this thread
  while (!done_) {
    const int signal = sigtimedwait(&signals_, nullptr, &poll);
    if (signal < 0) continue;
    if (signal_.exchange(signal) != 0 || at_once_) {
      sigset_t one;
      sigemptyset(&one);
      sigaddset(&one, signal);
      ::signal(signal, SIG_DFL);
      raise(signal);  // pending for this thread until it is unblocked
      pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
    }
    std::lock_guard lock(mutex_);
    hlm_trainer_cancel(trainer_);
  }
}

}  // namespace horizon
