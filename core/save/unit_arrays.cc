#include "core/save/unit_arrays.h"

#include "core/base/error.h"
#include "core/plan/owned.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

std::vector<CheckpointArray> PieceArrays(const Plan& plan, int64_t piece, std::optional<int64_t> rank) {
  const Numerics& n = plan.numerics;
  const ArrayType moments = n.states == StateType::kF32    ? ArrayType::kF32
                            : n.states == StateType::kBF16 ? ArrayType::kBF16
                                                           : ArrayType::kU8;
  std::vector<CheckpointArray> arrays;
  const auto add_range = [&](int64_t number, const PartPlan& part, bool trains) {
    const auto add = [&](ArrayKind kind, ArrayType type, int64_t first, int64_t elements) {
      arrays.push_back({.kind = kind, .part = number, .type = type, .first = first, .elements = elements});
    };
    const int64_t elements = part.end - part.begin;
    add(ArrayKind::kWeights, n.compute == DType::kF32 ? ArrayType::kF32 : ArrayType::kBF16, part.begin, elements);
    if (!trains) return;
    if (n.remainder) add(ArrayKind::kRemainders, ArrayType::kU16, part.begin, elements);
    const auto add_moments = [&](ArrayKind values, ArrayKind scales) {
      add(values, moments, part.begin, elements);
      if (n.states == StateType::kInt8) add(scales, ArrayType::kF32, part.begin / kStateBlock, StateScales(n.states, elements));
    };
    add_moments(ArrayKind::kFirstMoments, ArrayKind::kFirstScales);
    if (MomentCount(n.algorithm) == 2) add_moments(ArrayKind::kSecondMoments, ArrayKind::kSecondScales);
  };
  // Every part has a number in its unit; where ranks have shares of it, each share has.
  int64_t number = 0;
  for (int64_t p = plan.pieces.First(plan.pieces[piece].unit); p <= piece; ++p) {
    EachPart(plan.pieces[p], [&](const PartPlan& part, bool trains) {
      if (!rank || !plan.sharded) {
        if (p == piece) add_range(number, part, trains);
        ++number;
        return;
      }
      const auto add_share = [&](const PartPlan& entry) {
        const PartPlan own = OwnedOf(plan, entry, *rank);
        if (p == piece && own.begin < own.end) add_range(number + *rank, own, trains);
        number += plan.options.processes;
      };
      // What is frozen has no owner, but is dealt like the rest to be written.
      trains ? EachEntry(plan, part, add_share) : add_share(part);
    });
  }
  return arrays;
}

void PointInto(const StateLease& lease, std::vector<CheckpointArray>& arrays) {
  for (CheckpointArray& array : arrays) {
    const bool scales = array.kind == ArrayKind::kFirstScales || array.kind == ArrayKind::kSecondScales;
    const int64_t begin = array.first * (scales ? kStateBlock : 1);
    switch (array.kind) {
      case ArrayKind::kWeights:
        array.data = lease.Weights(begin);
        break;
      case ArrayKind::kRemainders:
        array.data = lease.Master(begin).lo;
        break;
      case ArrayKind::kFirstMoments:
        array.data = lease.FirstMoments(begin).values;
        break;
      case ArrayKind::kFirstScales:
        array.data = lease.FirstMoments(begin).scales;
        break;
      case ArrayKind::kSecondMoments:
        array.data = lease.SecondMoments(begin).values;
        break;
      case ArrayKind::kSecondScales:
        array.data = lease.SecondMoments(begin).scales;
        break;
    }
    HLM_CHECK(array.data != nullptr, lease.piece().name, " has no ", Name(array.kind));
  }
}

}  // namespace hlm
