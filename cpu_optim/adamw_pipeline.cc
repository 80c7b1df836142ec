#include "cpu_optim/adamw_pipeline.h"

#include <dnnl.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "cpu_optim/adamw_primitives.h"
#include "cpu_optim/kernels.h"

namespace hlm {
namespace {

using adamw::BoundPrimitive;
using adamw::TilePrimitives;

// A small array would waste most of a large tile, and a large array's rest is done in small tiles.
constexpr int64_t kSmallTile = 1024;
static_assert(AdamWPipeline::kTile % kSmallTile == 0);

// Arrays of one tile that exist only inside it: fp32 masters of a split weight, scaled gradients, denominators; and copies of
// a rest that is shorter than the small tile.
struct alignas(64) Scratch {
  float weight[AdamWPipeline::kTile];
  float gradient[AdamWPipeline::kTile];
  float denominator[AdamWPipeline::kTile];
  alignas(64) float first_moment[kSmallTile];
  alignas(64) float second_moment[kSmallTile];
  alignas(64) float short_weight[kSmallTile];
  alignas(64) float short_gradient[kSmallTile];
};

}  // namespace

AdamWScalars MakeAdamWScalars(const OptimizerOptions& options, const UpdateStep& step, bool decay) {
  const double t = static_cast<double>(step.step);
  AdamWScalars s;
  s.beta1 = static_cast<float>(options.beta1);
  s.beta2 = static_cast<float>(options.beta2);
  s.gradient_scale = static_cast<float>(step.gradient_scale);
  s.gain1 = static_cast<float>(1.0 - options.beta1);
  s.gain2 = static_cast<float>(1.0 - options.beta2);
  s.second_root = static_cast<float>(std::sqrt(1.0 - std::pow(options.beta2, t)));
  s.eps = static_cast<float>(options.eps);
  s.negative_rate = static_cast<float>(-step.lr / (1.0 - std::pow(options.beta1, t)));
  s.keep = decay ? static_cast<float>(1.0 - step.lr * options.weight_decay) : 1.0f;
  return s;
}

struct AdamWPipeline::Impl {
  Impl(float beta1, float beta2)
      : beta1(beta1),
        beta2(beta2),
        large(context, kTile, scratch->denominator, beta1, beta2),
        small(context, kSmallTile, scratch->denominator, beta1, beta2) {}

  const float beta1, beta2;
  const std::unique_ptr<Scratch> scratch = std::make_unique<Scratch>();  // zeroed: what pads a rest is finite
  adamw::Context context;
  TilePrimitives large, small;

  void UpdateWhole(TilePrimitives& primitives, const AdamWTile& tile);
  void UpdateRest(const AdamWTile& tile);
};

// A tile as long as the primitives'.
void AdamWPipeline::Impl::UpdateWhole(TilePrimitives& primitives, const AdamWTile& tile) {
  float* gradient = scratch->gradient;
  float* scaled_gradient = scratch->gradient;
  if (tile.gradient_type == DType::kBF16) {
    kernels::WidenScaledBf16(static_cast<const bf16_t*>(tile.gradient), tile.n, context.scalars.gradient_scale, gradient);
  } else {
    // oneDNN has no pointer to const; nothing writes here. A scale of 1 changes no bit, so the pass is left out.
    gradient = static_cast<float*>(const_cast<void*>(tile.gradient));
    if (context.scalars.gradient_scale == 1.0f) scaled_gradient = gradient;
  }
  if (tile.master.weight != nullptr) {
    primitives.Run(context, tile.master.weight, tile.first_moment, tile.second_moment, gradient, scaled_gradient);
    return;
  }
  kernels::JoinMasters(tile.master.hi, tile.master.lo, tile.n, scratch->weight);
  primitives.Run(context, scratch->weight, tile.first_moment, tile.second_moment, gradient, scaled_gradient);
  kernels::SplitMasters(scratch->weight, tile.n, tile.master.hi, tile.master.lo);
}

void CopyPadded(const float* from, int64_t n, float* to) { std::fill(std::copy_n(from, n, to), to + kSmallTile, 0.0f); }

// Fewer elements than the small tile: through copies, with zeros behind them.
void AdamWPipeline::Impl::UpdateRest(const AdamWTile& tile) {
  Scratch& s = *scratch;
  const int64_t n = tile.n;
  if (tile.gradient_type == DType::kBF16) {
    kernels::WidenBf16(static_cast<const bf16_t*>(tile.gradient), n, s.short_gradient);
    std::fill(s.short_gradient + n, s.short_gradient + kSmallTile, 0.0f);
  } else {
    CopyPadded(static_cast<const float*>(tile.gradient), n, s.short_gradient);
  }
  if (tile.master.weight != nullptr) {
    CopyPadded(tile.master.weight, n, s.short_weight);
  } else {
    kernels::JoinMasters(tile.master.hi, tile.master.lo, n, s.short_weight);
    std::fill(s.short_weight + n, s.short_weight + kSmallTile, 0.0f);
  }
  CopyPadded(tile.first_moment, n, s.first_moment);
  CopyPadded(tile.second_moment, n, s.second_moment);

  UpdateWhole(small,
              {kSmallTile, {s.short_weight, nullptr, nullptr}, s.first_moment, s.second_moment, s.short_gradient, DType::kF32});

  if (tile.master.weight != nullptr) {
    std::copy_n(s.short_weight, n, tile.master.weight);
  } else {
    kernels::SplitMasters(s.short_weight, n, tile.master.hi, tile.master.lo);
  }
  std::copy_n(s.first_moment, n, tile.first_moment);
  std::copy_n(s.second_moment, n, tile.second_moment);
}

AdamWPipeline::AdamWPipeline(float beta1, float beta2) try : impl_(std::make_unique<Impl>(beta1, beta2)) {
} catch (const dnnl::error& e) {
  throw Internal("oneDNN cannot build the AdamW primitives for beta1 ", beta1, ", beta2 ", beta2, ": ", e.what());
}

AdamWPipeline::~AdamWPipeline() = default;

void AdamWPipeline::Update(const AdamWScalars& scalars, const AdamWTile& tile) {
  HLM_CHECK(tile.n <= kTile && scalars.beta1 == impl_->beta1 && scalars.beta2 == impl_->beta2, tile.n, " elements");
  impl_->context.scalars = scalars;
  try {
    if (tile.n == kTile) {
      impl_->UpdateWhole(impl_->large, tile);
      return;
    }
    const auto part = [&](int64_t begin, int64_t n) {
      AdamWTile t = tile;
      t.n = n;
      if (t.master.weight != nullptr) t.master.weight += begin;
      if (t.master.hi != nullptr) t.master.hi += begin;
      if (t.master.lo != nullptr) t.master.lo += begin;
      t.first_moment += begin;
      t.second_moment += begin;
      t.gradient = static_cast<const char*>(t.gradient) + static_cast<size_t>(begin) * SizeOf(t.gradient_type);
      return t;
    };
    const int64_t whole = tile.n / kSmallTile * kSmallTile;
    for (int64_t begin = 0; begin < whole; begin += kSmallTile) impl_->UpdateWhole(impl_->small, part(begin, kSmallTile));
    if (whole < tile.n) impl_->UpdateRest(part(whole, tile.n - whole));
  } catch (const dnnl::error& e) {
    throw Internal("oneDNN failed in an AdamW update of ", tile.n, " elements: ", e.what());
  }
}

std::vector<std::string> AdamWPipeline::Implementations() const {
  std::vector<std::string> names;
  for (const TilePrimitives* primitives : {&impl_->large, &impl_->small}) {
    for (const BoundPrimitive* bound : primitives->All()) names.push_back(bound->implementation);
  }
  return names;
}

namespace {

// A process has one pair of decay rates, or a few where it trains several models with one pool.
constexpr size_t kMostPipelines = 4;
struct ThreadPipelines {
  struct Entry {
    float beta1, beta2;
    std::unique_ptr<AdamWPipeline> pipeline;
  };
  std::vector<Entry> entries;
  size_t next_victim = 0;

  AdamWPipeline* Find(float beta1, float beta2) {
    for (const Entry& entry : entries) {
      if (entry.beta1 == beta1 && entry.beta2 == beta2) return entry.pipeline.get();
    }
    return nullptr;
  }
};
thread_local ThreadPipelines thread_pipelines;

}  // namespace

bool AdamWPipeline::IsMadeForThisThread(float beta1, float beta2) { return thread_pipelines.Find(beta1, beta2) != nullptr; }

AdamWPipeline& AdamWPipeline::OfThisThread(float beta1, float beta2) {
  ThreadPipelines& made = thread_pipelines;
  if (AdamWPipeline* found = made.Find(beta1, beta2)) return *found;
  ThreadPipelines::Entry entry{beta1, beta2, std::make_unique<AdamWPipeline>(beta1, beta2)};
  if (made.entries.size() < kMostPipelines) return *made.entries.emplace_back(std::move(entry)).pipeline;
  ThreadPipelines::Entry& victim = made.entries[made.next_victim++ % kMostPipelines];
  victim = std::move(entry);
  return *victim.pipeline;
}

}  // namespace hlm
