#include "core/train/updater.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {

// Steps of an expert that may be owed: the scalars of each are kept.
constexpr size_t kMostOwed = 1024;

static_assert(kSlabAlign % kStateBlock == 0 && kNormChunk % kStateBlock == 0);

std::vector<Updater::Segment> Updater::CutSegments(const UnitSpec& unit, int64_t number, const TrainedSet& trained) {
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

Updater::Updater(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, Device& device, ParameterStore& store,
                 const OptimizerOptions& optimizer, HostPool& pool, Trace& trace,
                 std::function<void(int64_t piece)> before_update, ProcessGroup* group)
    : plan_(plan),
      store_(store),
      optimizer_(optimizer),
      pool_(pool),
      trace_(trace),
      before_update_(std::move(before_update)),
      checker_(device.race_checker()),
      group_(group),
      received_(static_cast<size_t>(group != nullptr ? plan.host.exchange : 0) / sizeof(float)),
      experts_(FindExperts(spec, layout)),
      piece_experts_(FindPieceExperts(spec, layout, plan.pieces)),
      order_(layout.ForwardOrder()),
      owed_(static_cast<size_t>(plan.pieces.size())),
      pending_(static_cast<size_t>(plan.pieces.size()), 0) {
  for (const UnitSpec& unit : layout.units)
    segments_.push_back(CutSegments(unit, static_cast<int64_t>(segments_.size()), plan.trained));
  thread_ = std::thread([this] { Run(); });
}

Updater::~Updater() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;  // what is queued is finished first: no update of a trained step is lost
  }
  changed_.notify_all();
  thread_.join();
}

void Updater::Enqueue(Job job) {
  std::lock_guard lock(mutex_);
  job.handed.Give(checker_);
  const int64_t piece = job.piece;
  jobs_.push_back(std::move(job));
  if (piece >= 0) ++pending_[piece];
  changed_.notify_all();
}

void Updater::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    // Gradients behind a failed one are of no use; updates that were decided before are still owed.
    const bool skip = job.always ? false : job.is_update ? update_error_ != nullptr : error_ != nullptr;
    lock.unlock();
    std::exception_ptr error;
    const double begin = Trace::Now();
    if (!skip) {
      try {
        job.handed.Take(checker_);
        job.work();
      } catch (...) {
        error = std::current_exception();
      }
    }
    const int64_t piece = job.piece;
    const bool is_update = job.is_update;
    job.work = nullptr;  // frees ring entries that a skipped job still held
    // An update comes behind the call that decided it, and the others of the group wait for its weights.
    if (error && is_update && group_ != nullptr && plan_.sharded) GiveUp(error);
    lock.lock();
    busy_seconds_ += (Trace::Now() - begin) * 1e-6;
    if (error) {
      if (!error_) error_ = error;
      if (is_update && !update_error_) update_error_ = error;
    }
    if (piece >= 0) --pending_[piece];
    busy_ = false;
    done_.Give(checker_);
    changed_.notify_all();
  }
}

void Updater::GiveUp(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& what) {
    group_->GiveUp(what.what());
  } catch (...) {
    group_->GiveUp("an update failed");
  }
}

void Updater::TakeGradient(GradientRing& ring, int64_t piece, const PartPlan& part, const Sweep& sweep, int64_t term,
                           RingTicket ticket) {
  // std::function wants to be copied; the ticket must not be.
  auto held = std::make_shared<RingTicket>(std::move(ticket));
  Job job;
  job.piece = sweep.update ? piece : -1;
  job.work = [this, &ring, piece, unit = plan_.pieces[piece].unit, part, sweep, term, held] {
    // By this thread, which has read it, whoever drops the ticket last.
    struct Free {
      RingTicket& entry;
      ~Free() { entry.Release(); }
    } const free_entry{*held};
    try {
      if (!sweep.zero) held->filled().Synchronize();
    } catch (...) {
      ring.Close(std::current_exception());
      throw;
    }
    const double begin = Trace::Now();
    const int64_t n = part.end - part.begin;
    const DType type = store_.gradient_type(), down = plan_.DownType();
    DeclareAccess(checker_, held->data(), static_cast<size_t>(n) * SizeOf(down), sweep.zero, "gradient in the ring");
    if (sweep.zero) FillZero(held->data(), n * static_cast<int64_t>(SizeOf(down)));
    const std::byte* gradient = held->data();
    const GradientLease lease = store_.Gradients(piece, LeaseKind::kChange);
    if (!AddToTree(lease, part, term, reinterpret_cast<float*>(held->data()))) return held->Release();
    const PartPlan own = OwnedOf(part);
    const int64_t own_n = own.end - own.begin;
    bool finite = true;
    try {
      if (plan_.sharded) {
        gradient = reinterpret_cast<std::byte*>(SumOwn(reinterpret_cast<float*>(held->data()), part));
      } else if (group_ != nullptr) {
        SumOverProcesses(reinterpret_cast<float*>(held->data()), n);
      }
      if (own_n > 0) {
        double* norms = lease.Norms(own.begin);
        if (plan_.gradient_store) {
          std::byte* sum = lease.Sums(own.begin);
          Accumulate(pool_, own_n, sum, type, gradient, down, !sweep.first, sweep.key, store_.FirstElement(unit) + own.begin,
                     norms);
          gradient = sum;
        } else {
          SquaredNorms(pool_, own_n, gradient, type, norms);
        }
        double sum = 0;
        for (int64_t chunk = 0; chunk < CeilDiv(own_n, kNormChunk); ++chunk) sum += norms[chunk];
        finite = std::isfinite(sum);
      }
      if (plan_.gradient_store) held->Release();
      trace_.Add(Trace::kOptimizer, StrCat("take ", plan_.pieces[piece].name), begin, Trace::Now());
      if (!sweep.update || !gate_open_) return;
      if (!AgreeFinite(finite)) {
        ++skipped_parts_;
        return;
      }
    } catch (...) {
      ring.Close(std::current_exception());
      throw;
    }
    try {
      Update(piece, part, gradient, &*sweep.update, sweep.routed.get());
    } catch (...) {
      std::lock_guard lock(mutex_);
      update_error_ = std::current_exception();
      ring.Close(std::current_exception());
      throw;
    }
  };
  Enqueue(std::move(job));
}

void Updater::FillZero(std::byte* data, int64_t bytes) {
  pool_.ParallelFor(CeilDiv(bytes, kNormChunk), [&](int64_t chunk) {
    const int64_t begin = chunk * kNormChunk;
    std::memset(data + begin, 0, static_cast<size_t>(std::min(kNormChunk, bytes - begin)));
  });
}

// The upper levels of the tree: each process holds the sum of its own groups, neighbours of each other and a power of two of them.
void Updater::SumOverProcesses(float* gradient, int64_t n) {
  HLM_CHECK(CeilDiv(n, group_->size()) * (group_->size() - 1) <= static_cast<int64_t>(received_.size()), n,
            " elements of a part and room for ", received_.size(), " of others");
  group_->SumByTree(ProcessGroup::kGradients, gradient, received_.data(), static_cast<size_t>(n),
                    [this](float* to, const float* from, size_t count) { Add(to, from, count); });
}

// Where the shares of the ranks in an entry begin, and its end, counted from its own beginning.
std::vector<size_t> Updater::Shares(const PartPlan& entry, size_t bytes) const {
  std::vector<size_t> starts;
  for (int64_t rank = 0; rank < group_->size(); ++rank)
    starts.push_back(static_cast<size_t>(hlm::OwnedOf(plan_, entry, rank).begin - entry.begin) * bytes);
  starts.push_back(static_cast<size_t>(entry.end - entry.begin) * bytes);
  return starts;
}

float* Updater::SumOwn(float* gradient, const PartPlan& entry) {
  const PartPlan own = OwnedOf(entry);
  const int64_t room = (own.end - own.begin) * (group_->size() - 1);
  HLM_CHECK(room <= static_cast<int64_t>(received_.size()), room, " elements of others and room for ", received_.size());
  return group_->SumOwnByTree(ProcessGroup::kGradients, gradient, Shares(entry, 1), received_.data(),
                              [this](float* to, const float* from, size_t count) { Add(to, from, count); });
}

// Whether it is so on every rank: what is not finite anywhere keeps its values everywhere.
bool Updater::AgreeFinite(bool finite) {
  if (!plan_.sharded) return finite;
  for (const std::string& one : group_->AllGather(ProcessGroup::kGradients, finite ? "" : "no")) finite = finite && one.empty();
  return finite;
}

void Updater::Add(float* to, const float* from, size_t count) {
  const int64_t end = static_cast<int64_t>(count);
  pool_.ParallelFor(CeilDiv(end, kNormChunk), [&](int64_t chunk) {
    const int64_t stop = std::min((chunk + 1) * kNormChunk, end);
    for (int64_t i = chunk * kNormChunk; i < stop; ++i) to[i] += from[i];
  });
}

// The tree over reduction groups, as a binary counter: a term is added to the sums of 1, 2, 4 ... terms that wait for it, and waits
// itself where its neighbour has not come. The last one has none to wait for: it is added to whatever waits. True: `gradient` is the sum
// of all now.
bool Updater::AddToTree(const GradientLease& lease, const PartPlan& part, int64_t term, float* gradient) {
  const int64_t terms = plan_.TermsOnHost();
  if (terms == 1) return true;
  const bool all = term + 1 == terms;
  const uint64_t waiting = static_cast<uint64_t>(term);  // bit l: a sum of 2^l terms
  const int64_t levels = all ? std::bit_width(waiting) : std::countr_one(waiting), n = part.end - part.begin;
  pool_.ParallelFor(CeilDiv(n, kNormChunk), [&](int64_t chunk) {
    const int64_t begin = chunk * kNormChunk, end = std::min(begin + kNormChunk, n);
    for (int64_t level = 0; level < levels; ++level) {
      if ((waiting >> level & 1) == 0) continue;
      const float* earlier = lease.Partial(level, part.begin);
      for (int64_t i = begin; i < end; ++i) gradient[i] = earlier[i] + gradient[i];
    }
    if (!all) std::copy(gradient + begin, gradient + end, lease.Partial(levels, part.begin) + begin);
  });
  return all;
}

void Updater::GateUpdates(std::vector<Event*> ready, std::function<bool()> finite) {
  Job job;
  job.work = [this, ready = std::move(ready), finite = std::move(finite)] {
    gate_open_ = false;
    skipped_parts_ = 0;
    for (Event* event : ready) event->Synchronize();
    gate_open_ = finite();
  };
  Enqueue(std::move(job));
}

void Updater::UpdateAll(const UpdateStep& step, const RoutedStepPtr& routed) {
  std::vector<Job> all;
  for (const int64_t unit : order_) {
    for (int64_t piece = plan_.pieces.First(unit); piece < plan_.pieces.First(unit + 1); ++piece) {
      if (!plan_.pieces[piece].trains()) continue;
      Job& job = all.emplace_back();
      job.is_update = true;
      job.piece = piece;
      job.work = [this, piece, step, routed] { UpdatePiece(piece, step, routed.get()); };
      job.handed.Give(checker_);
    }
  }
  std::lock_guard lock(mutex_);
  // All of them or, if memory runs out, none: a step is never half decided.
  jobs_.insert(jobs_.end(), std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
  for (size_t piece = 0; piece < pending_.size(); ++piece) pending_[piece] += plan_.pieces[static_cast<int64_t>(piece)].trains();
  changed_.notify_all();
}

void Updater::MakeUp(int64_t piece) {
  if (!plan_.DefersUpdates() || piece_experts_[static_cast<size_t>(piece)].router < 0) return;
  Job job;
  job.is_update = true;
  job.piece = piece;
  job.work = [this, piece] { PayOwed(piece); };
  job.handed.Give(checker_);
  std::lock_guard lock(mutex_);
  // Behind the piece's own updates and before those of others, which nobody waits for here.
  const auto last = std::find_if(jobs_.rbegin(), jobs_.rend(), [&](const Job& other) { return other.piece == piece; });
  jobs_.insert(last.base(), std::move(job));
  ++pending_[piece];
  changed_.notify_all();
}

void Updater::MakeUpAll() {
  for (int64_t piece = 0; piece < plan_.pieces.size(); ++piece) MakeUp(piece);
}

void Updater::PayOwed(int64_t piece) {
  const PiecePlan& p = plan_.pieces[piece];
  if (!owed_[piece].empty()) Update(piece, {p.begin, p.end}, nullptr, nullptr, nullptr);
}

void Updater::AfterUpdates(std::function<void(std::exception_ptr failed_update)> work) {
  Job job;
  job.always = true;
  job.work = [this, work = std::move(work)] {
    std::exception_ptr failed;
    {
      std::lock_guard lock(mutex_);
      failed = update_error_;
    }
    work(failed);
  };
  Enqueue(std::move(job));
}

void Updater::UpdatePiece(int64_t piece, const UpdateStep& step, const RoutedStep* routed) {
  if (routed != nullptr && routed->defers && piece_experts_[piece].Unrouted(*routed)) {
    owed_[piece].push_back(step);
    ++deferred_;
    if (owed_[piece].size() >= kMostOwed) PayOwed(piece);
    return;
  }
  const PiecePlan& p = plan_.pieces[piece];
  const GradientLease gradients = store_.Gradients(piece, LeaseKind::kRead);
  if (plan_.OwnsAll()) return Update(piece, {p.begin, p.end}, gradients.Sums(p.begin), &step, routed);
  EachEntry(plan_, p, [&](const PartPlan& entry) {
    const PartPlan own = OwnedOf(entry);
    Update(piece, entry, own.begin < own.end ? gradients.Sums(own.begin) : nullptr, &step, routed);
  });
}

void Updater::Update(int64_t piece, const PartPlan& part, const std::byte* gradient, const UpdateStep* step,
                     const RoutedStep* routed) {
  before_update_(piece);
  const int64_t unit = plan_.pieces[piece].unit;
  StateLease states = store_.States(piece, LeaseKind::kChange);
  const double begin_time = Trace::Now();
  const DType type = store_.gradient_type();
  DeclareAccess(checker_, states.Weights(part.begin), static_cast<size_t>(part.end - part.begin) * SizeOf(store_.weight_type()),
                true, "update of the weights");
  const PartPlan mine = OwnedOf(part);
  const std::vector<UpdateStep> owed = std::exchange(owed_[piece], {});
  for (const Segment& segment : segments_[unit]) {
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
              .first_index = store_.FirstElement(unit) + begin};
    };
    if (!owed.empty()) {
      UpdateMissed(pool_, optimizer_, owed, step, arrays(from, to));
      continue;
    }
    experts_[static_cast<size_t>(unit)].EachUpdated(
        routed, *step, from, to,
        [&](int64_t begin, int64_t end, const UpdateStep& own) { hlm::Update(pool_, optimizer_, own, arrays(begin, end)); });
  }
  if (routed != nullptr && plan_.router.bias_rate != 0) MoveBias(unit, mine, states, *step, *routed);
  if (plan_.sharded) {
    group_->AllGatherInPlace(ProcessGroup::kGradients, states.WeightsToChange(part.begin),
                             Shares(part, SizeOf(store_.weight_type())));
  }
  if (part.end == plan_.pieces[piece].trained.back().end) states.Commit();
  trace_.Add(Trace::kOptimizer, StrCat("update ", plan_.pieces[piece].name), begin_time, Trace::Now());
}

// Lion without moments moves each element by the rate, against the sign of its gradient; the master's form is its concern.
void Updater::MoveBias(int64_t unit, const PartPlan& part, const StateLease& states, const UpdateStep& step,
                       const RoutedStep& routed) {
  OptimizerOptions against_sign;
  against_sign.algorithm = Algorithm::kLion;
  against_sign.beta1 = against_sign.beta2 = against_sign.weight_decay = 0;
  UpdateStep move = step;
  move.lr = plan_.router.bias_rate;
  move.gradient_scale = 1;
  experts_[static_cast<size_t>(unit)].EachBias(routed, part.begin, part.end, [&](int64_t at, const std::vector<float>& excess) {
    if (!plan_.trained.Trains(unit, at)) return;
    std::vector<float> no_moment(excess.size());
    hlm::Update(pool_, against_sign, move,
                {.n = static_cast<int64_t>(excess.size()),
                 .master = states.Master(at),
                 .first = {no_moment.data()},
                 .second = {},
                 .gradient = excess.data(),
                 .first_index = store_.FirstElement(unit) + at});
  });
}

void Updater::WaitUpdated(int64_t piece) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return pending_[piece] == 0; });
  done_.Take(checker_);
  if (update_error_) std::rethrow_exception(update_error_);
}

void Updater::WaitIdle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return jobs_.empty() && !busy_; });
  done_.Take(checker_);
  if (error_) std::rethrow_exception(error_);
}

void Updater::Reset() {
  std::lock_guard lock(mutex_);
  error_ = update_error_;
}

double Updater::SquaredNorm() const {
  double sum = 0;
  for (int64_t piece = 0; piece < plan_.pieces.size(); ++piece) {
    const PiecePlan& p = plan_.pieces[piece];
    const GradientLease lease = store_.Gradients(piece, LeaseKind::kRead);
    const double* norms = lease.Norms(p.begin);
    for (int64_t chunk = 0; chunk < CeilDiv(p.elements(), kNormChunk); ++chunk) sum += norms[chunk];
  }
  return sum;
}

void Updater::RecomputeNorms(int64_t piece) {
  const PiecePlan& p = plan_.pieces[piece];
  const GradientLease lease = store_.Gradients(piece, LeaseKind::kChange);
  const auto recompute = [&](const PartPlan& range) {
    SquaredNorms(pool_, range.end - range.begin, lease.Sums(range.begin), store_.gradient_type(), lease.Norms(range.begin));
  };
  if (plan_.OwnsAll()) return recompute({p.begin, p.end});
  EachOwned(plan_, p, group_ != nullptr ? group_->rank() : 0, recompute);
}

namespace {

// work(piece, first element, chunks) for each range of a rank.
template <class Work>
void EachNorms(const Plan& plan, int64_t rank, const Work& work) {
  for (int64_t piece = 0; piece < plan.pieces.size(); ++piece) {
    EachOwned(plan, plan.pieces[piece], rank, [&](const PartPlan& range) {
      work(piece, range.begin, static_cast<size_t>(CeilDiv(range.end - range.begin, kNormChunk)));
    });
  }
}

}  // namespace

std::string Updater::OwnNorms() const {
  std::string bytes;
  EachNorms(plan_, group_->rank(), [&](int64_t piece, int64_t begin, size_t chunks) {
    const GradientLease lease = store_.Gradients(piece, LeaseKind::kRead);
    bytes.append(reinterpret_cast<const char*>(lease.Norms(begin)), chunks * sizeof(double));
  });
  return bytes;
}

void Updater::TakeNorms(const std::vector<std::string>& of_ranks) {
  for (int64_t rank = 0; rank < group_->size(); ++rank) {
    const std::string& bytes = of_ranks[static_cast<size_t>(rank)];
    size_t at = 0;
    EachNorms(plan_, rank, [&](int64_t piece, int64_t begin, size_t chunks) {
      HLM_CHECK(bytes.size() - at >= chunks * sizeof(double), bytes.size(), " bytes of norms of rank ", rank);
      const GradientLease lease = store_.Gradients(piece, LeaseKind::kChange);
      std::memcpy(lease.Norms(begin), bytes.data() + at, chunks * sizeof(double));
      at += chunks * sizeof(double);
    });
  }
}

}  // namespace hlm
