// StreamClock: what a stream tells the race checker. Does nothing where there is none.
#ifndef HORIZON_LM_CORE_DEVICE_STREAM_CLOCK_H_
#define HORIZON_LM_CORE_DEVICE_STREAM_CLOCK_H_

#include <string>

#include "core/device/access.h"
#include "core/device/race_checker.h"

namespace hlm {

class StreamClock {
 public:
  StreamClock(RaceChecker* checker, const std::string& name)
      : checker_(checker), participant_(checker != nullptr ? checker->NewParticipant(name) : -1) {}

  // Work that touches these is enqueued by the calling thread.
  void Enqueue(const AccessList& accesses) {
    if (checker_ == nullptr) return;
    FollowCaller();
    for (const Access& access : accesses) checker_->Access(participant_, access.data, access.bytes, access.write, access.what);
  }
  // An event is recorded: its clock.
  Clock Record() {
    if (checker_ == nullptr) return {};
    FollowCaller();
    return checker_->Release(participant_);
  }
  // The stream waits for an event that has this clock.
  void Wait(const Clock& clock) {
    if (checker_ == nullptr) return;
    FollowCaller();
    checker_->Acquire(participant_, clock);
  }

 private:
  // The stream's later work comes after all that the calling thread did: it enqueues it.
  void FollowCaller() { checker_->Acquire(participant_, checker_->Release(checker_->ThisThread())); }

  RaceChecker* const checker_;
  const int participant_;
};

// The calling thread has waited for an event that has this clock.
inline void WaitedFor(RaceChecker* checker, const Clock& clock) {
  if (checker != nullptr) checker->Acquire(checker->ThisThread(), clock);
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_STREAM_CLOCK_H_
