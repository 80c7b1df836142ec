// The host-side optimizer on the caller's arrays.
#include "cpu_optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/base/checked.h"
#include "core/base/random.h"
#include "core/cpu/cpu_device.h"

namespace hlm::capi {
namespace {

constexpr int64_t kMostThreads = 1024;
constexpr int64_t kMostElements = int64_t{1} << 48;  // above any address space

hlm_optimizer_options DefaultOptions() {
  const OptimizerOptions own;
  return {sizeof(hlm_optimizer_options), own.beta1,      own.beta2,     own.eps, own.weight_decay, 0,
          HLM_OPTIMIZER_ADAMW,           HLM_STATES_F32, HLM_PATH_AUTO, 0};
}

hlm_optimizer_arrays DefaultArrays() {
  hlm_optimizer_arrays arrays{};
  arrays.struct_size = sizeof(arrays);
  arrays.decay = 1;
  return arrays;
}

// One array of a call: where it lies, how long it is and what it is called.
struct Array {
  const void* data;
  size_t element_bytes;
  const char* name;
  int64_t elements = -1;  // -1: as many as the call's
};

// Arrays of n elements each: present, aligned to their elements, and apart from each other, since all but one are written.
void CheckArrays(int64_t n, std::span<const Array> arrays) {
  if (n < 0 || n > kMostElements) throw InvalidArgument("n is ", n, "; it must lie in [0, ", kMostElements, "]");
  if (n == 0) return;
  const auto length = [n](const Array& a) { return static_cast<size_t>(a.elements < 0 ? n : a.elements); };
  for (const Array& a : arrays) {
    NotNull(a.data, a.name);
    CheckBuffer(a.data, length(a), a.element_bytes, a.name);
  }
  for (size_t i = 0; i < arrays.size(); ++i) {
    for (size_t k = i + 1; k < arrays.size(); ++k) {
      const Array &a = arrays[i], &b = arrays[k];
      const auto a_begin = reinterpret_cast<uintptr_t>(a.data), a_end = a_begin + length(a) * a.element_bytes;
      const auto b_begin = reinterpret_cast<uintptr_t>(b.data), b_end = b_begin + length(b) * b.element_bytes;
      if (a_begin < b_end && b_begin < a_end) throw InvalidArgument(a.name, " and ", b.name, " overlap");
    }
  }
}
void CheckArrays(int64_t n, std::initializer_list<Array> arrays) { CheckArrays(n, std::span(arrays.begin(), arrays.size())); }

DType ReadArrayType(int32_t value, const char* name) {
  return ReadDType(value, name, {{HLM_DTYPE_F32, "F32"}, {HLM_DTYPE_BF16, "BF16"}});
}

UpdateStep ReadStep(int64_t step, double lr, double gradient_scale) {
  CheckAtLeast(step, 1, "step");
  if (!(lr >= 0 && std::isfinite(lr))) throw InvalidArgument("lr is ", lr, "; it must be finite and not negative");
  if (!(gradient_scale >= 0 && std::isfinite(gradient_scale))) {
    throw InvalidArgument("gradient_scale is ", gradient_scale, "; it must be finite and not negative");
  }
  return {step, lr, gradient_scale, 0};
}

// The master is one fp32 array, the two of the exact split, or a bf16 array alone.
void CheckMaster(const hlm_optimizer_arrays& a) {
  const bool split = a.weight_bf16 != nullptr || a.remainder != nullptr;
  if (a.weight != nullptr && split) {
    throw InvalidArgument("weight is given, and weight_bf16 or remainder as well; a master has one of the two forms");
  }
  if (a.weight == nullptr && !split && a.n > 0) throw InvalidArgument("weight is NULL, and so are weight_bf16 and remainder");
}

void MustBeNull(const void* data, const char* name, const char* why) {
  if (data != nullptr) throw InvalidArgument(name, " is given; ", why);
}

size_t MomentElementBytes(StateType states) { return static_cast<size_t>(StateBytes(states, 1)); }

// The moments of an update, added to the arrays that are checked together.
std::pair<MomentArray, MomentArray> TakeMoments(const hlm_optimizer& optimizer, const hlm_optimizer_arrays& a,
                                                std::vector<Array>& arrays) {
  const bool packed = optimizer.states != StateType::kF32, scaled = optimizer.states == StateType::kInt8;
  const auto take = [&](bool there, float* plain, const char* plain_name, void* narrow, const char* narrow_name, float* scales,
                        const char* scales_name) {
    const char* const absent = "the algorithm has no second moment";
    const std::string states = StrCat("moments are stored as ", Name(optimizer.states));
    if (packed || !there) MustBeNull(plain, plain_name, there ? states.c_str() : absent);
    if (!packed || !there) MustBeNull(narrow, narrow_name, there ? states.c_str() : absent);
    if (!scaled || !there) MustBeNull(scales, scales_name, there ? states.c_str() : absent);
    if (!there) return MomentArray{};
    MomentArray moment{packed ? narrow : plain, scales};
    arrays.push_back({moment.values, MomentElementBytes(optimizer.states), packed ? narrow_name : plain_name});
    if (scaled) arrays.push_back({scales, sizeof(float), scales_name, StateScales(StateType::kInt8, a.n)});
    return moment;
  };
  const MomentArray first =
      take(true, a.first_moment, "first_moment", a.first_moment_packed, "first_moment_packed", a.first_scales, "first_scales");
  const MomentArray second = take(MomentCount(optimizer.options.algorithm) == 2, a.second_moment, "second_moment",
                                  a.second_moment_packed, "second_moment_packed", a.second_scales, "second_scales");
  return {first, second};
}

bool ReadMomentKind(int32_t kind) {  // true: the second
  CheckEnum(kind, "kind", {{HLM_TENSOR_FIRST_MOMENT, "FIRST_MOMENT"}, {HLM_TENSOR_SECOND_MOMENT, "SECOND_MOMENT"}});
  return kind == HLM_TENSOR_SECOND_MOMENT;
}

// Checks a call on one moment alone; true: the second.
bool CheckState(const hlm_optimizer* optimizer, int32_t kind, int64_t n, const void* moment, const float* scales,
                const float* values) {
  NotNull(optimizer, "optimizer");
  const bool second = ReadMomentKind(kind);
  if (second && MomentCount(optimizer->options.algorithm) < 2) {
    throw InvalidArgument("kind is SECOND_MOMENT; optimizer ", Name(optimizer->options.algorithm), " has one moment");
  }
  std::vector<Array> arrays = {{moment, MomentElementBytes(optimizer->states), "moment"}, {values, sizeof(float), "values"}};
  if (optimizer->states == StateType::kInt8) {
    arrays.push_back({scales, sizeof(float), "scales", StateScales(StateType::kInt8, std::max<int64_t>(n, 0))});
  } else {
    MustBeNull(scales, "scales", "only INT8 moments have scales");
  }
  CheckArrays(n, arrays);
  return second;
}

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

void hlm_optimizer_options_init_sized(hlm_optimizer_options* options, size_t struct_size) {
  InitStruct(options, struct_size, DefaultOptions());
}

void hlm_optimizer_arrays_init_sized(hlm_optimizer_arrays* arrays, size_t struct_size) {
  InitStruct(arrays, struct_size, DefaultArrays());
}

hlm_error* hlm_optimizer_create(const hlm_optimizer_options* options, hlm_optimizer** out_optimizer) {
  return Guard([&] {
    NotNull(out_optimizer, "out_optimizer");
    const hlm_optimizer_options given = ReadStruct(options, DefaultOptions());
    CheckEnum(
        given.algorithm, "algorithm",
        {{HLM_OPTIMIZER_ADAMW, "ADAMW"}, {HLM_OPTIMIZER_ADAM, "ADAM"}, {HLM_OPTIMIZER_SGD, "SGD"}, {HLM_OPTIMIZER_LION, "LION"}});
    CheckEnum(given.states, "states", {{HLM_STATES_F32, "F32"}, {HLM_STATES_BF16, "BF16"}, {HLM_STATES_INT8, "INT8"}});
    CheckEnum(given.optimizer_path, "optimizer_path",
              {{HLM_PATH_AUTO, "AUTO"}, {HLM_PATH_FUSED, "FUSED"}, {HLM_PATH_ONEDNN, "ONEDNN"}});
    if (given.reserved != 0) throw hlm::InvalidArgument("reserved is ", given.reserved, "; it must be 0");
    const hlm::OptimizerOptions own{static_cast<hlm::Algorithm>(given.algorithm),
                                    given.beta1,
                                    given.beta2,
                                    given.eps,
                                    given.weight_decay,
                                    given.optimizer_path == HLM_PATH_ONEDNN ? hlm::UpdatePath::kOneDnn : hlm::UpdatePath::kFused};
    CheckOptimizer(own);
    if (!hlm::Takes(own.path, own.algorithm, static_cast<hlm::StateType>(given.states), true)) {
      throw hlm::InvalidArgument("optimizer_path is ONEDNN, which has ADAMW with F32 states only; algorithm is ",
                                 Name(own.algorithm), ", states ", Name(static_cast<hlm::StateType>(given.states)));
    }
    if (given.threads < 0 || given.threads > kMostThreads) {
      throw hlm::InvalidArgument("threads is ", given.threads, "; it must lie in [0, ", kMostThreads, "]");
    }
    *out_optimizer = new hlm_optimizer(own, static_cast<hlm::StateType>(given.states),
                                       given.threads > 0 ? static_cast<int>(given.threads) : hlm::AvailableThreads());
  });
}

hlm_error* hlm_optimizer_step(hlm_optimizer* optimizer, int64_t step, double lr, double gradient_scale,
                              const hlm_optimizer_arrays* arrays) {
  return Guard([&] {
    NotNull(optimizer, "optimizer");
    NotNull(arrays, "arrays");
    hlm::UpdateStep own_step = ReadStep(step, lr, gradient_scale);
    const hlm_optimizer_arrays a = ReadStruct(arrays, DefaultArrays());
    const hlm::DType type = ReadArrayType(a.gradient_dtype, "gradient_dtype");
    const bool decay = ReadBool(a.decay, "decay");
    CheckMaster(a);
    if (a.first_index < 0 || a.first_index % hlm::kStateBlock != 0) {
      throw hlm::InvalidArgument("first_index is ", a.first_index, "; it must be a multiple of ", hlm::kStateBlock,
                                 " and not negative");
    }
    std::vector<Array> checked;
    if (a.weight != nullptr) checked.push_back({a.weight, sizeof(float), "weight"});
    if (a.weight == nullptr) checked.push_back({a.weight_bf16, sizeof(uint16_t), "weight_bf16"});
    if (a.remainder != nullptr) checked.push_back({a.remainder, sizeof(uint16_t), "remainder"});
    const auto [first, second] = TakeMoments(*optimizer, a, checked);
    checked.push_back({a.gradient, hlm::SizeOf(type), "gradient"});
    CheckArrays(a.n, checked);
    const Use use(optimizer->in_use, "the optimizer");
    if (a.n == 0) return;
    own_step.key = a.seed == 0 ? hlm::RandomKey(step, "update") : hlm::RandomKey(step, hlm::StrCat("update ", a.seed));
    hlm::Update(optimizer->pool, optimizer->options, own_step,
                {.n = a.n,
                 .master = {a.weight, a.weight_bf16, a.remainder},
                 .states = optimizer->states,
                 .first = first,
                 .second = second,
                 .gradient = a.gradient,
                 .gradient_type = type,
                 .decay = decay,
                 .first_index = a.first_index});
  });
}

hlm_error* hlm_optimizer_state_size(const hlm_optimizer* optimizer, int32_t kind, int64_t n, size_t* out_bytes,
                                    int64_t* out_scales) {
  return Guard([&] {
    NotNull(optimizer, "optimizer");
    NotNull(out_bytes, "out_bytes");
    NotNull(out_scales, "out_scales");
    const bool second = ReadMomentKind(kind);
    CheckArrays(n, {});
    const bool there = !second || hlm::MomentCount(optimizer->options.algorithm) == 2;
    *out_bytes = there ? static_cast<size_t>(hlm::StateBytes(optimizer->states, n)) : 0;
    *out_scales = there ? hlm::StateScales(optimizer->states, n) : 0;
  });
}

hlm_error* hlm_optimizer_read_state(const hlm_optimizer* optimizer, int32_t kind, int64_t n, const void* moment,
                                    const float* scales, float* values) {
  return Guard([&] {
    const bool second = CheckState(optimizer, kind, n, moment, scales, values);
    hlm::DecodeMoment(optimizer->states, second, n, {const_cast<void*>(moment), const_cast<float*>(scales)}, values);
  });
}

hlm_error* hlm_optimizer_write_state(const hlm_optimizer* optimizer, int32_t kind, int64_t n, const float* values, void* moment,
                                     float* scales) {
  return Guard([&] {
    const bool second = CheckState(optimizer, kind, n, moment, scales, values);
    const bool bf16 = optimizer->states == hlm::StateType::kBF16;
    for (int64_t i = 0; i < n; ++i) {
      const float x = values[i];
      if (!std::isfinite(bf16 ? hlm::Bf16ToFloat(hlm::FloatToBf16(x)) : x)) {
        throw hlm::InvalidArgument("values[", i, "] is ", x, "; it must be finite", bf16 ? " in bf16" : "");
      }
      if (second && x < 0) throw hlm::InvalidArgument("values[", i, "] is ", x, "; a second moment must not be negative");
    }
    hlm::EncodeMoment(optimizer->states, second, n, values, {moment, scales});
  });
}

hlm_error* hlm_optimizer_accumulate(hlm_optimizer* optimizer, int64_t n, void* sum, int32_t sum_dtype, const void* gradient,
                                    int32_t gradient_dtype, int64_t seed) {
  return Guard([&] {
    NotNull(optimizer, "optimizer");
    const hlm::DType sum_type = ReadArrayType(sum_dtype, "sum_dtype");
    const hlm::DType gradient_type = ReadArrayType(gradient_dtype, "gradient_dtype");
    CheckArrays(n, {{sum, hlm::SizeOf(sum_type), "sum"}, {gradient, hlm::SizeOf(gradient_type), "gradient"}});
    const Use use(optimizer->in_use, "the optimizer");
    if (n == 0) return;
    hlm::Accumulate(optimizer->pool, n, sum, sum_type, gradient, gradient_type, true, hlm::RandomKey(seed, "accumulate"), 0,
                    nullptr);
  });
}

hlm_error* hlm_optimizer_squared_norm(hlm_optimizer* optimizer, int64_t n, const void* gradient, int32_t gradient_dtype,
                                      double* out_sum) {
  return Guard([&] {
    NotNull(optimizer, "optimizer");
    NotNull(out_sum, "out_sum");
    const hlm::DType type = ReadArrayType(gradient_dtype, "gradient_dtype");
    CheckArrays(n, {{gradient, hlm::SizeOf(type), "gradient"}});
    const Use use(optimizer->in_use, "the optimizer");
    double sum = 0;
    if (n > 0) {
      std::vector<double> chunk_sums(static_cast<size_t>(hlm::CeilDiv(n, hlm::kGradientChunk)));
      hlm::SquaredNorms(optimizer->pool, n, gradient, type, chunk_sums.data());
      for (const double chunk : chunk_sums) sum += chunk;
    }
    *out_sum = sum;
  });
}

hlm_error* hlm_optimizer_split(hlm_optimizer* optimizer, int64_t n, const float* weight, uint16_t* weight_bf16,
                               uint16_t* remainder) {
  return Guard([&] {
    NotNull(optimizer, "optimizer");
    CheckArrays(n, {{weight, sizeof(float), "weight"},
                    {weight_bf16, sizeof(uint16_t), "weight_bf16"},
                    {remainder, sizeof(uint16_t), "remainder"}});
    const Use use(optimizer->in_use, "the optimizer");
    if (n > 0) hlm::SplitMasters(optimizer->pool, n, weight, weight_bf16, remainder);
  });
}

hlm_error* hlm_optimizer_join(hlm_optimizer* optimizer, int64_t n, const uint16_t* weight_bf16, const uint16_t* remainder,
                              float* weight) {
  return Guard([&] {
    NotNull(optimizer, "optimizer");
    CheckArrays(n, {{weight_bf16, sizeof(uint16_t), "weight_bf16"},
                    {remainder, sizeof(uint16_t), "remainder"},
                    {weight, sizeof(float), "weight"}});
    const Use use(optimizer->in_use, "the optimizer");
    if (n > 0) hlm::JoinMasters(optimizer->pool, n, weight_bf16, remainder, weight);
  });
}

void hlm_optimizer_destroy(hlm_optimizer* optimizer) { hlm::capi::Destroy(optimizer); }

}  // extern "C"
