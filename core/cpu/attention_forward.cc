#include <limits>

#include "core/base/error.h"
#include "core/cpu/attention.h"
#include "core/cpu/attention_tiles.h"
#include "core/cpu/product.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

struct ForwardScratch {
  float *output, *most, *sum, *scores, *queries = nullptr, *keys = nullptr, *values = nullptr;
  size_t floats;
  ForwardScratch(float* data, const ViewAttentionArgs& a) {
    Scratch scratch(data);
    output = scratch.Take(kQuerySpan * a.value_dim);
    most = scratch.Take(kQuerySpan);
    sum = scratch.Take(kQuerySpan);
    scores = scratch.Take(kQueryRows * kKeySpan);
    if (a.type != DType::kF32) {
      queries = scratch.Take(kQuerySpan * a.head_dim);
      keys = scratch.Take(kKeySpan * a.head_dim);
      values = scratch.Take(kKeySpan * a.value_dim);
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
bool RunUnit(const ViewAttentionArgs& args, const Unit& unit, const ForwardScratch& scratch) {
  const int64_t dim = args.head_dim, value_dim = args.value_dim, kv_head = unit.head / (args.heads / args.kv_heads);
  const int64_t queries = unit.last - unit.first;
  const ScoreBend bend{args.kind.soft_cap, args.slopes == nullptr ? 0.0f : args.slopes[unit.head]};
  // A sink is a key that every query has seen before its first one, with a value of zeros.
  const bool sink = args.sinks != nullptr;
  const float least = sink ? HeadNumber(args.type, args.sinks, unit.head) : -std::numeric_limits<float>::infinity();
  std::fill_n(scratch.most, queries, least);
  if (sink) {
    std::fill_n(scratch.sum, queries, 1.0f);
    std::fill_n(scratch.output, queries * value_dim, 0.0f);
  }
  const FloatView q = HeadAsFloats(args.type, args.q, unit.head, unit.begin + unit.first, queries, dim, scratch.queries);
  KeyRange keys{};
  FloatView k{}, v{};
  const auto span = [&](const KeyRange& now) {
    keys = now;
    const int64_t row = unit.begin + keys.begin, rows = keys.end - keys.begin;
    k = HeadAsFloats(args.type, args.k, kv_head, row, rows, dim, scratch.keys);
    v = HeadAsFloats(args.type, args.v, kv_head, row, rows, value_dim, scratch.values);
  };
  const auto tile = [&](const QueryRange& rows, const KeyRange& part) {
    ScoreTile scores = MakeScoreTile(scratch.scores, rows, part, args.kind);
    const int64_t at = rows.begin - unit.first;
    const FloatView q_part = q.From(at), k_part = k.From(part.begin - keys.begin), v_part = v.From(part.begin - keys.begin);
    if (!TryProductF32({scores.rows, scores.keys, dim, false, true, q.stride, k.stride, scores.stride}, q_part.data, k_part.data,
                       false, scores.scores)) {
      return false;
    }
    if (bend.any()) BendScores(bend, &scores, nullptr);
    SoftmaxTile(scores, scratch.most + at, scratch.sum + at, scratch.output + at * value_dim, value_dim);
    const bool first = !sink && part.begin == KeysSeen(rows.begin, rows.end, args.kind).begin;
    return TryProductF32({scores.rows, value_dim, scores.keys, false, false, scores.stride, v.stride, value_dim}, scores.scores,
                         v_part.data, !first, scratch.output + at * value_dim);
  };
  if (!ForTiles(unit.first, unit.last, args.kind, span, tile)) return false;
  const int64_t token = unit.begin + unit.first;
  FinishSoftmax(scratch.output, scratch.most, scratch.sum, queries, value_dim, args.type,
                At(args.type, args.out.data, token * args.out.row + unit.head * args.out.head), args.out.row,
                args.lse + token * args.heads + unit.head, args.heads);
  return true;
}

}  // namespace

size_t AttentionFloats(const ViewAttentionArgs& args, int64_t threads) {
  return static_cast<size_t>(threads) * ForwardScratch(nullptr, args).floats;
}

void RunAttention(const ViewAttentionArgs& call, int64_t threads, float* scratch) {
  const ViewAttentionArgs args = WithDistances(call);
  std::vector<Unit> units;
  for (const int64_t d : LongestFirst(args.documents)) {
    const int64_t begin = args.documents.host_offsets[d], length = args.documents.host_offsets[d + 1] - begin;
    for (int64_t span = (length - 1) / kQuerySpan * kQuerySpan; span >= 0; span -= kQuerySpan) {  // the later the longer
      for (int64_t head = 0; head < args.heads; ++head) units.push_back({begin, head, span, std::min(length, span + kQuerySpan)});
    }
  }
  const size_t each = ForwardScratch(nullptr, args).floats;
  const bool good = ForUnits(static_cast<int64_t>(units.size()), threads, [&](int64_t u, int64_t thread) {
    return RunUnit(args, units[static_cast<size_t>(u)], ForwardScratch(scratch + static_cast<size_t>(thread) * each, args));
  });
  if (!good) throw Internal("oneDNN refused a product of attention with head_dim ", args.head_dim);
}

}  // namespace hlm
