// The optimizer on arrays of the caller's: every algorithm, way to keep moments and master.
#include <cmath>
#include <cstring>

#include "tests/bits/rig.h"

namespace hlm_bits {
namespace {

constexpr int64_t kElements = 256 * 9 + 57;

std::vector<float> Numbers(double scale, double shift) {
  std::vector<float> values;
  for (int64_t i = 0; i < kElements; ++i) {
    values.push_back(static_cast<float>(scale * std::sin(static_cast<double>(i) * 0.7 + shift)));
  }
  return values;
}
std::vector<uint16_t> Bf16(const std::vector<float>& values) {
  std::vector<uint16_t> narrow;
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    narrow.push_back(static_cast<uint16_t>(bits >> 16));
  }
  return narrow;
}

enum class Master { kF32, kSplit, kNone };

void Update(Case& c, int32_t algorithm, int32_t states, Master master, bool bf16_gradient) {
  hlm::OptimizerOptions options;
  options.threads = 2;
  options.algorithm = algorithm, options.states = states;
  options.weight_decay = 0.1;
  hlm::Optimizer optimizer(options);

  std::vector<float> weight = Numbers(0.5, 0);
  std::vector<uint16_t> weight_bf16(weight.size()), remainder(weight.size());
  optimizer.Split(kElements, weight.data(), weight_bf16.data(), remainder.data());
  hlm::OptimizerArrays arrays;
  arrays.n = kElements;
  arrays.decay = 1;
  arrays.seed = 5;
  arrays.first_index = 512;
  if (master == Master::kF32) arrays.weight = weight.data();
  if (master != Master::kF32) arrays.weight_bf16 = weight_bf16.data();
  if (master == Master::kSplit) arrays.remainder = remainder.data();

  std::vector<uint8_t> moments[2];
  std::vector<float> scales[2];
  for (const int i : {0, 1}) {
    const auto [bytes, n_scales] = optimizer.StateSize(i == 0 ? HLM_TENSOR_FIRST_MOMENT : HLM_TENSOR_SECOND_MOMENT, kElements);
    moments[i].resize(bytes);
    scales[i].resize(static_cast<size_t>(n_scales));
    if (bytes == 0) continue;
    float* const one_scale = n_scales > 0 ? scales[i].data() : nullptr;
    if (states == HLM_STATES_F32) {
      (i == 0 ? arrays.first_moment : arrays.second_moment) = reinterpret_cast<float*>(moments[i].data());
    } else {
      (i == 0 ? arrays.first_moment_packed : arrays.second_moment_packed) = moments[i].data();
      (i == 0 ? arrays.first_scales : arrays.second_scales) = one_scale;
    }
  }
  for (int64_t step = 1; step <= 3; ++step) {
    const std::vector<float> gradient = Numbers(0.01 * static_cast<double>(step), static_cast<double>(step));
    const std::vector<uint16_t> narrow = Bf16(gradient);
    arrays.gradient = bf16_gradient ? static_cast<const void*>(narrow.data()) : gradient.data();
    arrays.gradient_dtype = bf16_gradient ? HLM_DTYPE_BF16 : HLM_DTYPE_F32;
    optimizer.Step(step, 1e-2, arrays, 0.75);
  }
  c.Put("weights", Digest().All(weight).All(weight_bf16).All(remainder));
  c.Put("moments", Digest().All(moments[0]).All(moments[1]).All(scales[0]).All(scales[1]));
}

}  // namespace

void RunOptimizer(Record& record) {
  const std::pair<const char*, int32_t> algorithms[] = {
      {"adamw", HLM_OPTIMIZER_ADAMW}, {"adam", HLM_OPTIMIZER_ADAM}, {"sgd", HLM_OPTIMIZER_SGD}, {"lion", HLM_OPTIMIZER_LION}};
  const std::pair<const char*, int32_t> types[] = {{"f32", HLM_STATES_F32}, {"bf16", HLM_STATES_BF16}, {"int8", HLM_STATES_INT8}};
  const std::pair<const char*, Master> masters[] = {{"f32", Master::kF32}, {"split", Master::kSplit}, {"none", Master::kNone}};
  for (const auto& [algorithm_name, algorithm] : algorithms) {
    for (const auto& [type_name, states] : types) {
      for (const auto& [master_name, master] : masters) {
        for (const bool bf16 : {false, true}) {
          const std::string name = std::string("optimizer/") + algorithm_name + "/states_" + type_name + "/master_" +
                                   master_name + (bf16 ? "/grad_bf16" : "/grad_f32");
          record.Run(name, [&, algorithm = algorithm, states = states, master = master](Case& c) {
            Update(c, algorithm, states, master, bf16);
          });
        }
      }
    }
  }
  record.Run("optimizer/gradients", [](Case& c) {
    hlm::OptimizerOptions options;
    options.threads = 2;
    hlm::Optimizer optimizer(options);
    const std::vector<float> wide = Numbers(0.01, 1);
    const std::vector<uint16_t> narrow = Bf16(wide);
    std::vector<float> sum = Numbers(0.02, 2);
    std::vector<uint16_t> narrow_sum = Bf16(sum);
    optimizer.Accumulate(kElements, sum.data(), HLM_DTYPE_F32, wide.data(), HLM_DTYPE_F32, 1);
    optimizer.Accumulate(kElements, sum.data(), HLM_DTYPE_F32, narrow.data(), HLM_DTYPE_BF16, 1);
    optimizer.Accumulate(kElements, narrow_sum.data(), HLM_DTYPE_BF16, narrow.data(), HLM_DTYPE_BF16, 1);
    optimizer.Accumulate(kElements, narrow_sum.data(), HLM_DTYPE_BF16, wide.data(), HLM_DTYPE_F32, 2);
    c.Put("sums", Digest().All(sum).All(narrow_sum));
    c.Put("norms", Digest()
                       .Number(optimizer.SquaredNorm(kElements, sum.data(), HLM_DTYPE_F32))
                       .Number(optimizer.SquaredNorm(kElements, narrow_sum.data(), HLM_DTYPE_BF16)));
  });
}

}  // namespace hlm_bits
