#include <cmath>
#include <condition_variable>
#include <mutex>

#include "cpu_optim/adamw_pipeline.h"
#include "cpu_optim/optimizer.h"
#include "cpu_optim/tiles.h"

namespace hlm {

void CheckOptions(const OptimizerOptions& o) {
  // Rounded to fp32 a beta must stay below 1: at 1 the moments would never take anything up.
  const auto check_beta = [](const char* name, double beta) {
    if (!(beta >= 0.0 && static_cast<float>(beta) < 1.0f)) throw InvalidArgument(name, " ", beta, " is not in [0, 1)");
  };
  check_beta("beta1", o.beta1);
  check_beta("beta2", o.beta2);
  if (!(o.eps >= 0.0 && std::isfinite(o.eps))) throw InvalidArgument("eps ", o.eps, " is not in [0, infinity)");
  if (!(o.weight_decay >= 0.0 && std::isfinite(o.weight_decay))) {
    throw InvalidArgument("weight_decay ", o.weight_decay, " is not in [0, infinity)");
  }
}

void CheckStep(const UpdateStep& s) {
  if (s.step < 1) throw InvalidArgument("optimizer step ", s.step, " is below 1");
  if (!(s.lr >= 0.0 && std::isfinite(s.lr))) throw InvalidArgument("learning rate ", s.lr, " is not in [0, infinity)");
  if (!std::isfinite(s.gradient_scale)) throw InvalidArgument("gradient scale ", s.gradient_scale, " is not finite");
}

namespace {

void CheckMaster(int64_t n, const MasterArray& master) {
  if (n == 0) return;
  const bool split = master.hi != nullptr && master.lo != nullptr;
  const bool any_half = master.hi != nullptr || master.lo != nullptr;
  if (master.weight != nullptr ? any_half : !split) {
    throw InvalidArgument("the master of ", n, " weights is neither one fp32 array nor a bf16 array with its remainder");
  }
}

AdamWTile TileAt(const MasterArray& master, float* first_moment, float* second_moment, const void* gradient, DType gradient_type,
                 int64_t begin, int64_t n) {
  AdamWTile tile;
  tile.n = n;
  tile.master.weight = master.weight != nullptr ? master.weight + begin : nullptr;
  tile.master.hi = master.hi != nullptr ? master.hi + begin : nullptr;
  tile.master.lo = master.lo != nullptr ? master.lo + begin : nullptr;
  tile.first_moment = first_moment + begin;
  tile.second_moment = second_moment + begin;
  tile.gradient = static_cast<const char*>(gradient) + static_cast<size_t>(begin) * SizeOf(gradient_type);
  tile.gradient_type = gradient_type;
  return tile;
}

}  // namespace

void AdamW(HostPool& pool, const OptimizerOptions& options, const UpdateStep& step, int64_t n, const MasterArray& master,
           float* first_moment, float* second_moment, const void* gradient, DType gradient_type, bool decay) {
  CheckCount(n);
  CheckOptions(options);
  CheckStep(step);
  CheckMaster(n, master);
  CheckArray(n, first_moment, "first moment");
  CheckArray(n, second_moment, "second moment");
  CheckArray(n, gradient, "gradient");
  CheckF32OrBf16(gradient_type, "gradient");
  const AdamWScalars scalars = MakeAdamWScalars(options, step, decay);
  ForEachTile(pool, n, AdamWPipeline::kTile, [&](int64_t begin, int64_t count) {
    AdamWPipeline::OfThisThread(scalars.beta1, scalars.beta2)
        .Update(scalars, TileAt(master, first_moment, second_moment, gradient, gradient_type, begin, count));
  });
}

const char* Name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kAdamW:
      return "adamw";
    case Algorithm::kAdam:
      return "adam";
    case Algorithm::kSgd:
      return "sgd";
    case Algorithm::kLion:
      return "lion";
  }
  return "unknown";
}

const char* Name(StateType type) { return type == StateType::kF32 ? "f32" : type == StateType::kBF16 ? "bf16" : "int8"; }

void PrepareOptimizer(HostPool& pool, const OptimizerOptions& options) {
  CheckOptions(options);
  // An item waits until all have begun, so each thread takes exactly one.
  std::mutex mutex;
  std::condition_variable all_begun;
  int begun = 0;
  pool.ParallelFor(pool.threads(), [&](int64_t) {
    {
      std::unique_lock lock(mutex);
      if (++begun == pool.threads()) all_begun.notify_all();
      all_begun.wait(lock, [&] { return begun == pool.threads(); });
    }
    AdamWPipeline::OfThisThread(static_cast<float>(options.beta1), static_cast<float>(options.beta2));
  });
}

}  // namespace hlm
