// The C ABI as the golden tests use it: handles that free themselves, and errors as exceptions with the library's message.
#ifndef HORIZON_LM_TESTS_GOLDEN_SESSION_H_
#define HORIZON_LM_TESTS_GOLDEN_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "c_api/horizon_lm.h"
#include "tests/golden/golden.h"

namespace hlm_golden {

// Throws std::runtime_error with the code and the message where there is an error; frees it.
void Check(hlm_error* error);

template <class T, void (*Destroy)(T*)>
struct Deleter {
  void operator()(T* handle) const { Destroy(handle); }
};
using ModelHandle = std::unique_ptr<hlm_model, Deleter<hlm_model, hlm_model_destroy>>;
using PlanHandle = std::unique_ptr<hlm_plan, Deleter<hlm_plan, hlm_plan_destroy>>;
using TrainerHandle = std::unique_ptr<hlm_trainer, Deleter<hlm_trainer, hlm_trainer_destroy>>;

ModelHandle OpenModel(const std::string& folder);
std::string DescribeModel(const hlm_model* model);

// The device of every trainer here: $HLM_TEST_DEVICE ("cpu", "cuda:0"), by default the CPU.
const char* TestDevice();
// What the plan says of a model that the device does not take: of its widths, which must be multiples of 8, or of what it computes. Empty
// where it takes the model, as the CPU takes all. Throws where a model is refused for another reason, or for widths that fit, and where
// one whose widths do not fit is not refused.
constexpr int64_t kDeviceWidthMultiple = 8;
std::string DeviceRefusal(const Golden& golden);

// Changes the options of a plan, which already have room for every batch of the golden.
using PlanChange = std::function<void(hlm_plan_options*)>;

// The golden's optimizer options.
void SetTraining(const GoldenTraining& training, hlm_trainer_options& options);

// A plan for the model, and a trainer for the one in `folder` with the golden's optimizer options; `compute` is HLM_DTYPE_F32 or HLM_DTYPE_BF16.
PlanHandle MakePlan(const Golden& golden, const hlm_model* model, int32_t compute, const PlanChange& change = nullptr);
TrainerHandle MakeTrainer(const Golden& golden, const std::string& folder, int32_t compute, const PlanChange& change = nullptr);

// Borrows the golden batch's arrays.
hlm_batch View(const GoldenBatch& batch);

struct Evaluation {
  double loss = 0;
  int64_t tokens = 0;
};
Evaluation Evaluate(hlm_trainer* trainer, const GoldenBatch& batch);
Evaluation Accumulate(hlm_trainer* trainer, const GoldenBatch& batch);
hlm_step_metrics Step(hlm_trainer* trainer, const GoldenBatch& batch);
hlm_step_metrics Apply(hlm_trainer* trainer);
// [places, vocab]; no places: every token of the batch.
std::vector<float> Logits(hlm_trainer* trainer, const GoldenBatch& batch, int64_t vocab, const std::vector<int64_t>& places = {});
std::vector<float> ReadTensor(hlm_trainer* trainer, const std::string& name, int32_t kind, size_t elements);

}  // namespace hlm_golden

#endif  // HORIZON_LM_TESTS_GOLDEN_SESSION_H_
