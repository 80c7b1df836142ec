#include "core/train/unit_arrays.h"

#include <string>

namespace hlm {

std::vector<CheckpointArray> PieceArrays(const Plan& plan, const ParameterStore& store, int64_t piece) {
  std::vector<CheckpointArray> arrays;
  const std::vector<PartPlan>& parts = plan.pieces[piece].parts;
  const int64_t unit = plan.pieces[piece].unit;
  int64_t first_part = 0;
  for (int64_t before = plan.pieces.First(unit); before < piece; ++before) {
    first_part += static_cast<int64_t>(plan.pieces[before].parts.size());
  }
  const bool second = MomentCount(plan.numerics.algorithm) == 2;
  for (size_t p = 0; p < parts.size(); ++p) {
    const int64_t begin = parts[p].begin, n = parts[p].end - begin;
    const auto add = [&](ArrayKind kind, ArrayType type, int64_t first, int64_t elements, const void* data) {
      arrays.push_back(
          {.kind = kind, .part = first_part + static_cast<int64_t>(p), .type = type, .first = first, .elements = elements, .data = data});
    };
    const MasterArray master = store.Master(unit, begin);
    if (master.weight != nullptr) {
      add(ArrayKind::kWeights, ArrayType::kF32, begin, n, master.weight);
    } else {
      add(ArrayKind::kWeights, ArrayType::kBF16, begin, n, master.hi);
      if (master.lo != nullptr) add(ArrayKind::kRemainders, ArrayType::kU16, begin, n, master.lo);
    }
    const StateType states = store.state_type();
    const ArrayType type = states == StateType::kF32    ? ArrayType::kF32
                           : states == StateType::kBF16 ? ArrayType::kBF16
                                                        : ArrayType::kU8;
    const auto add_moments = [&](ArrayKind values, ArrayKind scales, const MomentArray& moments) {
      add(values, type, begin, n, moments.values);
      if (states == StateType::kInt8) add(scales, ArrayType::kF32, begin / kStateBlock, StateScales(states, n), moments.scales);
    };
    add_moments(ArrayKind::kFirstMoments, ArrayKind::kFirstScales, store.FirstMoments(unit, begin));
    if (second) add_moments(ArrayKind::kSecondMoments, ArrayKind::kSecondScales, store.SecondMoments(unit, begin));
  }
  return arrays;
}

std::vector<CheckpointArray> UnitArrays(const Plan& plan, const ParameterStore& store, int64_t unit) {
  std::vector<CheckpointArray> arrays;
  for (int64_t piece = plan.pieces.First(unit); piece < plan.pieces.First(unit + 1); ++piece) {
    const std::vector<CheckpointArray> more = PieceArrays(plan, store, piece);
    arrays.insert(arrays.end(), more.begin(), more.end());
  }
  return arrays;
}

}  // namespace hlm
