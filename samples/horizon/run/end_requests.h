// Whether a run is asked to end before its time: by a signal that one of its ranks has got.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_END_REQUESTS_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_END_REQUESTS_H_

#include <cstdint>
#include <functional>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/run/group.h"
#include "samples/horizon/run/interrupt.h"

namespace horizon {

class EndRequests {
 public:
  EndRequests(const Group& group, Interrupt& interrupt) : group_(group), interrupt_(interrupt) {}

  // Every rank calls it at the same places, and all hear the same.
  bool Asked();
  // Whether this work with the trainer came to its end; false: a signal ended it.
  bool Finishes(Trainer& trainer, const std::function<void()>& work);

  int ExitStatus() const;  // of a run that was asked

 private:
  const Group& group_;
  Interrupt& interrupt_;
  int64_t signal_ = 0;  // that a rank has got; 0: none
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_END_REQUESTS_H_
