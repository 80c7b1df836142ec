// Groups of experts: a block with a mixture is visited as a whole, with all its pieces in slots, or in stages where its experts are of
// several pieces: its core, each group of experts, its core again. Then slots and the accumulator hold a group, not the block.
#ifndef HORIZON_LM_CORE_PLAN_GROUPS_H_
#define HORIZON_LM_CORE_PLAN_GROUPS_H_

#include <cstdint>
#include <vector>

#include "core/model/layout.h"
#include "core/plan/pieces.h"
#include "core/plan/trained.h"

namespace hlm {

// Experts [first, first + count) and their pieces.
struct ExpertGroup {
  int64_t first = 0, count = 0;
  int64_t first_piece = 0, end_piece = 0;
};

// Of a block that is visited in stages; none: it is visited as a whole.
std::vector<ExpertGroup> GroupsOf(const ModelLayout& layout, const PieceList& pieces, int64_t layer);
// The pieces of the same block that belong to no group.
std::vector<int64_t> CoreOf(const PieceList& pieces, int64_t unit, const std::vector<ExpertGroup>& groups);

// The share of groups of `group` of `experts` experts that have a row where each of `tokens` tokens chooses `chosen` of them evenly.
double ShareRouted(int64_t experts, int64_t chosen, int64_t group, int64_t tokens);

// Visits that a sweep makes of a layer one way.
int64_t VisitsOf(const ModelLayout& layout, const PieceList& pieces, int64_t layer);
// Of a whole sweep, there and back.
int64_t SweepVisits(const ModelLayout& layout, const PieceList& pieces);

// Where each piece's gradient is added up, in elements from the start of the accumulator, and how many the accumulator has. A unit's
// pieces follow each other, or those of a stage do. A tied embedding has an accumulator of its own, and so have the slabs that blocks
// share, one behind the other. Where no backward pass comes there is none; a frozen head has one for what stands before its matrix, in
// whole chunks where that trains.
struct AccumulatorPlaces {
  std::vector<int64_t> offsets;  // [pieces]; -1: none
  int64_t elements = 0, tied_elements = 0, shared_elements = 0;
};
AccumulatorPlaces PlaceAccumulators(const ModelLayout& layout, const PieceList& pieces, const TrainedSet& trained);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_GROUPS_H_
