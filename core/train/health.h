// Health: whether a trainer can go on: the first failure of its devices or its optimizer, and whether its state is of one step.
#ifndef HORIZON_LM_CORE_TRAIN_HEALTH_H_
#define HORIZON_LM_CORE_TRAIN_HEALTH_H_

#include <optional>

#include "core/base/error.h"

namespace hlm {

class Health {
 public:
  // The first one is what every later use of the devices throws.
  void Fail(const Error& error) {
    if (!failure_) failure_ = error;
  }
  bool failed() const { return failure_.has_value(); }

  // An update stopped half way: the weights are of two steps.
  void Tear() { torn_ = true; }

  // Until the second call the state is of no step.
  void ResumeBegins() { half_resumed_ = true; }
  void ResumeEnds() { half_resumed_ = false; }

  void CheckFailure() const {
    if (failure_) throw *failure_;
  }
  // For what uses the devices.
  void CheckAlive() const {
    CheckFailure();
    CheckResumed();
  }
  // For what reads the state alone.
  void CheckWhole() const {
    CheckResumed();
    if (torn_)
      throw FailedPrecondition("an update stopped half way and the weights are of two steps: ",
                               failure_ ? failure_->message() : "");
  }

 private:
  void CheckResumed() const {
    if (half_resumed_)
      throw FailedPrecondition("a resume failed half way and the state is of no step: only a resume that succeeds goes on");
  }

  std::optional<Error> failure_;
  bool torn_ = false, half_resumed_ = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_HEALTH_H_
