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

struct Layer {
  int64_t tokens, in, out;
  DType y_type;
  // Of the output width that is timed.
  int64_t Slice() const { return std::min(out, std::max<int64_t>(1, kMostWeights / in)); }
};

class LinearTimer {
 public:
  LinearTimer(DType type, const std::vector<Layer>& layers)
      : type_(type),
        x_(Most(layers, [](int64_t tokens, int64_t in, int64_t) { return tokens * in; })),
        y_(Most(layers, [](int64_t tokens, int64_t, int64_t out) { return tokens * out; })),
        w_(Most(layers, [](int64_t, int64_t in, int64_t out) { return in * out; })),
        result_(Most(layers, [](int64_t t, int64_t in, int64_t out) {
          return std::max({t * in, t * out, in * out});
        })) {}

  // Forward, input gradient and weight gradient.
  double Seconds(const Layer& layer) const {
    const int64_t t = layer.tokens, in = layer.in, out = layer.Slice();
    const double seconds = Best({t, out, in, false, true, in, in, out}, x_, w_, layer.y_type) +
                           Best({t, in, out, false, false, out, in, in}, y_, w_, type_) +
                           Best({out, in, t, true, false, out, in, in}, y_, x_, DType::kF32);
    return seconds * static_cast<double>(layer.out) / static_cast<double>(out);
  }

 private:
  template <class Size>
  static int64_t Most(const std::vector<Layer>& layers, const Size& size) {
    int64_t most = 1;
    for (const Layer& layer : layers) most = std::max(most, size(layer.tokens, layer.in, layer.Slice()));
    return most;
  }
  double Best(const ProductShape& shape, const Floats& a, const Floats& b, DType c_type) const {
    float* c = result_.data();
    double best = std::numeric_limits<double>::infinity();
    if (MatmulProduct(shape, type_, a.data(), b.data(), nullptr, false, c_type, c)) {
      best = Median([&] { MatmulProduct(shape, type_, a.data(), b.data(), nullptr, false, c_type, c); });
    }
    // In bf16 as well: where oneDNN lacks a form in bf16, the device multiplies floats.
    return std::min(best, Median([&] { ProductF32(shape, a.data(), b.data(), false, c); }));
  }

  const DType type_;
  const Floats x_, y_, w_, result_;
};

// The products of attention's tiles over one micro-batch, without what lies between them.
class AttentionTimer {
 public:
  AttentionTimer(const OpShapes& shapes, DType type, int64_t row_length)
      : s_(shapes),
        length_(row_length),
        rows_(shapes.tokens / row_length),
        stride_(type == DType::kF32 ? (s_.heads + 2 * s_.kv_heads) * s_.head_dim : s_.head_dim),
        qkv_(type == DType::kF32 ? s_.tokens * stride_ : row_length * stride_),
        scratch_(s_.threads * (2 * kQueryRows * kKeySpan + row_length * s_.head_dim)) {}

  double Seconds(bool backward) const {
    return Median([&] {
      const bool good = ForUnits(rows_ * s_.heads, s_.threads, [&](int64_t unit, int64_t thread) {
        const int64_t row = stride_ == s_.head_dim ? 0 : unit / s_.heads, head = stride_ == s_.head_dim ? 0 : unit % s_.heads;
        return Head(qkv_.data() + row * length_ * stride_ + head * s_.head_dim, thread, backward);
      });
      if (!good) throw Internal("oneDNN refused a product of attention with head_dim ", s_.head_dim);
    });
  }

 private:
  bool Head(const float* data, int64_t thread, bool backward) const {
    const int64_t dim = s_.head_dim;
    float* scores = scratch_.data() + thread * (2 * kQueryRows * kKeySpan + length_ * dim);
    float* gradients = scores + kQueryRows * kKeySpan;
    float* sums = gradients + kQueryRows * kKeySpan;
    const auto tile = [&](const QueryRange& rows, const KeyRange& keys) {
      const int64_t m = rows.end - rows.begin, n = keys.end - keys.begin, s = RoundUp(n, kTilePad);
      const float *q = data + rows.begin * stride_, *k = data + keys.begin * stride_;
      float* sum = sums + keys.begin * dim;
      const ProductShape score{m, n, dim, false, true, stride_, stride_, s}, value{m, dim, n, false, false, s, stride_, dim};
      const ProductShape across{n, dim, m, true, false, s, stride_, dim};
      if (!backward) return TryProductF32(score, q, k, false, scores) && TryProductF32(value, scores, k, false, sums);
      return TryProductF32(score, q, k, false, scores) && TryProductF32(score, q, k, false, gradients) &&
             TryProductF32(across, scores, q, false, sum) && TryProductF32(across, gradients, q, false, sum) &&
             TryProductF32(value, gradients, k, false, sums);
    };
    for (int64_t first = 0; first < length_; first += kQuerySpan) {
      if (!ForTiles(
              first, std::min(length_, first + kQuerySpan), AttentionKind{}, [](const KeyRange&) {}, tile))
        return false;
    }
    return true;
  }

  const OpShapes s_;
  const int64_t length_, rows_;
  const int64_t stride_;  // of rows of heads: as they lie in qkv (f32), or dense, as converted
  const Floats qkv_, scratch_;
};

}  // namespace

ProductTimes TimeProducts(const OpShapes& shapes, int64_t layers, int64_t micro_batches, int64_t row_length) {
  HLM_CHECK(row_length >= 1 && shapes.tokens % row_length == 0, shapes.tokens, " tokens are no rows of ", row_length);
  const TeamSize team(kThreadSanitizer ? 1 : shapes.threads);
  const bool native = shapes.type == DType::kBF16 && NativeBf16Products();
  const DType type = native ? DType::kBF16 : DType::kF32;
  const int64_t query = shapes.heads * shapes.head_dim, qkv = query + 2 * shapes.kv_heads * shapes.head_dim;

  ProductTimes times;
  times.form = native ? "bf16" : shapes.type == DType::kF32 ? "f32" : "f32, as oneDNN has no bf16 on this processor";
  {
    const Layer qkv_layer{shapes.tokens, shapes.hidden, qkv, type}, o{shapes.tokens, query, shapes.hidden, type};
    const Layer gate_up{shapes.tokens, shapes.hidden, 2 * shapes.intermediate, type};
    const Layer down{shapes.tokens, shapes.intermediate, shapes.hidden, type};
    const Layer head{std::min(shapes.head_chunk, shapes.tokens), shapes.hidden, shapes.vocab, DType::kF32};
    const LinearTimer timer(type, {qkv_layer, o, gate_up, down, head});
    const double blocks = static_cast<double>(layers * micro_batches);
    times.qkv = blocks * timer.Seconds(qkv_layer);
    times.o = blocks * timer.Seconds(o);
    times.gate_up = blocks * timer.Seconds(gate_up);
    times.down = blocks * timer.Seconds(down);
    const double chunks = static_cast<double>(micro_batches * shapes.tokens) / static_cast<double>(head.tokens);
    times.head = chunks * timer.Seconds(head);
  }
  OpShapes tiles = shapes;
  if (kThreadSanitizer) tiles.threads = 1;
  const AttentionTimer attention(tiles, type, row_length);
  times.attention_forward = static_cast<double>(layers * micro_batches) * attention.Seconds(false);
  times.attention_backward = static_cast<double>(layers * micro_batches) * attention.Seconds(true);
  times.step = times.qkv + times.o + times.gate_up + times.down + times.head + times.attention_forward + times.attention_backward;
  return times;
}

}  // namespace hlm
