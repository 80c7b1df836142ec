// The real-gated linear recurrent unit in fp32, whatever the type, by the formulas of core/cpu/gated_recurrence.cc: a thread has a channel,
// and what it reads next, a tile of tokens, on its way. Backward, the states before tiles come out of a pass of their own; a tile's gates are
// made once and kept in shared memory.
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/vec.cuh"
#include "core/cuda/views/gates.cuh"
#include "core/cuda/views/lines.cuh"
#include "core/cuda/views/pieces.cuh"
#include "core/cuda/views/scan.cuh"

namespace hlm::cuda {
namespace {

constexpr int kThreads = 64, kTile = 8;  // of more tokens the loops, which are unrolled, leave the cache of instructions
constexpr float kPower = -8;             // of the decay
constexpr float kLeastTwice = 1e-3f;     // of twice the root, whose slope is bounded

int64_t BlocksOf(int64_t channels) { return CeilDiv(channels, int64_t{kThreads}); }

// What one token does to the state of a channel: s = decay s + root gate x.
struct TokenGates {
  float decay_gate, input_gate;  // sigmoids
  float decay, root;             // root: of 1 - decay^2
};

template <class T>
struct Places {
  Lines<const T> x, input, decay;
  const T* rate;
  const int32_t* offsets;
  int64_t documents;
  int channels;
};
template <class T>
Places<T> PlacesOf(const auto& a) {
  return {Lines<const T>(a.x, 1, a.channels),
          Lines<const T>(a.input, 1, a.channels),
          Lines<const T>(a.decay, 1, a.channels),
          static_cast<const T*>(a.rate),
          a.documents.offsets,
          a.documents.count,
          static_cast<int>(a.channels)};
}

// A channel's rows of a tile on their way.
template <class T>
struct Ahead {
  Coming<T> values[kTile];
  // The value of token k of the tile; the one of `next` takes its place.
  __device__ float Take(int k, const Lines<const T>& from, int channel, int next, bool there) {
    const float value = values[k].value();
    if (there) values[k].Fetch(from.at(next, 0) + channel);
    return value;
  }
  __device__ void Fetch(const Lines<const T>& from, int channel, int first, int end) {
#pragma unroll
    for (int k = 0; k < kTile; ++k) Take(k, from, channel, first + k, first + k < end);
  }
};

__device__ inline TokenGates GatesOf(float rate, float input, float decay, bool first) {
  TokenGates gates;
  gates.decay_gate = Sigmoid(decay);
  gates.input_gate = Sigmoid(input);
  const float log_decay = kPower * rate * gates.decay_gate;
  gates.decay = first ? 0.0f : expf(log_decay);
  gates.root = first ? 1.0f : sqrtf(-expm1f(2 * log_decay));
  return gates;
}

__device__ inline int OwnChannel() { return static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x); }
// The state before a tile that is not its document's first: its first token's number over the tile's length tells it apart.
__device__ inline float* StartOf(float* starts, int token) {
  return starts + (int64_t{token / kTile} * gridDim.x + blockIdx.x) * kThreads + threadIdx.x;
}

// Blocks are (channels, documents). kStarts: of the result, the states before tiles alone.
template <class T, bool kStarts>
__global__ void __launch_bounds__(kThreads) RecurrenceKernel(Places<T> p, Lines<T> y, float* starts) {
  const int channel = OwnChannel();
  if (channel >= p.channels) return;
  const float rate = Softplus(static_cast<float>(p.rate[channel]));
  for (int64_t document = blockIdx.y; document < p.documents; document += gridDim.y) {
    const int begin = p.offsets[document], end = p.offsets[document + 1];
    Ahead<T> xs, inputs, decays;
    xs.Fetch(p.x, channel, begin, end);
    inputs.Fetch(p.input, channel, begin, end);
    decays.Fetch(p.decay, channel, begin, end);
    float state = 0;
    for (int first = begin; first < end; first += kTile) {
      if (kStarts && first > begin) *StartOf(starts, first) = state;
#pragma unroll
      for (int k = 0; k < kTile; ++k) {
        const int token = first + k, next = token + kTile;
        if (token >= end) break;
        const float x = xs.Take(k, p.x, channel, next, next < end), input = inputs.Take(k, p.input, channel, next, next < end);
        const float decay = decays.Take(k, p.decay, channel, next, next < end);
        const TokenGates gates = GatesOf(rate, input, decay, token == begin);
        state = gates.decay * state + gates.root * gates.input_gate * x;
        if constexpr (!kStarts) y.at(token, 0)[channel] = static_cast<T>(state);
      }
    }
  }
}

template <class T>
struct Gradients {
  Lines<const T> dy;
  Lines<T> dx, dinput, ddecay;
  float* of_rate;  // [sections, channels]
};

// What a token's backward step reads of its forward one.
struct Kept {
  TokenGates gates;
  float x, before;
};

// Blocks are (channels, sections).
template <class T>
__global__ void __launch_bounds__(kThreads) RecurrenceBackwardKernel(Places<T> p, Gradients<T> g, float* starts) {
  constexpr int kEach = sizeof(Kept) / sizeof(float);
  __shared__ float kept[kTile][kEach][kThreads];  // a thread reads its own alone
  const int channel = OwnChannel(), t = static_cast<int>(threadIdx.x);
  if (channel >= p.channels) return;
  const float rate = Softplus(static_cast<float>(p.rate[channel]));
  double of_rate = 0;
  const Section section(p.documents);
  for (int64_t document = section.begin; document < section.end; ++document) {
    const int begin = p.offsets[document], end = p.offsets[document + 1];
    if (begin == end) continue;
    const int last = begin + (end - 1 - begin) / kTile * kTile;
    Ahead<T> xs, inputs, decays, dys;
    xs.Fetch(p.x, channel, last, end);
    inputs.Fetch(p.input, channel, last, end);
    decays.Fetch(p.decay, channel, last, end);
    dys.Fetch(g.dy, channel, last, end);
    float dstate = 0, start = last > begin ? *StartOf(starts, last) : 0.0f;
    for (int first = last; first >= begin; first -= kTile) {
      const bool more = first > begin;  // tokens before, a whole tile of them
      float state = start;
      start = first - kTile > begin ? *StartOf(starts, first - kTile) : 0.0f;
#pragma unroll
      for (int k = 0; k < kTile; ++k) {
        const int token = first + k, next = token - kTile;
        const float x = xs.Take(k, p.x, channel, next, more), input = inputs.Take(k, p.input, channel, next, more);
        const float decay = decays.Take(k, p.decay, channel, next, more);
        if (token >= end) continue;
        const TokenGates gates = GatesOf(rate, input, decay, token == begin);
        kept[k][0][t] = gates.decay_gate, kept[k][1][t] = gates.input_gate;
        kept[k][2][t] = gates.decay, kept[k][3][t] = gates.root;
        kept[k][4][t] = x, kept[k][5][t] = state;
        state = gates.decay * state + gates.root * gates.input_gate * x;
      }
#pragma unroll
      for (int k = kTile - 1; k >= 0; --k) {
        const int token = first + k;
        const float dy = dys.Take(k, g.dy, channel, token - kTile, more);
        if (token >= end) continue;
        const Kept own{{kept[k][0][t], kept[k][1][t], kept[k][2][t], kept[k][3][t]}, kept[k][4][t], kept[k][5][t]};
        const TokenGates& gates = own.gates;
        const float ds = dstate + dy, dgate = ds * gates.root * own.x;
        g.dx.at(token, 0)[channel] = static_cast<T>(ds * gates.root * gates.input_gate);
        g.dinput.at(token, 0)[channel] = static_cast<T>(dgate * gates.input_gate * (1 - gates.input_gate));
        float dlog = 0;  // of the decay's logarithm, which a first token does not read
        if (token > begin) {
          const float slope = 2 / fmaxf(2 * gates.root, kLeastTwice);
          dlog = ds * own.before * gates.decay - ds * gates.input_gate * own.x * slope * gates.decay * gates.decay;
        }
        g.ddecay.at(token, 0)[channel] = static_cast<T>(dlog * kPower * rate * gates.decay_gate * (1 - gates.decay_gate));
        of_rate += static_cast<double>(dlog * kPower * gates.decay_gate);
        dstate = ds * gates.decay;
      }
    }
  }
  // The slope of softplus is 1 - exp(-softplus).
  g.of_rate[int64_t{blockIdx.y} * p.channels + channel] = static_cast<float>(of_rate * static_cast<double>(-expm1f(-rate)));
}

struct Scratch {
  Pieces pieces;
  float *starts, *of_rate;

  Scratch(const GatedRecurrenceBackwardArgs& a, void* data)
      : pieces(data),
        starts(pieces.Take<float>((a.tokens / kTile + 1) * BlocksOf(a.channels) * kThreads)),
        of_rate(pieces.Take<float>(MostScanUnits(BlocksOf(a.channels), a.tokens) * kThreads)) {}
};

}  // namespace

void GatedRecurrence(cudaStream_t stream, const GatedRecurrenceArgs& a) {
  ForType(a.type, [&]<class T>() {
    Launch(RecurrenceKernel<T, false>, ScanGrid(BlocksOf(a.channels), a.documents.count), kThreads, 0, stream, PlacesOf<T>(a),
           Lines<T>(a.y, 1, a.channels), static_cast<float*>(nullptr));
  });
  CheckLaunch("GatedRecurrence");
}

size_t GatedRecurrenceBackwardBytes(const GatedRecurrenceBackwardArgs& a) { return Scratch(a, nullptr).pieces.taken(); }

void GatedRecurrenceBackward(cudaStream_t stream, const GatedRecurrenceBackwardArgs& a, void* scratch) {
  const Scratch s(a, scratch);
  const int64_t blocks = BlocksOf(a.channels), sections = ScanSections(blocks, a.documents.count);
  ForType(a.type, [&]<class T>() {
    const Gradients<T> g{Lines<const T>(a.dy, 1, a.channels), Lines<T>(a.dx, 1, a.channels), Lines<T>(a.dinput, 1, a.channels),
                         Lines<T>(a.ddecay, 1, a.channels), s.of_rate};
    Launch(RecurrenceKernel<T, true>, ScanGrid(blocks, a.documents.count), kThreads, 0, stream, PlacesOf<T>(a),
           Lines<T>(View{}, 1, a.channels), s.starts);
    Launch(RecurrenceBackwardKernel<T>, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(sections)), kThreads, 0, stream,
           PlacesOf<T>(a), g, s.starts);
  });
  AddPartialSums(stream, {s.of_rate, sections, a.channels, a.accumulate, a.drate, nullptr, a.channels});
  CheckLaunch("GatedRecurrenceBackward");
}

}  // namespace hlm::cuda
