// The fields of HostMemory and the ranges of DeviceArena, once: sums, JSON and metrics are visitors of these lists.
#ifndef HORIZON_LM_CORE_PLAN_MEMORY_FIELDS_H_
#define HORIZON_LM_CORE_PLAN_MEMORY_FIELDS_H_

#include <type_traits>

#include "core/plan/arena.h"
#include "core/plan/plan.h"

namespace hlm {

enum class Pages { kPlain, kPinned };  // pinned: a GPU reads and writes them directly

// Visitor: Field(key, bytes, pages).
template <class Visitor, class M>  // const or not
requires std::is_same_v<std::remove_const_t<M>, HostMemory>
void VisitFields(Visitor& visit, M& m) {
  visit.Field("weights", m.weights, Pages::kPinned);
  visit.Field("remainders", m.remainders, Pages::kPlain);
  visit.Field("first_moments", m.first_moments, Pages::kPlain);
  visit.Field("second_moments", m.second_moments, Pages::kPlain);
  visit.Field("gradients", m.gradients, Pages::kPlain);
  visit.Field("scales", m.scales, Pages::kPlain);
  visit.Field("norms", m.norms, Pages::kPlain);
  visit.Field("snapshot", m.snapshot, Pages::kPlain);
  visit.Field("ring", m.ring, Pages::kPinned);
  visit.Field("block_inputs", m.block_inputs, Pages::kPinned);
  visit.Field("batch", m.batch, Pages::kPinned);
  visit.Field("frozen", m.frozen, Pages::kPinned);
  visit.Field("partials", m.partials, Pages::kPlain);
  visit.Field("exchange", m.exchange, Pages::kPinned);
  visit.Field("loads", m.loads, Pages::kPinned);
}

// Visitor: Field(key, ranges...), which a plan's JSON tells as one.
template <class Visitor, class A>  // const or not
requires std::is_same_v<std::remove_const_t<A>, DeviceArena>
void VisitFields(Visitor& visit, A& a) {
  visit.Field("slots", a.slots);
  visit.Field("accumulator", a.accumulator, a.tied_accumulator, a.shared_accumulators);
  visit.Field("staging", a.staging);
  visit.Field("received", a.received);
  visit.Field("block_inputs", a.block_inputs);
  visit.Field("gradient", a.gradient);
  visit.Field("stash", a.stash);
  visit.Field("scratch", a.scratch);
  visit.Field("between_stages", a.between_stages);
  visit.Field("backward", a.temporaries);
  visit.Field("head", a.head);
  visit.Field("batch", a.batch);
  visit.Field("sides", a.sides);
  visit.Field("side_gradients", a.side_gradients);
  visit.Field("rotary", a.rotary);
  visit.Field("loads", a.loads);
  visit.Field("workspace", a.workspace);
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_MEMORY_FIELDS_H_
