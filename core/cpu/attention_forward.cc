#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/cpu/attention.h"
#include "core/cpu/attention_tiles.h"
#include "core/cpu/product.h"

namespace hlm {
namespace {

struct ForwardScratch {
  float *output, *most, *sum, *scores, *queries = nullptr, *keys = nullptr, *values = nullptr;
  size_t floats;
  ForwardScratch(float* data, DType type, int64_t dim) {
    Scratch scratch(data);
    output = scratch.Take(kQuerySpan * dim);
    most = scratch.Take(kQuerySpan);
    sum = scratch.Take(kQuerySpan);
    scores = scratch.Take(kQueryRows * kKeySpan);
    if (type != DType::kF32) {
      queries = scratch.Take(kQuerySpan * dim);
      keys = scratch.Take(kKeySpan * dim);
      values = scratch.Take(kKeySpan * dim);
    }
    floats = scratch.taken();
  }
};

struct Unit {
  int64_t begin;         // first token of the document
  int64_t head;
  int64_t first, last;   // queries, in the document
};

// One unit; false where a product failed.
bool RunUnit(const AttentionArgs& args, const Unit& unit, const ForwardScratch& scratch) {
  const int64_t dim = args.head_dim, stride = (args.heads + 2 * args.kv_heads) * dim;
  const int64_t kv_head = unit.head / (args.heads / args.kv_heads);
  const int64_t key_at = (args.heads + kv_head) * dim, value_at = key_at + args.kv_heads * dim;
  const int64_t queries = unit.last - unit.first;
  const auto view = [&](int64_t token, int64_t column, int64_t rows, float* to) {
    return ViewAsFloats(args.type, args.qkv, (unit.begin + token) * stride + column, stride, rows, dim, to);
  };
  std::fill_n(scratch.most, queries, -std::numeric_limits<float>::infinity());
  const FloatView q = view(unit.first, unit.head * dim, queries, scratch.queries);
  const KeyRange seen = KeysSeen(unit.first, unit.last, args.window);
  for (int64_t span = seen.begin; span < seen.end; span += kKeySpan) {
    const KeyRange keys{span, std::min(seen.end, span + kKeySpan)};
    const FloatView k = view(keys.begin, key_at, keys.end - keys.begin, scratch.keys);
    const FloatView v = view(keys.begin, value_at, keys.end - keys.begin, scratch.values);
    for (int64_t row = unit.first; row < unit.last; row += kQueryRows) {
      const int64_t end = std::min(unit.last, row + kQueryRows);
      const KeyRange needed = KeysSeen(row, end, args.window), part = Intersect(needed, keys);
      if (part.begin >= part.end) continue;
      const int64_t at = row - unit.first;
      ScoreTile tile;
      tile.scores = scratch.scores;
      tile.rows = end - row;
      tile.keys = part.end - part.begin;
      tile.stride = RoundUp(tile.keys, kTilePad);
      tile.first_query = row;
      tile.first_key = part.begin;
      tile.window = args.window;
      tile.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim)));
      const int64_t skip = part.begin - keys.begin;
      if (!TryProductF32({tile.rows, tile.keys, dim, false, true, q.stride, k.stride, tile.stride}, q.row(at), k.row(skip), false,
                         tile.scores)) {
        return false;
      }
      SoftmaxTile(tile, scratch.most + at, scratch.sum + at, scratch.output + at * dim, dim);
      const bool first = part.begin == needed.begin;
      if (!TryProductF32({tile.rows, dim, tile.keys, false, false, tile.stride, v.stride, dim}, tile.scores, v.row(skip), !first,
                         scratch.output + at * dim)) {
        return false;
      }
    }
  }
  const int64_t token = unit.begin + unit.first;
  FinishSoftmax(scratch.output, scratch.most, scratch.sum, queries, dim, args.type,
                At(args.type, args.out, (token * args.heads + unit.head) * dim), args.heads * dim,
                args.lse + token * args.heads + unit.head, args.heads);
  return true;
}

}  // namespace

size_t AttentionFloats(DType type, int64_t head_dim, int64_t threads) {
  return static_cast<size_t>(threads) * ForwardScratch(nullptr, type, head_dim).floats;
}

void RunAttention(const AttentionArgs& args, int64_t threads, float* scratch) {
  std::vector<Unit> units;
  for (const int64_t d : LongestFirst(args.documents)) {
    const int64_t begin = args.documents.host_offsets[d], length = args.documents.host_offsets[d + 1] - begin;
    for (int64_t span = (length - 1) / kQuerySpan * kQuerySpan; span >= 0; span -= kQuerySpan) {  // the later the longer
      for (int64_t head = 0; head < args.heads; ++head) units.push_back({begin, head, span, std::min(length, span + kQuerySpan)});
    }
  }
  const size_t each = ForwardScratch(nullptr, args.type, args.head_dim).floats;
  const bool good = ForUnits(static_cast<int64_t>(units.size()), threads, [&](int64_t u, int64_t thread) {
    return RunUnit(args, units[static_cast<size_t>(u)],
                   ForwardScratch(scratch + static_cast<size_t>(thread) * each, args.type, args.head_dim));
  });
  if (!good) throw Internal("oneDNN refused a product of attention with head_dim ", args.head_dim);
}

}  // namespace hlm
