// Mamba's selective scan in fp32, whatever the type, by the formulas of core/cpu/selective_scan.cc.
//
// A thread has neighbouring channels and neighbouring numbers of their states, so that much of a sum over channels or states is made within
// it. A block goes through a document tile by tile: what a tile's tokens have in common, as floats in shared memory, is made once, and the
// next tile is on its way from memory while this one is computed. Backward, the states before tiles come out of a pass of their own; of
// those within a tile each second one is kept in shared memory, the others are made again.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_SELECTIVE_SCAN_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_SELECTIVE_SCAN_CUH_

#include "core/cuda/mma.cuh"
#include "core/cuda/views/gates.cuh"
#include "core/cuda/views/lines.cuh"
#include "core/cuda/views/scan.cuh"

namespace hlm::cuda {

inline constexpr int kSelectiveThreads = 128, kSelectiveTile = 8;  // tokens
inline constexpr int kSelectiveOwn = 16;                           // numbers of states of a thread
inline constexpr float kLog2E = 1.4426950408889634f, kLn2 = 0.6931471805599453f;

// A thread has so many channels and numbers of each, `lanes` neighbouring threads have all of a state. sum: tokens whose sums over the
// block's channels are made between two barriers. forward, backward: blocks of a multiprocessor, for which registers are few enough.
template <int channels, int lanes, int sum, int forward, int backward>
struct ScanShape {
  static constexpr int kChannels = channels, kLanes = lanes, kSum = sum, kStates = kSelectiveOwn / kChannels;
  static constexpr int kForwardBlocks = forward, kBackwardBlocks = backward;
  static constexpr int kWidth = kLanes * kStates;
  static constexpr int kEach = kSelectiveThreads / kLanes * kChannels;  // channels of a block
  static constexpr int kWarps = kSelectiveThreads / kWarp;
  static constexpr int kLanesOfOne = kLanes / kChannels;  // that have the same channel's sums over a state
  static constexpr int kTokens = kSelectiveTile * kEach, kShared = kSelectiveTile * kWidth;
  static constexpr int kKept = kSelectiveOwn * kSelectiveThreads, kSlots = kSelectiveTile / 2 + 1;

  // Floats of shared memory.
  static constexpr int kForward = kEach + 2 * (2 * kTokens + 2 * kShared);
  static constexpr int kBackward = kEach + 3 * kTokens + 2 * kShared + (kSlots + 1) * kKept + kWarps * kSum * 2 * kWidth;
};

template <class T>
struct SelectivePlaces {
  int channels, state_dim;
  Lines<const T> x, dt, b, c;
  const T *a_log, *dt_bias, *d;
  const int32_t* offsets;
  int64_t documents;
};

template <int kN>
__device__ void ReadShared(const float* from, float (&to)[kN]) {
  if constexpr (kN == 1) {
    to[0] = *from;
  } else {
#pragma unroll
    for (int i = 0; i < kN; i += 4) {
      const float4 v = *reinterpret_cast<const float4*>(from + i);
      to[i] = v.x, to[i + 1] = v.y, to[i + 2] = v.z, to[i + 3] = v.w;
    }
  }
}

// A thread's part of a tile's rows on its way: of one column, every kStep-th token. Zeros where nothing is.
template <class T, int kAcross, bool kAhead = kAcross <= kSelectiveThreads>
struct TileAhead {
  static constexpr int kStep = kSelectiveThreads / kAcross;
  Coming<T> values[(kSelectiveTile + kStep - 1) / kStep];

  __device__ void Fetch(const Lines<const T>& from, int first, int count, int column, int columns) {
    const int k = static_cast<int>(threadIdx.x) / kAcross, c = static_cast<int>(threadIdx.x) % kAcross;
    const int mine = column + c < columns ? count : 0;
    const T* at = from.data + (first + k) * from.row + column + c;
#pragma unroll
    for (int e = 0; e * kStep < kSelectiveTile; ++e) {
      k + e* kStep < mine ? values[e].Fetch(at) : values[e].Clear();
      at += kStep * from.row;
    }
  }
  // f(column, value) of all of it.
  template <class F>
  __device__ void Put(float* to, const F& f) const {
    const int k = static_cast<int>(threadIdx.x) / kAcross, c = static_cast<int>(threadIdx.x) % kAcross;
#pragma unroll
    for (int e = 0; e * kStep < kSelectiveTile; ++e) {
      if (kSelectiveTile % kStep == 0 || k + e * kStep < kSelectiveTile) {
        to[(k + e * kStep) * kAcross + c] = f(c, values[e].value());
      }
    }
  }
  __device__ void Put(float* to) const {
    Put(to, [](int, float value) { return value; });
  }
};
// Wider rows, which would take too many registers, are read when they are put.
template <class T, int kAcross>
struct TileAhead<T, kAcross, false> {
  const Lines<const T>* from;
  int first, count, columns;

  __device__ void Fetch(const Lines<const T>& rows, int first_token, int tokens, int, int width) {
    from = &rows, first = first_token, count = tokens, columns = width;
  }
  __device__ void Put(float* to) const {
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < kSelectiveTile * kAcross; i += kSelectiveThreads) {
      const int k = i / kAcross, c = i % kAcross;
      to[i] = k < count && c < columns ? static_cast<float>(from->at(first + k, 0)[c]) : 0.0f;
    }
  }
};

// A thread's channels and slice of their states; numbers that are not there are zeros, and so is all of a channel that is not there.
template <class T, class S>
struct SelectiveOwn {
  int block, channel, slice;  // the block's and the thread's first channel, the first number of their states
  int mine;                   // of the block's channels, the one whose sums over the state come to this lane
  bool writes;                // them
  float rate[kSelectiveOwn];  // of the logarithm to base 2, per step
  float d = 0;                // of `mine`

  __device__ explicit SelectiveOwn(const SelectivePlaces<T>& p)
      : block(static_cast<int>(blockIdx.x) * S::kEach),
        channel(block + static_cast<int>(threadIdx.x) / S::kLanes * S::kChannels),
        slice(static_cast<int>(threadIdx.x) % S::kLanes * S::kStates),
        mine(static_cast<int>(threadIdx.x) / S::kLanesOfOne),
        writes(block + mine < p.channels && static_cast<int>(threadIdx.x) % S::kLanesOfOne == 0) {
#pragma unroll
    for (int i = 0; i < S::kChannels; ++i) {
#pragma unroll
      for (int n = 0; n < S::kStates; ++n) {
        rate[i * S::kStates + n] = Has(p, i, n) ? -kLog2E * expf(static_cast<float>(p.a_log[Number(p, i, n)])) : 0.0f;
      }
    }
    if (block + mine < p.channels) d = static_cast<float>(p.d[block + mine]);
  }
  __device__ bool Has(const SelectivePlaces<T>& p, int i, int n) const {
    return channel + i < p.channels && slice + n < p.state_dim;
  }
  __device__ int64_t Number(const SelectivePlaces<T>& p, int i, int n) const {
    return int64_t{channel + i} * p.state_dim + slice + n;
  }
  // The channels' bias; there must be a barrier behind.
  __device__ void PutBias(const SelectivePlaces<T>& p, float* to) const {
    for (int i = static_cast<int>(threadIdx.x); i < S::kEach; i += kSelectiveThreads) {
      to[i] = block + i < p.channels ? static_cast<float>(p.dt_bias[block + i]) : 0.0f;
    }
  }
};

// Of the thread's first channel, then of the next.
using SelectiveState = float[kSelectiveOwn];

// The state before a tile that is not its document's first: its first token's number over the tile's length tells it apart. Vector q of a
// thread's lies q * kSelectiveThreads behind.
__device__ inline float4* SelectiveStart(float* starts, int token) {
  const int64_t slot = int64_t{token / kSelectiveTile} * gridDim.x + blockIdx.x;
  return reinterpret_cast<float4*>(starts) + slot * (kSelectiveOwn / 4 * kSelectiveThreads) + threadIdx.x;
}
__device__ inline void KeepState(const SelectiveState& from, float4* to) {
#pragma unroll
  for (int q = 0; q < kSelectiveOwn / 4; ++q) {
    to[q * kSelectiveThreads] = make_float4(from[4 * q], from[4 * q + 1], from[4 * q + 2], from[4 * q + 3]);
  }
}
__device__ inline void FetchState(const float4* from, SelectiveState& to) {
#pragma unroll
  for (int q = 0; q < kSelectiveOwn / 4; ++q) {
    const float4 v = from[q * kSelectiveThreads];
    to[4 * q] = v.x, to[4 * q + 1] = v.y, to[4 * q + 2] = v.z, to[4 * q + 3] = v.w;
  }
}

// Takes states a token on: that of the block's channels in `step` and `x`, of the states' numbers in b.
template <class T, class S>
__device__ void AdvanceState(const SelectiveOwn<T, S>& own, const float* step_of, const float* x_of, const float* b_of,
                             SelectiveState& state) {
  float step[S::kChannels], x[S::kChannels], b[S::kStates];
  const int first = own.channel - own.block;
  ReadShared(step_of + first, step);
  ReadShared(x_of + first, x);
  ReadShared(b_of + own.slice, b);
#pragma unroll
  for (int i = 0; i < S::kChannels; ++i) {
    const float in = step[i] * x[i];
#pragma unroll
    for (int n = 0; n < S::kStates; ++n) {
      const int at = i * S::kStates + n;
      state[at] = fmaf(Exp2(own.rate[at] * step[i]), state[at], in * b[n]);
    }
  }
}

// Blocks are (channels, documents). kStarts: of the result, the states before tiles alone.
template <class T, class S, bool kStarts>
__global__ void __launch_bounds__(kSelectiveThreads, S::kForwardBlocks)
    SelectiveScanKernel(SelectivePlaces<T> p, Lines<T> y, float* starts) {
  const SelectiveOwn<T, S> own(p);
  auto* const bias = reinterpret_cast<float*>(DynamicShared());
  own.PutBias(p, bias);
  __syncthreads();
  TileAhead<T, S::kEach> dt, x;
  TileAhead<T, S::kWidth> b, c;
  const auto fetch = [&](int first, int end) {
    const int count = min(kSelectiveTile, end - first);
    dt.Fetch(p.dt, first, count, own.block, p.channels);
    x.Fetch(p.x, first, count, own.block, p.channels);
    b.Fetch(p.b, first, count, 0, p.state_dim);
    if constexpr (!kStarts) c.Fetch(p.c, first, count, 0, p.state_dim);
  };
  int turn = 0;
  for (int64_t document = blockIdx.y; document < p.documents; document += gridDim.y) {
    const int begin = p.offsets[document], end = p.offsets[document + 1];
    SelectiveState state = {};
    if (begin < end) fetch(begin, end);
    for (int first = begin; first < end; first += kSelectiveTile) {
      // Two places in turn: whoever writes one again has passed the barrier behind which nobody reads it.
      float *const steps = bias + S::kEach + turn * (2 * S::kTokens + 2 * S::kShared), *const xs = steps + S::kTokens;
      float *const bs = xs + S::kTokens, *const cs = bs + S::kShared;
      turn = 1 - turn;
      const int count = min(kSelectiveTile, end - first);
      dt.Put(steps, [&](int column, float value) { return Softplus(value + bias[column]); });
      x.Put(xs);
      b.Put(bs);
      if constexpr (!kStarts) c.Put(cs);
      __syncthreads();
      if (first + kSelectiveTile < end) fetch(first + kSelectiveTile, end);
      if constexpr (kStarts) {
        if (first > begin) KeepState(state, SelectiveStart(starts, first));
      }
#pragma unroll 1
      for (int k = 0; k < count; ++k) {
        AdvanceState(own, steps + k * S::kEach, xs + k * S::kEach, bs + k * S::kWidth, state);
        if constexpr (!kStarts) {
          float of[S::kStates], out[S::kChannels] = {};
          ReadShared(cs + k * S::kWidth + own.slice, of);
#pragma unroll
          for (int i = 0; i < S::kChannels; ++i) {
#pragma unroll
            for (int n = 0; n < S::kStates; ++n) out[i] = fmaf(of[n], state[i * S::kStates + n], out[i]);
          }
          SumAmong<S::kLanes / 2, 1, 1, S::kChannels>(out);
          if (own.writes) {
            y.at(first + k, 0)[own.block + own.mine] = static_cast<T>(own.d * xs[k * S::kEach + own.mine] + out[0]);
          }
        }
      }
    }
  }
}

template <class T>
struct SelectiveGradients {
  Lines<const T> dy;
  Lines<T> dx, ddt;
  float* shared;    // of b, then of c: [2, blocks, tokens, state_dim]
  float* of_a_log;  // [sections, channels, state_dim]
  float* of_rest;   // [sections, 2, channels]: of dt_bias, of d
  int64_t tokens;
};

// Blocks are (channels, sections).
template <class T, class S>
__global__ void __launch_bounds__(kSelectiveThreads, S::kBackwardBlocks)
    SelectiveBackwardKernel(SelectivePlaces<T> p, SelectiveGradients<T> g, float* starts) {
  constexpr int kC = S::kChannels, kN = S::kStates;
  const SelectiveOwn<T, S> own(p);
  const int t = static_cast<int>(threadIdx.x), warp = t / kWarp, lane = t % kWarp;
  auto* const kept = reinterpret_cast<float4*>(DynamicShared()) + t;  // two places for a tile's first state, then each second one
  auto* const large = reinterpret_cast<float*>(DynamicShared()) + S::kSlots * S::kKept + t;
  float *const bias = large - t + S::kKept, *const steps = bias + S::kEach, *const xs = steps + S::kTokens;
  float *const dys = xs + S::kTokens, *const bs = dys + S::kTokens, *const cs = bs + S::kShared, *const sums = cs + S::kShared;
  // Sums over tokens by two floats: what the large one lost is where the small one goes on. Doubles would take as many registers again.
  SelectiveState small = {};
#pragma unroll
  for (int n = 0; n < kSelectiveOwn; ++n) large[n * kSelectiveThreads] = 0;
  double of_bias = 0, of_d = 0;
  own.PutBias(p, bias);

  TileAhead<T, S::kEach> dt, x, dy;
  TileAhead<T, S::kWidth> b, c;
  const auto slot = [&](int number, int turn) {  // of a tile's kept states
    return kept + (number == 0 ? turn : number + 1) * (S::kKept / 4);
  };
  const auto fetch = [&](int first, int begin, int end, int turn) {
    const int count = min(kSelectiveTile, end - first);
    dt.Fetch(p.dt, first, count, own.block, p.channels);
    x.Fetch(p.x, first, count, own.block, p.channels);
    dy.Fetch(g.dy, first, count, own.block, p.channels);
    b.Fetch(p.b, first, count, 0, p.state_dim);
    c.Fetch(p.c, first, count, 0, p.state_dim);
    const float4* from = SelectiveStart(starts, first);
#pragma unroll
    for (int q = 0; q < kSelectiveOwn / 4; ++q) {
      const bool there = first > begin;
      CopyAhead(slot(0, turn) + q * kSelectiveThreads, there ? static_cast<const void*>(from + q * kSelectiveThreads) : starts,
                there);
    }
    CloseCopies();
  };
  // The block's sums over its channels of `count` tokens from `first` on, the first one's at `sums`.
  const auto add_warps = [&](int first, int count) {
    for (int i = t; i < count * 2 * S::kWidth; i += kSelectiveThreads) {
      const int k = i / (2 * S::kWidth), part = i / S::kWidth % 2, number = i % S::kWidth;
      if (number >= p.state_dim) continue;
      float sum = 0;
#pragma unroll
      for (int w = 0; w < S::kWarps; ++w) sum += sums[(w * S::kSum + k) * 2 * S::kWidth + i % (2 * S::kWidth)];
      g.shared[((part * int64_t{gridDim.x} + blockIdx.x) * g.tokens + first + k) * p.state_dim + number] = sum;
    }
  };

  SelectiveState dstate;
  const auto backward = [&](int token, int k, const SelectiveState& before) {
    float step[kC], in[kC], out[kC], of_b[kN], of_c[kN], shared[2 * kN] = {}, rest[2 * kC];
    const int at = k * S::kEach + own.channel - own.block;
    ReadShared(steps + at, step);
    ReadShared(xs + at, in);
    ReadShared(dys + at, out);
    ReadShared(bs + k * S::kWidth + own.slice, of_b);
    ReadShared(cs + k * S::kWidth + own.slice, of_c);
#pragma unroll
    for (int i = 0; i < kC; ++i) {
      const float enters = step[i] * in[i];
      float along_b = 0, fading = 0;
#pragma unroll
      for (int n = 0; n < kN; ++n) {
        const int j = i * kN + n;
        const float decay = Exp2(own.rate[j] * step[i]), stays = decay * before[j];
        const float ds = fmaf(out[i], of_c[n], dstate[j]), lost = ds * stays;
        shared[n] = fmaf(ds, enters, shared[n]);
        shared[kN + n] = fmaf(out[i], fmaf(enters, of_b[n], stays), shared[kN + n]);
        along_b = fmaf(ds, of_b[n], along_b);
        fading = fmaf(lost, own.rate[j], fading);
        small[j] = fmaf(lost, step[i], small[j]);
        dstate[j] = ds * decay;
      }
      rest[2 * i] = step[i] * along_b;
      rest[2 * i + 1] = fmaf(in[i], along_b, kLn2 * fading);
    }
    // Over the warp's channels: each lane is left with its part of the sums.
    constexpr int kLeft = 2 * kN * S::kLanes / kWarp;
    SumAmong<kWarp / 2, S::kLanes, 1, 2 * kN>(shared);
#pragma unroll
    for (int j = 0; j < kLeft; ++j) {
      const int number = lane / S::kLanes * kLeft + j;
      sums[((warp * S::kSum + k % S::kSum) * 2 + number / kN) * S::kWidth + own.slice + number % kN] = shared[j];
    }
    SumAmong<S::kLanes / 2, 1, 2, 2 * kC>(rest);
    const int of_mine = k * S::kEach + own.mine;
    // The slope of softplus is 1 - exp(-softplus).
    const float ddt = rest[1] * -expm1f(-steps[of_mine]), dy_mine = dys[of_mine];
    of_bias += static_cast<double>(ddt);
    of_d += static_cast<double>(dy_mine * xs[of_mine]);
    if (own.writes) {
      g.dx.at(token, 0)[own.block + own.mine] = static_cast<T>(own.d * dy_mine + rest[0]);
      g.ddt.at(token, 0)[own.block + own.mine] = static_cast<T>(ddt);
    }
    if constexpr (S::kSum == 1) {
      __syncthreads();
      add_warps(token, 1);
      __syncthreads();
    }
  };

  const Section section(p.documents);
  int turn = 0;
  for (int64_t document = section.begin; document < section.end; ++document) {
    const int begin = p.offsets[document], end = p.offsets[document + 1];
    if (begin == end) continue;
#pragma unroll
    for (float& number : dstate) number = 0;
    const int last = begin + (end - 1 - begin) / kSelectiveTile * kSelectiveTile;
    fetch(last, begin, end, turn);
    for (int first = last; first >= begin; first -= kSelectiveTile) {
      __syncthreads();  // nobody reads the tile before, nor its sums
      const int count = min(kSelectiveTile, end - first);
      dt.Put(steps, [&](int column, float value) { return Softplus(value + bias[column]); });
      x.Put(xs);
      dy.Put(dys);
      b.Put(bs);
      c.Put(cs);
      AwaitCopies<0>();
      __syncthreads();
      if (first > begin) fetch(first - kSelectiveTile, begin, end, 1 - turn);
      SelectiveState state;
      const auto advance = [&](int k) { AdvanceState(own, steps + k * S::kEach, xs + k * S::kEach, bs + k * S::kWidth, state); };
      FetchState(slot(0, turn), state);
#pragma unroll 1
      for (int pair = 1; 2 * pair < count; ++pair) {
        advance(2 * pair - 2);
        advance(2 * pair - 1);
        KeepState(state, slot(pair, turn));
      }
#pragma unroll 1
      for (int k = count; k-- > 0;) {
        FetchState(slot(k / 2, turn), state);
        if (k % 2 != 0) advance(k - 1);
        backward(first + k, k, state);
      }
      if constexpr (S::kSum > 1) {
        __syncthreads();
        add_warps(first, count);
      }
#pragma unroll
      for (int i = 0; i < kSelectiveOwn; ++i) {
        float &own_small = small[i], &own_large = large[i * kSelectiveThreads];
        const float sum = own_large + own_small, part = sum - own_large;
        own_small = (own_large - (sum - part)) + (own_small - part);
        own_large = sum;
      }
      turn = 1 - turn;
    }
  }
  const int64_t at = int64_t{blockIdx.y} * p.channels;
#pragma unroll
  for (int i = 0; i < kC; ++i) {
#pragma unroll
    for (int n = 0; n < kN; ++n) {
      if (!own.Has(p, i, n)) continue;
      g.of_a_log[at * p.state_dim + own.Number(p, i, n)] =
          (large[(i * kN + n) * kSelectiveThreads] + small[i * kN + n]) * (own.rate[i * kN + n] * kLn2);
    }
  }
  if (!own.writes) return;
  g.of_rest[2 * at + own.block + own.mine] = static_cast<float>(of_bias);
  g.of_rest[2 * at + p.channels + own.block + own.mine] = static_cast<float>(of_d);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_SELECTIVE_SCAN_CUH_
