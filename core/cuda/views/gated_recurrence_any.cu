// The real-gated linear recurrent unit in fp32, whatever the type, by the formulas of core/cpu/gated_recurrence.cc: a thread has a channel.
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/vec.cuh"
#include "core/cuda/views/lines.cuh"
#include "core/cuda/views/gates.cuh"
#include "core/cuda/views/scan.cuh"

namespace hlm::cuda {
namespace {

constexpr float kPower = -8;           // of the decay
constexpr float kLeastSquare = 1e-6f;  // of twice the root, whose slope is bounded

int64_t BlocksOf(int64_t channels) { return CeilDiv(channels, int64_t{kScanThreads}); }

// What one token does to the state of a channel: s = decay s + root gate x.
struct TokenGates {
  float decay_gate, input_gate;  // sigmoids
  float decay, square, root;     // square: 1 - decay^2
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

template <class T>
struct Own {
  const Places<T>& p;
  const int channel;
  const float rate;

  __device__ Own(const Places<T>& places, int number)
      : p(places), channel(number), rate(Softplus(static_cast<float>(p.rate[channel]))) {}
  __device__ float Of(const Lines<const T>& rows, int token) const { return static_cast<float>(rows.at(token, 0)[channel]); }
  __device__ TokenGates Gates(int token, bool first) const {
    TokenGates gates;
    gates.decay_gate = Sigmoid(Of(p.decay, token));
    gates.input_gate = Sigmoid(Of(p.input, token));
    const float log_decay = kPower * rate * gates.decay_gate;
    gates.decay = first ? 0.0f : expf(log_decay);
    gates.square = -expm1f(2 * log_decay);
    gates.root = first ? 1.0f : sqrtf(gates.square);
    return gates;
  }
  __device__ float Advanced(float before, int token, bool first) const {
    const TokenGates gates = Gates(token, first);
    return gates.decay * before + gates.root * gates.input_gate * Of(p.x, token);
  }
};

__device__ inline int OwnChannel() { return static_cast<int>(blockIdx.x) * kScanThreads + static_cast<int>(threadIdx.x); }

// Blocks are (channels, documents).
template <class T>
__global__ void __launch_bounds__(kScanThreads) RecurrenceKernel(Places<T> p, Lines<T> y) {
  if (OwnChannel() >= p.channels) return;
  const Own<T> own(p, OwnChannel());
  for (int64_t document = blockIdx.y; document < p.documents; document += gridDim.y) {
    const int begin = p.offsets[document], end = p.offsets[document + 1];
    float state = 0;
    for (int token = begin; token < end; ++token) {
      state = own.Advanced(state, token, token == begin);
      y.at(token, 0)[own.channel] = static_cast<T>(state);
    }
  }
}

template <class T>
struct Gradients {
  Lines<const T> dy;
  Lines<T> dx, dinput, ddecay;
  float* of_rate;  // [sections, channels]
};

// Blocks are (channels, sections).
template <class T>
__global__ void __launch_bounds__(kScanThreads) RecurrenceBackwardKernel(Places<T> p, Gradients<T> g, ScanStates<1> states) {
  if (OwnChannel() >= p.channels) return;
  const Own<T> own(p, OwnChannel());
  double of_rate = 0;
  const Section section(p.documents);
  for (int64_t document = section.begin; document < section.end; ++document) {
    const int begin = p.offsets[document], end = p.offsets[document + 1];
    float dstate = 0;
    const auto advance = [&](int token, float(&state)[1]) { state[0] = own.Advanced(state[0], token, token == begin); };
    const auto backward = [&](int token, const float(&before)[1]) {
      const TokenGates gates = own.Gates(token, token == begin);
      const float x = own.Of(p.x, token), ds = dstate + own.Of(g.dy, token), dgate = ds * gates.root * x;
      g.dx.at(token, 0)[own.channel] = static_cast<T>(ds * gates.root * gates.input_gate);
      g.dinput.at(token, 0)[own.channel] = static_cast<T>(dgate * gates.input_gate * (1 - gates.input_gate));
      float dlog = 0;  // of the decay's logarithm, which a first token does not read
      if (token > begin) {
        const float slope = 1 / sqrtf(fmaxf(4 * gates.square, kLeastSquare));
        dlog = ds * before[0] * gates.decay - ds * gates.input_gate * x * slope * 2 * gates.decay * gates.decay;
      }
      g.ddecay.at(token, 0)[own.channel] = static_cast<T>(dlog * kPower * own.rate * gates.decay_gate * (1 - gates.decay_gate));
      of_rate += static_cast<double>(dlog * kPower * gates.decay_gate);
      dstate = ds * gates.decay;
    };
    states.Backwards(begin, end, advance, backward);
  }
  // The slope of softplus is 1 - exp(-softplus).
  g.of_rate[int64_t{blockIdx.y} * p.channels + own.channel] =
      static_cast<float>(of_rate * static_cast<double>(-expm1f(-own.rate)));
}

struct Scratch {
  Pieces pieces;
  ScanStates<1> states;
  float* of_rate;

  Scratch(const GatedRecurrenceBackwardArgs& a, void* data)
      : pieces(data),
        states(BlocksOf(a.channels), a.tokens, pieces),
        of_rate(pieces.Take<float>(MostScanUnits(BlocksOf(a.channels), a.tokens) * kScanThreads)) {}
};

}  // namespace

void GatedRecurrence(cudaStream_t stream, const GatedRecurrenceArgs& a) {
  ForType(a.type, [&]<class T>() {
    Launch(RecurrenceKernel<T>, ScanGrid(BlocksOf(a.channels), a.documents.count), kScanThreads, 0, stream, PlacesOf<T>(a),
           Lines<T>(a.y, 1, a.channels));
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
    Launch(RecurrenceBackwardKernel<T>, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(sections)), kScanThreads, 0,
           stream, PlacesOf<T>(a), g, s.states);
  });
  AddPartialSums(stream, {s.of_rate, sections, a.channels, a.accumulate, a.drate, nullptr, a.channels});
  CheckLaunch("GatedRecurrenceBackward");
}

}  // namespace hlm::cuda
