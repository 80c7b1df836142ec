// Mamba's selective scan. Forward, units of work are (document, block of channels). Backward, a unit is a group of channels,
// which has gradients of b and c of its own; the groups' are added in order. A channel's states and decays are kept for one
// document at a time.
#include <algorithm>
#include <cmath>

#include "core/cpu/activations.h"
#include "core/cpu/attention_tiles.h"
#include "core/cpu/parallel.h"
#include "core/cpu/scan.h"
#include "core/cpu/views.h"

namespace hlm {
namespace {

constexpr int64_t kBlock = 64;   // channels
constexpr int64_t kGroups = 16;  // of channels

// The rates at which a channel's states fade: exp(a_log).
template <class T>
void Rates(const void* a_log, int64_t channel, int64_t dim, float* to) {
  const T* from = static_cast<const T*>(a_log) + channel * dim;
  for (int64_t n = 0; n < dim; ++n) to[n] = std::exp(ToFloat(from[n]));
}

template <class T>
void Forward(const SelectiveScanArgs& a, int64_t threads, float* scratch) {
  const ReadLines<T> x(a.x, 1, a.channels), dt(a.dt, 1, a.channels), b(a.b, 1, a.state_dim), c(a.c, 1, a.state_dim);
  const WrittenLines<T> y(a.y, 1, a.channels);
  const int64_t blocks = CeilDiv(a.channels, kBlock), dim = a.state_dim;
  ForUnits(a.documents.count * blocks, threads, [&](int64_t unit, int64_t thread) {
    const int64_t document = unit / blocks, first = unit % blocks * kBlock, end = std::min(a.channels, first + kBlock);
    float *rates = scratch + 2 * thread * kBlock * dim, *states = rates + kBlock * dim;
    std::fill_n(states, kBlock * dim, 0.0f);
    for (int64_t i = first; i < end; ++i) Rates<T>(a.a_log, i, dim, rates + (i - first) * dim);
    for (int64_t t = a.documents.host_offsets[document]; t < a.documents.host_offsets[document + 1]; ++t) {
      const T *b_row = b.at(t, 0), *c_row = c.at(t, 0);
      for (int64_t i = first; i < end; ++i) {
        const float* rate = rates + (i - first) * dim;
        float* state = states + (i - first) * dim;
        const float in = ToFloat(x.at(t, 0)[i]), step = Softplus(ToFloat(dt.at(t, 0)[i]) + HeadNumber(a.type, a.dt_bias, i));
        float out = HeadNumber(a.type, a.d, i) * in;
        for (int64_t n = 0; n < dim; ++n) {
          state[n] = std::exp(-rate[n] * step) * state[n] + step * ToFloat(b_row[n]) * in;
          out += ToFloat(c_row[n]) * state[n];
        }
        y.at(t, 0)[i] = FromFloat<T>(out);
      }
    }
    return true;
  });
}

template <class T>
class Backward {
 public:
  Backward(const SelectiveScanBackwardArgs& a, float* scratch)
      : a_(a),
        x_(a.x, 1, a.channels),
        dt_(a.dt, 1, a.channels),
        dy_(a.dy, 1, a.channels),
        dx_(a.dx, 1, a.channels),
        ddt_(a.ddt, 1, a.channels),
        groups_(std::min(kGroups, a.channels)),
        each_(a.tokens * a.state_dim),
        sums_(scratch),
        arrays_(scratch + groups_ * SumFloats(a)) {}

  static size_t Floats(const SelectiveScanBackwardArgs& a) {
    const int64_t groups = std::min(kGroups, a.channels);
    return static_cast<size_t>(groups * SumFloats(a) + (2 + 4 * groups) * a.tokens * a.state_dim);
  }

  void Run(int64_t threads) {
    Widen(a_.b, B());
    Widen(a_.c, C());
    ForUnits(groups_, threads, [&](int64_t group, int64_t) {
      std::fill_n(Own(group, 0), 2 * each_, 0.0f);
      for (int64_t i = group * a_.channels / groups_; i < (group + 1) * a_.channels / groups_; ++i) Channel(group, i);
      return true;
    });
    AddUp(0, a_.db);
    AddUp(1, a_.dc);
  }

 private:
  // Of a group: the gradient of a channel's a_log in double, its rates, and the gradient of its state.
  static int64_t SumFloats(const SelectiveScanBackwardArgs& a) { return 4 * a.state_dim; }
  float* B() const { return arrays_; }
  float* C() const { return arrays_ + each_; }
  // A group's gradients of b and of c, then its states and decays.
  float* Own(int64_t group, int64_t part) const { return arrays_ + (2 + 4 * group + part) * each_; }

  void Widen(const View& view, float* to) const {
    const View v = Resolved(view, 1, a_.state_dim);
    GatherBlock(a_.type, v.data, v.row, a_.tokens, a_.state_dim, to);
  }

  void AddUp(int64_t part, const MutableView& view) const {
    const WrittenLines<T> to(view, 1, a_.state_dim);
    ParallelBlocks(a_.tokens, RowsPerBlock(a_.state_dim * groups_), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t n = 0; n < a_.state_dim; ++n) {
          float sum = 0;
          for (int64_t g = 0; g < groups_; ++g) sum += Own(g, part)[t * a_.state_dim + n];
          to.at(t, 0)[n] = FromFloat<T>(sum);
        }
      }
    });
  }

  float Step(int64_t t, int64_t channel, float bias) const { return Softplus(ToFloat(dt_.at(t, 0)[channel]) + bias); }

  void Channel(int64_t group, int64_t channel) const {
    const int64_t dim = a_.state_dim;
    auto* da_log = reinterpret_cast<double*>(sums_ + group * SumFloats(a_));
    float *rate = sums_ + group * SumFloats(a_) + 2 * dim, *dstate = rate + dim;
    double ddt_bias = 0, dd = 0;
    std::fill_n(da_log, dim, 0.0);
    Rates<T>(a_.a_log, channel, dim, rate);
    const float bias = HeadNumber(a_.type, a_.dt_bias, channel), d = HeadNumber(a_.type, a_.d, channel);
    float *db = Own(group, 0), *dc = Own(group, 1), *states = Own(group, 2), *decays = Own(group, 3);
    for (int64_t document = 0; document < a_.documents.count; ++document) {
      const int64_t begin = a_.documents.host_offsets[document], end = a_.documents.host_offsets[document + 1];
      for (int64_t t = begin; t < end; ++t) {
        const float in = ToFloat(x_.at(t, 0)[channel]), step = Step(t, channel, bias);
        for (int64_t n = 0; n < dim; ++n) {
          const int64_t at = t * dim + n;
          decays[at] = std::exp(-rate[n] * step);
          states[at] = (t == begin ? 0.0f : decays[at] * states[at - dim]) + step * B()[at] * in;
        }
      }
      std::fill_n(dstate, dim, 0.0f);
      for (int64_t t = end - 1; t >= begin; --t) {
        const float in = ToFloat(x_.at(t, 0)[channel]), step = Step(t, channel, bias), dy = ToFloat(dy_.at(t, 0)[channel]);
        float dstep = 0, dx = d * dy;
        for (int64_t n = 0; n < dim; ++n) {
          const int64_t at = t * dim + n;
          const float ds = dstate[n] + dy * C()[at], fading = t == begin ? 0.0f : ds * states[at - dim] * decays[at] * -rate[n];
          dc[at] += dy * states[at];
          db[at] += ds * step * in;
          dx += ds * step * B()[at];
          dstep += ds * B()[at] * in + fading;
          da_log[n] += static_cast<double>(fading * step);
          dstate[n] = ds * decays[at];
        }
        // The slope of softplus is 1 - exp(-softplus).
        const float ddt = dstep * -std::expm1(-step);
        dx_.at(t, 0)[channel] = FromFloat<T>(dx);
        ddt_.at(t, 0)[channel] = FromFloat<T>(ddt);
        ddt_bias += static_cast<double>(ddt);
        dd += static_cast<double>(dy * in);
      }
    }
    const auto put = [&](float* to, double sum) {
      *to = static_cast<float>(a_.accumulate ? static_cast<double>(*to) + sum : sum);
    };
    for (int64_t n = 0; n < dim; ++n) put(a_.da_log + channel * dim + n, da_log[n]);
    put(a_.ddt_bias + channel, ddt_bias);
    put(a_.dd + channel, dd);
  }

  const SelectiveScanBackwardArgs& a_;
  const ReadLines<T> x_, dt_, dy_;
  const WrittenLines<T> dx_, ddt_;
  const int64_t groups_, each_;
  float *const sums_, *const arrays_;
};

}  // namespace

size_t SelectiveScanFloats(const SelectiveScanArgs& a, int64_t threads) {
  return static_cast<size_t>(2 * threads * kBlock * a.state_dim);
}

void RunSelectiveScan(const SelectiveScanArgs& a, int64_t threads, float* scratch) {
  ForType(a.type, [&]<class T>() { Forward<T>(a, threads, scratch); });
}

size_t SelectiveScanBackwardFloats(const SelectiveScanBackwardArgs& a) {
  return a.type == DType::kF32 ? Backward<float>::Floats(a) : Backward<bf16_t>::Floats(a);
}

void RunSelectiveScanBackward(const SelectiveScanBackwardArgs& a, int64_t threads, float* scratch) {
  ForType(a.type, [&]<class T>() { Backward<T>(a, scratch).Run(threads); });
}

}  // namespace hlm
