// Who owns what, where the states of a model are sharded over the processes of a group: of every range of a piece that comes down as one
// (a part that trains, or a device's shard of one) each rank has a share in whole gradient chunks, whose masters, moments and sums
// of gradients it keeps and updates. Where states are not sharded every process owns everything that trains.
#ifndef HORIZON_LM_CORE_PLAN_OWNED_H_
#define HORIZON_LM_CORE_PLAN_OWNED_H_

#include <algorithm>
#include <cstdint>

#include "core/plan/plan.h"

namespace hlm {

// work(entry) for each range of a part that comes down as one, in order.
template <class Work>
void EachEntry(const Plan& plan, const PartPlan& part, const Work& work) {
  const int64_t shards = plan.route == Route::kPeer ? static_cast<int64_t>(plan.devices.size()) : 1;
  for (int64_t shard = 0; shard < shards; ++shard) {
    const PartPlan entry = Shard{shard, shards}.Of(part);
    if (entry.begin < entry.end) work(entry);
  }
}

// The same of a piece.
template <class Work>
void EachEntry(const Plan& plan, const PiecePlan& piece, const Work& work) {
  for (const PartPlan& part : piece.trained) EachEntry(plan, part, work);
}

// work(part, trains) for all of a piece, in order: parts that train, and what is frozen between them in parts as large.
template <class Work>
void EachPart(const PiecePlan& piece, const Work& work) {
  const int64_t most = piece.parts.empty() ? 0 : piece.parts.front().end - piece.parts.front().begin;
  int64_t at = piece.begin;
  const auto frozen_until = [&](int64_t end) {
    for (; at < end; at = std::min(at + most, end)) work(PartPlan{at, std::min(at + most, end)}, false);
  };
  for (const PartPlan& part : piece.trained) {
    frozen_until(part.begin);
    work(part, true);
    at = part.end;
  }
  frozen_until(piece.end);
}

inline PartPlan OwnedOf(const Plan& plan, const PartPlan& entry, int64_t rank) {
  return plan.sharded ? Shard{rank, plan.options.processes}.Of(entry) : entry;
}

// work(range) for each range of the piece that the rank owns, in order; none of them is empty.
template <class Work>
void EachOwned(const Plan& plan, const PiecePlan& piece, int64_t rank, const Work& work) {
  EachEntry(plan, piece, [&](const PartPlan& entry) {
    const PartPlan range = OwnedOf(plan, entry, rank);
    if (range.begin < range.end) work(range);
  });
}

// The same, of elements [begin, end) of the piece.
template <class Work>
void EachOwnedIn(const Plan& plan, const PiecePlan& piece, int64_t rank, int64_t begin, int64_t end, const Work& work) {
  EachOwned(plan, piece, rank, [&](const PartPlan& range) {
    const PartPlan within{std::max(range.begin, begin), std::min(range.end, end)};
    if (within.begin < within.end) work(within);
  });
}

// Elements of the rank that owns most, each range as so many whole blocks of 8-bit moments.
int64_t MostOwned(const Plan& plan);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_OWNED_H_
