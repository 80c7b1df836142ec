// One update by the fused loop: checks, scalars, and the rest of an array that is no whole block.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "cpu_optim/moment_code.h"
#include "cpu_optim/optimizer.h"
#include "cpu_optim/tiles.h"
#include "cpu_optim/update_kernels.h"
#include "cpu_optim/update_random.h"

namespace hlm {
namespace {

static_assert(kStateBlock == kRandomBlock && kGradientChunk % kStateBlock == 0 && kPassTile % kStateBlock == 0);

void CheckArrays(const OptimizerOptions& options, const UpdateArrays& a) {
  CheckCount(a.n);
  CheckF32OrBf16(a.gradient_type, "gradient");
  CheckArray(a.n, a.gradient, "gradient");
  const MasterArray& m = a.master;
  if (a.n > 0 && (m.weight != nullptr ? m.hi != nullptr || m.lo != nullptr : m.hi == nullptr)) {
    throw InvalidArgument("the master of ", a.n,
                          " weights is neither one fp32 array nor a bf16 array with or without its remainder");
  }
  const auto check_moment = [&](const MomentArray& moment, const char* values, const char* scales) {
    CheckArray(a.n, moment.values, values);
    if (a.states == StateType::kInt8) CheckArray(a.n, moment.scales, scales);
  };
  check_moment(a.first, "first moment", "array of the first moment's scales");
  if (MomentCount(options.algorithm) == 2) check_moment(a.second, "second moment", "array of the second moment's scales");
  const bool by_blocks = a.states != StateType::kF32 || (m.weight == nullptr && m.lo == nullptr);
  if (a.first_index < 0 || (by_blocks && a.first_index % kStateBlock != 0)) {
    throw InvalidArgument("index of the first element ", a.first_index, " is not a multiple of ", kStateBlock);
  }
}

using Kernel = void (*)(const kernels::UpdateBlocks&);
Kernel KernelOf(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kAdamW:
      return kernels::UpdateAdamW;
    case Algorithm::kAdam:
      return kernels::UpdateAdam;
    case Algorithm::kSgd:
      return kernels::UpdateSgd;
    case Algorithm::kLion:
      return kernels::UpdateLion;
  }
  throw InvalidArgument("optimizer ", static_cast<int32_t>(algorithm), " is none of adamw, adam, sgd and lion");
}

template <class T>
T* At(T* array, int64_t i) {
  return array == nullptr ? nullptr : array + i;
}

// From element `begin`, a multiple of kStateBlock.
kernels::UpdateBlocks BlocksAt(const UpdateArrays& a, const UpdateScalars& scalars, uint64_t key, int64_t begin) {
  kernels::UpdateBlocks b;
  b.scalars = scalars;
  b.master = {At(a.master.weight, begin), At(a.master.hi, begin), At(a.master.lo, begin)};
  b.states = a.states;
  const auto moment = [&](const MomentArray& m) {
    return MomentArray{At(static_cast<std::byte*>(m.values), StateBytes(a.states, begin)), At(m.scales, begin / kStateBlock)};
  };
  b.first = moment(a.first);
  b.second = moment(a.second);
  b.gradient = static_cast<const std::byte*>(a.gradient) + static_cast<size_t>(begin) * SizeOf(a.gradient_type);
  b.gradient_type = a.gradient_type;
  b.key = key;
  b.first_block = static_cast<uint64_t>((a.first_index + begin) / kStateBlock);
  return b;
}

// The elements behind the last whole block, through a block with zeros behind them: a zero with a zero gradient stays zero, so it
// raises no scale.
void UpdateRest(Kernel kernel, const kernels::UpdateBlocks& rest, int64_t n) {
  struct alignas(64) Copy {
    std::byte weight[kStateBlock * 4], lo[kStateBlock * 2], first[kStateBlock * 4], second[kStateBlock * 4],
        gradient[kStateBlock * 4];
  } copy = {};
  kernels::UpdateBlocks b = rest;
  b.blocks = 1;
  struct Array {
    std::byte* at;
    std::byte* copy;
    size_t bytes;
  };
  Array arrays[4];
  int count = 0;
  const auto take = [&](auto*& array, std::byte* to, size_t element_bytes) {
    if (array == nullptr) return;
    arrays[count++] = {reinterpret_cast<std::byte*>(array), to, element_bytes * static_cast<size_t>(n)};
    array = reinterpret_cast<std::remove_reference_t<decltype(array)>>(to);
  };
  take(b.master.weight, copy.weight, sizeof(float));
  take(b.master.hi, copy.weight, sizeof(bf16_t));
  take(b.master.lo, copy.lo, sizeof(uint16_t));
  take(b.first.values, copy.first, static_cast<size_t>(StateBytes(b.states, 1)));
  take(b.second.values, copy.second, static_cast<size_t>(StateBytes(b.states, 1)));
  for (int k = 0; k < count; ++k) std::memcpy(arrays[k].copy, arrays[k].at, arrays[k].bytes);
  std::memcpy(copy.gradient, rest.gradient, static_cast<size_t>(n) * SizeOf(rest.gradient_type));
  b.gradient = copy.gradient;
  kernel(b);
  for (int k = 0; k < count; ++k) std::memcpy(arrays[k].at, arrays[k].copy, arrays[k].bytes);
}

}  // namespace

UpdateScalars MakeUpdateScalars(const OptimizerOptions& options, const UpdateStep& step, bool decay) {
  const double t = static_cast<double>(step.step);
  const bool adam = MomentCount(options.algorithm) == 2;
  const bool added = options.algorithm == Algorithm::kAdam || options.algorithm == Algorithm::kSgd;
  UpdateScalars s;
  s.gradient_scale = static_cast<float>(step.gradient_scale);
  s.keep = decay && !added ? static_cast<float>(1.0 - step.lr * options.weight_decay) : 1.0f;
  s.added_decay = decay && added ? static_cast<float>(options.weight_decay) : 0.0f;
  s.beta1 = static_cast<float>(options.beta1);
  s.beta2 = static_cast<float>(options.beta2);
  s.gain1 = static_cast<float>(1.0 - options.beta1);
  s.gain2 = static_cast<float>(1.0 - options.beta2);
  s.inverse_root = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(options.beta2, t)));
  s.eps = static_cast<float>(options.eps);
  s.negative_rate = static_cast<float>(adam ? -step.lr / (1.0 - std::pow(options.beta1, t)) : -step.lr);
  return s;
}

namespace {

void UpdateByOneDnn(HostPool& pool, const OptimizerOptions& options, const UpdateStep& step, const UpdateArrays& a) {
  const bool exact = a.master.weight != nullptr || a.master.lo != nullptr || a.n == 0;
  if (!Takes(UpdatePath::kOneDnn, options.algorithm, a.states, exact)) {
    throw InvalidArgument("the update by oneDNN is AdamW with f32 moments and an exact master only; this one is ",
                          Name(options.algorithm), " with ", Name(a.states), " moments and ", exact ? "an exact" : "no exact",
                          " master");
  }
  AdamW(pool, options, step, a.n, a.master, static_cast<float*>(a.first.values), static_cast<float*>(a.second.values), a.gradient,
        a.gradient_type, a.decay);
}

// One step over elements [begin, begin + count) by the fused loop, in the caller's thread.
struct TileUpdate {
  Kernel kernel;
  UpdateScalars scalars;
  uint64_t key;
  bool one_moment;

  TileUpdate(const OptimizerOptions& options, const UpdateStep& step, bool decay)
      : kernel(KernelOf(options.algorithm)),
        scalars(MakeUpdateScalars(options, step, decay)),
        key(step.key),
        one_moment(MomentCount(options.algorithm) == 1) {}

  // Null: the arrays' own gradient; else `gradient` from its beginning on, of the same type.
  void Run(const UpdateArrays& a, int64_t begin, int64_t count, const void* gradient = nullptr) const {
    const auto blocks_at = [&](int64_t at) {
      kernels::UpdateBlocks b = BlocksAt(a, scalars, key, at);
      if (one_moment) b.second = {};
      if (gradient != nullptr)
        b.gradient = static_cast<const std::byte*>(gradient) + static_cast<size_t>(at - begin) * SizeOf(a.gradient_type);
      return b;
    };
    kernels::UpdateBlocks b = blocks_at(begin);
    b.blocks = count / kStateBlock;
    if (b.blocks > 0) kernel(b);
    const int64_t whole = b.blocks * kStateBlock;
    if (whole < count) UpdateRest(kernel, blocks_at(begin + whole), count - whole);
  }
};

// Elements whose arrays stay in a core's cache from one missed step to the next.
constexpr int64_t kMissedTile = 2 * kGradientChunk;
alignas(64) constexpr float kZeros[kMissedTile] = {};

}  // namespace

void Update(HostPool& pool, const OptimizerOptions& options, const UpdateStep& step, const UpdateArrays& a) {
  CheckOptions(options);
  CheckStep(step);
  CheckArrays(options, a);
  if (options.path == UpdatePath::kOneDnn) {
    UpdateByOneDnn(pool, options, step, a);
    return;
  }
  const TileUpdate update(options, step, a.decay);
  ForEachTile(pool, a.n, kPassTile, [&](int64_t begin, int64_t count) { update.Run(a, begin, count); });
}

void UpdateMissed(HostPool& pool, const OptimizerOptions& options, const std::vector<UpdateStep>& missed, const UpdateStep* step,
                  const UpdateArrays& arrays) {
  UpdateArrays a = arrays;
  if (step == nullptr) a.gradient = kZeros;
  CheckOptions(options);
  CheckArrays(options, a);
  for (const UpdateStep& one : missed) CheckStep(one);
  if (step != nullptr) CheckStep(*step);
  if (options.path == UpdatePath::kOneDnn) {
    const std::vector<float> zeros(static_cast<size_t>(a.n));
    UpdateArrays without = a;
    without.gradient = zeros.data();
    without.gradient_type = DType::kF32;
    for (const UpdateStep& one : missed) UpdateByOneDnn(pool, options, one, without);
    if (step != nullptr) UpdateByOneDnn(pool, options, *step, a);
    return;
  }
  std::vector<TileUpdate> updates;
  updates.reserve(missed.size());
  for (const UpdateStep& one : missed) updates.emplace_back(options, one, a.decay);
  std::optional<TileUpdate> last;
  if (step != nullptr) last.emplace(options, *step, a.decay);
  ForEachTile(pool, a.n, kMissedTile, [&](int64_t begin, int64_t count) {
    for (const TileUpdate& update : updates) update.Run(a, begin, count, kZeros);
    if (last) last->Run(a, begin, count);
  });
}

void DecodeMoment(StateType type, bool second, int64_t n, const MomentArray& moment, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    switch (type) {
      case StateType::kF32:
        std::memcpy(out + i, static_cast<const std::byte*>(moment.values) + 4 * i, sizeof(float));
        break;
      case StateType::kBF16:
        out[i] = Bf16ToFloat(static_cast<const bf16_t*>(moment.values)[i]);
        break;
      case StateType::kInt8: {
        const float scale = moment.scales[i / kStateBlock];
        out[i] = second ? DecodeSecond(static_cast<const uint8_t*>(moment.values)[i], scale)
                        : DecodeFirst(static_cast<const int8_t*>(moment.values)[i], scale);
      }
    }
  }
}

void EncodeMoment(StateType type, bool second, int64_t n, const float* values, const MomentArray& moment) {
  if (type == StateType::kF32) {
    std::memcpy(moment.values, values, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  if (type == StateType::kBF16) {
    for (int64_t i = 0; i < n; ++i) static_cast<bf16_t*>(moment.values)[i] = FloatToBf16(values[i]);
    return;
  }
  for (int64_t begin = 0; begin < n; begin += kStateBlock) {
    const int64_t end = std::min(begin + kStateBlock, n);
    uint32_t largest = 0;  // as bits, which put NaNs last
    for (int64_t i = begin; i < end; ++i) largest = std::max(largest, std::bit_cast<uint32_t>(values[i]) & 0x7fffffffu);
    const float scale = StoredScale(std::bit_cast<float>(largest), second ? kLeastSecondScale : kLeastFirstScale);
    moment.scales[begin / kStateBlock] = scale;
    auto* const codes = static_cast<uint8_t*>(moment.values);
    for (int64_t i = begin; i < end; ++i) {
      if (!(scale > 0)) {
        codes[i] = 0;
      } else if (second) {
        codes[i] = EncodeSecond(values[i], scale, 0.5f);
      } else {
        codes[i] = static_cast<uint8_t>(EncodeFirst(values[i], scale, 0.5f));
      }
    }
  }
}

}  // namespace hlm
