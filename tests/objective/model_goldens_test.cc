// Every objective through a whole model, against PyTorch in float64: losses, log-probabilities and the gradients of all weights
// (tools/goldens/objectives/make_goldens.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/cpu/cpu_device.h"
#include "core/machine/devices.h"
#include "core/objective/objectives.h"
#include "core/train/trainer.h"

namespace hlm {
namespace {

using Json = nlohmann::json;

const Json& Goldens() {
  static const Json* goldens = [] {
    std::ifstream file("tests/objective/model_goldens.json");
    return new Json(Json::parse(file));
  }();
  return *goldens;
}

template <class T>
std::vector<T> Array(const char* name) {
  return Goldens().at(name).get<std::vector<T>>();
}

// The goldens' batch, and what the objectives take beside it.
struct Data {
  std::vector<int32_t> ids = Array<int32_t>("ids"), desirable = Array<int32_t>("desirable");
  std::vector<float> weights = Array<float>("weights"), tilts = Array<float>("entropy_weights");
  std::vector<float> advantages = Array<float>("advantages"), old = Array<float>("old"), rollout = Array<float>("rollout"),
                     reference = Array<float>("reference");
  std::vector<double> reference_sums = Array<double>("reference_sums");
  std::vector<int64_t> offsets = {0};
  Batch batch;

  Data() {
    for (const int64_t length : Array<int64_t>("lengths")) offsets.push_back(offsets.back() + length);
    batch.ids = ids;
    batch.offsets = offsets;
    batch.weights = weights;
  }
  Data(const Data&) = delete;
};

// In float32 on the CPU. Two micro-batches and chunks of five rows in the head: a sum over a step is put together from parts.
struct Rig {
  std::shared_ptr<const Model> model = Model::Open("tests/golden/data/" + Goldens().at("model").get<std::string>() + "/model");
  std::unique_ptr<Trainer> trainer;

  explicit Rig(int64_t sweeps = 1) {
    PlanOptions options;
    options.compute = DType::kF32;
    options.batch_size = 6, options.seq_len = 12, options.micro_batch = 2, options.sweeps = sweeps;
    options.threads = 1;
    options.head_chunk = 5;
    options.grad_clip = 0;
    const auto plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
    CpuDeviceOptions device;
    device.threads = 1;
    trainer = std::make_unique<Trainer>(model, plan, TrainerOptions{}, CreateCpuDevice(device));
  }
  std::vector<float> Gradient(const std::string& name) {
    for (const UnitSpec& unit : model->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) {
        if (tensor.name != name) continue;
        std::vector<float> values(static_cast<size_t>(tensor.elements));
        trainer->ReadTensor(name, TensorKind::kGradient, 0, values.data(), values.size() * sizeof(float));
        return values;
      }
    }
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
};

double Sign(uint32_t i) { return (i * 2654435761u >> 16 & 1) != 0 ? 1.0 : -1.0; }

template <class T>
T Choice(const Json& value, const std::vector<std::string>& words) {
  const auto at = std::find(words.begin(), words.end(), value.get<std::string>());
  EXPECT_NE(at, words.end()) << value;
  return static_cast<T>(at - words.begin());
}

double RunCase(Trainer& trainer, const Data& data, const Json& c) {
  const std::string objective = c.at("objective");
  if (objective == "cross_entropy") {
    Batch batch = data.batch;
    batch.temperature = c.at("temperature");
    batch.denominator = c.at("denominator");
    if (c.at("entropy")) batch.entropy_weights = data.tilts;
    return trainer.Accumulate(batch).loss;
  }
  if (objective == "preference") {
    PreferenceInputs in;
    in.options = {static_cast<Preference>(c.at("kind").get<int>()), c.at("beta"), c.at("gamma"), c.at("label_smoothing"),
                  c.at("sft_weight")};
    if (NeedsReference(in.options.kind)) in.reference.sums = data.reference_sums;
    return AccumulatePreference(trainer, data.batch, in).loss;
  }
  if (objective == "unpaired") {
    UnpairedInputs in;
    in.options = {c.at("beta"), c.at("desirable_weight"), c.at("undesirable_weight")};
    in.kl = c.at("kl");
    in.desirable = data.desirable;
    in.reference.sums = data.reference_sums;
    return AccumulateUnpaired(trainer, data.batch, in).loss;
  }
  EXPECT_EQ(objective, "policy");
  PolicyInputs in;
  in.options.kind = Choice<PolicyKind>(c.at("kind"), {"clip", "cispo"});
  in.options.ratio = Choice<RatioLevel>(c.at("ratio"), {"token", "sequence"});
  in.options.reduction = Choice<PolicyReduction>(c.at("reduction"), {"token_mean", "sequence_mean", "sequence_sum"});
  in.options.kl = Choice<KlKind>(c.at("kl"), {"k1", "k2", "k3", "abs"});
  in.options.clip_low = c.at("low"), in.options.clip_high = c.at("high"), in.options.dual_clip = c.at("dual");
  in.options.kl_weight = c.at("kl_weight"), in.options.importance_cap = c.at("cap");
  in.options.entropy_weight = c.at("entropy_weight"), in.options.denominator = c.at("denominator");
  in.advantages = data.advantages;
  in.old_logprobs = data.old;
  in.reference_logprobs = data.reference;
  in.rollout_logprobs = data.rollout;
  return AccumulatePolicy(trainer, data.batch, in).sums.loss;
}

// float32 rounds log-probabilities of some units to 1e-7 and a gradient, a sum of some hundred terms that partly cancel, to 1e-6 of its
// norm; what is wrong is wrong by far more.
constexpr double kLossTolerance = 1e-5, kGradientTolerance = 5e-5;

void ExpectGradient(Rig& rig, const Json& golden) {
  double square = 0;
  for (const auto& [name, value] : golden.items()) square += std::pow(value[0].get<double>(), 2);
  const double whole = std::sqrt(square);
  EXPECT_GT(whole, 0.1) << "a golden without a gradient proves nothing";
  for (const auto& [name, value] : golden.items()) {
    double norm = 0, product = 0;
    const std::vector<float> gradient = rig.Gradient(name);
    for (size_t i = 0; i < gradient.size(); ++i) {
      const double g = static_cast<double>(gradient[i]);
      norm += g * g;
      product += g * Sign(static_cast<uint32_t>(i));
    }
    const double limit = kGradientTolerance * (value[0].get<double>() + 0.02 * whole);
    EXPECT_NEAR(std::sqrt(norm), value[0].get<double>(), limit) << name;
    EXPECT_NEAR(product, value[1].get<double>(), 2 * limit) << name;
  }
}

TEST(ModelGoldens, LogProbabilities) {
  Rig rig;
  const Data data;
  std::vector<float> logprobs(data.ids.size());
  rig.trainer->LogProbs(data.batch, nullptr, logprobs, {}, {});
  const auto expected = Array<double>("logprobs");
  for (size_t t = 0; t < logprobs.size(); ++t) EXPECT_NEAR(logprobs[t], expected[t], 2e-5) << t;
}

// A pair must not be cut: one sweep, and three of a pair each.
TEST(ModelGoldens, LossAndGradientOfEveryObjective) {
  const Data data;
  for (const int64_t sweeps : {1, 3}) {
    Rig rig(sweeps);
    for (const Json& c : Goldens().at("cases")) {
      Json options = c;
      options.erase("gradient");
      SCOPED_TRACE(std::to_string(sweeps) + " sweeps: " + options.dump());
      const double loss = RunCase(*rig.trainer, data, c);
      EXPECT_NEAR(loss, c.at("loss").get<double>(), kLossTolerance * (1 + std::abs(c.at("loss").get<double>())));
      ExpectGradient(rig, c.at("gradient"));
      rig.trainer->Discard();
    }
  }
}

// Nothing is left out when the script or this list changes.
TEST(ModelGoldens, CoverEveryObjective) {
  std::set<int> kinds;
  std::set<std::string> words;
  for (const Json& c : Goldens().at("cases")) {
    if (c.at("objective") == "preference") kinds.insert(c.at("kind").get<int>());
    words.insert(c.at("objective"));
    if (c.at("objective") != "policy") continue;
    for (const char* key : {"kind", "ratio", "reduction"}) words.insert(c.at(key));
    if (c.at("kl_weight") > 0) words.insert(c.at("kl"));
    if (c.at("dual") > 0) words.insert("dual");
  }
  EXPECT_EQ(kinds.size(), static_cast<size_t>(kPreferences));
  EXPECT_EQ(words,
            (std::set<std::string>{"abs", "cispo", "clip", "cross_entropy", "dual", "k1", "k2", "k3", "policy", "preference",
                                   "sequence", "sequence_mean", "sequence_sum", "token", "token_mean", "unpaired"}));
}

}  // namespace
}  // namespace hlm
