// How attention is cut: shared by its forward and backward passes.
#ifndef HORIZON_LM_CORE_CPU_ATTENTION_TILES_H_
#define HORIZON_LM_CORE_CPU_ATTENTION_TILES_H_

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/base/checked.h"
#include "core/cpu/kernels.h"
#include "core/cpu/kernels_attention.h"
#include "core/device/ops.h"

namespace hlm {

inline constexpr int64_t kQuerySpan = 512;  // queries that share one conversion of a span of keys
inline constexpr int64_t kKeySpan = 512;
inline constexpr int64_t kQueryRows = 128;  // queries of a tile of scores: [kQueryRows, kKeySpan] stays in the second-level cache

// A matrix of floats that lies in the operation's own arguments (f32) or in scratch (converted from bf16).
struct FloatView {
  const float* data;
  int64_t stride;
  FloatView From(int64_t row) const { return {data + row * stride, stride}; }
};

inline const void* At(DType type, const void* data, int64_t element) {
  return static_cast<const char*>(data) + static_cast<size_t>(element) * SizeOf(type);
}
inline void* At(DType type, void* data, int64_t element) {
  return static_cast<char*>(data) + static_cast<size_t>(element) * SizeOf(type);
}

// Rows [row, row + rows) of one head of a view whose distances are numbers: to floats, and back.
inline void GatherHead(DType type, const View& view, int64_t head, int64_t row, int64_t rows, int64_t width, float* to) {
  GatherBlock(type, At(type, view.data, row * view.row + head * view.head), view.row, rows, width, to);
}
inline void ScatterHead(const float* from, DType type, const MutableView& view, int64_t head, int64_t row, int64_t rows,
                        int64_t width) {
  ScatterBlock(from, rows, width, type, At(type, view.data, row * view.row + head * view.head), view.row);
}

// Rows [row, row + rows) of one head of a view whose distances are numbers, as floats; converted into `scratch` where they are
// not floats already.
inline FloatView HeadAsFloats(DType type, const View& view, int64_t head, int64_t row, int64_t rows, int64_t cols,
                              float* scratch) {
  const void* first = At(type, view.data, row * view.row + head * view.head);
  if (type == DType::kF32) return {static_cast<const float*>(first), view.row};
  GatherBlock(type, first, view.row, rows, cols, scratch);
  return {scratch, cols};
}

// A call whose views have numbers for distances.
template <class Args>
Args WithDistances(Args a) {
  a.q = Resolved(a.q, a.heads, a.head_dim);
  a.k = Resolved(a.k, a.kv_heads, a.head_dim);
  a.v = Resolved(a.v, a.kv_heads, a.value_dim);
  a.out = Resolved(a.out, a.heads, a.value_dim);
  if constexpr (requires { a.dq; }) {
    a.dout = Resolved(a.dout, a.heads, a.value_dim);
    a.dq = Resolved(a.dq, a.heads, a.head_dim);
    a.dk = Resolved(a.dk, a.kv_heads, a.head_dim);
    a.dv = Resolved(a.dv, a.kv_heads, a.value_dim);
  }
  return a;
}

// The keys [begin, end) that any of the queries [first, last) sees.
struct KeyRange {
  int64_t begin, end;
};
inline KeyRange KeysSeen(int64_t first, int64_t last, const AttentionKind& kind) {
  int64_t begin = kind.window > 0 ? std::max<int64_t>(0, first - kind.window + 1) : 0;
  if (kind.chunk > 0) begin = std::max(begin, first / kind.chunk * kind.chunk);
  return {begin, last};
}
inline KeyRange Intersect(const KeyRange& a, const KeyRange& b) { return {std::max(a.begin, b.begin), std::min(a.end, b.end)}; }

// Calls span(keys) for the spans of keys that the queries [first, last) see, and after each one tile(queries, part) for the rows
// of queries that see a part of it. Ends at the first call that returns false.
struct QueryRange {
  int64_t begin, end;
};
template <class Span, class Tile>
bool ForTiles(int64_t first, int64_t last, const AttentionKind& kind, const Span& span, const Tile& tile) {
  const KeyRange seen = KeysSeen(first, last, kind);
  for (int64_t at = seen.begin; at < seen.end; at += kKeySpan) {
    const KeyRange keys{at, std::min(seen.end, at + kKeySpan)};
    span(keys);
    for (int64_t row = first; row < last; row += kQueryRows) {
      const QueryRange queries{row, std::min(last, row + kQueryRows)};
      const KeyRange part = Intersect(KeysSeen(queries.begin, queries.end, kind), keys);
      if (part.begin < part.end && !tile(queries, part)) return false;
    }
  }
  return true;
}

inline ScoreTile MakeScoreTile(float* scores, const QueryRange& queries, const KeyRange& keys, const AttentionKind& kind) {
  ScoreTile tile;
  tile.scores = scores;
  tile.rows = queries.end - queries.begin;
  tile.keys = keys.end - keys.begin;
  tile.stride = RoundUp(tile.keys, kTilePad);
  tile.first_query = queries.begin;
  tile.first_key = keys.begin;
  tile.window = kind.window;
  tile.chunk = kind.chunk;
  tile.scale = kind.scale;
  return tile;
}

// Hands out pieces of a thread's scratch, each on its own cache line; without memory it only counts.
class Scratch {
 public:
  explicit Scratch(float* data) : data_(data) {}
  float* Take(int64_t floats) {
    float* taken = data_ == nullptr ? nullptr : data_ + taken_;
    taken_ += static_cast<size_t>(RoundUp(floats, kTilePad));
    return taken;
  }
  size_t taken() const { return taken_; }

 private:
  float* data_;
  size_t taken_ = 0;
};

// Documents, the longest first: the last units of a team are then small ones.
inline std::vector<int64_t> LongestFirst(const Documents& documents) {
  std::vector<int64_t> order(static_cast<size_t>(documents.count));
  for (size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int64_t>(d);
  const auto length = [&](int64_t d) { return documents.host_offsets[d + 1] - documents.host_offsets[d]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
  return order;
}

// run(unit, thread) for all units; returns false when one returned false. `run` must not throw.
template <class Run>
bool ForUnits(int64_t units, int64_t threads, const Run& run) {
  bool good = true;
  if (threads == 1 || 2 * units < threads) {
    for (int64_t u = 0; u < units; ++u) good = run(u, 0) && good;
    return good;
  }
#pragma omp parallel for schedule(dynamic, 1) num_threads(static_cast <int>(threads)) reduction(&& : good)
  for (int64_t u = 0; u < units; ++u) good = run(u, static_cast<int64_t>(omp_get_thread_num())) && good;
  return good;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_ATTENTION_TILES_H_
