// HandOver: tells the race checker that one host thread handed work to another (through a queue, a flag, a condition variable).
// The hand-over itself is somebody else's; this only keeps the books, and does nothing where there is no checker.
#ifndef HORIZON_LM_CORE_DEVICE_HAND_OVER_H_
#define HORIZON_LM_CORE_DEVICE_HAND_OVER_H_

#include "core/device/race_checker.h"

namespace hlm {

class HandOver {
 public:
  void Give(RaceChecker* checker) {
    if (checker != nullptr) clock_ = checker->Release(checker->ThisThread());
  }
  void Take(RaceChecker* checker) const {
    if (checker != nullptr) checker->Acquire(checker->ThisThread(), clock_);
  }

 private:
  Clock clock_;
};

// A host thread touches bytes that streams touch too.
inline void DeclareAccess(RaceChecker* checker, const void* data, size_t bytes, bool write, const char* what) {
  if (checker != nullptr) checker->Access(checker->ThisThread(), data, bytes, write, what);
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_HAND_OVER_H_
