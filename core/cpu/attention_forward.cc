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
  int64_t begin;  // first token of the document
  int64_t head;
  int64_t first, last;  // queries, in the document
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
  KeyRange keys{};
  FloatView k{}, v{};
  const auto span = [&](const KeyRange& now) {
    keys = now;
    k = view(keys.begin, key_at, keys.end - keys.begin, scratch.keys);
    v = view(keys.begin, value_at, keys.end - keys.begin, scratch.values);
  };
  const auto tile = [&](const QueryRange& rows, const KeyRange& part) {
    const ScoreTile scores = MakeScoreTile(scratch.scores, rows, part, args.window, dim);
    const int64_t at = rows.begin - unit.first;
    const FloatView q_part = q.From(at), k_part = k.From(part.begin - keys.begin), v_part = v.From(part.begin - keys.begin);
    if (!TryProductF32({scores.rows, scores.keys, dim, false, true, q.stride, k.stride, scores.stride}, q_part.data, k_part.data,
                       false, scores.scores)) {
      return false;
    }
    SoftmaxTile(scores, scratch.most + at, scratch.sum + at, scratch.output + at * dim, dim);
    const bool first = part.begin == KeysSeen(rows.begin, rows.end, args.window).begin;
    return TryProductF32({scores.rows, dim, scores.keys, false, false, scores.stride, v.stride, dim}, scores.scores, v_part.data,
                         !first, scratch.output + at * dim);
  };
  if (!ForTiles(unit.first, unit.last, args.window, span, tile)) return false;
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
