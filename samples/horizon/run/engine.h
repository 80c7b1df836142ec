// From options to the library's objects: the one place that fills in its structs.
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_ENGINE_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_ENGINE_H_

#include <cstdint>
#include <span>
#include <string>

#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/json.h"
#include "samples/horizon/data/dataset.h"
#include "samples/horizon/options/options.h"
#include "samples/horizon/run/group.h"

namespace horizon {

// Opens --model, or makes one from --config or --preset and --init-seed.
Model OpenModel(const ModelOptions& options);

Json DescribeModel(const Model& model);

// The library's options; they point into `options`, and into `machine`, the text of a machine file, where it is not empty.
hlm_plan_options PlanOptionsOf(const Options& options, int32_t purpose, int64_t batch_size, int64_t seq_len,
                               const std::string& machine, const std::string& numerics = "");

// `seq_len` is the tokens of a row; training purposes take --grad-clip and --optimizer-timing from the options.
// `numerics`: those of a checkpoint, to be matched where the plan would choose; "": none.
Plan MakePlan(const Model& model, const Options& options, int32_t purpose, int64_t batch_size, int64_t seq_len,
              const std::string& numerics = "");
Plan MakePlan(const Model& model, const hlm_plan_options& options);

// The text of --machine; empty without.
std::string ReadMachine(const Options& options);

Json DescribePlan(const Plan& plan);
int64_t PlanValue(const Plan& plan, const char* key);

// `total_steps` is where a falling schedule ends. `token_metrics`: steps tell accuracy and entropy. `group`: null where this process is
// alone.
Trainer MakeTrainer(const Model& model, const Plan& plan, const OptimizerOptions& options, int64_t total_steps,
                    bool token_metrics = false, const Group& group = Group());

// The rows of a step that this rank brings.
std::span<const int64_t> RowsOf(const Group& group, std::span<const int64_t> rows);

// The batch as the library takes it; it points into `batch`.
hlm_batch ViewOf(const Batch& batch);

struct Evaluation {
  double loss = 0;  // mean over all predicted tokens
  double perplexity = 0;
  int64_t tokens = 0;
};

// All rows in the file's order, `batch_size` at a time, each batch weighted by its predicted tokens; all ranks take part.
Evaluation Evaluate(Trainer& trainer, const Dataset& data, int64_t batch_size, const Group& group = Group());

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_ENGINE_H_
