// The host-side optimizer on the caller's arrays.
#include "cpu_optim/optimizer.h"

#include <cmath>
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
  return {sizeof(hlm_optimizer_options), own.beta1, own.beta2, own.eps, own.weight_decay, 0};
}

hlm_optimizer_arrays DefaultArrays() {
  hlm_optimizer_arrays arrays{};
  arrays.struct_size = sizeof(arrays);
  arrays.decay = 1;
  return arrays;
}

// One array of a call: where it lies and what it is called.
struct Array {
  const void* data;
  size_t element_bytes;
  const char* name;
};

// Arrays of n elements each: present, aligned to their elements, and apart from each other, since all but one are written.
void CheckArrays(int64_t n, std::initializer_list<Array> arrays) {
  if (n < 0 || n > kMostElements) throw InvalidArgument("n is ", n, "; it must lie in [0, ", kMostElements, "]");
  if (n == 0) return;
  for (const Array& a : arrays) {
    NotNull(a.data, a.name);
    CheckBuffer(a.data, static_cast<size_t>(n), a.element_bytes, a.name);
  }
  for (const Array* a = arrays.begin(); a != arrays.end(); ++a) {
    for (const Array* b = a + 1; b != arrays.end(); ++b) {
      const auto a_begin = reinterpret_cast<uintptr_t>(a->data), a_end = a_begin + static_cast<size_t>(n) * a->element_bytes;
      const auto b_begin = reinterpret_cast<uintptr_t>(b->data), b_end = b_begin + static_cast<size_t>(n) * b->element_bytes;
      if (a_begin < b_end && b_begin < a_end) throw InvalidArgument(a->name, " and ", b->name, " overlap");
    }
  }
}

DType ReadArrayType(int32_t value, const char* name) {
  return ReadDType(value, name, {{HLM_DTYPE_F32, "F32"}, {HLM_DTYPE_BF16, "BF16"}});
}

UpdateStep ReadStep(int64_t step, double lr, double gradient_scale) {
  CheckAtLeast(step, 1, "step");
  if (!(lr >= 0 && std::isfinite(lr))) throw InvalidArgument("lr is ", lr, "; it must be finite and not negative");
  if (!(gradient_scale >= 0 && std::isfinite(gradient_scale))) {
    throw InvalidArgument("gradient_scale is ", gradient_scale, "; it must be finite and not negative");
  }
  return {step, lr, gradient_scale};
}

// The master is one fp32 array, or the two of the exact split.
void CheckMaster(const hlm_optimizer_arrays& a) {
  const bool split = a.weight_bf16 != nullptr || a.remainder != nullptr;
  if (a.weight != nullptr && split) {
    throw InvalidArgument("weight is given, and weight_bf16 or remainder as well; a master has one of the two forms");
  }
  if (a.weight == nullptr && !split && a.n > 0) throw InvalidArgument("weight is NULL, and so are weight_bf16 and remainder");
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
    const hlm::OptimizerOptions own{hlm::Algorithm::kAdamW, given.beta1, given.beta2, given.eps, given.weight_decay};
    CheckOptimizer(own);
    if (given.threads < 0 || given.threads > kMostThreads) {
      throw hlm::InvalidArgument("threads is ", given.threads, "; it must lie in [0, ", kMostThreads, "]");
    }
    *out_optimizer = new hlm_optimizer(own, given.threads > 0 ? static_cast<int>(given.threads) : hlm::AvailableThreads());
  });
}

hlm_error* hlm_optimizer_step(hlm_optimizer* optimizer, int64_t step, double lr, double gradient_scale,
                              const hlm_optimizer_arrays* arrays) {
  return Guard([&] {
    NotNull(optimizer, "optimizer");
    NotNull(arrays, "arrays");
    const hlm::UpdateStep own_step = ReadStep(step, lr, gradient_scale);
    const hlm_optimizer_arrays a = ReadStruct(arrays, DefaultArrays());
    const hlm::DType type = ReadArrayType(a.gradient_dtype, "gradient_dtype");
    const bool decay = ReadBool(a.decay, "decay");
    CheckMaster(a);
    const Array first{a.first_moment, sizeof(float), "first_moment"}, second{a.second_moment, sizeof(float), "second_moment"};
    const Array gradient{a.gradient, hlm::SizeOf(type), "gradient"};
    if (a.weight != nullptr) {
      CheckArrays(a.n, {{a.weight, sizeof(float), "weight"}, first, second, gradient});
    } else {
      CheckArrays(a.n, {{a.weight_bf16, sizeof(uint16_t), "weight_bf16"},
                        {a.remainder, sizeof(uint16_t), "remainder"},
                        first,
                        second,
                        gradient});
    }
    const Use use(optimizer->in_use, "the optimizer");
    if (a.n == 0) return;
    hlm::AdamW(optimizer->pool, optimizer->options, own_step, a.n, {a.weight, a.weight_bf16, a.remainder}, a.first_moment,
               a.second_moment, a.gradient, type, decay);
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
      std::vector<double> chunk_sums(static_cast<size_t>(hlm::CeilDiv(n, hlm::kNormChunk)));
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

void hlm_optimizer_destroy(hlm_optimizer* optimizer) { delete optimizer; }

}  // extern "C"
