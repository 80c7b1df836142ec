// Gloo writes to sockets in a way that raises SIGPIPE where the other end is gone, which ends a process that has not asked for anything
// else; the library changes no signal handler. So the signal is blocked on the thread that writes, and taken back where it came.
#ifndef HORIZON_LM_CORE_GLOO_NO_PIPE_SIGNAL_H_
#define HORIZON_LM_CORE_GLOO_NO_PIPE_SIGNAL_H_

#include <pthread.h>
#include <signal.h>
#include <time.h>

namespace hlm {

class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoPipeSignal() {
    sigset_t pending;
    sigpending(&pending);
    if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) {
      const timespec none{};
      sigtimedwait(&pipe_, nullptr, &none);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GLOO_NO_PIPE_SIGNAL_H_
