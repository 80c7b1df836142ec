// Mamba-2's state space over documents. Forward, units of work are (document, head). Backward goes document by document and
// segment by segment, the last one first: b and c are shared by the heads of a group, so a unit is a block of a group's heads, has
// gradients of b and c of its own for the segment's tokens, and the blocks' are added in order.
#include <vector>

#include "core/base/error.h"
#include "core/cpu/parallel.h"
#include "core/cpu/recurrence.h"
#include "core/cpu/state_chunk.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

constexpr int64_t kSegment = 8;     // chunks
constexpr int64_t kMostBlocks = 8;  // of heads of a group

template <class Args>
StateSizes SizesOf(const Args& a) {
  return {a.head_dim, a.state_dim};
}

template <class Args>
Args WithNumbers(Args a) {
  a.x = Resolved(a.x, a.heads, a.head_dim);
  a.b = Resolved(a.b, a.groups, a.state_dim);
  a.c = Resolved(a.c, a.groups, a.state_dim);
  if constexpr (requires { a.y; }) {
    a.y = Resolved(a.y, a.heads, a.head_dim);
  } else {
    a.dy = Resolved(a.dy, a.heads, a.head_dim);
    a.dx = Resolved(a.dx, a.heads, a.head_dim);
    a.db = Resolved(a.db, a.groups, a.state_dim);
    a.dc = Resolved(a.dc, a.groups, a.state_dim);
  }
  return a;
}

// Loads a chunk's tokens of one head.
template <class Args>
class ChunkInput {
 public:
  ChunkInput(const Args& args, Scratch& scratch) : args_(args) {
    x_ = scratch.Take(kStateChunk * args.head_dim);
    b_ = scratch.Take(kStateChunk * args.state_dim);
    c_ = scratch.Take(kStateChunk * args.state_dim);
  }
  StateChunk::Tokens Load(int64_t row, int64_t rows, int64_t head) const {
    const int64_t group = head / (args_.heads / args_.groups), at = row * args_.heads + head;
    GatherHead(args_.type, args_.x, head, row, rows, args_.head_dim, x_);
    GatherHead(args_.type, args_.b, group, row, rows, args_.state_dim, b_);
    GatherHead(args_.type, args_.c, group, row, rows, args_.state_dim, c_);
    return {rows, x_, b_, c_, args_.g + at, args_.step + at, args_.heads, HeadNumber(args_.type, args_.d, head)};
  }

 private:
  const Args& args_;
  float *x_, *b_, *c_;
};

struct ForwardScratch {
  ForwardScratch(float* data, const StateSpaceArgs& args)
      : scratch(data), input(args, scratch), chunk(SizesOf(args), scratch, false) {
    state = scratch.Take(SizesOf(args).state());
    y = scratch.Take(kStateChunk * args.head_dim);
  }
  Scratch scratch;
  ChunkInput<StateSpaceArgs> input;
  StateChunk chunk;
  float *state, *y;
};

bool ForwardUnit(const StateSpaceArgs& args, int64_t begin, int64_t length, int64_t head, ForwardScratch s) {
  std::fill_n(s.state, SizesOf(args).state(), 0.0f);
  for (int64_t at = 0; at < length; at += kStateChunk) {
    const int64_t row = begin + at, rows = std::min(kStateChunk, length - at);
    s.chunk.Begin(s.input.Load(row, rows, head));
    if (!s.chunk.Output(s.state, s.y)) return false;
    ScatterHead(s.y, args.type, args.y, head, row, rows, args.head_dim);
    if (at + rows < length && !s.chunk.Advance(s.state)) return false;
  }
  return true;
}

// What a thread has for itself, backward.
struct ThreadScratch {
  ThreadScratch(float* data, const StateSpaceBackwardArgs& args)
      : scratch(data), input(args, scratch), chunk(SizesOf(args), scratch, true) {
    states = scratch.Take(kSegment * SizesOf(args).state());
    dy = scratch.Take(kStateChunk * args.head_dim);
    dx = scratch.Take(kStateChunk * args.head_dim);
  }
  Scratch scratch;
  ChunkInput<StateSpaceBackwardArgs> input;
  StateChunk chunk;
  float *states, *dy, *dx;
};

// What the units share: the states before each segment and their gradients by head, sums by block.
struct SharedScratch {
  SharedScratch(float* data, const StateSpaceBackwardArgs& args) : scratch(data) {
    const int64_t state = SizesOf(args).state(), rows = kSegment * kStateChunk;
    segments = CeilDiv(args.documents.longest, rows);
    starts = scratch.Take(args.heads * segments * state);
    dstates = scratch.Take(args.heads * state);
    sums = scratch.Take(args.groups * std::min(kMostBlocks, args.heads / args.groups) * 2 * rows * args.state_dim);
    dd = scratch.Take(2 * args.heads);
  }
  Scratch scratch;
  int64_t segments;
  float *starts, *dstates, *sums, *dd;  // dd: doubles
};

class Backward {
 public:
  Backward(const StateSpaceBackwardArgs& args, int64_t threads, float* scratch)
      : args_(args),
        sizes_(SizesOf(args)),
        threads_(threads),
        shared_(scratch, args),
        own_(scratch + shared_.scratch.taken()),
        each_(ThreadScratch(nullptr, args).scratch.taken()),
        group_(args.heads / args.groups),
        block_(CeilDiv(group_, kMostBlocks)),
        blocks_(CeilDiv(group_, block_)) {}

  bool Run() {
    auto* dd = reinterpret_cast<double*>(shared_.dd);
    std::fill_n(dd, args_.heads, 0.0);
    const int32_t* offsets = args_.documents.host_offsets;
    bool good = true;
    for (int64_t d = 0; d < args_.documents.count && good; ++d) good = Document(offsets[d], offsets[d + 1] - offsets[d]);
    for (int64_t h = 0; h < args_.heads; ++h) {
      args_.dd[h] = static_cast<float>(args_.accumulate ? static_cast<double>(args_.dd[h]) + dd[h] : dd[h]);
    }
    return good;
  }

 private:
  static constexpr int64_t kRows = kSegment * kStateChunk;
  float* Start(int64_t head, int64_t segment) const {
    return shared_.starts + (head * shared_.segments + segment) * sizes_.state();
  }
  // Of a unit: gradients of b, then of c [kRows, state_dim].
  float* Sums(int64_t unit, bool c) const { return shared_.sums + (2 * unit + (c ? 1 : 0)) * kRows * args_.state_dim; }
  ThreadScratch Own(int64_t thread) const { return ThreadScratch(own_ + static_cast<size_t>(thread) * each_, args_); }

  bool Document(int64_t begin, int64_t length) {
    const int64_t segments = CeilDiv(length, kRows);
    bool good = ForUnits(args_.heads, threads_, [&](int64_t head, int64_t thread) {
      ThreadScratch s = Own(thread);
      std::fill_n(Start(head, 0), sizes_.state(), 0.0f);
      std::fill_n(shared_.dstates + head * sizes_.state(), sizes_.state(), 0.0f);
      for (int64_t segment = 0; segment + 1 < segments; ++segment) {
        float* state = Start(head, segment + 1);
        std::copy_n(Start(head, segment), sizes_.state(), state);
        for (int64_t c = 0; c < kSegment; ++c) {
          s.chunk.Begin(s.input.Load(begin + segment * kRows + c * kStateChunk, kStateChunk, head));
          if (!s.chunk.Advance(state)) return false;
        }
      }
      return true;
    });
    for (int64_t segment = segments; segment-- > 0 && good;) {
      const int64_t first = begin + segment * kRows, rows = std::min(kRows, length - segment * kRows);
      good = ForUnits(args_.groups * blocks_, threads_,
                      [&](int64_t unit, int64_t thread) { return Unit(unit, segment, first, rows, Own(thread)); });
      if (good) AddBlocks(first, rows);
    }
    return good;
  }

  // A block of heads on the segment's `rows` tokens from `first`.
  bool Unit(int64_t unit, int64_t segment, int64_t first, int64_t rows, ThreadScratch s) const {
    const int64_t group = unit / blocks_, head0 = unit % blocks_ * block_, chunks = CeilDiv(rows, kStateChunk);
    std::fill_n(Sums(unit, false), 2 * kRows * args_.state_dim, 0.0f);
    const auto state = [&](int64_t c) { return s.states + c * sizes_.state(); };
    const auto begin = [&](int64_t c, int64_t head) {
      s.chunk.Begin(s.input.Load(first + c * kStateChunk, std::min(kStateChunk, rows - c * kStateChunk), head));
    };
    for (int64_t h = head0; h < std::min(group_, head0 + block_); ++h) {
      const int64_t head = group * group_ + h;
      std::copy_n(Start(head, segment), sizes_.state(), state(0));
      for (int64_t c = 0; c + 1 < chunks; ++c) {
        std::copy_n(state(c), sizes_.state(), state(c + 1));
        begin(c, head);
        if (!s.chunk.Advance(state(c + 1))) return false;
      }
      for (int64_t c = chunks; c-- > 0;) {
        const int64_t at = c * kStateChunk, row = first + at, n = std::min(kStateChunk, rows - at),
                      token = row * args_.heads + head;
        begin(c, head);
        GatherHead(args_.type, args_.dy, head, row, n, args_.head_dim, s.dy);
        const StateChunk::Gradients to{s.dy,
                                       s.dx,
                                       Sums(unit, false) + at * args_.state_dim,
                                       Sums(unit, true) + at * args_.state_dim,
                                       args_.dg + token,
                                       args_.dstep + token,
                                       args_.heads,
                                       reinterpret_cast<double*>(shared_.dd) + head};
        if (!s.chunk.Backward(state(c), shared_.dstates + head * sizes_.state(), to)) return false;
        ScatterHead(s.dx, args_.type, args_.dx, head, row, n, args_.head_dim);
      }
    }
    return true;
  }

  void AddBlocks(int64_t first, int64_t rows) const {
    const int64_t dim = args_.state_dim;
    ParallelBlocks(rows, RowsPerBlock(args_.groups * blocks_ * dim), [&](int64_t begin, int64_t end) {
      for (int64_t group = 0; group < args_.groups; ++group) {
        for (const bool c : {false, true}) {
          float* total = Sums(group * blocks_, c) + begin * dim;
          for (int64_t b = 1; b < blocks_; ++b) {
            const float* more = Sums(group * blocks_ + b, c) + begin * dim;
            for (int64_t i = 0; i < (end - begin) * dim; ++i) total[i] += more[i];
          }
          ScatterHead(total, args_.type, c ? args_.dc : args_.db, group, first + begin, end - begin, dim);
        }
      }
    });
  }

  const StateSpaceBackwardArgs& args_;
  const StateSizes sizes_;
  const int64_t threads_;
  const SharedScratch shared_;
  float* const own_;
  const size_t each_;
  const int64_t group_, block_, blocks_;  // heads of a group and of a block; blocks of a group
};

[[noreturn]] void Refused(int64_t head_dim, int64_t state_dim) {
  throw Internal("oneDNN refused a product of a state space with head_dim ", head_dim, " and state_dim ", state_dim);
}

}  // namespace

size_t StateSpaceFloats(const StateSpaceArgs& args, int64_t threads) {
  return static_cast<size_t>(threads) * ForwardScratch(nullptr, args).scratch.taken();
}

void RunStateSpace(const StateSpaceArgs& call, int64_t threads, float* scratch) {
  const StateSpaceArgs args = WithNumbers(call);
  const std::vector<int64_t> documents = LongestFirst(args.documents);
  const size_t each = ForwardScratch(nullptr, args).scratch.taken();
  const bool good = ForUnits(args.documents.count * args.heads, threads, [&](int64_t u, int64_t thread) {
    const int64_t d = documents[static_cast<size_t>(u / args.heads)], begin = args.documents.host_offsets[d];
    return ForwardUnit(args, begin, args.documents.host_offsets[d + 1] - begin, u % args.heads,
                       ForwardScratch(scratch + static_cast<size_t>(thread) * each, args));
  });
  if (!good) Refused(args.head_dim, args.state_dim);
}

size_t StateSpaceBackwardFloats(const StateSpaceBackwardArgs& args, int64_t threads) {
  return SharedScratch(nullptr, args).scratch.taken() +
         static_cast<size_t>(threads) * ThreadScratch(nullptr, args).scratch.taken();
}

void RunStateSpaceBackward(const StateSpaceBackwardArgs& call, int64_t threads, float* scratch) {
  const StateSpaceBackwardArgs args = WithNumbers(call);
  if (!Backward(args, threads, scratch).Run()) Refused(args.head_dim, args.state_dim);
}

}  // namespace hlm
