// One chunk after the other of a state space, by the formulas and in the order of core/cpu/state_chunk.h, where they are explained.
#include "core/cuda/views/state_any.h"

#include <algorithm>

#include "core/cuda/launch.cuh"
#include "core/cuda/views/chunks.cuh"
#include "core/cuda/views/lines.cuh"
#include "core/cuda/views/pieces.cuh"
#include "core/cuda/views/state_d.h"
#include "core/cuda/views/team.cuh"

namespace hlm::cuda {
namespace {

constexpr int kSegment = 8 * kChunk;  // tokens: backward, the state before each is kept

struct Sizes {
  int heads, groups, head_dim, state_dim;
  __host__ __device__ int group() const { return heads / groups; }
  __host__ __device__ int64_t state() const { return int64_t{state_dim} * head_dim; }
};

template <class T>
struct Places {
  Sizes sizes;
  Lines<const T> x, b, c;
  const float *g, *step;
  const T* d;
  const int32_t* offsets;  // of documents
  int64_t documents;
  float* own;     // memory of the blocks
  int64_t each;   // floats of a block
  float* starts;  // states before segments, by (first token / segment, head); null forward
  float* dd;      // [documents, heads]: parts of it; null forward
  __device__ float* Start(int64_t token, int head) const {
    return starts + (token / kSegment * sizes.heads + head) * sizes.state();
  }
};
template <class T>
struct Gradients {
  Lines<const T> dy;
  Lines<T> dx, db, dc;
  float *dg, *dstep;
};

// A chunk of one head, in a block's memory. Its parts are calls, as in delta_any.cuh.
struct Chunk {
  Sizes s;
  double *sums, *dd;
  float *grown, *shrunk, *step, *x, *b, *c, *c_decayed, *b_shrunk, *decay, *both, *pairs, *y;
  float *dy, *dpairs, *dwide, *dgate, *dstep, *row_sums;
  int rows = 0;
  float d = 0;

  __host__ __device__ Chunk(const Sizes& sizes, TeamMemory& memory, bool backward) : s(sizes) {
    const int64_t wide = int64_t{kChunk} * s.state_dim, narrow = int64_t{kChunk} * s.head_dim, matrix = kChunk * kChunk;
    sums = reinterpret_cast<double*>(memory.Take(2 * kChunk));
    dd = reinterpret_cast<double*>(memory.Take(2));
    grown = memory.Take(kChunk);
    shrunk = memory.Take(kChunk);
    step = memory.Take(kChunk);
    x = memory.Take(narrow);
    b = memory.Take(wide);
    c = memory.Take(wide);
    c_decayed = memory.Take(wide);
    b_shrunk = memory.Take(wide);
    decay = memory.Take(matrix);
    both = memory.Take(matrix);
    pairs = memory.Take(matrix);
    y = memory.Take(narrow);
    dy = memory.Take(backward ? narrow : 0);
    dpairs = memory.Take(backward ? matrix : 0);
    dwide = memory.Take(backward ? wide : 0);
    dgate = memory.Take(backward ? kChunk + 1 : 0);  // the last one: of G_last, by way of the state
    dstep = memory.Take(backward ? kChunk : 0);
    row_sums = memory.Take(backward ? int64_t{s.state_dim} + kChunk : 0);
  }

  template <class T>
  __device__ __noinline__ void Load(const Places<T>& p, int64_t token, int count, int head) {
    rows = count;
    d = static_cast<float>(p.d[head]);
    const int64_t wide = s.state_dim;
    TeamLoad(p.x, token, rows, head, s.head_dim, x);
    TeamLoad(p.b, token, rows, head / s.group(), s.state_dim, b);
    TeamLoad(p.c, token, rows, head / s.group(), s.state_dim, c);
    ForEach(rows, [&](int64_t i) { step[i] = p.step[(token + i) * s.heads + head]; });
    ForEach(1, [&](int64_t) {
      double sum = 0;
      for (int64_t i = 0; i < rows; ++i) sums[i] = sum += static_cast<double>(p.g[(token + i) * s.heads + head]);
    });
    ForEach(rows, [&](int64_t i) {
      grown[i] = Decay(sums[i]);
      shrunk[i] = Decay(sums[rows - 1] - sums[i]);
    });
    ForEach(rows * wide, [&](int64_t at) {
      c_decayed[at] = c[at] * grown[at / wide];
      b_shrunk[at] = b[at] * (shrunk[at / wide] * step[at / wide]);
    });
    TeamProduct<Turned::kRight>(rows, rows, s.state_dim, c, b, false, both);
    ForEach(int64_t{rows} * rows, [&](int64_t at) {
      const int64_t i = at / rows, j = at % rows;
      decay[at] = j <= i ? Decay(sums[i] - sums[j]) : 0.0f;
      pairs[at] = decay[at] * step[j] * both[at];
    });
  }
  __device__ __noinline__ void Output(const float* state) {
    ForEach(int64_t{rows} * s.head_dim, [&](int64_t i) { y[i] = d * x[i]; });
    TeamProduct<Turned::kNo>(rows, s.head_dim, s.state_dim, c_decayed, state, true, y);
    TeamProduct<Turned::kNo>(rows, s.head_dim, rows, pairs, x, true, y);
  }
  __device__ void Scale(float* state) const {
    ForEach(s.state(), [&](int64_t i) { state[i] *= grown[rows - 1]; });
  }
  __device__ __noinline__ void Advance(float* state) {
    Scale(state);
    TeamProduct<Turned::kLeft>(s.state_dim, s.head_dim, rows, b_shrunk, x, true, state);
  }

  // dstate: of S' on entry, of S on return. db and dc are added to, and so is dd; `y` becomes dX.
  __device__ __noinline__ void Backward(const float* state, float* dstate, float* db, float* dc, float* dg, float* to_step) {
    const int64_t dim = s.head_dim, wide = s.state_dim;
    ForEach(rows * dim, [&](int64_t i) { y[i] = d * dy[i]; });
    ForEach(rows, [&](int64_t i) { row_sums[i] = TeamDot(dy + i * dim, x + i * dim, dim); });
    ForEach(1, [&](int64_t) {
      for (int64_t i = 0; i < rows; ++i) *dd += static_cast<double>(row_sums[i]);
    });
    TeamProduct<Turned::kLeft>(rows, s.head_dim, rows, pairs, dy, true, y);
    TeamProduct<Turned::kNo>(rows, s.head_dim, s.state_dim, b_shrunk, dstate, true, y);
    ForEach(wide, [&](int64_t r) { row_sums[r] = TeamDot(state + r * dim, dstate + r * dim, dim); });
    ForEach(1, [&](int64_t) {
      float sum = 0;
      for (int64_t r = 0; r < wide; ++r) sum += row_sums[r];
      dgate[rows] = grown[rows - 1] * sum;
    });
    TeamProduct<Turned::kRight>(rows, s.state_dim, s.head_dim, dy, state, false, dwide);
    ForEach(rows * wide, [&](int64_t at) { dc[at] += dwide[at] * grown[at / wide]; });
    ForEach(rows, [&](int64_t i) { dgate[i] = TeamDot(dwide + i * wide, c_decayed + i * wide, wide); });
    TeamProduct<Turned::kRight>(rows, s.state_dim, s.head_dim, x, dstate, false, dwide);
    ForEach(rows * wide, [&](int64_t at) { db[at] += dwide[at] * (step[at / wide] * shrunk[at / wide]); });
    ForEach(rows, [&](int64_t i) {
      dstep[i] = shrunk[i] * TeamDot(dwide + i * wide, b + i * wide, wide);
      dgate[i] -= dstep[i] * step[i];
      row_sums[i] = dstep[i] * step[i];
    });
    TeamProduct<Turned::kRight>(rows, rows, s.head_dim, dy, x, false, dpairs);
    ForEach(rows, [&](int64_t r) {  // a token's own decay stands in neither sum
      float gate = dgate[r], of_step = dstep[r] + dpairs[r * rows + r] * both[r * rows + r];
      for (int64_t j = 0; j < r; ++j) gate += dpairs[r * rows + j] * pairs[r * rows + j];
      for (int64_t i = r + 1; i < rows; ++i) {
        gate -= dpairs[i * rows + r] * pairs[i * rows + r];
        of_step += dpairs[i * rows + r] * decay[i * rows + r] * both[i * rows + r];
      }
      dgate[r] = gate;
      dstep[r] = of_step;
    });
    ForEach(int64_t{rows} * rows, [&](int64_t at) { dpairs[at] *= decay[at] * step[at % rows]; });
    TeamProduct<Turned::kNo>(rows, s.state_dim, rows, dpairs, b, true, dc);
    TeamProduct<Turned::kLeft>(rows, s.state_dim, rows, dpairs, c, true, db);
    Scale(dstate);
    TeamProduct<Turned::kLeft>(s.state_dim, s.head_dim, rows, c_decayed, dy, true, dstate);
    ForEach(1, [&](int64_t) {  // g_t is in every sum from its own token's on
      double sum = static_cast<double>(dgate[rows]);
      for (int64_t i = 0; i < rows; ++i) sum += static_cast<double>(row_sums[i]);
      for (int64_t i = rows; i-- > 0;) {
        sum += static_cast<double>(dgate[i]);
        dg[i * s.heads] = static_cast<float>(sum);
        to_step[i * s.heads] = dstep[i];
      }
    });
  }
};

// Units are (document, head).
template <class T>
__global__ void __launch_bounds__(kTeamThreads) StateAnyForwardKernel(Places<T> p, Lines<T> y) {
  const Sizes& s = p.sizes;
  TeamMemory memory{p.own + blockIdx.x * p.each};
  Chunk chunk(s, memory, false);
  float* state = memory.Take(s.state());
  for (int64_t unit = blockIdx.x; unit < p.documents * s.heads; unit += gridDim.x) {
    const int head = static_cast<int>(unit % s.heads), begin = p.offsets[unit / s.heads], end = p.offsets[unit / s.heads + 1];
    Fill(state, s.state(), 0);
    for (int token = begin; token < end; token += kChunk) {
      chunk.Load(p, token, min(kChunk, end - token), head);
      chunk.Output(state);
      TeamStore(chunk.y, token, chunk.rows, head, s.head_dim, y);
      if (token + chunk.rows < end) chunk.Advance(state);
    }
  }
}

struct BackwardMemory {
  Chunk chunk;
  float *states, *dstates, *db, *dc, *dd;
  __host__ __device__ BackwardMemory(const Sizes& s, TeamMemory& memory) : chunk(s, memory, true) {
    states = memory.Take(kSegment / kChunk * s.state());
    dstates = memory.Take(s.group() * s.state());
    db = memory.Take(int64_t{kSegment} * s.state_dim);
    dc = memory.Take(int64_t{kSegment} * s.state_dim);
    dd = memory.Take(2 * int64_t{s.group()});
  }
};

// Units are (document, group). The state before every segment is kept, those within a segment are made again (as in delta_any.cuh).
template <class T>
__global__ void __launch_bounds__(kTeamThreads) StateAnyBackwardKernel(Places<T> p, Gradients<T> g) {
  const Sizes& s = p.sizes;
  TeamMemory own{p.own + blockIdx.x * p.each};
  BackwardMemory m(s, own);
  Chunk& chunk = m.chunk;
  auto* dd = reinterpret_cast<double*>(m.dd);
  const int64_t size = s.state();
  const auto copy = [&](const float* from, float* to) { ForEach(size, [&](int64_t i) { to[i] = from[i]; }); };
  for (int64_t unit = blockIdx.x; unit < p.documents * s.groups; unit += gridDim.x) {
    const int group = static_cast<int>(unit % s.groups), first_head = group * s.group();
    const int begin = p.offsets[unit / s.groups], end = p.offsets[unit / s.groups + 1];
    const auto advance = [&](int token, int head, float* state) {
      chunk.Load(p, token, min(kChunk, end - token), head);
      chunk.Advance(state);
    };
    ForEach(s.group(), [&](int64_t h) { dd[h] = 0; });
    for (int head = first_head; head < first_head + s.group(); ++head) {
      Fill(m.dstates + (head - first_head) * size, size, 0);
      Fill(m.states, size, 0);
      for (int token = begin; token + kSegment < end; token += kSegment) {
        for (int at = token; at < token + kSegment; at += kChunk) advance(at, head, m.states);
        copy(m.states, p.Start(token + kSegment, head));
      }
    }
    for (int segment = (end - begin - 1) / kSegment; segment >= 0; --segment) {
      const int first = begin + segment * kSegment, behind = min(end, first + kSegment);
      Fill(m.db, int64_t{behind - first} * s.state_dim, 0);
      Fill(m.dc, int64_t{behind - first} * s.state_dim, 0);
      for (int head = first_head; head < first_head + s.group(); ++head) {
        if (segment == 0) {
          Fill(m.states, size, 0);
        } else {
          copy(p.Start(first, head), m.states);
        }
        int chunks = 1;
        for (int token = first; token + kChunk < behind; token += kChunk, ++chunks) {
          copy(m.states + (chunks - 1) * size, m.states + chunks * size);
          advance(token, head, m.states + chunks * size);
        }
        for (int c = chunks - 1; c >= 0; --c) {
          const int token = first + c * kChunk;
          chunk.Load(p, token, min(kChunk, end - token), head);
          TeamLoad(g.dy, token, chunk.rows, head, s.head_dim, chunk.dy);
          chunk.dd = dd + (head - first_head);
          const int64_t row = int64_t{token} * s.heads + head, at = int64_t{token - first} * s.state_dim;
          chunk.Backward(m.states + c * size, m.dstates + (head - first_head) * size, m.db + at, m.dc + at, g.dg + row,
                         g.dstep + row);
          TeamStore(chunk.y, token, chunk.rows, head, s.head_dim, g.dx);
        }
      }
      TeamStore(m.db, first, behind - first, group, s.state_dim, g.db);
      TeamStore(m.dc, first, behind - first, group, s.state_dim, g.dc);
    }
    ForEach(s.group(), [&](int64_t h) { p.dd[unit / s.groups * s.heads + first_head + h] = static_cast<float>(dd[h]); });
  }
}

Sizes SizesOf(const auto& a) {
  return {static_cast<int>(a.heads), static_cast<int>(a.groups), static_cast<int>(a.head_dim), static_cast<int>(a.state_dim)};
}

// Blocks: as many as there may be units, for documents of one token.
unsigned Blocks(int64_t tokens, int64_t heads) { return static_cast<unsigned>(std::min<int64_t>(kMostTeams, tokens * heads)); }

template <class T>
Places<T> PlacesOf(const auto& a, Pieces& pieces) {
  constexpr bool kBackward = requires { a.dx; };
  const Sizes sizes = SizesOf(a);
  TeamMemory memory{nullptr};
  if constexpr (kBackward) {
    BackwardMemory(sizes, memory);
  } else {
    Chunk(sizes, memory, false);
    memory.Take(sizes.state());
  }
  Places<T> p{.sizes = sizes,
              .x = Lines<const T>(a.x, a.heads, a.head_dim),
              .b = Lines<const T>(a.b, a.groups, a.state_dim),
              .c = Lines<const T>(a.c, a.groups, a.state_dim),
              .g = a.g,
              .step = a.step,
              .d = static_cast<const T*>(a.d),
              .offsets = a.documents.offsets,
              .documents = a.documents.count,
              .own = nullptr,
              .each = memory.taken,
              .starts = nullptr,
              .dd = nullptr};
  p.own = pieces.Take<float>(p.each * Blocks(a.tokens, kBackward ? a.groups : a.heads));
  if (!kBackward) return p;
  p.starts = pieces.Take<float>((a.tokens / kSegment + 1) * a.heads * sizes.state());
  p.dd = pieces.Take<float>(a.tokens * a.heads);  // as many documents as tokens at most
  return p;
}

size_t BytesOf(const auto& a) {
  Pieces pieces(nullptr);
  PlacesOf<float>(a, pieces);
  return pieces.taken();
}

}  // namespace

size_t StateAnyBytes(const StateSpaceArgs& a) { return BytesOf(a); }
size_t StateAnyBackwardBytes(const StateSpaceBackwardArgs& a) { return BytesOf(a); }

void StateAnySpace(cudaStream_t stream, const StateSpaceArgs& a, void* scratch) {
  ForType(a.type, [&]<class T>() {
    Pieces pieces(scratch);
    Launch(StateAnyForwardKernel<T>, dim3(Blocks(a.tokens, a.heads)), kTeamThreads, 0, stream, PlacesOf<T>(a, pieces),
           Lines<T>(a.y, a.heads, a.head_dim));
  });
  CheckLaunch("StateSpace");
}

void StateAnySpaceBackward(cudaStream_t stream, const StateSpaceBackwardArgs& a, void* scratch) {
  const float* parts = nullptr;
  ForType(a.type, [&]<class T>() {
    Pieces pieces(scratch);
    const Places<T> p = PlacesOf<T>(a, pieces);
    parts = p.dd;
    const Gradients<T> g{Lines<const T>(a.dy, a.heads, a.head_dim),
                         Lines<T>(a.dx, a.heads, a.head_dim),
                         Lines<T>(a.db, a.groups, a.state_dim),
                         Lines<T>(a.dc, a.groups, a.state_dim),
                         a.dg,
                         a.dstep};
    Launch(StateAnyBackwardKernel<T>, dim3(Blocks(a.tokens, a.groups)), kTeamThreads, 0, stream, p, g);
  });
  AddGradientOfD(stream, a, parts, a.documents.count);
  CheckLaunch("StateSpaceBackward");
}

}  // namespace hlm::cuda
