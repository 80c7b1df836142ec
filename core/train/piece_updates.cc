#include "core/train/piece_updates.h"

#include <algorithm>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/device/hand_over.h"
#include "core/plan/owned.h"

namespace hlm {

// Steps of an expert that may be owed: the scalars of each are kept.
constexpr size_t kMostOwed = 1024;

static_assert(kSlabAlign % kStateBlock == 0 && kGradientChunk % kStateBlock == 0);

std::vector<PieceUpdates::Segment> PieceUpdates::CutSegments(const UnitSpec& unit, int64_t number, const TrainedSet& trained) {
  std::vector<Segment> segments;
  for (const SlabRun& run : RunsOf(unit)) {
    const bool decays = trained.Decays(number, *run.tensor);
    if (segments.empty() || segments.back().decays != decays) {
      // A block of 8-bit moments has one scale and is updated as a whole; the layout starts what decays otherwise at a multiple of it.
      HLM_CHECK(run.begin % kStateBlock == 0, run.tensor->name, " at ", run.begin);
      segments.push_back({run.begin, 0, decays});
    }
    // Padding between tensors is zero and stays zero under an update: it goes with its neighbours, so that blocks are whole.
    segments.back().end = RoundUp(run.end, kStateBlock);
  }
  return segments;
}

PieceUpdates::PieceUpdates(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, RaceChecker* checker,
                           ParameterStore& store, const OptimizerOptions& optimizer, HostPool& pool, Trace& trace,
                           std::function<void(int64_t piece)> before, ProcessGroup* group)
    : plan_(plan),
      store_(store),
      optimizer_(optimizer),
      pool_(pool),
      trace_(trace),
      checker_(checker),
      before_(std::move(before)),
      group_(group),
      experts_(FindPieceExperts(spec, layout, plan.pieces)),
      owed_(static_cast<size_t>(plan.pieces.size())) {
  std::vector<UnitExperts> experts = FindExperts(spec, layout);
  for (size_t u = 0; u < layout.units.size(); ++u)
    units_.push_back({CutSegments(layout.units[u], static_cast<int64_t>(u), plan.trained), std::move(experts[u])});
}

bool PieceUpdates::MayOwe(int64_t piece) const {
  return plan_.DefersUpdates() && experts_[static_cast<size_t>(piece)].router >= 0;
}

void PieceUpdates::PayOwed(int64_t piece) {
  const PiecePlan& p = plan_.pieces[piece];
  if (!owed_[piece].empty()) Update(piece, {p.begin, p.end}, nullptr, nullptr, nullptr);
}

void PieceUpdates::UpdatePiece(int64_t piece, const UpdateStep& step, const RoutedStep* routed) {
  if (routed != nullptr && routed->defers && experts_[piece].Unrouted(*routed)) {
    owed_[piece].push_back(step);
    ++deferred_;
    if (owed_[piece].size() >= kMostOwed) PayOwed(piece);
    return;
  }
  const PiecePlan& p = plan_.pieces[piece];
  const GradientLease gradients = store_.Gradients(piece, LeaseKind::kRead);
  if (plan_.OwnsAll()) return Update(piece, {p.begin, p.end}, gradients.Sums(p.begin), &step, routed);
  const RankShares shares{plan_, group_};
  EachEntry(plan_, p, [&](const PartPlan& entry) {
    const PartPlan own = shares.Own(entry);
    Update(piece, entry, own.begin < own.end ? gradients.Sums(own.begin) : nullptr, &step, routed);
  });
}

void PieceUpdates::Update(int64_t piece, const PartPlan& part, const std::byte* gradient, const UpdateStep* step,
                          const RoutedStep* routed) {
  before_(piece);
  const PiecePlan& p = plan_.pieces[piece];
  const int64_t number = p.unit;
  const Unit& unit = units_[static_cast<size_t>(number)];
  StateLease states = store_.States(piece, LeaseKind::kChange);
  const double begin_time = Trace::Now();
  const DType type = store_.gradient_type();
  DeclareAccess(checker_, states.Weights(part.begin), static_cast<size_t>(p.ByteOf(part.end) - p.ByteOf(part.begin)), true,
                "update of the weights");
  const RankShares shares{plan_, group_};
  const PartPlan mine = shares.Own(part);
  const std::vector<UpdateStep> owed = std::exchange(owed_[piece], {});
  for (const Segment& segment : unit.segments) {
    const int64_t from = std::max(segment.begin, mine.begin), to = std::min(segment.end, mine.end);
    if (from >= to) continue;
    const auto arrays = [&](int64_t begin, int64_t end) -> UpdateArrays {
      return {.n = end - begin,
              .master = states.Master(begin),
              .states = store_.state_type(),
              .first = states.FirstMoments(begin),
              .second = states.SecondMoments(begin),
              .gradient = gradient == nullptr ? nullptr : gradient + static_cast<size_t>(begin - mine.begin) * SizeOf(type),
              .gradient_type = type,
              .decay = segment.decays,
              .first_index = store_.FirstElement(number) + begin};
    };
    if (!owed.empty()) {
      UpdateMissed(pool_, optimizer_, owed, step, arrays(from, to));
      continue;
    }
    unit.experts.EachUpdated(routed, *step, from, to, [&](int64_t begin, int64_t end, const UpdateStep& own) {
      hlm::Update(pool_, optimizer_, own, arrays(begin, end));
    });
  }
  if (routed != nullptr && plan_.router.bias_rate != 0) MoveBias(number, mine, states, *step, *routed);
  if (plan_.sharded) {
    group_->AllGatherInPlace(ProcessGroup::kGradients, states.WeightsToChange(part.begin), shares.Starts(part, SizeOf(p.type)));
  }
  if (part.end == p.trained.back().end) states.Commit();
  trace_.Add(Trace::kOptimizer, StrCat("update ", p.name), begin_time, Trace::Now());
}

// Lion without moments moves each element by the rate, against the sign of its gradient; the master's form is its concern.
void PieceUpdates::MoveBias(int64_t unit, const PartPlan& part, const StateLease& states, const UpdateStep& step,
                            const RoutedStep& routed) {
  OptimizerOptions against_sign;
  against_sign.algorithm = Algorithm::kLion;
  against_sign.beta1 = against_sign.beta2 = against_sign.weight_decay = 0;
  UpdateStep move = step;
  move.lr = plan_.router.bias_rate;
  move.gradient_scale = 1;
  const auto move_one = [&](int64_t at, const std::vector<float>& excess) {
    if (!plan_.trained.Trains(unit, at)) return;
    std::vector<float> no_moment(excess.size());
    hlm::Update(pool_, against_sign, move,
                {.n = static_cast<int64_t>(excess.size()),
                 .master = states.Master(at),
                 .first = {no_moment.data()},
                 .second = {},
                 .gradient = excess.data(),
                 .first_index = store_.FirstElement(unit) + at});
  };
  units_[static_cast<size_t>(unit)].experts.EachBias(routed, part.begin, part.end, move_one);
}

}  // namespace hlm
