#include "samples/horizon/run/end_requests.h"

#include "samples/horizon/base/error.h"

namespace horizon {

bool EndRequests::Asked() {
  signal_ = group_.Most(interrupt_.signal());
  return signal_ != 0;
}

bool EndRequests::Finishes(Trainer& trainer, const std::function<void()>& work) {
  interrupt_.Watch(trainer.get());
  try {
    work();
  } catch (const ApiError& error) {
    interrupt_.Watch(nullptr);
    if (error.code() != HLM_CANCELLED || (!interrupt_.requested() && group_.size() == 1)) throw;
    return false;
  }
  interrupt_.Watch(nullptr);
  return true;
}

int EndRequests::ExitStatus() const { return kExitSignal + static_cast<int>(signal_); }

}  // namespace horizon
