#include <cmath>

#include "core/base/error.h"
#include "core/cpu/attention.h"
#include "core/cpu/attention_tiles.h"
#include "core/cpu/parallel.h"
#include "core/cpu/product.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

using Args = ViewAttentionBackwardArgs;

struct BackwardScratch {
  float *dqueries, *delta, *scores, *gradients, *slopes = nullptr;
  float *queries = nullptr, *output = nullptr, *doutput = nullptr, *keys = nullptr, *values = nullptr;
  float *dkeys = nullptr, *dvalues = nullptr;
  size_t floats;
  BackwardScratch(float* data, const Args& a) {
    Scratch scratch(data);
    dqueries = scratch.Take(kQuerySpan * a.head_dim);
    delta = scratch.Take(kQuerySpan);
    scores = scratch.Take(kQueryRows * kKeySpan);
    gradients = scratch.Take(kQueryRows * kKeySpan);
    if (a.kind.soft_cap > 0 || a.slopes != nullptr) slopes = scratch.Take(kQueryRows * kKeySpan);
    if (a.type != DType::kF32) {
      queries = scratch.Take(kQuerySpan * a.head_dim);
      doutput = scratch.Take(kQuerySpan * a.value_dim);
      keys = scratch.Take(kKeySpan * a.head_dim);
      values = scratch.Take(kKeySpan * a.value_dim);
      dkeys = scratch.Take(a.documents.longest * a.head_dim);
      dvalues = scratch.Take(a.documents.longest * a.value_dim);
      // dqueries is free until it is cleared: it holds the output for a moment, where that is no wider.
      output = a.value_dim <= a.head_dim ? dqueries : scratch.Take(kQuerySpan * a.value_dim);
    }
    floats = scratch.taken();
  }
};

struct Unit {
  int64_t begin, length;  // of the document
  int64_t kv_head;
};

// Sums that grow over a whole unit: in the result itself where that is fp32, else in scratch.
struct FloatSums {
  float* data;
  int64_t stride;
  float* row(int64_t r) const { return data + r * stride; }
  void Clear(int64_t rows, int64_t cols) const {
    for (int64_t r = 0; r < rows; ++r) std::fill_n(row(r), cols, 0.0f);
  }
};

class UnitRun {
 public:
  UnitRun(const Args& args, const Unit& unit, const BackwardScratch& scratch) : args_(args), unit_(unit), scratch_(scratch) {}

  bool Run() {
    const FloatSums dk = Sums(args_.dk, args_.head_dim, scratch_.dkeys), dv = Sums(args_.dv, args_.value_dim, scratch_.dvalues);
    dk.Clear(unit_.length, args_.head_dim);
    dv.Clear(unit_.length, args_.value_dim);
    const int64_t group = args_.heads / args_.kv_heads;
    for (int64_t head = unit_.kv_head * group; head < (unit_.kv_head + 1) * group; ++head) {
      for (int64_t first = 0; first < unit_.length; first += kQuerySpan) {
        if (!Queries(head, first, std::min(unit_.length, first + kQuerySpan), dk, dv)) return false;
      }
    }
    if (args_.type != DType::kF32) {
      Scatter(dk.data, unit_.length, args_.head_dim, args_.dk, unit_.kv_head, 0);
      Scatter(dv.data, unit_.length, args_.value_dim, args_.dv, unit_.kv_head, 0);
    }
    return true;
  }

 private:
  FloatSums Sums(const MutableView& to, int64_t cols, float* scratch) const {
    if (args_.type != DType::kF32) return {scratch, cols};
    return {static_cast<float*>(to.data) + unit_.begin * to.row + unit_.kv_head * to.head, to.row};
  }
  // Rows of the document from `token` on.
  FloatView Floats(const View& view, int64_t head, int64_t token, int64_t rows, int64_t cols, float* to) const {
    return HeadAsFloats(args_.type, view, head, unit_.begin + token, rows, cols, to);
  }
  void Scatter(const float* from, int64_t rows, int64_t cols, const MutableView& to, int64_t head, int64_t token) const {
    ScatterBlock(from, rows, cols, args_.type, At(args_.type, to.data, (unit_.begin + token) * to.row + head * to.head), to.row);
  }

  // The queries [first, last) of one head against all keys that they see.
  bool Queries(int64_t head, int64_t first, int64_t last, const FloatSums& dk, const FloatSums& dv) const {
    const int64_t rows = last - first, dim = args_.head_dim, value_dim = args_.value_dim;
    const FloatView q = Floats(args_.q, head, first, rows, dim, scratch_.queries);
    const FloatView dout = Floats(args_.dout, head, first, rows, value_dim, scratch_.doutput);
    const FloatView out = Floats(args_.out, head, first, rows, value_dim, scratch_.output);
    RowDots(dout.data, dout.stride, out.data, out.stride, rows, value_dim, scratch_.delta);
    std::fill_n(scratch_.dqueries, rows * dim, 0.0f);

    KeyRange keys{};
    FloatView k{}, v{};
    const auto span = [&](const KeyRange& now) {
      keys = now;
      k = Floats(args_.k, unit_.kv_head, keys.begin, keys.end - keys.begin, dim, scratch_.keys);
      v = Floats(args_.v, unit_.kv_head, keys.begin, keys.end - keys.begin, value_dim, scratch_.values);
    };
    const auto tile = [&](const QueryRange& queries, const KeyRange& part) {
      const ScoreTile scores = MakeScoreTile(scratch_.scores, queries, part, args_.kind);
      const int64_t at = queries.begin - first, skip = part.begin - keys.begin;
      return Tile(scores, head, at, q.From(at), dout.From(at), k.From(skip), v.From(skip), dk.row(part.begin), dk.stride,
                  dv.row(part.begin), dv.stride);
    };
    if (!ForTiles(first, last, args_.kind, span, tile)) return false;
    Scatter(scratch_.dqueries, rows, dim, args_.dq, head, first);
    return true;
  }

  // The five products of one tile and the softmax between them; `at` is its first row among the queries.
  bool Tile(ScoreTile tile, int64_t head, int64_t at, const FloatView& q, const FloatView& dout, const FloatView& k,
            const FloatView& v, float* dk, int64_t dk_stride, float* dv, int64_t dv_stride) const {
    const int64_t m = tile.rows, n = tile.keys, s = tile.stride, dim = args_.head_dim, value_dim = args_.value_dim;
    float* p = tile.scores;
    float* ds = scratch_.gradients;
    if (!TryProductF32({m, n, dim, false, true, q.stride, k.stride, s}, q.data, k.data, false, p)) return false;
    if (!TryProductF32({m, n, value_dim, false, true, dout.stride, v.stride, s}, dout.data, v.data, false, ds)) return false;
    const ScoreBend bend{args_.kind.soft_cap, args_.slopes == nullptr ? 0.0f : args_.slopes[head]};
    if (bend.any()) BendScores(bend, &tile, scratch_.slopes);
    const float* lse = args_.lse + (unit_.begin + tile.first_query) * args_.heads + head;
    SoftmaxBackwardTile(tile, ds, lse, args_.heads, scratch_.delta + at);
    if (bend.any()) {
      for (int64_t r = 0; r < m; ++r) {
        for (int64_t c = 0; c < n; ++c) ds[r * s + c] *= scratch_.slopes[r * s + c];
      }
    }
    return TryProductF32({n, value_dim, m, true, false, s, dout.stride, dv_stride}, p, dout.data, true, dv) &&
           TryProductF32({n, dim, m, true, false, s, q.stride, dk_stride}, ds, q.data, true, dk) &&
           TryProductF32({m, dim, n, false, false, s, k.stride, dim}, ds, k.data, true, scratch_.dqueries + at * dim);
  }

  const Args& args_;
  const Unit& unit_;
  const BackwardScratch& scratch_;
};

// A sink has the probability exp(sink - lse) and the value 0: its score's gradient is -p dot(dout, out).
void SinkGradients(const Args& a) {
  ParallelBlocks(a.heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t head = begin; head < end; ++head) {
      const float sink = HeadNumber(a.type, a.sinks, head);
      double sum = 0;
      for (int64_t t = 0; t < a.tokens; ++t) {
        double delta = 0;
        ForType(a.type, [&]<class T>() {
          const T* out = static_cast<const T*>(a.out.data) + t * a.out.row + head * a.out.head;
          const T* dout = static_cast<const T*>(a.dout.data) + t * a.dout.row + head * a.dout.head;
          for (int64_t i = 0; i < a.value_dim; ++i) delta += static_cast<double>(ToFloat(out[i]) * ToFloat(dout[i]));
        });
        sum -= static_cast<double>(std::exp(sink - a.lse[t * a.heads + head])) * delta;
      }
      const auto gradient = static_cast<float>(sum);
      a.dsinks[head] = a.accumulate ? a.dsinks[head] + gradient : gradient;
    }
  });
}

}  // namespace

size_t AttentionBackwardFloats(const Args& args, int64_t threads) {
  return static_cast<size_t>(threads) * BackwardScratch(nullptr, args).floats;
}

void RunAttentionBackward(const Args& call, int64_t threads, float* scratch) {
  const Args args = WithDistances(call);
  std::vector<Unit> units;
  for (const int64_t d : LongestFirst(args.documents)) {
    const int64_t begin = args.documents.host_offsets[d], length = args.documents.host_offsets[d + 1] - begin;
    for (int64_t head = 0; head < args.kv_heads; ++head) units.push_back({begin, length, head});
  }
  const size_t each = BackwardScratch(nullptr, args).floats;
  const bool good = ForUnits(static_cast<int64_t>(units.size()), threads, [&](int64_t u, int64_t thread) {
    const BackwardScratch own(scratch + static_cast<size_t>(thread) * each, args);
    return UnitRun(args, units[static_cast<size_t>(u)], own).Run();
  });
  if (!good) throw Internal("oneDNN refused a product of attention with head_dim ", args.head_dim);
  if (args.dsinks != nullptr) SinkGradients(args);
}

}  // namespace hlm
