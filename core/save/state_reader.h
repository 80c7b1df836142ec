// StateReader: reads the state of a run from a checkpoint into a store.
//
// A checkpoint has a unit's arrays whole or by the ranks that wrote them, the store has them piece by piece, and only what this rank keeps:
// where the two overlap elements are read into place.
#ifndef HORIZON_LM_CORE_SAVE_STATE_READER_H_
#define HORIZON_LM_CORE_SAVE_STATE_READER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/plan/plan.h"
#include "core/save/reader.h"
#include "core/save/unit_arrays.h"
#include "core/store/store.h"

namespace hlm {

class StateReader {
 public:
  // Nothing of the store has changed when this returns, and nobody else may use it until the end. DATA_LOSS naming what the checkpoint lacks.
  StateReader(const Plan& plan, const ParameterStore& store, const CheckpointReader& from, int64_t rank);

  // Where it throws, DATA_LOSS among others, the store's state is of no use.
  void Read(HostPool& pool);

 private:
  struct Run {
    int64_t begin, elements;  // of the array
    std::byte* to;
  };
  // One array of the checkpoint and where its elements go.
  struct Transfer {
    size_t unit;  // of the checkpoint
    const StoredArray* array;
    std::vector<Run> runs;
  };

  void AddUnit(int64_t unit);
  std::vector<CheckpointArray> Kept(int64_t unit) const;
  static std::vector<Run> Overlaps(const StoredArray& stored, const std::vector<CheckpointArray>& kept);
  void ReadOne(const Transfer& transfer) const;

  const Plan& plan_;
  const CheckpointReader& from_;
  const int64_t rank_;
  std::vector<StateLease> leases_;  // [pieces]
  std::vector<Transfer> transfers_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_STATE_READER_H_
