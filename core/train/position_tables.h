// PositionTables: what a block reads by position or head, made once when a run begins: the tables of rotary embeddings, the temperatures of
// attention, the slopes of ALiBi.
#ifndef HORIZON_LM_CORE_TRAIN_POSITION_TABLES_H_
#define HORIZON_LM_CORE_TRAIN_POSITION_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/layers/run.h"
#include "core/plan/places.h"
#include "core/plan/plan.h"

namespace hlm {

class PositionTables {
 public:
  // `at`: the range of the arena that is theirs.
  PositionTables(const ModelSpec& spec, const Plan& plan, std::byte* at) : places_(PlaceTables(spec, plan)), at_(at) {
    for (const int64_t place : places_.offsets) rotary_.push_back(reinterpret_cast<const float*>(At(place)));
    for (const int64_t place : places_.temperatures) temperatures_.push_back(reinterpret_cast<const float*>(At(place)));
  }

  const TablePlaces& places() const { return places_; }
  std::byte* At(int64_t place) const { return at_ + place; }

  void Set(BlockRun& run) const {
    run.rotary = rotary_.data();
    run.temperatures = temperatures_.data();
    if (places_.slopes >= 0) run.slopes = reinterpret_cast<const float*>(At(places_.slopes));
  }

 private:
  const TablePlaces places_;
  std::byte* const at_;
  std::vector<const float*> rotary_, temperatures_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_POSITION_TABLES_H_
