#include "tests/equivalence/run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/device/race_checker.h"
#include "core/machine/devices.h"
#include "core/train/shared_plan.h"
#include "tests/support/test_device.h"

namespace hlm {

std::string TinyConfig(bool tied, bool qk_norm, int64_t layers) {
  return StrCat(R"({"architectures": [")", qk_norm ? "Qwen3ForCausalLM" : "Qwen2ForCausalLM", R"("], "model_type": ")",
                qk_norm ? "qwen3" : "qwen2", R"(", "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": )", layers,
                R"(, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 61, )",
                R"("max_position_embeddings": 128, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, )",
                R"("initializer_range": 0.2, "hidden_act": "silu", "tie_word_embeddings": )", tied ? "true" : "false", "}");
}

std::string WideConfig(bool tied) {
  return StrCat(
      R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 256, "intermediate_size": 320, )",
      R"("num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 608, )",
      R"("max_position_embeddings": 128, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "initializer_range": 0.05, )",
      R"("hidden_act": "silu", "tie_word_embeddings": )", tied ? "true" : "false", "}");
}

std::string MixtureConfig(bool biased, int64_t layers) {
  return StrCat(R"({"architectures": [")", biased ? "MiniMaxM2ForCausalLM" : "MixtralForCausalLM", R"("], "model_type": ")",
                biased ? "minimax_m2" : "mixtral", R"(", "hidden_size": 32, "intermediate_size": 24, "num_hidden_layers": )",
                layers,
                R"(, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 61, "num_local_experts": )",
                biased ? 8 : 6, R"(, "num_experts_per_tok": )", biased ? 3 : 2,
                R"(, "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "rope_parameters": {"rope_type": "default", )",
                R"("rope_theta": 10000.0, "partial_rotary_factor": 1.0}, "initializer_range": 0.2, "hidden_act": "silu", )",
                R"("tie_word_embeddings": false})");
}

std::string SharedConfig() {
  return R"({"model_type": "zamba2", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 6, "num_attention_heads": 4,
             "vocab_size": 61, "max_position_embeddings": 64, "mamba_d_state": 8, "mamba_d_conv": 3, "n_mamba_heads": 4,
             "mamba_ngroups": 2, "layers_block_type": ["mamba", "hybrid", "hybrid", "mamba", "hybrid", "hybrid"],
             "num_mem_blocks": 2, "adapter_rank": 8, "use_shared_attention_adapter": true, "use_mem_rope": true,
             "pad_token_id": null, "initializer_range": 0.2})";
}

namespace {

// Documents of lengths from 2 to longest, deterministic in (seed, step).
struct Data {
  std::vector<int32_t> ids, labels;
  std::vector<int64_t> offsets = {0};
};
Data MakeData(const RunSetup& setup, int64_t step, int64_t vocab) {
  Data data;
  const uint64_t key = RandomKey(setup.seed, StrCat("data ", step));
  uint64_t counter = 0;
  for (int64_t d = 0; d < setup.documents; ++d) {
    const int64_t length = 2 + static_cast<int64_t>(RandomBelow(key, counter++, static_cast<uint64_t>(setup.plan.seq_len - 1)));
    for (int64_t t = 0; t < length; ++t) {
      data.ids.push_back(static_cast<int32_t>(RandomBelow(key, counter++, static_cast<uint64_t>(std::min<int64_t>(vocab, 61)))));
      data.labels.push_back(RandomBelow(key, counter++, 7) == 0 && t > 1 ? kIgnoredLabel : data.ids.back());
    }
    data.offsets.push_back(static_cast<int64_t>(data.ids.size()));
  }
  return data;
}

}  // namespace

RunSetup GroupedRun(DType compute, std::string config, int64_t documents) {
  RunSetup setup;
  setup.config = std::move(config);
  setup.plan.compute = compute;
  setup.plan.batch_size = 8;
  setup.plan.seq_len = 12;
  setup.plan.micro_batch = 1;
  setup.plan.reduction_groups = 4;
  setup.plan.head_chunk = 5;
  setup.trainer.schedule.lr = 1e-2;
  setup.documents = documents;
  return setup;
}

namespace {

MachineSpec MachineOf(const RunSetup& setup) {
  MachineSpec machine = DescribeMachine(TestDeviceNames(setup.devices));
  machine.red_zone_bytes = setup.red_zone_bytes;
  machine.product_algorithms = nullptr;  // which test devices are not told: none are timed for them
  if (setup.change_machine) setup.change_machine(machine);
  return machine;
}

PlanOptions OptionsOf(const RunSetup& setup) {
  PlanOptions options = setup.plan;
  if (options.threads == 0 && !setup.change_machine) options.threads = 1;
  return options;
}

std::shared_ptr<const Plan> PlanOf(const RunSetup& setup, const Model& model) {
  const MachineSpec machine = MachineOf(setup);
  const PlanOptions options = OptionsOf(setup);
  auto plan = std::make_shared<const Plan>(MakePlan(model.spec(), model.layout(), options, machine));
  return setup.trainer.group == nullptr ? plan : SharePlan(*setup.trainer.group, model, plan, options, machine);
}

}  // namespace

std::string Refusal(const RunSetup& setup) {
  const auto model = Model::Create(setup.config, setup.seed, setup.seams);
  try {
    PlanOf(setup, *model);
  } catch (const Error& error) {
    if (error.code() != Code::kUnimplemented) throw;
    return error.message();
  }
  return "";
}

RunResult Train(const RunSetup& setup) {
  const auto model = Model::Create(setup.config, setup.seed, setup.seams);
  const std::shared_ptr<const Plan> plan = PlanOf(setup, *model);
  CpuDeviceOptions device_options = setup.device;
  device_options.threads = static_cast<int>(plan->numerics.threads);

  RunResult result;
  result.plan = *plan;
  std::vector<std::unique_ptr<Device>> devices;
  if (device_options.check_races) device_options.races = std::make_shared<RaceChecker>();
  for (int64_t d = 0; d < setup.devices; ++d) {
    devices.push_back(MakeTestDevice(device_options, d));
    if (device_options.delay_seed >= 0) ++device_options.delay_seed;
  }
  Trainer trainer(model, plan, setup.trainer, std::move(devices));
  if (setup.before_steps) setup.before_steps(trainer);
  for (int64_t step = setup.first_step; step < setup.steps; ++step) {
    const Data data = MakeData(setup, setup.same_data ? 0 : step, model->spec().vocab);
    Batch batch;
    batch.ids = data.ids;
    batch.labels = data.labels;
    batch.offsets = data.offsets;
    const StepMetrics metrics = setup.take_step ? setup.take_step(trainer, batch) : trainer.Step(batch);
    result.losses.push_back(metrics.loss);
    result.norms.push_back(metrics.grad_norm);
    if (setup.after_step) setup.after_step(trainer, step + 1);
  }
  for (const TensorKind kind : {TensorKind::kWeight, TensorKind::kFirstMoment, TensorKind::kSecondMoment}) {
    if (!setup.state) break;
    if (kind == TensorKind::kSecondMoment && MomentCount(plan->numerics.algorithm) < 2) continue;
    for (size_t u = 0; u < model->layout().units.size(); ++u) {
      for (const TensorSpec& tensor : model->layout().units[u].tensors) {
        // What is frozen has no moments.
        if (kind != TensorKind::kWeight && !plan->trained.Trains(static_cast<int64_t>(u), tensor)) continue;
        std::vector<float> values(static_cast<size_t>(tensor.elements));
        trainer.ReadTensor(tensor.name, kind, 0, values.data(), values.size() * sizeof(float));
        result.state.insert(result.state.end(), values.begin(), values.end());
      }
    }
  }
  result.metrics = trainer.MetricsJson();
  if (setup.after_steps) setup.after_steps(trainer);
  if (RaceChecker* checker = trainer.device().race_checker()) result.races = checker->reports();
  return result;
}

void ExpectSameBits(const RunResult& a, const RunResult& b) {
  ASSERT_EQ(a.losses.size(), b.losses.size());
  EXPECT_EQ(0, std::memcmp(a.losses.data(), b.losses.data(), a.losses.size() * sizeof(double)))
      << a.losses[0] << " " << b.losses[0];
  EXPECT_EQ(0, std::memcmp(a.norms.data(), b.norms.data(), a.norms.size() * sizeof(double))) << a.norms[0] << " " << b.norms[0];
  ASSERT_EQ(a.state.size(), b.state.size());
  EXPECT_EQ(0, std::memcmp(a.state.data(), b.state.data(), a.state.size() * sizeof(float)));
}

}  // namespace hlm
