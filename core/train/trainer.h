// Trainer: a model in training. The only part that sees both the device and the optimizer.
#ifndef HORIZON_LM_CORE_TRAIN_TRAINER_H_
#define HORIZON_LM_CORE_TRAIN_TRAINER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/data/batch.h"
#include "core/device/device.h"
#include "core/group/group.h"
#include "core/model/model.h"
#include "core/plan/plan.h"
#include "core/store/elements.h"
#include "core/store/frozen.h"
#include "core/train/objective.h"
#include "core/train/schedule.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

struct TrainerOptions {
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  bool token_metrics = false;                     // StepMetrics tell accuracy and entropy
  std::shared_ptr<ProcessGroup> group = nullptr;  // whose processes share each step; null: this one alone
};

struct StepMetrics {
  int64_t step = 0;  // from 1
  double loss = 0;
  double grad_norm = 0;  // before clipping
  double lr = 0;
  int64_t tokens = 0;  // predicted
  double seconds = 0;
  bool skipped = false;
  int64_t skipped_units = 0;
  // Of the predicted tokens, where TrainerOptions::token_metrics asks, else -1; NaN where nothing was predicted.
  double mean_token_accuracy = -1;  // share that was the likeliest token
  double entropy = -1;              // mean, in nats
  // Of a mixture, else -1. The terms of the loss without their coefficients, where the plan has them; over all routers the largest number
  // of choices of an expert over the mean, and the share of experts that no token chose.
  double aux_loss = -1, router_z_loss = -1;
  double expert_imbalance = -1, unrouted_experts = -1;
};

struct BatchLoss {
  double loss = 0;
  int64_t tokens = 0;  // predicted
};

struct CheckpointOptions {
  int64_t keep = 0;        // newest checkpoints to keep; 0: all
  bool background = true;  // write while training goes on
  std::optional<std::string> user_data = std::nullopt;
};

class Trainer {
 public:
  // Allocates what the plan says and loads the weights. `devices`: as MakeDevices(plan) gives them, or some with test hooks.
  Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan, const TrainerOptions& options,
          std::vector<std::unique_ptr<Device>> devices);
  Trainer(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan, const TrainerOptions& options,
          std::unique_ptr<Device> device);
  ~Trainer();

  StepMetrics Step(const Batch& batch);
  BatchLoss Accumulate(const Batch& batch);
  StepMetrics Apply();
  void Discard();
  void SetLearningRate(double lr);  // negative: by the schedule again

  // A loss on the log-probabilities of whole documents (objective.h). With labels and weights of the batch as it says. In a group the
  // batch and the objective are those of all ranks, on every rank: see AccumulateTogether.
  BatchLoss Accumulate(const Batch& batch, const Objective& objective);

  // weights: null for the current ones.
  BatchLoss Evaluate(const Batch& batch, const FrozenWeights* weights = nullptr);
  BatchLoss Evaluate(const Batch& batch, const Objective& objective);
  // By token: the log-probability of its label given the tokens of its document before it, 0 where nothing is predicted; the
  // entropy of that prediction; the log-probability of the likeliest token. Empty spans are not asked for. A batch of any size.
  // `of_all`: every rank of the group makes the call with the same batch, and computes a share of it.
  void LogProbs(const Batch& batch, const FrozenWeights* weights, std::span<float> logprobs, std::span<float> entropies,
                std::span<float> best, bool of_all = false);
  // The weights as they are now, from now on; as many at a time as the plan says.
  std::unique_ptr<FrozenWeights> KeepWeights();
  // logits [places, vocab]; no places: every token.
  void Logits(const Batch& batch, std::span<const int64_t> places, std::span<float> logits);

  void ReadTensor(const std::string& name, TensorKind kind, size_t byte_offset, void* data, size_t bytes);
  void WriteTensor(const std::string& name, TensorKind kind, size_t byte_offset, const void* data, size_t bytes);
  void SaveModel(const std::string& folder, SaveOptions options);

  // See c_api/horizon_lm.h.
  void Save(const std::string& directory, const CheckpointOptions& options);
  bool SaveWait(double seconds);
  std::string Resume(const std::string& path, bool allow_numerics_change);

  std::string MetricsJson();
  void TraceStart();
  void TraceWrite(const std::string& path);

  void Cancel();                     // from any thread
  void SetDeadline(double seconds);  // 0: none
  void Finish();                     // waits for pending updates

  Device& device();       // for tests
  ProcessGroup* group();  // null: this process is alone

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_TRAINER_H_
