// The real-gated linear recurrent unit. Units of work are blocks of channels, forward of one document each; backward a block goes
// through all documents, whose states it makes again first.
#include <algorithm>
#include <cmath>

#include "core/cpu/activations.h"
#include "core/cpu/attention_tiles.h"
#include "core/cpu/scan.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

constexpr int64_t kBlock = 64;         // channels
constexpr float kPower = -8;           // of the decay
constexpr float kLeastSquare = 1e-6f;  // of twice the root, whose slope is bounded

// What one token does to the state of a channel: s = decay s + root gate x.
struct TokenGates {
  float decay_gate, input_gate;  // sigmoids
  float decay, square, root;     // square: 1 - decay^2
};
TokenGates GatesOf(float decay, float input, float rate, bool first) {
  TokenGates gates{};
  gates.decay_gate = SigmoidOf(decay);
  gates.input_gate = SigmoidOf(input);
  const float log_decay = kPower * rate * gates.decay_gate;
  gates.decay = first ? 0.0f : std::exp(log_decay);
  gates.square = -std::expm1(2 * log_decay);
  gates.root = first ? 1.0f : std::sqrt(gates.square);
  return gates;
}

template <class T, class Args>
struct Inputs {
  explicit Inputs(const Args& a)
      : type(a.type), rates(a.rate), x(a.x, 1, a.channels), input(a.input, 1, a.channels), decay(a.decay, 1, a.channels) {}
  float Rate(int64_t channel) const { return Softplus(HeadNumber(type, rates, channel)); }
  TokenGates Gates(int64_t t, int64_t channel, float rate, bool first) const {
    return GatesOf(ToFloat(decay.at(t, 0)[channel]), ToFloat(input.at(t, 0)[channel]), rate, first);
  }
  float X(int64_t t, int64_t channel) const { return ToFloat(x.at(t, 0)[channel]); }

  DType type;
  const void* rates;
  ReadLines<T> x, input, decay;
};

template <class T>
void Forward(const GatedRecurrenceArgs& a, int64_t threads) {
  const Inputs<T, GatedRecurrenceArgs> in(a);
  const WrittenLines<T> y(a.y, 1, a.channels);
  const int64_t blocks = CeilDiv(a.channels, kBlock);
  ForUnits(a.documents.count * blocks, threads, [&](int64_t unit, int64_t) {
    const int64_t document = unit / blocks, first = unit % blocks * kBlock, n = std::min(a.channels - first, kBlock);
    float state[kBlock] = {}, rate[kBlock];
    for (int64_t i = 0; i < n; ++i) rate[i] = in.Rate(first + i);
    const int64_t begin = a.documents.host_offsets[document], end = a.documents.host_offsets[document + 1];
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t i = 0; i < n; ++i) {
        const TokenGates gates = in.Gates(t, first + i, rate[i], t == begin);
        state[i] = gates.decay * state[i] + gates.root * gates.input_gate * in.X(t, first + i);
        y.at(t, 0)[first + i] = FromFloat<T>(state[i]);
      }
    }
    return true;
  });
}

template <class T>
void Backward(const GatedRecurrenceBackwardArgs& a, int64_t threads, float* scratch) {
  const Inputs<T, GatedRecurrenceBackwardArgs> in(a);
  const ReadLines<T> dy(a.dy, 1, a.channels);
  const WrittenLines<T> dx(a.dx, 1, a.channels), dinput(a.dinput, 1, a.channels), ddecay(a.ddecay, 1, a.channels);
  ForUnits(CeilDiv(a.channels, kBlock), threads, [&](int64_t unit, int64_t thread) {
    const int64_t first = unit * kBlock, n = std::min(a.channels - first, kBlock);
    float* states = scratch + thread * a.tokens * kBlock;
    float rate[kBlock], dstate[kBlock];
    double drate[kBlock] = {};
    for (int64_t i = 0; i < n; ++i) rate[i] = in.Rate(first + i);
    for (int64_t document = 0; document < a.documents.count; ++document) {
      const int64_t begin = a.documents.host_offsets[document], end = a.documents.host_offsets[document + 1];
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t i = 0; i < n; ++i) {
          const TokenGates gates = in.Gates(t, first + i, rate[i], t == begin);
          const float before = t == begin ? 0.0f : gates.decay * states[(t - 1) * kBlock + i];
          states[t * kBlock + i] = before + gates.root * gates.input_gate * in.X(t, first + i);
        }
      }
      std::fill_n(dstate, n, 0.0f);
      for (int64_t t = end - 1; t >= begin; --t) {
        for (int64_t i = 0; i < n; ++i) {
          const int64_t channel = first + i;
          const TokenGates gates = in.Gates(t, channel, rate[i], t == begin);
          const float x = in.X(t, channel), ds = dstate[i] + ToFloat(dy.at(t, 0)[channel]);
          const float dgate = ds * gates.root * x;
          dx.at(t, 0)[channel] = FromFloat<T>(ds * gates.root * gates.input_gate);
          dinput.at(t, 0)[channel] = FromFloat<T>(dgate * gates.input_gate * (1 - gates.input_gate));
          float dlog = 0;  // of the decay's logarithm, which a first token does not read
          if (t > begin) {
            const float slope = 1 / std::sqrt(std::max(4 * gates.square, kLeastSquare));
            dlog = ds * states[(t - 1) * kBlock + i] * gates.decay -
                   ds * gates.input_gate * x * slope * 2 * gates.decay * gates.decay;
          }
          ddecay.at(t, 0)[channel] = FromFloat<T>(dlog * kPower * rate[i] * gates.decay_gate * (1 - gates.decay_gate));
          drate[i] += static_cast<double>(dlog * kPower * gates.decay_gate);
          dstate[i] = ds * gates.decay;
        }
      }
    }
    for (int64_t i = 0; i < n; ++i) {
      // The slope of softplus is 1 - exp(-softplus).
      const double sum = drate[i] * static_cast<double>(-std::expm1(-rate[i]));
      float* to = a.drate + first + i;
      *to = static_cast<float>(a.accumulate ? static_cast<double>(*to) + sum : sum);
    }
    return true;
  });
}

}  // namespace

void RunGatedRecurrence(const GatedRecurrenceArgs& a, int64_t threads) {
  ForType(a.type, [&]<class T>() { Forward<T>(a, threads); });
}

size_t GatedRecurrenceBackwardFloats(const GatedRecurrenceBackwardArgs& a, int64_t threads) {
  return static_cast<size_t>(threads * a.tokens * kBlock);
}

void RunGatedRecurrenceBackward(const GatedRecurrenceBackwardArgs& a, int64_t threads, float* scratch) {
  ForType(a.type, [&]<class T>() { Backward<T>(a, threads, scratch); });
}

}  // namespace hlm
