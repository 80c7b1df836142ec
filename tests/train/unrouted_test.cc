// Experts that no token of a step chose: with `zero` they are updated with a gradient of zero, as stacked parameters are; with
// `skip` they are left alone and count their own updates, as parameters without a gradient are in PyTorch. Against plain AdamW in
// double. And the bias for the choice, which moves by how the choices fell.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/cpu/cpu_device.h"
#include "core/machine/devices.h"
#include "core/train/trainer.h"
#include "tests/equivalence/run.h"

namespace hlm {
namespace {

constexpr double kLr = 3e-3, kBeta1 = 0.8, kBeta2 = 0.95, kEps = 1e-6, kDecay = 0.3;
constexpr int64_t kLayers = 2, kSteps = 6;

struct State {
  double weight = 0, first = 0, second = 0;
};

// Loshchilov and Hutter 2019, algorithm 2, as PyTorch has it.
void Reference(State& s, double gradient, int64_t t, bool decays) {
  if (decays) s.weight -= kLr * kDecay * s.weight;
  s.first = kBeta1 * s.first + (1 - kBeta1) * gradient;
  s.second = kBeta2 * s.second + (1 - kBeta2) * gradient * gradient;
  const double first = s.first / (1 - std::pow(kBeta1, static_cast<double>(t)));
  const double root = std::sqrt(s.second) / std::sqrt(1 - std::pow(kBeta2, static_cast<double>(t)));
  s.weight -= kLr * first / (root + kEps);
}

struct Rig {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Trainer> trainer;

  Rig(bool biased, const std::function<void(PlanOptions&)>& change) : model(Model::Create(MixtureConfig(biased, kLayers), 3)) {
    PlanOptions options;
    options.compute = DType::kF32;
    options.batch_size = 2, options.seq_len = 4;
    options.grad_clip = 0;
    options.threads = 1;
    change(options);
    const auto plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
    TrainerOptions own;
    own.schedule.lr = kLr;
    own.optimizer = {.beta1 = kBeta1, .beta2 = kBeta2, .eps = kEps, .weight_decay = kDecay};
    CpuDeviceOptions device;
    device.threads = 1;
    trainer = std::make_unique<Trainer>(model, plan, own, CreateCpuDevice(device));
  }

  std::vector<float> Read(const TensorSpec& tensor, TensorKind kind) {
    std::vector<float> values(static_cast<size_t>(tensor.elements));
    trainer->ReadTensor(tensor.name, kind, 0, values.data(), values.size() * sizeof(float));
    return values;
  }
  // The tokens of each expert in the last step.
  std::vector<std::vector<int64_t>> Tokens() { return nlohmann::json::parse(trainer->MetricsJson()).at("experts").at("tokens"); }

  template <class Work>  // work(tensor, layer)
  void EachTensor(const Work& work) const {
    for (const UnitSpec& unit : model->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) work(tensor, unit.layer);
    }
  }
};

// Few tokens, others in each step: many experts get none.
struct Tokens {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets = {0, 3};
  explicit Tokens(int64_t step) {
    for (int64_t t = 0; t < 3; ++t) ids.push_back(static_cast<int32_t>((step * 17 + t * 5) % 61));
  }
  Batch View() const { return {.ids = ids, .offsets = offsets, .labels = {}, .weights = {}}; }
};

// Of a tensor that is an expert's alone; -1: of another.
int64_t ExpertOf(const std::string& name) {
  const size_t at = name.find(".experts.");
  return at == std::string::npos ? -1 : std::stoll(name.substr(at + 9));
}

class UnroutedTest : public testing::TestWithParam<Unrouted> {};

TEST_P(UnroutedTest, UpdatesAreThoseOfPlainAdamW) {
  const bool skip = GetParam() == Unrouted::kSkip;
  Rig rig(false, [&](PlanOptions& o) { o.unrouted = GetParam(); });
  std::map<std::string, std::vector<State>> states;
  rig.EachTensor([&](const TensorSpec& tensor, int64_t) {
    for (const float w : rig.Read(tensor, TensorKind::kWeight)) states[tensor.name].push_back({w});
  });
  std::map<std::string, int64_t> updates;
  int64_t left_alone = 0, came_back = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
    const Tokens tokens(step);
    // Two calls share the step; the second has tokens of its own.
    const Tokens more(step + 100);
    rig.trainer->Accumulate(tokens.View());
    rig.trainer->Accumulate(more.View());
    std::map<std::string, std::vector<float>> gradients;
    rig.EachTensor([&](const TensorSpec& tensor, int64_t) { gradients[tensor.name] = rig.Read(tensor, TensorKind::kGradient); });
    const StepMetrics metrics = rig.trainer->Apply();
    const auto counts = rig.Tokens();
    double unrouted = 0;
    for (const auto& layer : counts) unrouted += static_cast<double>(std::count(layer.begin(), layer.end(), 0));
    EXPECT_DOUBLE_EQ(metrics.unrouted_experts, unrouted / (kLayers * 6));
    EXPECT_GE(metrics.expert_imbalance, 1);
    rig.EachTensor([&](const TensorSpec& tensor, int64_t layer) {
      const int64_t expert = ExpertOf(tensor.name);
      const std::vector<float>& gradient = gradients[tensor.name];
      if (expert >= 0 && counts[static_cast<size_t>(layer)][static_cast<size_t>(expert)] == 0) {
        for (const float g : gradient) ASSERT_EQ(g, 0) << tensor.name;
        if (skip) {
          left_alone += updates[tensor.name] > 0;
          return;
        }
      }
      const int64_t t = skip ? ++updates[tensor.name] : step + 1;
      came_back += t < step + 1;
      std::vector<State>& own = states[tensor.name];
      for (size_t i = 0; i < own.size(); ++i) Reference(own[i], gradient[i], t, tensor.Decays());
    });
  }
  if (skip) {
    EXPECT_GT(left_alone, 0);
    EXPECT_GT(came_back, 0);
  }
  rig.trainer->Finish();
  rig.EachTensor([&](const TensorSpec& tensor, int64_t) {
    const std::vector<float> weights = rig.Read(tensor, TensorKind::kWeight), first = rig.Read(tensor, TensorKind::kFirstMoment);
    const std::vector<float> second = rig.Read(tensor, TensorKind::kSecondMoment);
    const std::vector<State>& own = states[tensor.name];
    for (size_t i = 0; i < own.size(); ++i) {
      ASSERT_NEAR(weights[i], own[i].weight, 2e-6) << tensor.name << " " << i;
      ASSERT_NEAR(first[i], own[i].first, 1e-6 * (std::abs(own[i].first) + 0.1)) << tensor.name << " " << i;
      ASSERT_NEAR(second[i], own[i].second, 1e-6 * (own[i].second + 1e-2)) << tensor.name << " " << i;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Both, UnroutedTest, testing::Values(Unrouted::kZero, Unrouted::kSkip),
                         [](const auto& info) { return std::string(Name(info.param)); });

class BiasTest : public testing::TestWithParam<std::pair<DType, Timing>> {};

TEST_P(BiasTest, MovesAgainstTheLoadByTheRate) {
  constexpr double kRate = 0.0007;  // not a number that bf16 has
  const auto [compute, timing] = GetParam();
  Rig rig(true, [&, compute = compute, timing = timing](PlanOptions& o) {
    o.compute = compute;
    o.timing = timing;
    o.bias_rate = kRate;
    o.max_part_bytes = 16384, o.max_piece_bytes = 1;
  });
  std::vector<std::vector<double>> expected(kLayers, std::vector<double>(8));
  for (int64_t step = 0; step < kSteps; ++step) {
    const Tokens tokens(step);
    rig.trainer->Step(tokens.View());
    const auto counts = rig.Tokens();
    for (size_t layer = 0; layer < counts.size(); ++layer) {
      const double mean = static_cast<double>(std::accumulate(counts[layer].begin(), counts[layer].end(), int64_t{0})) / 8;
      EXPECT_DOUBLE_EQ(mean, 3.0 * 3 / 8);
      for (size_t e = 0; e < 8; ++e) {
        const double excess = static_cast<double>(counts[layer][e]) - mean;
        expected[layer][e] -= excess > 0 ? kRate : excess < 0 ? -kRate : 0;
      }
    }
  }
  rig.trainer->Finish();
  int64_t found = 0;
  rig.EachTensor([&](const TensorSpec& tensor, int64_t layer) {
    if (tensor.name.find("e_score_correction_bias") == std::string::npos) return;
    ++found;
    const std::vector<float> bias = rig.Read(tensor, TensorKind::kWeight);
    for (size_t e = 0; e < 8; ++e) EXPECT_NEAR(bias[e], expected[static_cast<size_t>(layer)][e], 1e-8) << layer << " " << e;
    for (const float m : rig.Read(tensor, TensorKind::kFirstMoment)) EXPECT_EQ(m, 0);
  });
  EXPECT_EQ(found, kLayers);
}

INSTANTIATE_TEST_SUITE_P(All, BiasTest,
                         testing::Values(std::pair{DType::kF32, Timing::kNextForward}, std::pair{DType::kBF16, Timing::kSerial},
                                         std::pair{DType::kBF16, Timing::kBackward}));

TEST(BiasTest, StaysWithoutARate) {
  Rig rig(true, [](PlanOptions&) {});
  rig.trainer->Step(Tokens(0).View());
  rig.EachTensor([&](const TensorSpec& tensor, int64_t) {
    if (tensor.name.find("e_score_correction_bias") == std::string::npos) return;
    for (const float b : rig.Read(tensor, TensorKind::kWeight)) EXPECT_EQ(b, 0);
  });
}

}  // namespace
}  // namespace hlm
