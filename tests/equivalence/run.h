// A short training run whose every bit can be compared with another's.
#ifndef HORIZON_LM_TESTS_EQUIVALENCE_RUN_H_
#define HORIZON_LM_TESTS_EQUIVALENCE_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/cpu/cpu_device.h"
#include "core/train/trainer.h"

namespace hlm {

struct RunSetup {
  std::string config;              // text of a config.json
  Seams seams = Seams::kDeclared;  // where units may be cut into pieces
  PlanOptions plan;
  int64_t devices = 1;
  // A machine that is not as this one is. Then nothing is fixed that the plan may choose, which otherwise has one compute thread.
  std::function<void(MachineSpec&)> change_machine;
  CpuDeviceOptions device;
  TrainerOptions trainer;
  int64_t first_step = 0, steps = 3;  // steps [first_step, steps) of the run
  std::function<void(Trainer&)> before_steps;
  std::function<void(Trainer&, int64_t done)> after_step;
  int64_t documents = 6;  // of different lengths, at most plan.seq_len
  int64_t seed = 1;
  int64_t red_zone_bytes = 256;                                  // guards in the device arena
  std::function<void(Trainer&)> after_steps;                     // a look at the trainer before it goes
  std::function<StepMetrics(Trainer&, const Batch&)> take_step;  // instead of Trainer::Step
  bool state = true;                                             // the result has weights and moments
  bool same_data = false;                                        // in every step
};

struct RunResult {
  std::vector<double> losses, norms;
  std::vector<float> state;  // all weights, then first and second moments, in the model's order
  std::vector<std::string> races;
  Plan plan;
  std::string metrics;
};

// A small model with every feature that a test asks for: heads, key/value heads, layers, tied or not, query/key norms.
std::string TinyConfig(bool tied, bool qk_norm, int64_t layers);

// Units of several gradient chunks, which are what shards are made of: TinyConfig's have none for the first of several.
std::string WideConfig(bool tied);

// A mixture of experts: two of six by a softmax, or three of eight by sigmoids with a bias for the choice.
std::string MixtureConfig(bool biased, int64_t layers);

// Two slabs that four of six layers read in turn, beside adapters of their own (Zamba 2); a tied head.
std::string SharedConfig();

// Eight rows of twelve tokens, one in a micro-batch, dealt to four reduction groups.
RunSetup GroupedRun(DType compute, std::string config, int64_t documents);

// What the plan says where the device lacks something that the model needs; empty where it has all.
std::string Refusal(const RunSetup& setup);

RunResult Train(const RunSetup& setup);

// The bits of two runs: losses, norms, weights and moments.
void ExpectSameBits(const RunResult& a, const RunResult& b);

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_EQUIVALENCE_RUN_H_
