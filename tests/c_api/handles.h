// What the tests of the C ABI share: handles that free themselves, expectations on errors, and a tiny model with its plan.
#ifndef HORIZON_LM_TESTS_C_API_HANDLES_H_
#define HORIZON_LM_TESTS_C_API_HANDLES_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "c_api/horizon_lm.h"
#include "tests/c_api/tiny.h"

namespace hlm_test {

template <class T, void (*Destroy)(T*)>
struct Destroyer {
  void operator()(T* handle) const { Destroy(handle); }
};
using Model = std::unique_ptr<hlm_model, Destroyer<hlm_model, hlm_model_destroy>>;
using Plan = std::unique_ptr<hlm_plan, Destroyer<hlm_plan, hlm_plan_destroy>>;
using Trainer = std::unique_ptr<hlm_trainer, Destroyer<hlm_trainer, hlm_trainer_destroy>>;
using Optimizer = std::unique_ptr<hlm_optimizer, Destroyer<hlm_optimizer, hlm_optimizer_destroy>>;
using Error = std::unique_ptr<hlm_error, Destroyer<hlm_error, hlm_error_destroy>>;
using String = std::unique_ptr<char, Destroyer<char, hlm_string_destroy>>;

// "" for success, else "CODE: message". Frees the error.
inline std::string Text(hlm_error* raw) {
  const Error error(raw);
  if (error == nullptr) return "";
  return std::string(hlm_code_name(hlm_error_code(error.get()))) + ": " + hlm_error_message(error.get());
}

#define EXPECT_OK(call) EXPECT_EQ(::hlm_test::Text(call), "")
#define ASSERT_OK(call) ASSERT_EQ(::hlm_test::Text(call), "")

// The call failed with this code, in one line that contains every one of `parts`. Frees the error.
inline void ExpectError(hlm_error* raw, int32_t code, std::initializer_list<std::string> parts) {
  const Error error(raw);
  const std::string message = hlm_error_message(error.get());
  EXPECT_STREQ(hlm_code_name(hlm_error_code(error.get())), hlm_code_name(code)) << message;
  for (const std::string& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "no \"" << part << "\" in: " << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

inline Model TinyModel() {
  hlm_model* model = nullptr;
  EXPECT_OK(hlm_model_create(TinyConfig().c_str(), 7, &model));
  return Model(model);
}

// A step of two rows of 16 tokens in f32, one thread each.
inline hlm_plan_options TinyPlanOptions() {
  hlm_plan_options options;
  hlm_plan_options_init(&options);
  options.device = "cpu";
  options.compute = HLM_DTYPE_F32;
  options.batch_size = 2;
  options.seq_len = 16;
  options.micro_batch = 1;
  options.threads = 1;
  options.optimizer_threads = 1;
  return options;
}

inline Plan TinyPlan(const hlm_model* model, const hlm_plan_options& options = TinyPlanOptions()) {
  hlm_plan* plan = nullptr;
  EXPECT_OK(hlm_plan_make(model, &options, &plan));
  return Plan(plan);
}

inline Trainer TinyTrainer(const hlm_plan_options& options = TinyPlanOptions()) {
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get(), options);
  hlm_trainer_options trainer_options;
  hlm_trainer_options_init(&trainer_options);
  trainer_options.lr = 1e-2;
  hlm_trainer* trainer = nullptr;
  EXPECT_OK(hlm_trainer_create(model.get(), plan.get(), &trainer_options, &trainer));
  return Trainer(trainer);
}

// Documents of a batch with their arrays; Get() points into it.
struct Documents {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets;
  std::vector<int32_t> labels;
  std::vector<float> weights;
  double denominator = 0;

  hlm_batch Get() const {
    hlm_batch batch;
    hlm_batch_init(&batch);
    batch.ids = ids.data();
    batch.n_ids = ids.size();
    batch.offsets = offsets.data();
    batch.n_offsets = offsets.size();
    batch.labels = labels.empty() ? nullptr : labels.data();
    batch.n_labels = labels.size();
    batch.weights = weights.empty() ? nullptr : weights.data();
    batch.n_weights = weights.size();
    batch.denominator = denominator;
    return batch;
  }
};

// Two documents of 16 and 11 tokens.
inline Documents TinyDocuments() {
  Documents documents;
  documents.ids = TinyIds();
  documents.offsets = TinyOffsets();
  return documents;
}

}  // namespace hlm_test

#endif  // HORIZON_LM_TESTS_C_API_HANDLES_H_
