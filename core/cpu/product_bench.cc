#include "core/cpu/product_bench.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/base/map_memory.h"
#include "core/cpu/access.h"
#include "core/cpu/attention_tiles.h"
#include "core/cpu/product.h"
#include "core/device/same_call.h"

namespace hlm {
namespace {

constexpr int64_t kMostWeights = int64_t{96} << 20;  // elements of a weight matrix; a larger one is timed in a slice
constexpr double kEnough = 0.15;                     // seconds of measuring a product, after three calls

// Large memory without a copy of it in a vector's constructor; every page is touched.
class Floats {
 public:
  explicit Floats(int64_t n) : bytes_(static_cast<size_t>(n) * sizeof(float)), data_(static_cast<float*>(MapMemory(bytes_))) {
    std::fill_n(data_, n, 0.0078125f);  // also a pair of bf16 numbers, the lower one 0
  }
  ~Floats() { UnmapMemory(data_, bytes_); }
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;
  float* data() const { return data_; }

 private:
  size_t bytes_;
  float* data_;
};

class TeamSize {
 public:
  explicit TeamSize(int64_t threads) : before_(omp_get_max_threads()) { omp_set_num_threads(static_cast<int>(threads)); }
  ~TeamSize() { omp_set_num_threads(before_); }

 private:
  int before_;
};

// The median of several calls, the first one apart: it makes the primitive and starts the team.
template <class Call>
double Median(const Call& call) {
  using Clock = std::chrono::steady_clock;
  call();
  std::vector<double> times;
  double total = 0;
  while (times.size() < 3 || (total < kEnough && times.size() < 50)) {
    const auto begin = Clock::now();
    call();
    times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    total += times.back();
  }
  std::nth_element(times.begin(), times.begin() + static_cast<int64_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

// One of a linear layer's three products.
struct Product {
  ProductShape shape;
  DType c_type;
};

// A wide layer is timed in a slice of its output.
int64_t Slice(int64_t in, int64_t out) { return std::min(out, std::max<int64_t>(1, kMostWeights / in)); }

double SecondsOf(DType type, const Product& product) {
  const ProductShape& shape = product.shape;
  const DType c_type = product.c_type;
  const Floats a(shape.m * shape.k), b(shape.k * shape.n), c(shape.m * shape.n);
  double best = std::numeric_limits<double>::infinity();
  if (MatmulProduct(shape, type, a.data(), b.data(), nullptr, false, c_type, c.data())) {
    best = Median([&] { MatmulProduct(shape, type, a.data(), b.data(), nullptr, false, c_type, c.data()); });
  }
  // In bf16 as well: where oneDNN lacks a form in bf16, the device multiplies floats.
  return std::min(best, Median([&] { ProductF32(shape, a.data(), b.data(), false, c.data()); }));
}

double LinearSeconds(const LinearArgs& a, DType type) {
  const int64_t out = Slice(a.in, a.out);
  const double part = static_cast<double>(a.out) / static_cast<double>(out);
  return part * SecondsOf(type, {{a.tokens, out, a.in, false, true, a.in, a.in, out}, a.y_type == a.type ? type : DType::kF32});
}
double LinearSeconds(const LinearBackwardInputArgs& a, DType type) {
  const int64_t out = Slice(a.in, a.out);
  const double part = static_cast<double>(a.out) / static_cast<double>(out);
  return part * SecondsOf(type, {{a.tokens, a.in, out, false, false, out, a.in, a.in}, type});
}
double LinearSeconds(const LinearBackwardWeightArgs& a, DType type) {
  const int64_t out = Slice(a.in, a.out);
  const double part = static_cast<double>(a.out) / static_cast<double>(out);
  return part * SecondsOf(type, {{out, a.in, a.tokens, true, false, out, a.in, a.in}, DType::kF32});
}

// The products of attention's tiles over one micro-batch, without what lies between them.
class AttentionTimer {
 public:
  AttentionTimer(const ViewAttentionArgs& args, DType type, int64_t threads)
      : a_(args),
        threads_(threads),
        longest_(args.documents.longest),
        width_(std::max(a_.head_dim, a_.value_dim)),
        // f32: heads lie in wide rows, as in the arguments; else dense, as converted.
        stride_(type == DType::kF32 ? a_.heads * a_.head_dim + a_.kv_heads * (a_.head_dim + a_.value_dim) : width_),
        rows_(type == DType::kF32 ? (a_.tokens + 1) * stride_ + width_ : longest_ * stride_),
        scratch_(threads * Scratch()) {}

  double Seconds(bool backward) const {
    return Median([&] {
      const bool good = ForUnits(a_.documents.count * a_.heads, threads_, [&](int64_t unit, int64_t thread) {
        const int64_t document = unit / a_.heads, head = unit % a_.heads;
        const int64_t first = a_.documents.host_offsets[document], length = a_.documents.host_offsets[document + 1] - first;
        const float* data = stride_ == width_ ? rows_.data() : rows_.data() + first * stride_ + head * a_.head_dim;
        return Head(data, length, thread, backward);
      });
      if (!good) throw Internal("oneDNN refused a product of attention with head_dim ", a_.head_dim);
    });
  }

 private:
  int64_t Scratch() const { return 2 * kQueryRows * kKeySpan + longest_ * width_; }

  bool Head(const float* data, int64_t length, int64_t thread, bool backward) const {
    const int64_t dim = a_.head_dim, values = a_.value_dim;
    float* scores = scratch_.data() + thread * Scratch();
    float* gradients = scores + kQueryRows * kKeySpan;
    float* sums = gradients + kQueryRows * kKeySpan;
    const auto tile = [&](const QueryRange& rows, const KeyRange& keys) {
      const int64_t m = rows.end - rows.begin, n = keys.end - keys.begin, s = RoundUp(n, kTilePad);
      const float *q = data + rows.begin * stride_, *k = data + keys.begin * stride_;
      float* sum = sums + keys.begin * width_;
      const ProductShape score{m, n, dim, false, true, stride_, stride_, s},
          from_values{m, n, values, false, true, stride_, stride_, s};
      const ProductShape out{m, values, n, false, false, s, stride_, width_},
          to_queries{m, dim, n, false, false, s, stride_, width_};
      const ProductShape to_keys{n, dim, m, true, false, s, stride_, width_},
          to_values{n, values, m, true, false, s, stride_, width_};
      if (!backward) return TryProductF32(score, q, k, false, scores) && TryProductF32(out, scores, k, false, sums);
      return TryProductF32(score, q, k, false, scores) && TryProductF32(from_values, q, k, false, gradients) &&
             TryProductF32(to_values, scores, q, false, sum) && TryProductF32(to_keys, gradients, q, false, sum) &&
             TryProductF32(to_queries, gradients, k, false, sums);
    };
    for (int64_t first = 0; first < length; first += kQuerySpan) {
      if (!ForTiles(
              first, std::min(length, first + kQuerySpan), a_.kind, [](const KeyRange&) {}, tile))
        return false;
    }
    return true;
  }

  const ViewAttentionArgs a_;
  const int64_t threads_, longest_, width_, stride_;
  const Floats rows_, scratch_;
};

// By expert: one after the other, each with its rows, as the device has them.
template <class Linear, class Args>
double GroupedSeconds(const Args& a, DType type) {
  const int64_t rows = std::max<int64_t>(a.rows / a.range.experts, 1);
  Linear one;
  one.type = a.type;
  if constexpr (requires { one.y_type; }) one.y_type = a.type;
  one.tokens = rows, one.in = a.in, one.out = a.out;
  const double all = static_cast<double>(a.rows) * static_cast<double>(a.range.count) / static_cast<double>(a.range.experts);
  return all / static_cast<double>(rows) * LinearSeconds(one, type);
}

double GroupedSeconds(const Call& call, DType type) {
  if (const auto* forward = std::get_if<GroupedLinearArgs>(&call)) return GroupedSeconds<LinearArgs>(*forward, type);
  if (const auto* backward = std::get_if<GroupedLinearBackwardInputArgs>(&call))
    return GroupedSeconds<LinearBackwardInputArgs>(*backward, type);
  return GroupedSeconds<LinearBackwardWeightArgs>(std::get<GroupedLinearBackwardWeightArgs>(call), type);
}

double LinearSeconds(const Call& call, DType type) {
  if (const auto* forward = std::get_if<LinearArgs>(&call)) return LinearSeconds(*forward, type);
  if (const auto* backward = std::get_if<LinearBackwardInputArgs>(&call)) return LinearSeconds(*backward, type);
  return LinearSeconds(std::get<LinearBackwardWeightArgs>(call), type);
}

double SecondsOf(const Call& call, DType type, int64_t threads) {
  const ProductKind kind = KindOf(call);
  switch (kind) {
    case ProductKind::kLinear:
      return LinearSeconds(call, type);
    case ProductKind::kGrouped:
      return GroupedSeconds(call, type);
    case ProductKind::kAttentionForward:
    case ProductKind::kAttentionBackward:
      return AttentionTimer(AttentionShape(call), type, threads).Seconds(kind == ProductKind::kAttentionBackward);
    case ProductKind::kNone:
      break;
  }
  return 0;
}

}  // namespace

ProductTimes TimeProducts(const std::vector<CountedCall>& products, int64_t given_threads) {
  const int64_t threads = kThreadSanitizer ? 1 : given_threads;
  const TeamSize team(threads);
  ProductTimes times;
  for (const CountedCall& product : products) {
    const DType asked = std::visit(
        [](const auto& args) {
          if constexpr (requires { args.type; }) return args.type;
          return DType::kF32;
        },
        product.call);
    const bool native = asked == DType::kBF16 && NativeBf16Products();
    const DType type = native ? DType::kBF16 : DType::kF32;
    times.form = native ? "bf16" : asked == DType::kF32 ? "f32" : "f32, as oneDNN has no bf16 on this processor";
    times.Add(product, SecondsOf(product.call, type, threads));
  }
  return times;
}

}  // namespace hlm
