// PiecesAtRisk: which pieces of a state that is being saved must not change yet, because their bytes are not safe elsewhere.
#ifndef HORIZON_LM_CORE_SAVE_PIECES_AT_RISK_H_
#define HORIZON_LM_CORE_SAVE_PIECES_AT_RISK_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "core/device/device.h"
#include "core/device/hand_over.h"

namespace hlm {

class PiecesAtRisk {
 public:
  PiecesAtRisk(size_t pieces, RaceChecker* checker) : checker_(checker), safe_(pieces, true) {}

  void Begin();  // all are at risk
  void MarkSafe(int64_t piece);
  void End();                     // none is
  double Wait(int64_t piece);     // returns once the piece is safe: the seconds that this took
  double waited_seconds() const;  // all of them together

 private:
  RaceChecker* const checker_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> safe_;  // [pieces]
  HandOver made_safe_;
  double waited_seconds_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_PIECES_AT_RISK_H_
