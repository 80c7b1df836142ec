// BackgroundSave: writes the state of a store to disk while training goes on.
//
// The state that is saved is the store's at one moment between two updates. From then on every piece is "at risk" until its bytes
// are safe, and the updater asks before it changes one:
//
//   pieces that fit into the snapshot memory:  at risk --copied--> safe, written later from the copy
//   all others:                                at risk --written from the store, with their unit--> safe
//
// The first pieces to be updated next are the ones that are copied; the others are written first. So a step waits for the disk
// only where the state is larger than the snapshot memory: about (state - snapshot) / disk rate, once a save.
#ifndef HORIZON_LM_CORE_SAVE_BACKGROUND_SAVE_H_
#define HORIZON_LM_CORE_SAVE_BACKGROUND_SAVE_H_

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/device/device.h"
#include "core/device/hand_over.h"
#include "core/plan/plan.h"
#include "core/save/unit_arrays.h"
#include "core/save/writer.h"
#include "core/store/store.h"
#include "core/stream/trace.h"

namespace hlm {

// The processes that write together, each what it owns; rank 0 begins the folder and finishes it.
struct SaveRanks {
  int64_t rank = 0, size = 1;
  std::function<std::vector<std::string>(const std::string& own)> all_gather = nullptr;  // everybody's bytes, by rank
};

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
  void Fail(std::exception_ptr cause);

  // Returns once the piece's bytes are safe. Before every change of a piece.
  void BeforeUpdate(int64_t piece);

  // Whether no save is under way, after at most so many seconds (negative: no limit). Throws the error of a save that failed
  // since the last call that threw, and that nobody waited for.
  bool Wait(double seconds);
  void WaitForThis();    // until the last save has ended; throws its error
  void WaitUntilIdle();  // throws nothing

  Counters counters();
  size_t snapshot_bytes() const { return snapshot_.bytes(); }

 private:
  enum class Phase { kIdle, kPrepared, kRunning };
  void Run();
  void Save();
  void WriteAll();
  void FinishTogether(std::exception_ptr failed);
  std::vector<CheckpointArray> ArraysOf(int64_t piece) const { return PieceArrays(plan_, piece, ranks_.rank); }
  void KeepError(std::exception_ptr error);
  void CopyPiece(int64_t piece);
  void WriteUnit(int64_t unit);
  void MarkSafe(int64_t piece);
  bool Copied(int64_t piece) const { return places_[static_cast<size_t>(piece)] >= 0; }
  std::vector<CheckpointArray> CopiedArrays(int64_t piece) const;

  const Plan& plan_;
  const ParameterStore& store_;
  HostPool& pool_;
  Trace& trace_;
  RaceChecker* checker_;
  const SaveRanks ranks_;
  Buffer snapshot_;
  std::vector<int64_t> order_;   // of the pieces, as they will be updated next
  std::vector<int64_t> places_;  // [pieces] where a piece's copy lies in the snapshot; -1: it has none

  std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_ = Phase::kIdle;
  bool stop_ = false;
  std::vector<bool> safe_;  // [pieces]
  std::unique_ptr<CheckpointWriter> writer_;
  Request request_;
  std::exception_ptr error_;         // of the last save that failed, until it is thrown
  std::exception_ptr waited_error_;  // the same for saves that are waited for
  Counters counters_;
  HandOver begun_, made_safe_;
  std::thread thread_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_BACKGROUND_SAVE_H_
