// The delta rule over documents: units of work are (document, value head) forward and (document, key head) backward, which adds the
// group's value heads up in order. Backward keeps the state before every segment of chunks and makes those within a segment again.
#include <cmath>
#include <vector>

#include "core/base/error.h"
#include "core/cpu/delta_chunk.h"
#include "core/cpu/recurrence.h"

namespace hlm {
namespace {

constexpr int64_t kSegment = 16;  // chunks

template <class Args>
DeltaSizes SizesOf(const Args& a) {
  return {a.key_dim, a.value_dim, a.by_channel};
}

template <class Args>
Args WithNumbers(Args a) {
  a.q = Resolved(a.q, a.key_heads, a.key_dim);
  a.k = Resolved(a.k, a.key_heads, a.key_dim);
  a.v = Resolved(a.v, a.heads, a.value_dim);
  if constexpr (requires { a.out; }) {
    a.out = Resolved(a.out, a.heads, a.value_dim);
  } else {
    a.dout = Resolved(a.dout, a.heads, a.value_dim);
    a.dq = Resolved(a.dq, a.key_heads, a.key_dim);
    a.dk = Resolved(a.dk, a.key_heads, a.key_dim);
    a.dv = Resolved(a.dv, a.heads, a.value_dim);
  }
  return a;
}

// Rows over their lengths, in place; 1 / length goes to `inverse` where it is wanted.
void Normalize(int64_t rows, int64_t width, float epsilon, float scale, float* x, float* inverse) {
  for (int64_t r = 0; r < rows; ++r) {
    float* row = x + r * width;
    float sum = epsilon;
    for (int64_t c = 0; c < width; ++c) sum += row[c] * row[c];
    const float factor = 1 / std::sqrt(sum);
    for (int64_t c = 0; c < width; ++c) row[c] *= factor * scale;
    if (inverse != nullptr) inverse[r] = factor;
  }
}

// d of x / |x| scale, of which x is here, in place: (d - n (n d)) scale / |x|, where n = x / |x|.
void NormalizeBackward(int64_t rows, int64_t width, float scale, const float* normed, const float* inverse, float* d) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* n = normed + r * width;
    float* row = d + r * width;
    float dot = 0;
    for (int64_t c = 0; c < width; ++c) dot += row[c] * n[c];
    dot /= scale * scale;
    for (int64_t c = 0; c < width; ++c) row[c] = (row[c] - dot * n[c]) * scale * inverse[r];
  }
}

// Loads a chunk's tokens of one value head.
template <class Args>
class ChunkInput {
 public:
  ChunkInput(const Args& args, Scratch& scratch) : args_(args) {
    const int64_t rows = SizesOf(args).chunk();
    q_ = scratch.Take(rows * args.key_dim);
    k_ = scratch.Take(rows * args.key_dim);
    v_ = scratch.Take(rows * args.value_dim);
    q_inverse_ = scratch.Take(rows);
    k_inverse_ = scratch.Take(rows);
  }
  DeltaChunk::Tokens Load(int64_t row, int64_t rows, int64_t head, bool queries) const {
    const int64_t key_head = head / (args_.heads / args_.key_heads), gates = SizesOf(args_).gates();
    if (queries) {
      GatherHead(args_.type, args_.q, key_head, row, rows, args_.key_dim, q_);
      Normalize(rows, args_.key_dim, args_.epsilon, args_.scale, q_, q_inverse_);
    }
    GatherHead(args_.type, args_.k, key_head, row, rows, args_.key_dim, k_);
    Normalize(rows, args_.key_dim, args_.epsilon, 1, k_, k_inverse_);
    GatherHead(args_.type, args_.v, head, row, rows, args_.value_dim, v_);
    const int64_t at = row * args_.heads + head;
    return {rows, q_, k_, v_, args_.g + at * gates, args_.beta + at, args_.heads * gates, args_.heads};
  }
  const float* q() const { return q_; }
  const float* k() const { return k_; }
  const float* q_inverse() const { return q_inverse_; }
  const float* k_inverse() const { return k_inverse_; }

 private:
  const Args& args_;
  float *q_, *k_, *v_, *q_inverse_, *k_inverse_;
};

struct ForwardScratch {
  ForwardScratch(float* data, const DeltaRuleArgs& args)
      : scratch(data), input(args, scratch), chunk(SizesOf(args), scratch, false) {
    state = scratch.Take(SizesOf(args).state());
    out = scratch.Take(SizesOf(args).chunk() * args.value_dim);
  }
  Scratch scratch;
  ChunkInput<DeltaRuleArgs> input;
  DeltaChunk chunk;
  float *state, *out;
};

struct Unit {
  int64_t begin, length;  // of the document
  int64_t head;           // of values forward, of keys backward
};
std::vector<Unit> UnitsOf(const Documents& documents, int64_t heads) {
  std::vector<Unit> units;
  for (const int64_t d : LongestFirst(documents)) {
    const int64_t begin = documents.host_offsets[d], length = documents.host_offsets[d + 1] - begin;
    for (int64_t head = 0; head < heads; ++head) units.push_back({begin, length, head});
  }
  return units;
}

bool ForwardUnit(const DeltaRuleArgs& args, const Unit& unit, ForwardScratch s) {
  const DeltaSizes sizes = SizesOf(args);
  std::fill_n(s.state, sizes.state(), 0.0f);
  for (int64_t at = 0; at < unit.length; at += sizes.chunk()) {
    const int64_t row = unit.begin + at, rows = std::min(sizes.chunk(), unit.length - at);
    if (!s.chunk.Begin(s.input.Load(row, rows, unit.head, true), s.state) || !s.chunk.Output(s.state, s.out)) return false;
    ScatterHead(s.out, args.type, args.out, unit.head, row, rows, args.value_dim);
    if (at + rows < unit.length && !s.chunk.Advance(s.state)) return false;
  }
  return true;
}

struct BackwardScratch {
  BackwardScratch(float* data, const DeltaRuleBackwardArgs& args)
      : scratch(data), input(args, scratch), chunk(SizesOf(args), scratch, true) {
    const DeltaSizes sizes = SizesOf(args);
    const int64_t group = args.heads / args.key_heads, rows = kSegment * sizes.chunk();
    segments = CeilDiv(args.documents.longest, rows);
    starts = scratch.Take(group * segments * sizes.state());
    states = scratch.Take(kSegment * sizes.state());
    dstates = scratch.Take(group * sizes.state());
    dq = scratch.Take(rows * args.key_dim);
    dk = scratch.Take(rows * args.key_dim);
    dout = scratch.Take(sizes.chunk() * args.value_dim);
    dv = scratch.Take(sizes.chunk() * args.value_dim);
  }
  Scratch scratch;
  ChunkInput<DeltaRuleBackwardArgs> input;
  DeltaChunk chunk;
  int64_t segments;
  float *starts, *states, *dstates, *dq, *dk, *dout, *dv;
};

class BackwardUnit {
 public:
  BackwardUnit(const DeltaRuleBackwardArgs& args, const Unit& unit, const BackwardScratch& scratch)
      : args_(args), unit_(unit), sizes_(SizesOf(args)), group_(args.heads / args.key_heads), s_(scratch) {}

  bool Run() {
    const int64_t rows = kSegment * sizes_.chunk(), segments = CeilDiv(unit_.length, rows);
    for (int64_t h = 0; h < group_; ++h) {
      std::fill_n(Start(h, 0), sizes_.state(), 0.0f);
      std::fill_n(s_.dstates + h * sizes_.state(), sizes_.state(), 0.0f);
      for (int64_t segment = 0; segment + 1 < segments; ++segment) {
        std::copy_n(Start(h, segment), sizes_.state(), Start(h, segment + 1));
        for (int64_t c = 0; c < kSegment; ++c) {
          if (!Advance(h, segment * rows + c * sizes_.chunk(), Start(h, segment + 1))) return false;
        }
      }
    }
    for (int64_t segment = segments; segment-- > 0;) {
      if (!Segment(segment, segment * rows, std::min(unit_.length, (segment + 1) * rows))) return false;
    }
    return true;
  }

 private:
  float* Start(int64_t h, int64_t segment) const { return s_.starts + (h * s_.segments + segment) * sizes_.state(); }
  int64_t Rows(int64_t at) const { return std::min(sizes_.chunk(), unit_.length - at); }
  int64_t Head(int64_t h) const { return unit_.head * group_ + h; }

  bool Advance(int64_t h, int64_t at, float* state) {
    return s_.chunk.Begin(s_.input.Load(unit_.begin + at, Rows(at), Head(h), false), state) && s_.chunk.Advance(state);
  }

  // Tokens [begin, end) of the document.
  bool Segment(int64_t segment, int64_t begin, int64_t end) {
    const int64_t chunks = CeilDiv(end - begin, sizes_.chunk()), dim = args_.key_dim;
    std::fill_n(s_.dq, (end - begin) * dim, 0.0f);
    std::fill_n(s_.dk, (end - begin) * dim, 0.0f);
    const auto state = [&](int64_t c) { return s_.states + c * sizes_.state(); };
    for (int64_t h = 0; h < group_; ++h) {
      std::copy_n(Start(h, segment), sizes_.state(), state(0));
      for (int64_t c = 0; c + 1 < chunks; ++c) {
        std::copy_n(state(c), sizes_.state(), state(c + 1));
        if (!Advance(h, begin + c * sizes_.chunk(), state(c + 1))) return false;
      }
      for (int64_t c = chunks; c-- > 0;) {
        if (!Chunk(h, begin, begin + c * sizes_.chunk(), state(c))) return false;
      }
    }
    for (int64_t at = begin; at < end; at += sizes_.chunk()) {
      const int64_t row = unit_.begin + at, rows = Rows(at);
      float *dq = s_.dq + (at - begin) * dim, *dk = s_.dk + (at - begin) * dim;
      s_.input.Load(row, rows, Head(0), true);
      NormalizeBackward(rows, dim, args_.scale, s_.input.q(), s_.input.q_inverse(), dq);
      NormalizeBackward(rows, dim, 1, s_.input.k(), s_.input.k_inverse(), dk);
      ScatterHead(dq, args_.type, args_.dq, unit_.head, row, rows, dim);
      ScatterHead(dk, args_.type, args_.dk, unit_.head, row, rows, dim);
    }
    return true;
  }

  bool Chunk(int64_t h, int64_t segment_begin, int64_t at, const float* state) {
    const int64_t row = unit_.begin + at, rows = Rows(at), head = Head(h), dim = args_.key_dim, gates = sizes_.gates();
    if (!s_.chunk.Begin(s_.input.Load(row, rows, head, true), state)) return false;
    GatherHead(args_.type, args_.dout, head, row, rows, args_.value_dim, s_.dout);
    const int64_t token = row * args_.heads + head;
    const DeltaChunk::Gradients to{s_.dout,
                                   s_.dq + (at - segment_begin) * dim,
                                   s_.dk + (at - segment_begin) * dim,
                                   s_.dv,
                                   args_.dg + token * gates,
                                   args_.dbeta + token,
                                   args_.heads * gates,
                                   args_.heads};
    if (!s_.chunk.Backward(state, s_.dstates + h * sizes_.state(), to)) return false;
    ScatterHead(s_.dv, args_.type, args_.dv, head, row, rows, args_.value_dim);
    return true;
  }

  const DeltaRuleBackwardArgs& args_;
  const Unit& unit_;
  const DeltaSizes sizes_;
  const int64_t group_;
  BackwardScratch s_;
};

[[noreturn]] void Refused(int64_t key_dim, int64_t value_dim) {
  throw Internal("oneDNN refused a product of a delta rule with key_dim ", key_dim, " and value_dim ", value_dim);
}

}  // namespace

size_t DeltaRuleFloats(const DeltaRuleArgs& args, int64_t threads) {
  return static_cast<size_t>(threads) * ForwardScratch(nullptr, args).scratch.taken();
}

void RunDeltaRule(const DeltaRuleArgs& call, int64_t threads, float* scratch) {
  const DeltaRuleArgs args = WithNumbers(call);
  const std::vector<Unit> units = UnitsOf(args.documents, args.heads);
  const size_t each = ForwardScratch(nullptr, args).scratch.taken();
  const bool good = ForUnits(static_cast<int64_t>(units.size()), threads, [&](int64_t u, int64_t thread) {
    return ForwardUnit(args, units[static_cast<size_t>(u)], ForwardScratch(scratch + static_cast<size_t>(thread) * each, args));
  });
  if (!good) Refused(args.key_dim, args.value_dim);
}

size_t DeltaRuleBackwardFloats(const DeltaRuleBackwardArgs& args, int64_t threads) {
  return static_cast<size_t>(threads) * BackwardScratch(nullptr, args).scratch.taken();
}

void RunDeltaRuleBackward(const DeltaRuleBackwardArgs& call, int64_t threads, float* scratch) {
  const DeltaRuleBackwardArgs args = WithNumbers(call);
  const std::vector<Unit> units = UnitsOf(args.documents, args.key_heads);
  const size_t each = BackwardScratch(nullptr, args).scratch.taken();
  const bool good = ForUnits(static_cast<int64_t>(units.size()), threads, [&](int64_t u, int64_t thread) {
    return BackwardUnit(args, units[static_cast<size_t>(u)], BackwardScratch(scratch + static_cast<size_t>(thread) * each, args))
        .Run();
  });
  if (!good) Refused(args.key_dim, args.value_dim);
}

}  // namespace hlm
