#include "core/plan/groups.h"

#include <algorithm>
#include <cmath>

#include "core/layers/experts.h"

namespace hlm {

std::vector<ExpertGroup> GroupsOf(const ModelLayout& layout, const PieceList& pieces, int64_t layer) {
  const ExpertsBody* experts = layout.block(layer).experts();
  if (experts == nullptr) return {};
  const int64_t begin = experts->begin(), stride = experts->stride(), end = begin + experts->spec().count * stride;
  const int64_t unit = layout.BlockUnit(layer);
  std::vector<ExpertGroup> groups;
  int64_t first_piece = -1, first_expert = 0;
  for (int64_t p = pieces.First(unit); p < pieces.First(unit + 1); ++p) {
    const PiecePlan& piece = pieces[p];
    if (piece.end <= begin || piece.begin >= end) continue;
    if (piece.begin < begin || piece.end > end) return {};
    if (first_piece < 0) first_piece = p;
    if ((piece.end - begin) % stride != 0) continue;  // in the middle of an expert
    const int64_t end_expert = (piece.end - begin) / stride;
    groups.push_back({first_expert, end_expert - first_expert, first_piece, p + 1});
    first_expert = end_expert;
    first_piece = -1;
  }
  if (groups.size() < 2) groups.clear();
  return groups;
}

std::vector<int64_t> CoreOf(const PieceList& pieces, int64_t unit, const std::vector<ExpertGroup>& groups) {
  std::vector<int64_t> core;
  for (int64_t p = pieces.First(unit); p < pieces.First(unit + 1); ++p) {
    const bool grouped = !groups.empty() && p >= groups.front().first_piece && p < groups.back().end_piece;
    if (!grouped) core.push_back(p);
  }
  return core;
}

double ShareRouted(int64_t experts, int64_t chosen, int64_t group, int64_t tokens) {
  double missed = 1;  // by one token: none of its choices is among the group
  for (int64_t i = 0; i < chosen; ++i)
    missed *= static_cast<double>(std::max<int64_t>(experts - group - i, 0)) / static_cast<double>(experts - i);
  return 1 - std::pow(missed, static_cast<double>(tokens));
}

int64_t VisitsOf(const ModelLayout& layout, const PieceList& pieces, int64_t layer) {
  const int64_t groups = static_cast<int64_t>(GroupsOf(layout, pieces, layer).size());
  return groups == 0 ? 1 : groups + 2;
}

int64_t SweepVisits(const ModelLayout& layout, const PieceList& pieces) {
  int64_t visits = 3;  // embedding, head, embedding
  for (int64_t layer = 0; layer < layout.layers(); ++layer) visits += 2 * VisitsOf(layout, pieces, layer);
  return visits;
}

namespace {

// Whether the head's matrix or its bias trains.
bool HeadProductTrains(const ModelLayout& layout, const TrainedSet& trained) {
  const auto trains = [&](int64_t unit, int64_t offset) { return offset >= 0 && trained.Trains(unit, offset); };
  return trains(layout.HeadUnit(), layout.head->matrix()) || trains(layout.NormUnit(), layout.head->bias());
}

// Elements of a unit from its start that a backward pass adds gradients of up.
int64_t AddedUp(const ModelLayout& layout, const TrainedSet& trained, int64_t unit) {
  const UnitSpec& spec = layout.units[static_cast<size_t>(unit)];
  const int64_t first = FirstBackward(layout, trained);
  if (layout.IsShared(unit)) {
    int64_t last_user = -1;
    for (int64_t layer = 0; layer < layout.layers(); ++layer) {
      if (layout.SharedUnit(layer) == unit) last_user = layer;
    }
    return last_user >= first ? spec.elements : 0;
  }
  if (spec.layer >= 0) return spec.layer >= first ? spec.elements : 0;
  // One product makes the gradients of the head's matrix and of its bias.
  if (unit == layout.EmbeddingUnit()) return first < 0 || (layout.tied && HeadProductTrains(layout, trained)) ? spec.elements : 0;
  if (layout.tied || HeadProductTrains(layout, trained)) return spec.elements;
  // The chunk in which the norm ends goes down as a whole.
  const std::vector<SlabRange> runs = trained.Runs(unit, spec.elements);
  return std::max(layout.head->matrix(), runs.empty() ? 0 : runs.back().end);
}

}  // namespace

AccumulatorPlaces PlaceAccumulators(const ModelLayout& layout, const PieceList& pieces, const TrainedSet& trained) {
  AccumulatorPlaces places;
  places.offsets.resize(static_cast<size_t>(pieces.size()), -1);
  for (int64_t unit = 0; unit < pieces.units(); ++unit) {
    const int64_t layer = layout.units[static_cast<size_t>(unit)].layer, added_up = AddedUp(layout, trained, unit);
    const auto stack = [&](const auto& stage, int64_t at = 0) {
      for (const int64_t p : stage) {
        const int64_t elements = std::min(pieces[p].end, added_up) - pieces[p].begin;
        if (elements < 0 || (elements == 0 && pieces[p].elements() > 0)) continue;
        places.offsets[static_cast<size_t>(p)] = at;
        at += elements;
      }
      return at;
    };
    const std::vector<ExpertGroup> groups = layer < 0 ? std::vector<ExpertGroup>() : GroupsOf(layout, pieces, layer);
    if (layout.IsShared(unit)) {
      places.shared_elements = stack(CoreOf(pieces, unit, groups), places.shared_elements);
      continue;
    }
    const int64_t core = stack(CoreOf(pieces, unit, groups));
    if (layout.tied && unit == layout.EmbeddingUnit()) {
      places.tied_elements = core;
      continue;
    }
    places.elements = std::max(places.elements, core);
    for (const ExpertGroup& group : groups) {
      std::vector<int64_t> own;
      for (int64_t p = group.first_piece; p < group.end_piece; ++p) own.push_back(p);
      places.elements = std::max(places.elements, stack(own));
    }
  }
  return places;
}

}  // namespace hlm
