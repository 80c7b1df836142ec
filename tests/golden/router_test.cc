// Terms of the loss that routers add, against transformers' own load_balancing_loss_func in float64 (router.json, made by
// tools/goldens/make_router_goldens.py): values, the routers' whole gradients, and the norms of all others, however a step is
// cut.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "tests/golden/golden.h"
#include "tests/golden/session.h"

namespace hlm_golden {
namespace {

using nlohmann::json;

// Those of golden_test.cc: what the library promises for f32.
constexpr double kLossTolerance = 1e-4, kGradientTolerance = 1e-4, kGlobalGradientTolerance = 1e-7;

std::string PathOf(const std::string& name) { return GoldenFolder() + "/" + name + "/router.json"; }

json ReadJson(const std::string& path) {
  std::ifstream file(path);
  return json::parse(file);
}

std::vector<std::string> NamesWithRouters() {
  std::vector<std::string> names;
  for (const std::string& name : GoldenNames()) {
    if (std::filesystem::exists(PathOf(name))) names.push_back(name);
  }
  return names;
}

struct Cut {
  const char* name;
  PlanChange change;
};

std::vector<Cut> Cuts() {
  const auto pieces = [](hlm_plan_options* options) {
    options->micro_batch = 1;
    options->sweeps = 2;
    options->activations = HLM_ACTIVATIONS_RECOMPUTE;
    options->block_inputs = HLM_BLOCK_INPUTS_HOST;
    options->slots = 2;
    options->prefetch = 1;
    options->max_part_bytes = 16384;
    options->threads = 1;
  };
  const auto two = [](hlm_plan_options* options) {
    options->device = "cpu:2";
    options->micro_batch = 1;
  };
  return {{"Chosen", [](hlm_plan_options*) {}}, {"Pieces", pieces}, {"TwoDevices", two}};
}

class RouterGoldenTest : public testing::TestWithParam<std::tuple<std::string, Cut>> {
 protected:
  RouterGoldenTest() : golden_(LoadGolden(std::get<0>(GetParam()))), router_(ReadJson(PathOf(golden_.name))) {}
  void SetUp() override {
    if (std::string(TestDevice()) != "cpu") GTEST_SKIP() << "a plan for the CPU device";
  }

  TrainerHandle Make(const PlanChange& change) const {
    return MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_F32, [&](hlm_plan_options* options) {
      std::get<1>(GetParam()).change(options);
      change(options);
    });
  }
  double Coefficient() const { return router_.at("coefficient").get<double>(); }

  // `wanted`: an object with gradient_norms and router_gradients.
  void ExpectGradients(hlm_trainer* trainer, const json& wanted) const {
    double global = 0;
    for (const auto& [name, norm] : wanted.at("gradient_norms").items()) global += norm.get<double>() * norm.get<double>();
    global = std::sqrt(global);
    for (const GoldenParameter& p : golden_.parameters) {
      if (!wanted.at("gradient_norms").contains(p.name)) continue;
      const std::vector<float> gradient = ReadTensor(trainer, p.name, HLM_TENSOR_GRADIENT, p.gradient.size());
      double norm = 0;
      for (const float value : gradient) norm += static_cast<double>(value) * value;
      const double expected = wanted["gradient_norms"][p.name];
      EXPECT_NEAR(std::sqrt(norm), expected, kGradientTolerance * expected + kGlobalGradientTolerance * global) << p.name;
      if (!wanted.at("router_gradients").contains(p.name)) continue;
      const json& whole = wanted["router_gradients"][p.name];
      ASSERT_EQ(whole.size(), gradient.size()) << p.name;
      double off = 0;
      for (size_t i = 0; i < gradient.size(); ++i) off += std::pow(gradient[i] - whole[i].get<double>(), 2);
      EXPECT_LE(std::sqrt(off), kGradientTolerance * expected + kGlobalGradientTolerance * global) << p.name;
    }
  }

  // The first batch's loss and gradients with a term, and what the step then tells of it.
  void Expect(const PlanChange& change, double value, const json& gradients, double hlm_step_metrics::*told) const {
    const TrainerHandle trainer = Make(change);
    const double expected = router_.at("cross_entropy").get<double>() + Coefficient() * value;
    EXPECT_NEAR(Evaluate(trainer.get(), golden_.batches[0]).loss, router_.at("cross_entropy"), kLossTolerance * expected);
    EXPECT_NEAR(Accumulate(trainer.get(), golden_.batches[0]).loss, expected, kLossTolerance * expected);
    ExpectGradients(trainer.get(), gradients);
    const hlm_step_metrics metrics = Apply(trainer.get());
    EXPECT_NEAR(metrics.loss, expected, kLossTolerance * expected);
    EXPECT_NEAR(metrics.*told, value, kLossTolerance * value);
  }

  const Golden golden_;
  const json router_;
};

TEST_P(RouterGoldenTest, TheBalancingLossOfAStepIsTransformers) {
  Expect([&](hlm_plan_options* options) { options->router_aux_loss_coef = Coefficient(); }, router_.at("together"), router_,
         &hlm_step_metrics::aux_loss);
}

TEST_P(RouterGoldenTest, TheBalancingLossOfDocumentsIsTransformersForEach) {
  const json& sequence = router_.at("sequence");
  Expect(
      [&](hlm_plan_options* options) {
        options->router_aux_loss_coef = Coefficient();
        options->router_aux_loss_scope = HLM_AUX_SCOPE_SEQUENCE;
      },
      sequence.at("value"), sequence, &hlm_step_metrics::aux_loss);
}

TEST_P(RouterGoldenTest, TheZLossIsTheMeanSquareOfLogSums) {
  const json& z = router_.at("z");
  Expect([&](hlm_plan_options* options) { options->router_z_loss_coef = Coefficient(); }, z.at("value"), z,
         &hlm_step_metrics::router_z_loss);
}

// Two calls with one denominator: each call's term by its share of it, so that a step's terms are means as its loss is.
TEST_P(RouterGoldenTest, CallsShareAStepByTheirDenominator) {
  const TrainerHandle trainer = Make([&](hlm_plan_options* options) {
    options->router_aux_loss_coef = Coefficient();
    options->router_aux_loss_scope = HLM_AUX_SCOPE_SEQUENCE;
  });
  const GoldenBatch& batch = golden_.batches[0];
  double loss = 0, shares = 0;
  for (int64_t d = 0; d < batch.Documents(); ++d) {
    GoldenBatch document = batch.Slice(d, d + 1);
    document.denominator = batch.Denominator();
    if (document.tokens == 0) continue;  // nothing of it counts
    loss += Accumulate(trainer.get(), document).loss;
    shares += static_cast<double>(document.tokens) / batch.Denominator() * router_.at("documents")[d].get<double>();
  }
  const double expected = router_.at("cross_entropy").get<double>() + Coefficient() * shares;
  EXPECT_NEAR(loss, expected, kLossTolerance * expected);
}

// By the model's own config, as in transformers; a coefficient of 0 takes the term out.
TEST_P(RouterGoldenTest, TheConfigAsksForTheBalancingLoss) {
  const std::filesystem::path folder = testing::TempDir() + "/router_" + golden_.name;
  std::filesystem::remove_all(folder);
  std::filesystem::copy(golden_.model_folder, folder);
  json config = ReadJson(golden_.model_folder + "/config.json");
  json& text = config.contains("text_config") ? config["text_config"] : config;
  text["output_router_logits"] = true;
  text["router_aux_loss_coef"] = Coefficient();
  std::ofstream(folder / "config.json") << config;
  const double cross_entropy = router_.at("cross_entropy"), together = router_.at("together");
  for (const double coefficient : {-1.0, 0.0}) {
    const TrainerHandle trainer = MakeTrainer(golden_, folder, HLM_DTYPE_F32, [&](hlm_plan_options* options) {
      std::get<1>(GetParam()).change(options);
      options->router_aux_loss_coef = coefficient;
    });
    const double expected = cross_entropy + (coefficient < 0 ? Coefficient() * together : 0);
    EXPECT_NEAR(Evaluate(trainer.get(), golden_.batches[0]).loss, cross_entropy, kLossTolerance * expected);
    const hlm_step_metrics metrics = Step(trainer.get(), golden_.batches[0]);
    EXPECT_NEAR(metrics.loss, expected, kLossTolerance * expected);
    EXPECT_EQ(metrics.aux_loss < 0, coefficient == 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, RouterGoldenTest,
                         testing::Combine(testing::ValuesIn(NamesWithRouters()), testing::ValuesIn(Cuts())),
                         [](const testing::TestParamInfo<std::tuple<std::string, Cut>>& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace hlm_golden
