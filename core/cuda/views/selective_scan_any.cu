// Mamba's selective scan in fp32, whatever the type, by the formulas of core/cpu/selective_scan.cc. A channel's state is shared out among
// `lanes` neighbouring threads where it has more numbers than one of them takes.
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/vec.cuh"
#include "core/cuda/views/lines.cuh"
#include "core/cuda/views/gates.cuh"
#include "core/cuda/views/scan.cuh"

namespace hlm::cuda {
namespace {

constexpr int64_t kMostStates = 16;  // of a thread
constexpr int kWarps = kScanThreads / kWarp;
constexpr int kSumThreads = 256;

struct Sizes {
  int channels, state_dim, lanes;
  __host__ __device__ int each() const { return kScanThreads / lanes; }  // channels of a block
  int64_t Blocks() const { return CeilDiv(int64_t{channels}, int64_t{each()}); }
};
Sizes SizesOf(const auto& a) {
  int lanes = 1;
  CheckSelectiveScan(a.state_dim);
  while (lanes * kMostStates < a.state_dim) lanes *= 2;
  return {static_cast<int>(a.channels), static_cast<int>(a.state_dim), lanes};
}
// run.template operator()<kStates>() with as many numbers a thread as states this small need.
template <class Run>
void ForStates(int64_t state_dim, const Run& run) {
  if (state_dim <= 4) {
    run.template operator()<4>();
  } else if (state_dim <= 8) {
    run.template operator()<8>();
  } else {
    run.template operator()<kMostStates>();
  }
}

template <class T>
struct Places {
  Sizes sizes;
  Lines<const T> x, dt, b, c;
  const T *a_log, *dt_bias, *d;
  const int32_t* offsets;
  int64_t documents;
};
template <class T>
Places<T> PlacesOf(const auto& a) {
  return {SizesOf(a),
          Lines<const T>(a.x, 1, a.channels),
          Lines<const T>(a.dt, 1, a.channels),
          Lines<const T>(a.b, 1, a.state_dim),
          Lines<const T>(a.c, 1, a.state_dim),
          static_cast<const T*>(a.a_log),
          static_cast<const T*>(a.dt_bias),
          static_cast<const T*>(a.d),
          a.documents.offsets,
          a.documents.count};
}

// A thread's channel and slice of its state; numbers that are not there are zeros, and so is all of a channel that is not there.
template <class T, int kStates>
struct Own {
  const Places<T>& p;
  int channel, first;
  bool there;
  float rate[kStates], bias = 0, d = 0;

  __device__ explicit Own(const Places<T>& places)
      : p(places),
        channel(static_cast<int>(blockIdx.x) * p.sizes.each() + static_cast<int>(threadIdx.x) / p.sizes.lanes),
        first(static_cast<int>(threadIdx.x) % p.sizes.lanes * kStates),
        there(channel < p.sizes.channels) {
#pragma unroll
    for (int n = 0; n < kStates; ++n) rate[n] = Has(n) ? expf(static_cast<float>(p.a_log[Number(n)])) : 0.0f;
    if (there) bias = static_cast<float>(p.dt_bias[channel]), d = static_cast<float>(p.d[channel]);
  }
  __device__ bool Has(int n) const { return there && first + n < p.sizes.state_dim; }
  __device__ int64_t Number(int n) const { return int64_t{channel} * p.sizes.state_dim + first + n; }
  __device__ bool Writes() const { return there && first == 0; }

  __device__ float Of(const Lines<const T>& rows, int token) const {
    return there ? static_cast<float>(rows.at(token, 0)[channel]) : 0.0f;
  }
  __device__ float Step(int token) const { return Softplus(Of(p.dt, token) + bias); }
  __device__ float Shared(const Lines<const T>& rows, int token, int n) const {
    return Has(n) ? static_cast<float>(rows.at(token, 0)[first + n]) : 0.0f;
  }
  __device__ float Advanced(float before, float step, float in, int token, int n) const {
    return expf(-rate[n] * step) * before + step * Shared(p.b, token, n) * in;
  }
};

// Blocks are (channels, documents).
template <class T, int kStates>
__global__ void __launch_bounds__(kScanThreads) ScanKernel(Places<T> p, Lines<T> y) {
  const Own<T, kStates> own(p);
  for (int64_t document = blockIdx.y; document < p.documents; document += gridDim.y) {
    float state[kStates] = {};
    for (int token = p.offsets[document]; token < p.offsets[document + 1]; ++token) {
      const float in = own.Of(p.x, token), step = own.Step(token);
      float out = 0;
#pragma unroll
      for (int n = 0; n < kStates; ++n) {
        state[n] = own.Advanced(state[n], step, in, token, n);
        out += own.Shared(p.c, token, n) * state[n];
      }
      out = WarpSum(out, p.sizes.lanes);
      if (own.Writes()) y.at(token, 0)[own.channel] = static_cast<T>(own.d * in + out);
    }
  }
}

template <class T>
struct Gradients {
  Lines<const T> dy;
  Lines<T> dx, ddt;
  float* shared;    // of b, then of c: [2, blocks, tokens, state_dim]
  float* of_a_log;  // [sections, channels, state_dim]
  float* of_rest;   // [sections, 2, channels]: of dt_bias, of d
  int64_t tokens;
};

// The block's sum over its channels of what each thread has for its slice of a state: of b, then of c.
template <int kStates>
class ChannelSums {
 public:
  __device__ ChannelSums(const Sizes& sizes, float* sums) : sizes_(sizes), width_(sizes.lanes * kStates), sums_(sums) {}
  __host__ __device__ static int Floats(const Sizes& sizes) { return 2 * kWarps * 2 * sizes.lanes * kStates; }

  __device__ void Add(const float (&db)[kStates], const float (&dc)[kStates], int64_t tokens, int token, float* to) {
    // Two places in turn: whoever writes one again has passed the barrier behind which it was read.
    float* sums = sums_ + turn_ * kWarps * 2 * width_;
    turn_ = 1 - turn_;
    const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int n = 0; n < kStates; ++n) {
      const float b = OfWarp(db[n]), c = OfWarp(dc[n]);
      if (lane >= sizes_.lanes) continue;
      sums[warp * 2 * width_ + lane * kStates + n] = b;
      sums[(warp * 2 + 1) * width_ + lane * kStates + n] = c;
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < 2 * width_; i += kScanThreads) {
      const int part = i / width_, number = i % width_;
      if (number >= sizes_.state_dim) continue;
      float sum = 0;
      for (int w = 0; w < kWarps; ++w) sum += sums[w * 2 * width_ + i];
      to[((part * int64_t{gridDim.x} + blockIdx.x) * tokens + token) * sizes_.state_dim + number] = sum;
    }
  }

 private:
  // Over the lanes that have the same slice.
  __device__ float OfWarp(float value) const {
    for (int step = kWarp / 2; step >= sizes_.lanes; step /= 2) value += __shfl_xor_sync(kAllLanes, value, step);
    return value;
  }

  const Sizes sizes_;
  const int width_;
  float* const sums_;
  int turn_ = 0;
};

// Blocks are (channels, sections).
template <class T, int kStates>
__global__ void __launch_bounds__(kScanThreads) ScanBackwardKernel(Places<T> p, Gradients<T> g, ScanStates<kStates> states) {
  const Own<T, kStates> own(p);
  ChannelSums<kStates> sums(p.sizes, reinterpret_cast<float*>(DynamicShared()));
  double of_rate[kStates] = {}, of_bias = 0, of_d = 0;
  const Section section(p.documents);
  for (int64_t document = section.begin; document < section.end; ++document) {
    float dstate[kStates] = {};
    const auto advance = [&](int token, float(&state)[kStates]) {
      const float in = own.Of(p.x, token), step = own.Step(token);
#pragma unroll
      for (int n = 0; n < kStates; ++n) state[n] = own.Advanced(state[n], step, in, token, n);
    };
    const auto backward = [&](int token, const float(&before)[kStates]) {
      const float in = own.Of(p.x, token), step = own.Step(token), dy = own.Of(g.dy, token);
      float db[kStates], dc[kStates], dstep = 0, dx = 0;
#pragma unroll
      for (int n = 0; n < kStates; ++n) {
        const float b = own.Shared(p.b, token, n), decay = expf(-own.rate[n] * step);
        const float ds = dstate[n] + dy * own.Shared(p.c, token, n), fading = ds * before[n] * decay * -own.rate[n];
        dc[n] = dy * (decay * before[n] + step * b * in);
        db[n] = ds * step * in;
        dx += ds * step * b;
        dstep += ds * b * in + fading;
        of_rate[n] += static_cast<double>(fading * step);
        dstate[n] = ds * decay;
      }
      sums.Add(db, dc, g.tokens, token, g.shared);
      dx = WarpSum(dx, p.sizes.lanes);
      dstep = WarpSum(dstep, p.sizes.lanes);
      // The slope of softplus is 1 - exp(-softplus).
      const float ddt = dstep * -expm1f(-step);
      of_bias += static_cast<double>(ddt);
      of_d += static_cast<double>(dy * in);
      if (!own.Writes()) return;
      g.dx.at(token, 0)[own.channel] = static_cast<T>(own.d * dy + dx);
      g.ddt.at(token, 0)[own.channel] = static_cast<T>(ddt);
    };
    states.Backwards(p.offsets[document], p.offsets[document + 1], advance, backward);
  }
  const int64_t channels = p.sizes.channels, at = int64_t{blockIdx.y} * channels;
#pragma unroll
  for (int n = 0; n < kStates; ++n) {
    if (own.Has(n)) g.of_a_log[at * p.sizes.state_dim + own.Number(n)] = static_cast<float>(of_rate[n]);
  }
  if (!own.Writes()) return;
  g.of_rest[2 * at + own.channel] = static_cast<float>(of_bias);
  g.of_rest[2 * at + channels + own.channel] = static_cast<float>(of_d);
}

// Adds the blocks' sums, in order: a thread has one number of one token.
template <class T>
__global__ void __launch_bounds__(kSumThreads)
    AddBlocksKernel(const float* parts, int64_t blocks, int64_t tokens, int state_dim, Lines<T> db, Lines<T> dc) {
  const int64_t at = int64_t{blockIdx.x} * kSumThreads + threadIdx.x, each = tokens * state_dim;
  if (at >= 2 * each) return;
  const int64_t of_c = at >= each ? 1 : 0, number = at - of_c * each;
  float sum = 0;
  for (int64_t block = 0; block < blocks; ++block) sum += parts[(of_c * blocks + block) * each + number];
  (of_c != 0 ? dc : db).at(number / state_dim, 0)[number % state_dim] = static_cast<T>(sum);
}

// The workspace of a backward pass.
template <int kStates>
struct Scratch {
  Pieces pieces;
  ScanStates<kStates> states;
  float *shared, *of_a_log, *of_rest;

  Scratch(const SelectiveScanBackwardArgs& a, void* data)
      : pieces(data),
        states(SizesOf(a).Blocks(), a.tokens, pieces),
        shared(pieces.Take<float>(2 * SizesOf(a).Blocks() * a.tokens * a.state_dim)),
        of_a_log(pieces.Take<float>(Units(a) * kScanThreads * kStates)),
        of_rest(pieces.Take<float>(Units(a) * kScanThreads * 2)) {}

  static int64_t Units(const SelectiveScanBackwardArgs& a) { return MostScanUnits(SizesOf(a).Blocks(), a.tokens); }
};

}  // namespace

void CheckSelectiveScan(int64_t state_dim) {
  if (state_dim <= kWarp * kMostStates) return;
  throw Unimplemented("a selective scan with states of ", state_dim, "; device cuda takes at most ", kWarp * kMostStates,
                      ", device cpu takes any");
}

void SelectiveScan(cudaStream_t stream, const SelectiveScanArgs& a) {
  ForType(a.type, [&]<class T>() {
    ForStates(a.state_dim, [&]<int kStates>() {
      const Places<T> p = PlacesOf<T>(a);
      Launch(ScanKernel<T, kStates>, ScanGrid(p.sizes.Blocks(), a.documents.count), kScanThreads, 0, stream, p,
             Lines<T>(a.y, 1, a.channels));
    });
  });
  CheckLaunch("SelectiveScan");
}

size_t SelectiveScanBackwardBytes(const SelectiveScanBackwardArgs& a) {
  size_t bytes = 0;
  ForStates(a.state_dim, [&]<int kStates>() { bytes = Scratch<kStates>(a, nullptr).pieces.taken(); });
  return bytes;
}

void SelectiveScanBackward(cudaStream_t stream, const SelectiveScanBackwardArgs& a, void* scratch) {
  ForType(a.type, [&]<class T>() {
    ForStates(a.state_dim, [&]<int kStates>() {
      const Places<T> p = PlacesOf<T>(a);
      const Scratch<kStates> s(a, scratch);
      const int64_t blocks = p.sizes.Blocks(), sections = ScanSections(blocks, a.documents.count);
      const Gradients<T> g{Lines<const T>(a.dy, 1, a.channels),
                           Lines<T>(a.dx, 1, a.channels),
                           Lines<T>(a.ddt, 1, a.channels),
                           s.shared,
                           s.of_a_log,
                           s.of_rest,
                           a.tokens};
      Launch(ScanBackwardKernel<T, kStates>, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(sections)), kScanThreads,
             sizeof(float) * static_cast<size_t>(ChannelSums<kStates>::Floats(p.sizes)), stream, p, g, s.states);
      Launch(AddBlocksKernel<T>, dim3(GridSize(CeilDiv(2 * a.tokens * a.state_dim, int64_t{kSumThreads}))), kSumThreads, 0,
             stream, static_cast<const float*>(s.shared), blocks, a.tokens, static_cast<int>(a.state_dim),
             Lines<T>(a.db, 1, a.state_dim), Lines<T>(a.dc, 1, a.state_dim));
      const int64_t numbers = a.channels * a.state_dim;
      AddPartialSums(stream, {s.of_a_log, sections, numbers, a.accumulate, a.da_log, nullptr, numbers});
      AddPartialSums(stream, {s.of_rest, sections, 2 * a.channels, a.accumulate, a.ddt_bias, a.dd, a.channels});
    });
  });
  CheckLaunch("SelectiveScanBackward");
}

}  // namespace hlm::cuda
