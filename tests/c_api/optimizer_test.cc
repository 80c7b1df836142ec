// The optimizer on the caller's arrays: values against a plain double loop, and everything a caller can do wrong.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

Optimizer MakeOptimizer(int64_t threads = 2, int32_t algorithm = HLM_OPTIMIZER_ADAMW, int32_t states = HLM_STATES_F32,
                        int32_t path = HLM_PATH_AUTO) {
  hlm_optimizer_options options;
  hlm_optimizer_options_init(&options);
  options.threads = threads;
  options.algorithm = algorithm;
  options.states = states;
  options.optimizer_path = path;
  hlm_optimizer* optimizer = nullptr;
  EXPECT_OK(hlm_optimizer_create(&options, &optimizer));
  return Optimizer(optimizer);
}

// Arrays of one update, filled with numbers that repeat nowhere soon.
struct Arrays {
  explicit Arrays(int64_t n) : weight(n), first(n, 0.0f), second(n, 0.0f), gradient(n), hi(n), lo(n) {
    for (int64_t i = 0; i < n; ++i) {
      weight[i] = std::sin(0.37f * static_cast<float>(i)) * 0.1f;
      gradient[i] = std::cos(0.91f * static_cast<float>(i)) * 0.01f;
    }
  }
  hlm_optimizer_arrays Get() {
    hlm_optimizer_arrays arrays;
    hlm_optimizer_arrays_init(&arrays);
    arrays.n = static_cast<int64_t>(weight.size());
    arrays.weight = weight.data();
    arrays.first_moment = first.data();
    arrays.second_moment = second.data();
    arrays.gradient = gradient.data();
    arrays.gradient_dtype = HLM_DTYPE_F32;
    return arrays;
  }
  hlm_optimizer_arrays GetSplit() {
    hlm_optimizer_arrays arrays = Get();
    arrays.weight = nullptr;
    arrays.weight_bf16 = hi.data();
    arrays.remainder = lo.data();
    return arrays;
  }
  std::vector<float> weight, first, second, gradient;
  std::vector<uint16_t> hi, lo;
};

void StepAsAPlainDoubleLoop(int32_t path) {
  constexpr int64_t kN = 10007;
  const Optimizer optimizer = MakeOptimizer(2, HLM_OPTIMIZER_ADAMW, HLM_STATES_F32, path);
  Arrays arrays(kN);
  std::vector<double> w(arrays.weight.begin(), arrays.weight.end()), m(kN, 0.0), v(kN, 0.0);
  const double lr = 1e-3, scale = 0.5;
  for (int64_t step = 1; step <= 5; ++step) {
    const hlm_optimizer_arrays given = arrays.Get();
    ASSERT_OK(hlm_optimizer_step(optimizer.get(), step, lr, scale, &given));
    for (int64_t i = 0; i < kN; ++i) {
      const double g = scale * arrays.gradient[i];
      w[i] -= lr * 0.01 * w[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      const double corrected = std::sqrt(v[i]) / std::sqrt(1 - std::pow(0.999, step)) + 1e-8;
      w[i] -= lr / (1 - std::pow(0.9, step)) * m[i] / corrected;
    }
  }
  // Five updates of at most 2e-3 on weights below 0.2, each with a few roundings of 2^-24 relative.
  for (int64_t i = 0; i < kN; ++i) ASSERT_NEAR(arrays.weight[i], w[i], 5e-7) << i;
}

TEST(Optimizer, StepsAsAPlainDoubleLoopDoes) { StepAsAPlainDoubleLoop(HLM_PATH_AUTO); }
TEST(Optimizer, StepsByOneDnnAsAPlainDoubleLoopDoes) { StepAsAPlainDoubleLoop(HLM_PATH_ONEDNN); }

TEST(Optimizer, AutoIsTheFusedPath) {
  Arrays by_auto(1000), fused(1000), onednn(1000);
  const auto step = [](Arrays& arrays, int32_t path) {
    const Optimizer optimizer = MakeOptimizer(1, HLM_OPTIMIZER_ADAMW, HLM_STATES_F32, path);
    for (int64_t t = 1; t <= 3; ++t) {
      const hlm_optimizer_arrays given = arrays.Get();
      EXPECT_OK(hlm_optimizer_step(optimizer.get(), t, 1e-2, 0.3, &given));
    }
  };
  step(by_auto, HLM_PATH_AUTO);
  step(fused, HLM_PATH_FUSED);
  step(onednn, HLM_PATH_ONEDNN);
  EXPECT_EQ(by_auto.weight, fused.weight);
  EXPECT_NE(onednn.weight, fused.weight);  // within rounding: that is why a plan's numerics name the path
}

TEST(Optimizer, TheExactSplitGivesTheSameBits) {
  constexpr int64_t kN = 5000;
  const Optimizer one = MakeOptimizer(1), three = MakeOptimizer(3);
  Arrays plain(kN), split(kN);
  ASSERT_OK(hlm_optimizer_split(one.get(), kN, split.weight.data(), split.hi.data(), split.lo.data()));
  for (int64_t step = 1; step <= 3; ++step) {
    const hlm_optimizer_arrays a = plain.Get(), b = split.GetSplit();
    ASSERT_OK(hlm_optimizer_step(one.get(), step, 1e-3, 1.0, &a));
    ASSERT_OK(hlm_optimizer_step(three.get(), step, 1e-3, 1.0, &b));
  }
  std::vector<float> joined(kN);
  ASSERT_OK(hlm_optimizer_join(three.get(), kN, split.hi.data(), split.lo.data(), joined.data()));
  EXPECT_EQ(std::memcmp(joined.data(), plain.weight.data(), kN * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(split.second.data(), plain.second.data(), kN * sizeof(float)), 0);
}

// Moments of any form behind the calls that size, read and write them.
struct Packed {
  Packed(const hlm_optimizer* optimizer, int32_t states, int64_t n) : optimizer(optimizer), states(states), n(n) {
    for (int k = 0; k < 2; ++k) {
      size_t bytes = 99;
      int64_t n_scales = 99;
      EXPECT_OK(hlm_optimizer_state_size(optimizer, HLM_TENSOR_FIRST_MOMENT + k, n, &bytes, &n_scales));
      values[k].resize(bytes);
      scales[k].resize(static_cast<size_t>(n_scales));
    }
  }
  float* Scales(int k) { return scales[k].empty() ? nullptr : scales[k].data(); }
  void* Values(int k) { return values[k].empty() ? nullptr : values[k].data(); }
  void Give(hlm_optimizer_arrays& a) {
    a.first_moment = a.second_moment = nullptr;
    if (states == HLM_STATES_F32) {
      a.first_moment = static_cast<float*>(Values(0));
      a.second_moment = static_cast<float*>(Values(1));
    } else {
      a.first_moment_packed = Values(0);
      a.second_moment_packed = Values(1);
      a.first_scales = Scales(0);
      a.second_scales = Scales(1);
    }
  }
  std::vector<float> Read(int k) {
    std::vector<float> out(static_cast<size_t>(n));
    EXPECT_OK(hlm_optimizer_read_state(optimizer, HLM_TENSOR_FIRST_MOMENT + k, n, values[k].data(), Scales(k), out.data()));
    return out;
  }
  const hlm_optimizer* optimizer;
  int32_t states;
  int64_t n;
  std::vector<unsigned char> values[2];
  std::vector<float> scales[2];
};

TEST(Optimizer, EveryAlgorithmAndStateFollowsAPlainDoubleLoop) {
  constexpr int64_t kN = 3001;
  for (int32_t algorithm = HLM_OPTIMIZER_ADAMW; algorithm <= HLM_OPTIMIZER_LION; ++algorithm) {
    for (int32_t states = HLM_STATES_F32; states <= HLM_STATES_INT8; ++states) {
      SCOPED_TRACE(::testing::Message() << "algorithm " << algorithm << " states " << states);
      const bool two = algorithm <= HLM_OPTIMIZER_ADAM,
                 decoupled = algorithm == HLM_OPTIMIZER_ADAMW || algorithm == HLM_OPTIMIZER_LION;
      const Optimizer optimizer = MakeOptimizer(2, algorithm, states);
      Arrays arrays(kN);
      Packed moments(optimizer.get(), states, kN);
      EXPECT_EQ(moments.values[0].size(), kN * (states == HLM_STATES_F32 ? 4u : states == HLM_STATES_BF16 ? 2u : 1u));
      EXPECT_EQ(moments.values[1].size(), two ? moments.values[0].size() : 0u);
      EXPECT_EQ(moments.scales[0].size(), states == HLM_STATES_INT8 ? 12u : 0u);
      std::vector<double> w(arrays.weight.begin(), arrays.weight.end()), m(kN, 0.0), v(kN, 0.0);
      const double lr = 1e-3;
      for (int64_t step = 1; step <= 5; ++step) {
        hlm_optimizer_arrays given = arrays.Get();
        moments.Give(given);
        ASSERT_OK(hlm_optimizer_step(optimizer.get(), step, lr, 0.5, &given));
        for (int64_t i = 0; i < kN; ++i) {
          double g = 0.5 * arrays.gradient[i];
          if (decoupled) {
            w[i] -= lr * 0.01 * w[i];
          } else {
            g += 0.01 * w[i];
          }
          if (algorithm == HLM_OPTIMIZER_LION) {
            const double mean = 0.9 * m[i] + 0.1 * g;
            w[i] -= lr * (mean > 0 ? 1 : mean < 0 ? -1 : 0);
            m[i] = 0.999 * m[i] + 0.001 * g;
          } else if (algorithm == HLM_OPTIMIZER_SGD) {
            m[i] = 0.9 * m[i] + g;
            w[i] -= lr * m[i];
          } else {
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            w[i] -= lr / (1 - std::pow(0.9, step)) * m[i] / (std::sqrt(v[i]) / std::sqrt(1 - std::pow(0.999, step)) + 1e-8);
          }
        }
      }
      // A step moves a weight by lr at most (SGD by far less). Roundings of a moment: none that matter, 2^-8 or 2 to 7 % of it, of which
      // the gradients here, above a ten-thousandth of their largest, keep the update within a fifth. Lion's sign may turn near zero.
      const double tolerance = algorithm == HLM_OPTIMIZER_SGD ? 1e-5
                               : states == HLM_STATES_F32     ? 5e-6
                               : states == HLM_STATES_BF16    ? 2e-4
                                                              : 3e-3;
      int64_t far = 0;
      for (int64_t i = 0; i < kN; ++i) far += std::abs(arrays.weight[i] - w[i]) > tolerance;
      EXPECT_LE(far, kN / 200);
      const std::vector<float> first = moments.Read(0);
      double error = 0, size = 0;
      for (int64_t i = 0; i < kN; ++i) {
        error += (first[i] - m[i]) * (first[i] - m[i]);
        size += m[i] * m[i];
      }
      EXPECT_LT(std::sqrt(error / size), states == HLM_STATES_F32 ? 1e-6 : states == HLM_STATES_BF16 ? 0.01 : 0.05);
    }
  }
}

TEST(Optimizer, StatesReadAndWriteBackTheSame) {
  constexpr int64_t kN = 1000;
  for (const int32_t states : {HLM_STATES_F32, HLM_STATES_BF16, HLM_STATES_INT8}) {
    const Optimizer optimizer = MakeOptimizer(2, HLM_OPTIMIZER_ADAMW, states);
    Arrays arrays(kN);
    Packed moments(optimizer.get(), states, kN), copy(optimizer.get(), states, kN);
    hlm_optimizer_arrays given = arrays.Get();
    moments.Give(given);
    ASSERT_OK(hlm_optimizer_step(optimizer.get(), 1, 1e-3, 1.0, &given));
    for (int k = 0; k < 2; ++k) {
      const std::vector<float> values = moments.Read(k);
      ASSERT_OK(hlm_optimizer_write_state(optimizer.get(), HLM_TENSOR_FIRST_MOMENT + k, kN, values.data(), copy.values[k].data(),
                                          copy.Scales(k)));
      EXPECT_EQ(copy.Read(k), values);
    }
  }
}

TEST(Optimizer, ABf16WeightAloneIsRoundedByItsSeed) {
  constexpr int64_t kN = 4096;
  const Optimizer optimizer = MakeOptimizer(2, HLM_OPTIMIZER_ADAMW, HLM_STATES_BF16);
  const auto run = [&](int64_t seed, int64_t first_index, int64_t part) {
    Arrays arrays(kN);
    std::vector<float> lost(kN);
    EXPECT_OK(hlm_optimizer_split(optimizer.get(), kN, arrays.weight.data(), arrays.hi.data(), arrays.lo.data()));
    Packed moments(optimizer.get(), HLM_STATES_BF16, kN);
    for (int64_t begin = 0; begin < kN; begin += part) {
      hlm_optimizer_arrays a;
      hlm_optimizer_arrays_init(&a);
      a.n = part;
      a.weight_bf16 = arrays.hi.data() + begin;
      a.first_moment_packed = moments.values[0].data() + 2 * begin;
      a.second_moment_packed = moments.values[1].data() + 2 * begin;
      a.gradient = arrays.gradient.data() + begin;
      a.gradient_dtype = HLM_DTYPE_F32;
      a.first_index = first_index + begin;
      a.seed = seed;
      EXPECT_OK(hlm_optimizer_step(optimizer.get(), 3, 1e-4, 1.0, &a));
    }
    return arrays.hi;
  };
  const std::vector<uint16_t> expected = run(0, 0, kN);
  EXPECT_EQ(run(0, 0, kN), expected);
  EXPECT_EQ(run(0, 0, 256), expected);
  EXPECT_NE(run(1, 0, kN), expected);
  EXPECT_NE(run(0, kN, kN), expected);
}

TEST(OptimizerMisuse, States) {
  constexpr int64_t kN = 600;
  const Optimizer int8 = MakeOptimizer(1, HLM_OPTIMIZER_ADAMW, HLM_STATES_INT8),
                  lion = MakeOptimizer(1, HLM_OPTIMIZER_LION, HLM_STATES_BF16);
  Arrays arrays(kN);
  Packed moments(int8.get(), HLM_STATES_INT8, kN);
  const auto expect = [&](const std::function<void(hlm_optimizer_arrays&)>& change, std::initializer_list<std::string> parts) {
    hlm_optimizer_arrays a = arrays.Get();
    moments.Give(a);
    change(a);
    ExpectError(hlm_optimizer_step(int8.get(), 1, 1e-3, 1.0, &a), HLM_INVALID_ARGUMENT, parts);
  };
  expect([](auto& a) { a.first_scales = nullptr; }, {"first_scales is NULL"});
  expect([](auto& a) { a.second_moment_packed = nullptr; }, {"second_moment_packed is NULL"});
  expect([&](auto& a) { a.first_moment = arrays.first.data(); }, {"first_moment is given", "int8"});
  expect([](auto& a) { a.second_scales = a.first_scales + 2; }, {"first_scales and second_scales overlap"});
  expect([](auto& a) { a.first_moment_packed = a.weight; }, {"weight and first_moment_packed overlap"});
  hlm_optimizer_arrays a = arrays.Get();
  a.first_moment = nullptr;
  a.first_moment_packed = arrays.hi.data();
  ExpectError(hlm_optimizer_step(lion.get(), 1, 1e-3, 1.0, &a), HLM_INVALID_ARGUMENT,
              {"second_moment is given", "no second moment"});

  size_t bytes = 7;
  int64_t scales = 7;
  float value = 0;
  ExpectError(hlm_optimizer_state_size(nullptr, HLM_TENSOR_FIRST_MOMENT, 1, &bytes, &scales), HLM_INVALID_ARGUMENT,
              {"optimizer is NULL"});
  ExpectError(hlm_optimizer_state_size(int8.get(), HLM_TENSOR_WEIGHT, 1, &bytes, &scales), HLM_INVALID_ARGUMENT, {"kind is 0"});
  ExpectError(hlm_optimizer_state_size(int8.get(), HLM_TENSOR_FIRST_MOMENT, -1, &bytes, &scales), HLM_INVALID_ARGUMENT,
              {"n is -1"});
  EXPECT_EQ(bytes, 7u);
  EXPECT_OK(hlm_optimizer_state_size(lion.get(), HLM_TENSOR_SECOND_MOMENT, 10, &bytes, &scales));
  EXPECT_EQ(bytes, 0u);
  ExpectError(hlm_optimizer_read_state(lion.get(), HLM_TENSOR_SECOND_MOMENT, 1, &bytes, nullptr, &value), HLM_INVALID_ARGUMENT,
              {"one moment"});
  ExpectError(hlm_optimizer_read_state(int8.get(), HLM_TENSOR_FIRST_MOMENT, 1, &bytes, nullptr, &value), HLM_INVALID_ARGUMENT,
              {"scales is NULL"});
  const float bad[3] = {1, -1, std::numeric_limits<float>::infinity()};
  unsigned char codes[3] = {5, 5, 5};
  float scale = 3;
  ExpectError(hlm_optimizer_write_state(int8.get(), HLM_TENSOR_FIRST_MOMENT, 3, bad, codes, &scale), HLM_INVALID_ARGUMENT,
              {"values[2] is inf"});
  ExpectError(hlm_optimizer_write_state(int8.get(), HLM_TENSOR_SECOND_MOMENT, 3, bad, codes, &scale), HLM_INVALID_ARGUMENT,
              {"values[1] is -1"});
  EXPECT_EQ(codes[0], 5);
  EXPECT_EQ(scale, 3);
}

TEST(Optimizer, NormsAndSums) {
  constexpr int64_t kN = 9000;
  const Optimizer optimizer = MakeOptimizer();
  Arrays arrays(kN);
  long double expected = 0;
  for (const float g : arrays.gradient) expected += static_cast<long double>(g) * g;
  double norm = 0;
  ASSERT_OK(hlm_optimizer_squared_norm(optimizer.get(), kN, arrays.gradient.data(), HLM_DTYPE_F32, &norm));
  EXPECT_NEAR(norm, static_cast<double>(expected), 1e-12 * static_cast<double>(expected));

  std::vector<float> sum = arrays.weight;
  ASSERT_OK(hlm_optimizer_accumulate(optimizer.get(), kN, sum.data(), HLM_DTYPE_F32, arrays.gradient.data(), HLM_DTYPE_F32, 0));
  for (int64_t i = 0; i < kN; ++i) ASSERT_EQ(sum[i], arrays.weight[i] + arrays.gradient[i]);

  // A bf16 sum is rounded by chance, but the chance is the seed's.
  std::vector<uint16_t> a(kN, 0x3f80), b(kN, 0x3f80), c(kN, 0x3f80);
  ASSERT_OK(hlm_optimizer_accumulate(optimizer.get(), kN, a.data(), HLM_DTYPE_BF16, arrays.gradient.data(), HLM_DTYPE_F32, 5));
  ASSERT_OK(hlm_optimizer_accumulate(optimizer.get(), kN, b.data(), HLM_DTYPE_BF16, arrays.gradient.data(), HLM_DTYPE_F32, 5));
  ASSERT_OK(hlm_optimizer_accumulate(optimizer.get(), kN, c.data(), HLM_DTYPE_BF16, arrays.gradient.data(), HLM_DTYPE_F32, 6));
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);

  arrays.gradient[kN - 1] = std::numeric_limits<float>::infinity();
  ASSERT_OK(hlm_optimizer_squared_norm(optimizer.get(), kN, arrays.gradient.data(), HLM_DTYPE_F32, &norm));
  EXPECT_FALSE(std::isfinite(norm));
}

TEST(Optimizer, NothingIsLegal) {
  const Optimizer optimizer = MakeOptimizer();
  hlm_optimizer_arrays arrays;
  hlm_optimizer_arrays_init(&arrays);
  EXPECT_OK(hlm_optimizer_step(optimizer.get(), 1, 1e-3, 1.0, &arrays));
  EXPECT_OK(hlm_optimizer_accumulate(optimizer.get(), 0, nullptr, HLM_DTYPE_F32, nullptr, HLM_DTYPE_F32, 0));
  EXPECT_OK(hlm_optimizer_split(optimizer.get(), 0, nullptr, nullptr, nullptr));
  EXPECT_OK(hlm_optimizer_join(optimizer.get(), 0, nullptr, nullptr, nullptr));
  double norm = 1;
  EXPECT_OK(hlm_optimizer_squared_norm(optimizer.get(), 0, nullptr, HLM_DTYPE_F32, &norm));
  EXPECT_EQ(norm, 0);
  hlm_optimizer_destroy(nullptr);
}

TEST(OptimizerMisuse, Options) {
  const auto expect = [](const std::function<void(hlm_optimizer_options&)>& change, std::initializer_list<std::string> parts) {
    hlm_optimizer_options options;
    hlm_optimizer_options_init(&options);
    change(options);
    hlm_optimizer* optimizer = nullptr;
    ExpectError(hlm_optimizer_create(&options, &optimizer), HLM_INVALID_ARGUMENT, parts);
    EXPECT_EQ(optimizer, nullptr);
  };
  expect([](auto& o) { o.struct_size = 40; }, {"hlm_optimizer_options.struct_size is 40", "48"});
  expect([](auto& o) { o.beta1 = 1; }, {"beta1 is 1"});
  expect([](auto& o) { o.beta2 = -1; }, {"beta2 is -1"});
  expect([](auto& o) { o.eps = -1e-8; }, {"eps is -1e-08"});
  expect([](auto& o) { o.weight_decay = HUGE_VAL; }, {"weight_decay is inf"});
  expect([](auto& o) { o.algorithm = 4; }, {"algorithm is 4", "3 (LION)"});
  expect([](auto& o) { o.states = 3; }, {"states is 3", "2 (INT8)"});
  expect([](auto& o) { o.threads = -1; }, {"threads is -1"});
  expect([](auto& o) { o.optimizer_path = 3; }, {"optimizer_path is 3", "2 (ONEDNN)"});
  expect([](auto& o) { o.reserved = 1; }, {"reserved is 1"});
  expect([](auto& o) { o.optimizer_path = HLM_PATH_ONEDNN, o.algorithm = HLM_OPTIMIZER_LION; },
         {"optimizer_path is ONEDNN", "lion"});
  expect([](auto& o) { o.optimizer_path = HLM_PATH_ONEDNN, o.states = HLM_STATES_INT8; }, {"optimizer_path is ONEDNN", "int8"});
  expect([](auto& o) { o.threads = 1 << 20; }, {"threads is 1048576"});
  ExpectError(hlm_optimizer_create(nullptr, nullptr), HLM_INVALID_ARGUMENT, {"out_optimizer is NULL"});
}

TEST(OptimizerMisuse, Arrays) {
  constexpr int64_t kN = 64;
  const Optimizer optimizer = MakeOptimizer();
  const auto expect = [&](const std::function<void(hlm_optimizer_arrays&)>& change, std::initializer_list<std::string> parts,
                          bool split = false) {
    Arrays arrays(kN);
    const std::vector<float> before = arrays.weight;
    hlm_optimizer_arrays given = split ? arrays.GetSplit() : arrays.Get();
    change(given);
    ExpectError(hlm_optimizer_step(optimizer.get(), 1, 1e-3, 1.0, &given), HLM_INVALID_ARGUMENT, parts);
    EXPECT_EQ(arrays.weight, before);
  };
  expect([](auto& a) { a.struct_size = 64; }, {"hlm_optimizer_arrays.struct_size is 64", "72"});
  expect([](auto& a) { a.n = -1; }, {"n is -1"});
  expect([](auto& a) { a.n = INT64_MAX; }, {"n is 9223372036854775807"});
  expect([](auto& a) { a.weight = nullptr; }, {"weight is NULL"});
  expect([](auto& a) { a.weight_bf16 = nullptr; }, {"weight_bf16 is NULL"}, true);
  expect([](auto& a) { a.first_moment_packed = a.second_moment; }, {"first_moment_packed is given", "f32"});
  expect([](auto& a) { a.first_scales = a.second_moment; }, {"first_scales is given"});
  expect([](auto& a) { a.first_index = 255; }, {"first_index is 255", "256"});
  expect([](auto& a) { a.first_index = -256; }, {"first_index is -256"});
  expect([](auto& a) { a.first_moment = nullptr; }, {"first_moment is NULL"});
  expect([](auto& a) { a.second_moment = nullptr; }, {"second_moment is NULL"});
  expect([](auto& a) { a.gradient = nullptr; }, {"gradient is NULL"});
  expect([](auto& a) { a.gradient_dtype = HLM_DTYPE_F16; }, {"gradient_dtype is 2", "1 (BF16)"});
  expect([](auto& a) { a.decay = 2; }, {"decay is 2"});
  expect([](auto& a) { a.remainder = reinterpret_cast<uint16_t*>(a.weight); }, {"weight is given", "remainder"});
  expect([](auto& a) { a.first_moment = a.second_moment + 1; }, {"first_moment and second_moment overlap"});
  expect([](auto& a) { a.gradient = a.weight; }, {"weight and gradient overlap"});
  expect([](auto& a) { a.gradient = reinterpret_cast<const char*>(a.gradient) + 2; }, {"gradient", "address", "4 bytes"});
}

TEST(OptimizerMisuse, Scalars) {
  const Optimizer optimizer = MakeOptimizer();
  Arrays arrays(64);
  const hlm_optimizer_arrays given = arrays.Get();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ExpectError(hlm_optimizer_step(nullptr, 1, 1e-3, 1, &given), HLM_INVALID_ARGUMENT, {"optimizer is NULL"});
  ExpectError(hlm_optimizer_step(optimizer.get(), 1, 1e-3, 1, nullptr), HLM_INVALID_ARGUMENT, {"arrays is NULL"});
  ExpectError(hlm_optimizer_step(optimizer.get(), 0, 1e-3, 1, &given), HLM_INVALID_ARGUMENT, {"step is 0"});
  ExpectError(hlm_optimizer_step(optimizer.get(), 1, -1, 1, &given), HLM_INVALID_ARGUMENT, {"lr is -1"});
  ExpectError(hlm_optimizer_step(optimizer.get(), 1, nan, 1, &given), HLM_INVALID_ARGUMENT, {"lr is", "nan"});
  ExpectError(hlm_optimizer_step(optimizer.get(), 1, 1e-3, nan, &given), HLM_INVALID_ARGUMENT, {"gradient_scale is", "nan"});
}

TEST(OptimizerMisuse, OtherCalls) {
  const Optimizer optimizer = MakeOptimizer();
  Arrays a(64);
  float* const weight = a.weight.data();
  double sum = 3;
  ExpectError(hlm_optimizer_squared_norm(nullptr, 1, weight, HLM_DTYPE_F32, &sum), HLM_INVALID_ARGUMENT, {"optimizer is NULL"});
  ExpectError(hlm_optimizer_squared_norm(optimizer.get(), -2, weight, HLM_DTYPE_F32, &sum), HLM_INVALID_ARGUMENT, {"n is -2"});
  ExpectError(hlm_optimizer_squared_norm(optimizer.get(), 1, nullptr, HLM_DTYPE_F32, &sum), HLM_INVALID_ARGUMENT,
              {"gradient is NULL"});
  ExpectError(hlm_optimizer_squared_norm(optimizer.get(), 1, weight, 9, &sum), HLM_INVALID_ARGUMENT, {"gradient_dtype is 9"});
  ExpectError(hlm_optimizer_squared_norm(optimizer.get(), 1, weight, HLM_DTYPE_F32, nullptr), HLM_INVALID_ARGUMENT,
              {"out_sum is NULL"});
  EXPECT_EQ(sum, 3);
  ExpectError(hlm_optimizer_accumulate(optimizer.get(), 64, weight, HLM_DTYPE_F32, weight + 1, HLM_DTYPE_F32, 0),
              HLM_INVALID_ARGUMENT, {"sum and gradient overlap"});
  ExpectError(hlm_optimizer_accumulate(optimizer.get(), 64, weight, HLM_DTYPE_F16, a.gradient.data(), HLM_DTYPE_F32, 0),
              HLM_INVALID_ARGUMENT, {"sum_dtype is 2"});
  ExpectError(hlm_optimizer_split(optimizer.get(), 64, weight, a.hi.data(), a.hi.data()), HLM_INVALID_ARGUMENT,
              {"weight_bf16 and remainder overlap"});
  ExpectError(hlm_optimizer_split(optimizer.get(), 64, weight, a.hi.data(), nullptr), HLM_INVALID_ARGUMENT,
              {"remainder is NULL"});
  ExpectError(hlm_optimizer_join(optimizer.get(), 64, a.hi.data(), a.lo.data(), nullptr), HLM_INVALID_ARGUMENT,
              {"weight is NULL"});
}

}  // namespace
}  // namespace hlm_test
