// Weights from a seed: a value depends on (seed, name, index) alone and the values are normal.
#include "core/model/init.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "core/base/random.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

TEST(RandomNormals, AnyPartIsThePartOfTheWhole) {
  std::vector<float> whole(1000);
  RandomNormals(42, 0, whole.size(), 1.0, whole.data());
  for (const size_t begin : {0u, 1u, 2u, 3u, 4u, 7u, 500u, 997u}) {
    for (const size_t n : {0u, 1u, 2u, 3u, 4u, 5u, 9u}) {
      if (begin + n > whole.size()) continue;
      std::vector<float> part(n + 1, -99.0f);
      RandomNormals(42, begin, n, 1.0, part.data());
      EXPECT_TRUE(std::equal(part.begin(), part.end() - 1, whole.begin() + static_cast<std::ptrdiff_t>(begin)))
          << begin << " " << n;
      EXPECT_EQ(part[n], -99.0f);
    }
  }
  EXPECT_EQ(RandomNormal(42, 13), whole[13]);
}

TEST(RandomNormals, MomentsAndTailsAreNormal) {
  constexpr size_t kCount = 4'000'000;
  std::vector<float> values(kCount);
  RandomNormals(RandomKey(1, "x"), 0, kCount, 1.0, values.data());
  double sums[4] = {0, 0, 0, 0}, products[4] = {0, 0, 0, 0};
  size_t above[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < kCount; ++i) {
    const double x = values[i];
    for (int p = 0; p < 4; ++p) sums[p] += std::pow(x, p + 1);
    for (size_t lag = 1; lag <= 4; ++lag) products[lag - 1] += i < lag ? 0.0 : x * values[i - lag];
    for (int k = 0; k < 4; ++k) above[k] += std::abs(x) > k + 1;
  }
  const double n = kCount, root = std::sqrt(n);
  // Five standard deviations of each statistic; the seed is fixed.
  EXPECT_LT(std::abs(sums[0]) / root, 5.0);
  EXPECT_LT(std::abs(sums[1] - n) / root, 5.0 * std::sqrt(2.0));
  EXPECT_LT(std::abs(sums[2]) / root, 5.0 * std::sqrt(15.0));
  EXPECT_LT(std::abs(sums[3] - 3 * n) / root, 5.0 * std::sqrt(96.0));
  for (const double product : products) EXPECT_LT(std::abs(product) / root, 5.0);
  for (int k = 0; k < 4; ++k) {
    const double p = std::erfc((k + 1) / std::sqrt(2.0));
    EXPECT_LT(std::abs(static_cast<double>(above[k]) - n * p), 5.0 * std::sqrt(n * p) + 1) << k;
  }
}

// The bits that every run has to give. A change of them changes every model that is made from a seed.
TEST(RandomNormals, BitsNeverChange) {
  float values[6];
  RandomNormals(RandomKey(0, "model.embed_tokens.weight"), 0, 6, 0.02, values);
  const float expected[6] = {0x1.fb5cc8p-9f, -0x1.b52bap-7f, -0x1.af99bep-9f, 0x1.2c26b2p-6f, -0x1.13bd1ap-6f, 0x1.03ac2ep-6f};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(values[i], expected[i]) << i << " " << std::hexfloat << values[i];
}

TEST(SeededWeights, MatricesNormalNormsOneBiasesZero) {
  const auto model =
      Model::Create(TinyConfig("Qwen2", R"({"hidden_size": 64, "vocab_size": 2000, "initializer_range": 0.5})"), 3);
  EXPECT_FALSE(model->source_dtype().has_value());
  for (const UnitSpec& unit : model->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      const std::vector<float> values = ReadAll(*model, tensor);
      double sum = 0, squares = 0;
      for (const float v : values) sum += v, squares += static_cast<double>(v) * v;
      const auto n = static_cast<double>(values.size());
      const bool norm = tensor.name.find("norm") != std::string::npos, bias = tensor.name.find(".bias") != std::string::npos;
      EXPECT_NEAR(sum / n, norm ? 1.0 : 0.0, norm || bias ? 0.0 : 2.5 / std::sqrt(n)) << tensor.name;
      EXPECT_NEAR(squares / n, norm ? 1.0 : bias ? 0.0 : 0.25, norm || bias ? 0.0 : 1.8 / std::sqrt(n)) << tensor.name;
    }
  }
}

TEST(SeededWeights, SeedAndNameChooseTheStream) {
  const std::string config = TinyConfig("Llama");
  const auto a = Model::Create(config, 1), same = Model::Create(config, 1), other = Model::Create(config, 2);
  int64_t unit = -1;
  const TensorSpec& gate = *FindTensor(a->layout(), "model.layers.0.mlp.gate_proj.weight", &unit);
  const TensorSpec& up = *FindTensor(a->layout(), "model.layers.0.mlp.up_proj.weight", &unit);
  EXPECT_EQ(ReadAll(*a, gate), ReadAll(*same, gate));
  EXPECT_NE(ReadAll(*a, gate), ReadAll(*other, gate));
  EXPECT_NE(ReadAll(*a, gate), ReadAll(*a, up));
}

TEST(SeededWeights, ThreadsReadTheSame) {
  const auto model = Model::Create(TinyConfig("Llama", R"({"vocab_size": 5000})"), 9);
  const TensorSpec& embedding = model->layout().units[0].tensors[0];
  const std::vector<float> whole = ReadAll(*model, embedding);
  std::vector<float> parts(whole.size());
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const int64_t begin = t * 19997, n = t == 3 ? embedding.elements - begin : 19997;
      model->weights().Read(embedding, begin, n, parts.data() + begin);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(parts, whole);
}

}  // namespace
}  // namespace hlm
