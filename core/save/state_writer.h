// StateWriter: writes the state of a store at one moment while the store goes on.
//
//   pieces that fit into the snapshot memory:  at risk --copied--> safe, written later from the copy
//   all others:                                at risk --written from the store, with their unit--> safe
//
// The first pieces to be updated next are the ones that are copied; of the others those come first whose units hold bytes at risk.
#ifndef HORIZON_LM_CORE_SAVE_STATE_WRITER_H_
#define HORIZON_LM_CORE_SAVE_STATE_WRITER_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/device/device.h"
#include "core/device/hand_over.h"
#include "core/plan/plan.h"
#include "core/save/pieces_at_risk.h"
#include "core/save/unit_arrays.h"
#include "core/save/writer.h"
#include "core/store/store.h"
#include "core/stream/trace.h"

namespace hlm {

class StateWriter {
 public:
  // `rank`: writes what it owns.
  StateWriter(const Plan& plan, const ParameterStore& store, HostPool& pool, Trace& trace, RaceChecker* checker, int64_t rank);

  // The state is the store's at this moment, between two updates. Then Write, on a thread of its own, and End whatever became of it.
  void Begin();
  void Write(CheckpointWriter& to);
  void End() { at_risk_.End(); }

  void BeforeUpdate(int64_t piece);  // returns once the piece may change

  double stall_seconds() const { return at_risk_.waited_seconds(); }
  int64_t written_bytes() const { return written_bytes_; }
  size_t snapshot_bytes() const { return snapshot_.bytes(); }

 private:
  bool Copied(int64_t piece) const { return places_[static_cast<size_t>(piece)] >= 0; }
  std::vector<CheckpointArray> ArraysOf(int64_t piece) const { return PieceArrays(plan_, piece, rank_); }
  std::vector<CheckpointArray> CopiedArrays(int64_t piece) const;
  void CopyPiece(int64_t piece);
  void WriteUnit(int64_t unit, CheckpointWriter& to);

  const Plan& plan_;
  const ParameterStore& store_;
  HostPool& pool_;
  Trace& trace_;
  RaceChecker* const checker_;
  const int64_t rank_;
  const Buffer snapshot_;
  const std::vector<int64_t> order_;  // of the pieces, as they will be updated next
  std::vector<int64_t> places_;       // [pieces] where a piece's copy lies in the snapshot; -1: it has none
  PiecesAtRisk at_risk_;
  HandOver begun_;
  std::atomic<int64_t> written_bytes_{0};
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_STATE_WRITER_H_
