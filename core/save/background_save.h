// BackgroundSave: writes the state of a store to disk while training goes on.
//
//   idle --Prepare--> prepared --Begin--> running --written, finished or failed--> idle
//                        |  Fail, Drop                                              ^
//                        +----------------------------------------------------------+
//
// The state that is saved is the store's at one moment between two updates. From then on every piece is "at risk" until its bytes
// are safe (StateWriter), and the updater asks before it changes one. So a step waits for the disk only where the state is larger than
// the snapshot memory: about (state - snapshot) / disk rate, once a save.
#ifndef HORIZON_LM_CORE_SAVE_BACKGROUND_SAVE_H_
#define HORIZON_LM_CORE_SAVE_BACKGROUND_SAVE_H_

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "core/device/device.h"
#include "core/plan/plan.h"
#include "core/save/save_ranks.h"
#include "core/save/state_writer.h"
#include "core/save/writer.h"
#include "core/store/store.h"
#include "core/stream/trace.h"

namespace hlm {

class BackgroundSave {
 public:
  struct Request {
    std::string begun = {};   // the folder that rank 0 has begun; for the other ranks
    std::string directory;    // of the checkpoints
    int64_t keep = 0;         // newest checkpoints to keep; 0: all
    bool waited_for = false;  // its error is for WaitForThis
    CheckpointInfo info;
  };
  struct Counters {
    int64_t saves = 0, failures = 0;
    double stall_seconds = 0;  // that updates waited until a unit was safe
    double write_seconds = 0;
    int64_t bytes = 0;
  };

  BackgroundSave(const Plan& plan, const ParameterStore& store, HostPool& pool, Trace& trace, RaceChecker* checker,
                 SaveRanks ranks = {});
  ~BackgroundSave();  // what has begun is finished

  // Waits for the save before and makes ready for a new one: its folder is there when this returns. Then exactly one of Begin,
  // Fail and Drop must follow.
  void Prepare(Request request);
  std::string Begun();  // what was prepared: its folder as long as it is being written
  void Drop();

  // From here on the state to be saved is the store's. Called between two updates, by the thread that updates.
  void Begin();
  void Fail(const std::exception_ptr& cause);

  // Returns once the piece's bytes are safe. Before every change of a piece.
  void BeforeUpdate(int64_t piece) { state_.BeforeUpdate(piece); }

  // Whether no save is under way, after at most so many seconds (negative: no limit). Throws the error of a save that failed
  // since the last call that threw, and that nobody waited for.
  bool Wait(double seconds);
  void WaitForThis();    // until the last save has ended; throws its error
  void WaitUntilIdle();  // throws nothing

  Counters counters();
  size_t snapshot_bytes() const { return state_.snapshot_bytes(); }

 private:
  enum class Phase { kIdle, kPrepared, kRunning };
  void Run();
  void Save();

  // Of saves that failed, until they are thrown.
  struct Errors {
    std::exception_ptr unseen, waited_for;
    void Keep(std::exception_ptr error, bool of_waited) { (of_waited ? waited_for : unseen) = std::move(error); }
  };

  const SaveRanks ranks_;
  StateWriter state_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_ = Phase::kIdle;
  bool stop_ = false;
  std::unique_ptr<CheckpointWriter> writer_;
  Request request_;
  Errors errors_;
  Counters counters_;
  std::thread thread_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_BACKGROUND_SAVE_H_
