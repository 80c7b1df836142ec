// Candidates: the checkpoints that a run may go on from, the newest first; which of them were passed over, and why.
#ifndef HORIZON_LM_CORE_SAVE_CANDIDATES_H_
#define HORIZON_LM_CORE_SAVE_CANDIDATES_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/save/directory.h"

namespace hlm {

class Candidates {
 public:
  explicit Candidates(std::string path) : path_(std::move(path)) {}

  // At the path, which is one checkpoint or holds some. NOT_FOUND where it does not.
  void Find();

  // The next one that has a manifest, null behind the last. Throws the error of one that is of a newer format: to go on from an older one
  // would lose steps.
  const FoundCheckpoint* Next();
  // The one that Next has given is of no use.
  void PassOver(const Error& why) { passed_over_.push_back({found_[next_ - 1].path, why}); }

  // What is told of a run that goes on from the one that Next has given.
  std::string ResumedJson() const;
  // Behind the last.
  [[noreturn]] void ThrowNone() const;

 private:
  struct PassedOver {
    std::string path;
    Error error;
  };

  const std::string path_;
  std::vector<FoundCheckpoint> found_;
  size_t next_ = 0;
  std::vector<PassedOver> passed_over_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_CANDIDATES_H_
