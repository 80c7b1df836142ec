// Trainer::State: a trainer as its pieces, and what a step is. Internal to core/train.
//
//   batch --Prepare--> tokens --Accumulate--> Accumulated, gradients in the store --Apply--> weights, RunPosition, StepMetrics
#ifndef HORIZON_LM_CORE_TRAIN_STATE_H_
#define HORIZON_LM_CORE_TRAIN_STATE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/train/accumulated.h"
#include "core/train/engine.h"
#include "core/train/named_tensors.h"
#include "core/train/run_position.h"
#include "core/train/trainer.h"

namespace hlm {

struct Trainer::State {
  State(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan, const TrainerOptions& options,
        std::vector<std::unique_ptr<Device>> devices);

  const TrainerOptions options;
  Engine engine;
  RunPosition position;
  Accumulated accumulated;
  NamedTensors tensors;
  struct Counters {
    double forward_backward_seconds = 0, apply_seconds = 0;
    int64_t predicted_tokens = 0;
    RouterTotals last_routers;  // of the last step
  } counters;

  // The batches of all processes, which agree on what they are about to do. Cancels and deadlines act here.
  Tokens PrepareTogether(const Batch& batch, Predictions predictions, const char* call);

  // Forward and backward. `update`: timing `backward`.
  BatchLoss Accumulate(const Tokens& prepared, const std::optional<UpdateStep>& update, const Objective* objective = nullptr);
  void CheckAccumulates() const;
  StepMetrics Apply();
  // A step of which nothing is predicted.
  StepMetrics Skip(const Tokens& prepared);
  StepMetrics Finish(double lr, double squared_norm, bool skipped, int64_t skipped_units);

  // All go on, or none does. The squared norm of the whole gradient.
  double AgreeToApply();
  // Where states are sharded: the norms of everybody's chunks, on all ranks.
  void ShareNorms(const std::string& same, const std::optional<Error>& own = std::nullopt);

  // Negative log-likelihoods and what else is wanted, by place; as many passes as it takes (logprobs.cc).
  struct Places {
    std::vector<float> losses, entropies, best;
  };
  Places LogProbs(const Tokens& prepared, const FrozenWeights* weights, bool entropies, bool best, Ranks ranks = {});
  void CheckFrozen(const FrozenWeights* weights) const;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_STATE_H_
