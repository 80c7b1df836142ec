#include "core/base/error.h"
#include "core/cpu/attention.h"
#include "core/cpu/attention_tiles.h"
#include "core/cpu/product.h"

namespace hlm {
namespace {

struct BackwardScratch {
  float *dqueries, *delta, *scores, *gradients;
  float *queries = nullptr, *doutput = nullptr, *keys = nullptr, *values = nullptr, *dkeys = nullptr, *dvalues = nullptr;
  size_t floats;
  BackwardScratch(float* data, DType type, int64_t longest, int64_t dim) {
    Scratch scratch(data);
    dqueries = scratch.Take(kQuerySpan * dim);
    delta = scratch.Take(kQuerySpan);
    scores = scratch.Take(kQueryRows * kKeySpan);
    gradients = scratch.Take(kQueryRows * kKeySpan);
    if (type != DType::kF32) {
      queries = scratch.Take(kQuerySpan * dim);
      doutput = scratch.Take(kQuerySpan * dim);
      keys = scratch.Take(kKeySpan * dim);
      values = scratch.Take(kKeySpan * dim);
      dkeys = scratch.Take(longest * dim);
      dvalues = scratch.Take(longest * dim);
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
  UnitRun(const AttentionBackwardArgs& args, const Unit& unit, const BackwardScratch& scratch)
      : args_(args),
        unit_(unit),
        scratch_(scratch),
        dim_(args.head_dim),
        stride_((args.heads + 2 * args.kv_heads) * dim_),
        out_stride_(args.heads * dim_),
        key_at_((args.heads + unit.kv_head) * dim_),
        value_at_(key_at_ + args.kv_heads * dim_) {}

  bool Run() {
    const FloatSums dk = Sums(key_at_, scratch_.dkeys), dv = Sums(value_at_, scratch_.dvalues);
    dk.Clear(unit_.length, dim_);
    dv.Clear(unit_.length, dim_);
    const int64_t group = args_.heads / args_.kv_heads;
    for (int64_t head = unit_.kv_head * group; head < (unit_.kv_head + 1) * group; ++head) {
      for (int64_t first = 0; first < unit_.length; first += kQuerySpan) {
        if (!Queries(head, first, std::min(unit_.length, first + kQuerySpan), dk, dv)) return false;
      }
    }
    if (args_.type != DType::kF32) {
      Scatter(dk.data, unit_.length, 0, key_at_);
      Scatter(dv.data, unit_.length, 0, value_at_);
    }
    return true;
  }

 private:
  FloatSums Sums(int64_t column, float* scratch) const {
    if (args_.type != DType::kF32) return {scratch, dim_};
    return {static_cast<float*>(args_.dqkv) + unit_.begin * stride_ + column, stride_};
  }
  FloatView View(int64_t token, int64_t column, int64_t rows, float* to) const {
    return ViewAsFloats(args_.type, args_.qkv, (unit_.begin + token) * stride_ + column, stride_, rows, dim_, to);
  }
  void Scatter(const float* from, int64_t rows, int64_t token, int64_t column) const {
    ScatterBlock(from, rows, dim_, args_.type, At(args_.type, args_.dqkv, (unit_.begin + token) * stride_ + column), stride_);
  }

  // The queries [first, last) of one head against all keys that they see.
  bool Queries(int64_t head, int64_t first, int64_t last, const FloatSums& dk, const FloatSums& dv) const {
    const int64_t rows = last - first, out_at = (unit_.begin + first) * out_stride_ + head * dim_;
    const FloatView q = View(first, head * dim_, rows, scratch_.queries);
    const FloatView dout = ViewAsFloats(args_.type, args_.dout, out_at, out_stride_, rows, dim_, scratch_.doutput);
    // dqueries is free until it is cleared: it holds the output for a moment.
    const FloatView out = ViewAsFloats(args_.type, args_.out, out_at, out_stride_, rows, dim_, scratch_.dqueries);
    RowDots(dout.data, dout.stride, out.data, out.stride, rows, dim_, scratch_.delta);
    std::fill_n(scratch_.dqueries, rows * dim_, 0.0f);

    KeyRange keys{};
    FloatView k{}, v{};
    const auto span = [&](const KeyRange& now) {
      keys = now;
      k = View(keys.begin, key_at_, keys.end - keys.begin, scratch_.keys);
      v = View(keys.begin, value_at_, keys.end - keys.begin, scratch_.values);
    };
    const auto tile = [&](const QueryRange& queries, const KeyRange& part) {
      const ScoreTile scores = MakeScoreTile(scratch_.scores, queries, part, args_.window, dim_);
      const int64_t at = queries.begin - first, skip = part.begin - keys.begin;
      return Tile(scores, head, at, q.From(at), dout.From(at), k.From(skip), v.From(skip), dk.row(part.begin), dk.stride,
                  dv.row(part.begin), dv.stride);
    };
    if (!ForTiles(first, last, args_.window, span, tile)) return false;
    Scatter(scratch_.dqueries, rows, first, head * dim_);
    return true;
  }

  // The five products of one tile and the softmax between them; `at` is its first row among the queries.
  bool Tile(const ScoreTile& tile, int64_t head, int64_t at, const FloatView& q, const FloatView& dout, const FloatView& k,
            const FloatView& v, float* dk, int64_t dk_stride, float* dv, int64_t dv_stride) const {
    const int64_t m = tile.rows, n = tile.keys, s = tile.stride;
    float* p = tile.scores;
    float* ds = scratch_.gradients;
    if (!TryProductF32({m, n, dim_, false, true, q.stride, k.stride, s}, q.data, k.data, false, p)) return false;
    if (!TryProductF32({m, n, dim_, false, true, dout.stride, v.stride, s}, dout.data, v.data, false, ds)) return false;
    const float* lse = args_.lse + (unit_.begin + tile.first_query) * args_.heads + head;
    SoftmaxBackwardTile(tile, ds, lse, args_.heads, scratch_.delta + at);
    return TryProductF32({n, dim_, m, true, false, s, dout.stride, dv_stride}, p, dout.data, true, dv) &&
           TryProductF32({n, dim_, m, true, false, s, q.stride, dk_stride}, ds, q.data, true, dk) &&
           TryProductF32({m, dim_, n, false, false, s, k.stride, dim_}, ds, k.data, true, scratch_.dqueries + at * dim_);
  }

  const AttentionBackwardArgs& args_;
  const Unit& unit_;
  const BackwardScratch& scratch_;
  const int64_t dim_, stride_, out_stride_, key_at_, value_at_;
};

}  // namespace

size_t AttentionBackwardFloats(DType type, int64_t longest, int64_t head_dim, int64_t threads) {
  return static_cast<size_t>(threads) * BackwardScratch(nullptr, type, longest, head_dim).floats;
}

void RunAttentionBackward(const AttentionBackwardArgs& args, int64_t threads, float* scratch) {
  std::vector<Unit> units;
  for (const int64_t d : LongestFirst(args.documents)) {
    const int64_t begin = args.documents.host_offsets[d], length = args.documents.host_offsets[d + 1] - begin;
    for (int64_t head = 0; head < args.kv_heads; ++head) units.push_back({begin, length, head});
  }
  const size_t each = BackwardScratch(nullptr, args.type, args.documents.longest, args.head_dim).floats;
  const bool good = ForUnits(static_cast<int64_t>(units.size()), threads, [&](int64_t u, int64_t thread) {
    const BackwardScratch own(scratch + static_cast<size_t>(thread) * each, args.type, args.documents.longest, args.head_dim);
    return UnitRun(args, units[static_cast<size_t>(u)], own).Run();
  });
  if (!good) throw Internal("oneDNN refused a product of attention with head_dim ", args.head_dim);
}

}  // namespace hlm
