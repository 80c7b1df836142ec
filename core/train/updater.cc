#include "core/train/updater.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/device/hand_over.h"

namespace hlm {
namespace {

// An update comes behind the call that decided it; where states are sharded the others of the group wait for its weights.
void GiveUp(ProcessGroup& group, const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& what) {
    group.GiveUp(what.what());
  } catch (...) {
    group.GiveUp("an update failed");
  }
}

}  // namespace

Updater::Updater(const ModelSpec& spec, const ModelLayout& layout, const Plan& plan, Device& device, ParameterStore& store,
                 const OptimizerOptions& optimizer, HostPool& pool, Trace& trace,
                 std::function<void(int64_t piece)> before_update, ProcessGroup* group)
    : plan_(plan),
      store_(store),
      pool_(pool),
      trace_(trace),
      checker_(device.race_checker()),
      shares_{plan, group},
      order_(layout.ForwardOrder()),
      sums_(plan, device, pool, group),
      norms_(shares_, store, pool),
      updates_(spec, layout, plan, checker_, store, optimizer, pool, trace, std::move(before_update), group),
      queue_(plan.pieces.size(), checker_, [&plan, group](const std::exception_ptr& error) {
        if (plan.sharded) GiveUp(*group, error);
      }) {}

void Updater::TakeGradient(GradientRing& ring, int64_t piece, const PartPlan& part, const Sweep& sweep, int64_t term,
                           RingTicket ticket) {
  // std::function wants to be copied; the ticket must not be.
  auto held = std::make_shared<RingTicket>(std::move(ticket));
  UpdateQueue::Job job;
  job.piece = sweep.update ? piece : -1;
  job.work = [this, &ring, piece, part, sweep, term, held] {
    // By this thread, which has read it, whoever drops the ticket last.
    struct Free {
      RingTicket& entry;
      ~Free() { entry.Release(); }
    } const free_entry{*held};
    Take(ring, piece, part, sweep, term, *held);
  };
  queue_.Add(std::move(job));
}

void Updater::Take(GradientRing& ring, int64_t piece, const PartPlan& part, const Sweep& sweep, int64_t term, RingTicket& entry) {
  bool updating = false;
  try {
    if (!sweep.zero) entry.filled().Synchronize();
    const double begin = Trace::Now();
    const int64_t n = part.end - part.begin, unit = plan_.pieces[piece].unit;
    const DType type = store_.gradient_type(), down = plan_.DownType();
    const int64_t bytes = n * static_cast<int64_t>(SizeOf(down));
    DeclareAccess(checker_, entry.data(), static_cast<size_t>(bytes), sweep.zero, "gradient in the ring");
    if (sweep.zero) FillZero(entry.data(), bytes);

    const GradientLease lease = store_.Gradients(piece, LeaseKind::kChange);
    float* const values = reinterpret_cast<float*>(entry.data());  // where they are added up; else they may be bf16
    std::vector<const float*> earlier;
    if (!sums_.AddTerm(lease, part, term, values, &earlier)) return;
    const std::byte* gradient = reinterpret_cast<const std::byte*>(sums_.OverRanks(values, part));
    const PartPlan own = shares_.Own(part);
    const int64_t own_n = own.end - own.begin;
    bool finite = true;
    if (own_n > 0) {
      double* norms = lease.Norms(own.begin);
      if (plan_.gradient_store) {
        std::byte* sum = lease.Sums(own.begin);
        Accumulate(pool_, own_n, sum, type, gradient, down, !sweep.first, sweep.key, store_.FirstElement(unit) + own.begin, norms,
                   earlier);
        gradient = sum;
      } else {
        SquaredNorms(pool_, own_n, gradient, type, norms);
      }
      double sum = 0;
      for (int64_t chunk = 0; chunk < CeilDiv(own_n, kGradientChunk); ++chunk) sum += norms[chunk];
      finite = std::isfinite(sum);
    }
    if (plan_.gradient_store) entry.Release();
    trace_.Add(Trace::kOptimizer, StrCat("take ", plan_.pieces[piece].name), begin, Trace::Now());

    if (!sweep.update || !gate_open_) return;
    if (!sums_.AgreeFinite(finite)) {
      ++skipped_parts_;
      return;
    }
    updating = true;
    updates_.Update(piece, part, gradient, &*sweep.update, sweep.routed.get());
  } catch (...) {
    if (updating) queue_.KeepUpdateError(std::current_exception());
    ring.Close(std::current_exception());
    throw;
  }
}

void Updater::FillZero(std::byte* data, int64_t bytes) {
  pool_.ParallelFor(CeilDiv(bytes, kGradientChunk), [&](int64_t chunk) {
    const int64_t begin = chunk * kGradientChunk;
    std::memset(data + begin, 0, static_cast<size_t>(std::min(kGradientChunk, bytes - begin)));
  });
}

void Updater::GateUpdates(std::vector<Event*> ready, std::function<bool()> finite) {
  UpdateQueue::Job job;
  job.work = [this, ready = std::move(ready), finite = std::move(finite)] {
    gate_open_ = false;
    skipped_parts_ = 0;
    for (Event* event : ready) event->Synchronize();
    gate_open_ = finite();
  };
  queue_.Add(std::move(job));
}

void Updater::UpdateAll(const UpdateStep& step, const RoutedStepPtr& routed) {
  std::vector<UpdateQueue::Job> all;
  for (const int64_t unit : order_) {
    for (int64_t piece = plan_.pieces.First(unit); piece < plan_.pieces.First(unit + 1); ++piece) {
      if (!plan_.pieces[piece].trains()) continue;
      UpdateQueue::Job& job = all.emplace_back();
      job.is_update = true;
      job.piece = piece;
      job.work = [this, piece, step, routed] { updates_.UpdatePiece(piece, step, routed.get()); };
    }
  }
  queue_.AddAll(std::move(all));
}

void Updater::MakeUp(int64_t piece) {
  if (!updates_.MayOwe(piece)) return;
  UpdateQueue::Job job;
  job.is_update = true;
  job.piece = piece;
  job.work = [this, piece] { updates_.PayOwed(piece); };
  queue_.AddBehindOwn(std::move(job));
}

void Updater::MakeUpAll() {
  for (int64_t piece = 0; piece < plan_.pieces.size(); ++piece) MakeUp(piece);
}

void Updater::AfterUpdates(std::function<void(std::exception_ptr failed_update)> work) {
  UpdateQueue::Job job;
  job.always = true;
  job.work = [this, work = std::move(work)] { work(queue_.update_error()); };
  queue_.Add(std::move(job));
}

}  // namespace hlm
