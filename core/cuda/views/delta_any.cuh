// One chunk after the other of the delta rule, by the formulas and in the order of core/cpu/delta_chunk.h, where they are explained.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_ANY_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_ANY_CUH_

#include "core/cuda/views/chunks.cuh"
#include "core/cuda/views/lines.cuh"
#include "core/cuda/views/team.cuh"

namespace hlm::cuda {

struct AnySizes {
  int heads, key_heads, key_dim, value_dim;
  bool by_channel;
  float scale, epsilon;

  // Pairs whose decays differ by channel are no product.
  __host__ __device__ int chunk() const { return by_channel ? 16 : 64; }
  __host__ __device__ int segment() const { return 16 * chunk(); }  // backward, the state before each is kept
  __host__ __device__ int gates() const { return by_channel ? key_dim : 1; }
  __host__ __device__ int group() const { return heads / key_heads; }
  __host__ __device__ int64_t state() const { return int64_t{key_dim} * value_dim; }
};

template <class T>
struct AnyDelta {
  AnySizes sizes;
  Lines<const T> q, k, v;
  const float *g, *beta;
  const int32_t* offsets;  // of documents
  int64_t documents;
  float* own;     // memory of the blocks
  int64_t each;   // floats of a block
  float* starts;  // states before segments, by (first token / segment, head); null forward
  __device__ float* Start(int64_t token, int head) const {
    return starts + (token / sizes.segment() * sizes.heads + head) * sizes.state();
  }
};
template <class T>
struct AnyGradients {
  Lines<const T> dout;
  Lines<T> dq, dk, dv;
  float *dg, *dbeta;
};

// A chunk of one value head: what it loads and what it makes of that, in a block's memory. Its parts are calls: several copies of
// them in a kernel would take minutes to compile.
struct AnyChunk {
  AnySizes s;
  double* sums;
  float *grown, *shrunk, *last, *q, *k, *v, *q_inverse, *k_inverse, *q_decayed, *k_decayed, *k_shrunk, *decay, *pairs, *keys,
      *rest, *fresh, *beta, *out;
  float *dfresh, *dpairs, *dkeys, *dwide, *dgate, *dout, *row_sums;
  int rows = 0;

  __host__ __device__ AnyChunk(const AnySizes& sizes, TeamMemory& memory, bool backward) : s(sizes) {
    const int64_t c = s.chunk(), keys_of = c * s.key_dim, values = c * s.value_dim, gates = c * s.gates();
    sums = reinterpret_cast<double*>(memory.Take(2 * gates));
    grown = memory.Take(gates);
    shrunk = memory.Take(gates);
    last = memory.Take(s.key_dim);
    q = memory.Take(keys_of);
    k = memory.Take(keys_of);
    v = memory.Take(values);
    q_inverse = memory.Take(c);
    k_inverse = memory.Take(c);
    q_decayed = memory.Take(keys_of);
    k_decayed = memory.Take(keys_of);
    k_shrunk = memory.Take(keys_of);
    decay = memory.Take(c * c);
    pairs = memory.Take(c * c);
    keys = memory.Take(c * c);
    rest = memory.Take(values);
    fresh = memory.Take(values);
    beta = memory.Take(c);
    out = memory.Take(values);
    dfresh = memory.Take(backward ? values : 0);
    dpairs = memory.Take(backward ? c * c : 0);
    dkeys = memory.Take(backward ? c * c : 0);
    dwide = memory.Take(backward ? keys_of : 0);
    dgate = memory.Take(backward ? (c + 1) * s.gates() : 0);  // the last one: of G_last, by way of the state
    dout = memory.Take(backward ? values : 0);
    row_sums = memory.Take(backward ? c : 0);
  }
  __device__ int64_t Gate(int64_t row, int64_t c) const { return row * s.gates() + (s.by_channel ? c : 0); }

  __device__ void Normalize(float* x, float scale, float* inverse) const {
    const int64_t width = s.key_dim;
    ForEach(rows, [&](int64_t r) { inverse[r] = 1 / sqrtf(TeamDot(x + r * width, x + r * width, width) + s.epsilon); });
    ForEach(rows * width, [&](int64_t i) { x[i] *= inverse[i / width] * scale; });
  }

  template <class T>
  __device__ __noinline__ void Load(const AnyDelta<T>& p, int64_t token, int count, int head) {
    rows = count;
    const int64_t gates = s.gates(), width = s.key_dim;
    TeamLoad(p.q, token, rows, head / s.group(), s.key_dim, q);
    TeamLoad(p.k, token, rows, head / s.group(), s.key_dim, k);
    TeamLoad(p.v, token, rows, head, s.value_dim, v);
    Normalize(q, s.scale, q_inverse);
    Normalize(k, 1, k_inverse);
    ForEach(rows, [&](int64_t i) { beta[i] = p.beta[(token + i) * s.heads + head]; });
    ForEach(gates, [&](int64_t w) {
      double sum = 0;
      for (int64_t i = 0; i < rows; ++i) {
        sum += static_cast<double>(p.g[((token + i) * s.heads + head) * gates + w]);
        sums[i * gates + w] = sum;
        grown[i * gates + w] = Decay(sum);
      }
      for (int64_t i = 0; i < rows; ++i) shrunk[i * gates + w] = Decay(sum - sums[i * gates + w]);
    });
    ForEach(rows * width, [&](int64_t at) {
      const int64_t gate = Gate(at / width, at % width);
      q_decayed[at] = q[at] * grown[gate];
      k_decayed[at] = k[at] * grown[gate];
      k_shrunk[at] = k[at] * shrunk[gate];
    });
    ForEach(width, [&](int64_t c) { last[c] = grown[Gate(rows - 1, c)]; });
    if (!s.by_channel) {
      TeamProduct<Turned::kRight>(rows, rows, s.key_dim, q, k, false, pairs);
      TeamProduct<Turned::kRight>(rows, rows, s.key_dim, k, k, false, keys);
      ForEach(int64_t{rows} * rows, [&](int64_t at) {
        const int64_t i = at / rows, j = at % rows;
        decay[at] = j <= i ? Decay(sums[i] - sums[j]) : 0.0f;
        pairs[at] *= decay[at];
        keys[at] = j < i ? keys[at] * decay[at] : 0.0f;
      });
      return;
    }
    ForEach(int64_t{rows} * rows, [&](int64_t at) {
      const int64_t i = at / rows, j = at % rows;
      float pair = 0, key = 0;
      for (int64_t c = 0; j <= i && c < width; ++c) {
        const float x = k[j * width + c] * Decay(sums[i * width + c] - sums[j * width + c]);
        pair = fmaf(q[i * width + c], x, pair);
        key = fmaf(k[i * width + c], x, key);
      }
      pairs[at] = pair;
      keys[at] = j < i ? key : 0.0f;
    });
  }

  // Up to U; a thread has a column.
  __device__ __noinline__ void Begin(const float* state) {
    const int64_t dim = s.value_dim;
    TeamProduct<Turned::kNo>(rows, s.value_dim, s.key_dim, k_decayed, state, false, rest, -1);
    ForEach(dim, [&](int64_t c) {
      for (int64_t i = 0; i < rows; ++i) {
        float x = rest[i * dim + c] + v[i * dim + c];
        for (int64_t j = 0; j < i; ++j) x = fmaf(-keys[i * rows + j], fresh[j * dim + c], x);
        rest[i * dim + c] = x;
        fresh[i * dim + c] = beta[i] * x;
      }
    });
  }
  __device__ __noinline__ void Output(const float* state) {
    TeamProduct<Turned::kNo>(rows, s.value_dim, s.key_dim, q_decayed, state, false, out);
    TeamProduct<Turned::kNo>(rows, s.value_dim, rows, pairs, fresh, true, out);
  }
  __device__ void ScaleState(float* state) const {
    ForEach(s.state(), [&](int64_t i) { state[i] *= last[i / s.value_dim]; });
  }
  __device__ __noinline__ void Advance(float* state) {
    ScaleState(state);
    TeamProduct<Turned::kLeft>(s.key_dim, s.value_dim, rows, k_shrunk, fresh, true, state);
  }

  // What a decayed key or query gives, sign * dwide, to its own and to its gate.
  __device__ __noinline__ void Give(const float* decayed, const float* factor, bool shrinks, float sign, float* d) {
    const int64_t width = s.key_dim;
    ForEach(rows * width, [&](int64_t at) { d[at] += sign * dwide[at] * factor[Gate(at / width, at % width)]; });
    const float to_gate = shrinks ? -sign : sign;
    if (s.by_channel) {
      ForEach(width, [&](int64_t c) {
        for (int64_t i = 0; i < rows; ++i) {
          const float x = dwide[i * width + c] * decayed[i * width + c];
          dgate[i * width + c] += to_gate * x;
          if (shrinks) dgate[rows * width + c] += sign * x;
        }
      });
      return;
    }
    ForEach(rows, [&](int64_t i) {
      row_sums[i] = TeamDot(dwide + i * width, decayed + i * width, width);
      dgate[i] += to_gate * row_sums[i];
    });
    if (!shrinks) return;
    ForEach(1, [&](int64_t) {
      for (int64_t i = 0; i < rows; ++i) dgate[rows] += sign * row_sums[i];
    });
  }

  // Behind Load and Begin. dstate: of S' on entry, of S on return. dq and dk are added to, `out` becomes dV.
  __device__ __noinline__ void Backward(const float* state, float* dstate, float* dq, float* dk, float* dg, float* dbeta) {
    const int64_t width = s.key_dim, dim = s.value_dim, gates = s.gates();
    Fill(dgate, (rows + 1) * gates, 0);
    TeamProduct<Turned::kLeft>(rows, s.value_dim, rows, pairs, dout, false, dfresh);
    TeamProduct<Turned::kNo>(rows, s.value_dim, s.key_dim, k_shrunk, dstate, true, dfresh);
    TeamProduct<Turned::kRight>(rows, rows, s.value_dim, dout, fresh, false, dpairs);
    TeamProduct<Turned::kRight>(rows, s.key_dim, s.value_dim, dout, state, false, dwide);
    Give(q_decayed, grown, false, 1, dq);
    TeamProduct<Turned::kRight>(rows, s.key_dim, s.value_dim, fresh, dstate, false, dwide);
    Give(k_shrunk, shrunk, true, 1, dk);
    if (s.by_channel) {
      ForEach(width, [&](int64_t r) { dgate[rows * width + r] += last[r] * TeamDot(state + r * dim, dstate + r * dim, dim); });
    } else {
      ForEach(width, [&](int64_t r) { dwide[r] = last[r] * TeamDot(state + r * dim, dstate + r * dim, dim); });
      ForEach(1, [&](int64_t) {
        for (int64_t r = 0; r < width; ++r) dgate[rows] += dwide[r];
      });
    }
    // X, from the last row on; dV = beta X.
    ForEach(dim, [&](int64_t c) {
      for (int64_t i = rows; i-- > 0;) {
        float x = dfresh[i * dim + c];
        for (int64_t j = i + 1; j < rows; ++j) x = fmaf(-keys[j * rows + i], out[j * dim + c], x);
        dfresh[i * dim + c] = x;
        out[i * dim + c] = beta[i] * x;
      }
    });
    ForEach(rows, [&](int64_t i) { dbeta[i * s.heads] = TeamDot(dfresh + i * dim, rest + i * dim, dim); });
    TeamProduct<Turned::kRight>(rows, rows, s.value_dim, out, fresh, false, dkeys, -1);
    ForEach(int64_t{rows} * rows, [&](int64_t at) {
      if (at % rows >= at / rows) dkeys[at] = 0;
      if (at % rows > at / rows) dpairs[at] = 0;
    });
    TeamProduct<Turned::kRight>(rows, s.key_dim, s.value_dim, out, state, false, dwide);
    Give(k_decayed, grown, false, -1, dk);
    ScaleState(dstate);
    TeamProduct<Turned::kLeft>(s.key_dim, s.value_dim, rows, q_decayed, dout, true, dstate);
    TeamProduct<Turned::kLeft>(s.key_dim, s.value_dim, rows, k_decayed, out, true, dstate, -1);
    s.by_channel ? ChannelPairGradients(dq, dk) : PairGradients(dq, dk);
    // g_t is in every sum from its own token's on.
    ForEach(gates, [&](int64_t w) {
      double sum = static_cast<double>(dgate[rows * gates + w]);
      for (int64_t i = rows; i-- > 0;) {
        sum += static_cast<double>(dgate[i * gates + w]);
        dg[i * s.heads * gates + w] = static_cast<float>(sum);
      }
    });
  }
  __device__ void PairGradients(float* dq, float* dk) {
    const auto both = [&](int64_t i, int64_t j) {
      return dpairs[i * rows + j] * pairs[i * rows + j] + dkeys[i * rows + j] * keys[i * rows + j];
    };
    ForEach(rows, [&](int64_t r) {
      float sum = dgate[r];  // nothing of a token with itself
      for (int64_t j = 0; j < r; ++j) sum += both(r, j);
      for (int64_t i = r + 1; i < rows; ++i) sum -= both(i, r);
      dgate[r] = sum;
    });
    ForEach(int64_t{rows} * rows, [&](int64_t at) {
      const int64_t i = at / rows, j = at % rows;
      if (j > i) return;
      dpairs[at] *= decay[at];
      dkeys[at] *= decay[at];
      if (j < i) dkeys[j * rows + i] = dkeys[at];  // k_i k_j is of both
    });
    TeamProduct<Turned::kNo>(rows, s.key_dim, rows, dpairs, k, true, dq);
    TeamProduct<Turned::kLeft>(rows, s.key_dim, rows, dpairs, q, true, dk);
    TeamProduct<Turned::kNo>(rows, s.key_dim, rows, dkeys, k, true, dk);
  }
  __device__ void ChannelPairGradients(float* dq, float* dk) {
    const int64_t width = s.key_dim;
    ForEach(width, [&](int64_t c) {
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j <= i; ++j) {
          const float pair = dpairs[i * rows + j], key = dkeys[i * rows + j];
          const int64_t a = i * width + c, b = j * width + c;
          const float fall = Decay(sums[a] - sums[b]), ki = k[a], kj = k[b];
          dq[a] += pair * kj * fall;
          dk[a] += key * kj * fall;
          dk[b] += (pair * q[a] + key * ki) * fall;
          const float d = (pair * q[a] + key * ki) * kj * fall;
          dgate[a] += d;
          dgate[b] -= d;
        }
      }
    });
  }
  // d of x / |x| scale, of which x is here: (d - n (n d)) scale / |x|, where n = x / |x|.
  __device__ void NormalizeBackward(const float* normed, const float* inverse, float scale, float* d) {
    const int64_t width = s.key_dim;
    ForEach(rows, [&](int64_t r) { row_sums[r] = TeamDot(d + r * width, normed + r * width, width) / (scale * scale); });
    ForEach(rows * width, [&](int64_t i) { d[i] = (d[i] - row_sums[i / width] * normed[i]) * scale * inverse[i / width]; });
  }
};

// Units are (document, value head).
template <class T>
__global__ void __launch_bounds__(kTeamThreads) DeltaAnyForwardKernel(AnyDelta<T> p, Lines<T> out) {
  const AnySizes& s = p.sizes;
  TeamMemory memory{p.own + blockIdx.x * p.each};
  AnyChunk chunk(s, memory, false);
  float* state = memory.Take(s.state());
  for (int64_t unit = blockIdx.x; unit < p.documents * s.heads; unit += gridDim.x) {
    const int head = static_cast<int>(unit % s.heads), begin = p.offsets[unit / s.heads], end = p.offsets[unit / s.heads + 1];
    Fill(state, s.state(), 0);
    for (int token = begin; token < end; token += s.chunk()) {
      chunk.Load(p, token, min(s.chunk(), end - token), head);
      chunk.Begin(state);
      chunk.Output(state);
      TeamStore(chunk.out, token, chunk.rows, head, s.value_dim, out);
      if (token + chunk.rows < end) chunk.Advance(state);
    }
  }
}

struct AnyBackwardMemory {
  AnyChunk chunk;
  float *states, *dstates, *dq, *dk;
  __host__ __device__ AnyBackwardMemory(const AnySizes& s, TeamMemory& memory) : chunk(s, memory, true) {
    states = memory.Take(s.segment() / s.chunk() * s.state());
    dstates = memory.Take(s.group() * s.state());
    dq = memory.Take(int64_t{s.segment()} * s.key_dim);
    dk = memory.Take(int64_t{s.segment()} * s.key_dim);
  }
};

// Units are (document, key head). The state before every segment of 16 chunks is kept, those within a segment are made again. A
// document's segments begin at multiples of a segment from its first token; that token over a segment's length tells its kept
// states from those of the documents before, of which each has one segment that is not whole at the most, and that one its last.
template <class T>
__global__ void __launch_bounds__(kTeamThreads) DeltaAnyBackwardKernel(AnyDelta<T> p, AnyGradients<T> g) {
  const AnySizes& s = p.sizes;
  TeamMemory own{p.own + blockIdx.x * p.each};
  AnyBackwardMemory m(s, own);
  AnyChunk& chunk = m.chunk;
  const int64_t size = s.state();
  const auto copy = [&](const float* from, float* to) { ForEach(size, [&](int64_t i) { to[i] = from[i]; }); };
  for (int64_t unit = blockIdx.x; unit < p.documents * s.key_heads; unit += gridDim.x) {
    const int key_head = static_cast<int>(unit % s.key_heads), first_head = key_head * s.group();
    const int begin = p.offsets[unit / s.key_heads], end = p.offsets[unit / s.key_heads + 1];
    const auto advance = [&](int token, int head, float* state) {
      chunk.Load(p, token, min(s.chunk(), end - token), head);
      chunk.Begin(state);
      chunk.Advance(state);
    };
    for (int head = first_head; head < first_head + s.group(); ++head) {
      Fill(m.dstates + (head - first_head) * size, size, 0);
      Fill(m.states, size, 0);
      for (int token = begin; token + s.segment() < end; token += s.segment()) {
        for (int at = token; at < token + s.segment(); at += s.chunk()) advance(at, head, m.states);
        copy(m.states, p.Start(token + s.segment(), head));
      }
    }
    for (int segment = (end - begin - 1) / s.segment(); segment >= 0; --segment) {
      const int first = begin + segment * s.segment(), behind = min(end, first + s.segment());
      Fill(m.dq, int64_t{behind - first} * s.key_dim, 0);
      Fill(m.dk, int64_t{behind - first} * s.key_dim, 0);
      for (int head = first_head; head < first_head + s.group(); ++head) {
        if (segment == 0) {
          Fill(m.states, size, 0);
        } else {
          copy(p.Start(first, head), m.states);
        }
        int chunks = 1;
        for (int token = first; token + s.chunk() < behind; token += s.chunk(), ++chunks) {
          copy(m.states + (chunks - 1) * size, m.states + chunks * size);
          advance(token, head, m.states + chunks * size);
        }
        for (int c = chunks - 1; c >= 0; --c) {
          const int token = first + c * s.chunk();
          const float* state = m.states + c * size;
          chunk.Load(p, token, min(s.chunk(), end - token), head);
          chunk.Begin(state);
          TeamLoad(g.dout, token, chunk.rows, head, s.value_dim, chunk.dout);
          const int64_t row = int64_t{token} * s.heads + head, at = int64_t{token - first} * s.key_dim;
          chunk.Backward(state, m.dstates + (head - first_head) * size, m.dq + at, m.dk + at, g.dg + row * s.gates(),
                         g.dbeta + row);
          TeamStore(chunk.out, token, chunk.rows, head, s.value_dim, g.dv);
        }
      }
      for (int token = first; token < behind; token += s.chunk()) {
        const int64_t at = int64_t{token - first} * s.key_dim;
        chunk.Load(p, token, min(s.chunk(), end - token), first_head);
        chunk.NormalizeBackward(chunk.q, chunk.q_inverse, s.scale, m.dq + at);
        chunk.NormalizeBackward(chunk.k, chunk.k_inverse, 1, m.dk + at);
        TeamStore(m.dq + at, token, chunk.rows, key_head, s.key_dim, g.dq);
        TeamStore(m.dk + at, token, chunk.rows, key_head, s.key_dim, g.dk);
      }
    }
  }
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_ANY_CUH_
