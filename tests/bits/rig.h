// A model, a plan and a trainer on the public interface, and the hashes of what they compute.
#ifndef HORIZON_LM_TESTS_BITS_RIG_H_
#define HORIZON_LM_TESTS_BITS_RIG_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "c_api/horizon_lm.hpp"
#include "tests/bits/record.h"
#include "tests/golden/golden.h"

namespace hlm_bits {

using hlm_golden::Golden;
using hlm_golden::GoldenBatch;
using PlanChange = std::function<void(hlm_plan_options&)>;
using TrainerChange = std::function<void(hlm_trainer_options&)>;

hlm::Batch View(const GoldenBatch& batch);

// The device of every plan: "cpu", "cuda:0".
extern std::string device;

class Rig {
 public:
  // The golden's model, with its optimizer's options and room for each of its batches. What a plan may choose by timing is set,
  // but `change` may give it back; the plan's numerics go into the record.
  Rig(Case& record, const Golden& golden, int32_t compute, const PlanChange& change = nullptr,
      const TrainerChange& change_trainer = nullptr, const std::string& item = "numerics");

  hlm::Model& model() { return model_; }
  hlm::Trainer& trainer() { return trainer_; }

  // `n` steps through the golden's batches in turn: their losses, norms and rates.
  void Steps(const std::string& item, int64_t n);
  // Weights, first and second moments, as far as they are there.
  void State(const std::string& item);
  void Gradient(const std::string& item);
  std::vector<float> Logprobs(const GoldenBatch& batch, const hlm::Weights* kept = nullptr);

 private:
  void Tensors(Digest& digest, int32_t kind);

  Case& record_;
  const Golden& golden_;
  hlm::Model model_;
  std::vector<std::pair<std::string, size_t>> tensors_;  // names and elements
  hlm::Trainer trainer_;
  int64_t steps_ = 0;
};

// Each group of cases.
void RunGoldens(Record& record);
void RunPlanOptions(Record& record);
void RunMixtures(Record& record);
void RunLosses(Record& record);
void RunCheckpoints(Record& record, const std::string& scratch, const std::string& kept);
void RunOptimizer(Record& record);

}  // namespace hlm_bits

#endif  // HORIZON_LM_TESTS_BITS_RIG_H_
