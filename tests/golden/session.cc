#include "tests/golden/session.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace hlm_golden {

void Check(hlm_error* error) {
  if (error == nullptr) return;
  const std::string text = std::string(hlm_code_name(hlm_error_code(error))) + ": " + hlm_error_message(error);
  hlm_error_destroy(error);
  throw std::runtime_error(text);
}

ModelHandle OpenModel(const std::string& folder) {
  hlm_model* model = nullptr;
  Check(hlm_model_open(folder.c_str(), &model));
  return ModelHandle(model);
}

std::string DescribeModel(const hlm_model* model) {
  char* text = nullptr;
  Check(hlm_model_describe(model, &text));
  const std::string copy = text;
  hlm_string_destroy(text);
  return copy;
}

const char* TestDevice() {
  const char* device = std::getenv("HLM_TEST_DEVICE");
  return device == nullptr ? "cpu" : device;
}
bool TestsOnCpu() { return std::string(TestDevice()).rfind("cpu", 0) == 0; }
bool TestsOnSeveral() {
  return std::string(TestDevice()).rfind("cpu:", 0) == 0 || std::string(TestDevice()).find(',') != std::string::npos;
}

std::string DeviceRefusal(const Golden& golden) {
  if (TestsOnCpu()) return "";
  const bool fits = golden.WidthsAreMultiplesOf(kDeviceWidthMultiple);
  try {
    MakePlan(golden, OpenModel(golden.model_folder).get(), HLM_DTYPE_F32);
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    const auto has = [&](const char* part) { return text.find(part) != std::string::npos; };
    if (text.rfind("UNIMPLEMENTED: ", 0) != 0 || !has("device cuda") || (fits && has(" takes multiples of "))) throw;
    return text;
  }
  if (!fits) throw std::runtime_error(golden.name + " is not refused, though its widths are not multiples of 8");
  return "";
}

PlanHandle MakePlan(const Golden& golden, const hlm_model* model, int32_t compute, const PlanChange& change) {
  hlm_plan_options plan_options;
  hlm_plan_options_init(&plan_options);
  plan_options.device = TestDevice();
  plan_options.compute = compute;
  // A row a document, so that any cut into micro-batches of one row has room for every document.
  plan_options.seq_len = golden.LongestDocument();
  plan_options.batch_size = std::max<int64_t>(golden.MostDocuments(), TestsOnSeveral() ? 2 : 1);
  plan_options.grad_clip = golden.training.grad_clip;
  plan_options.threads = 2;
  if (!golden.freeze.empty()) plan_options.freeze = golden.freeze.c_str();
  if (!golden.train_only.empty()) plan_options.train_only = golden.train_only.c_str();
  if (change) change(&plan_options);
  hlm_plan* raw_plan = nullptr;
  Check(hlm_plan_make(model, &plan_options, &raw_plan));
  return PlanHandle(raw_plan);
}

void SetTraining(const GoldenTraining& training, hlm_trainer_options& options) {
  options.lr = training.lr;
  options.beta1 = training.beta1;
  options.beta2 = training.beta2;
  options.eps = training.eps;
  options.weight_decay = training.weight_decay;
  options.schedule = training.schedule == "cosine"   ? HLM_SCHEDULE_COSINE
                     : training.schedule == "linear" ? HLM_SCHEDULE_LINEAR
                                                     : HLM_SCHEDULE_CONSTANT;
  options.warmup_steps = training.warmup_steps;
  options.total_steps = training.total_steps;
  options.min_lr_ratio = training.min_lr_ratio;
}

TrainerHandle MakeTrainer(const Golden& golden, const std::string& folder, int32_t compute, const PlanChange& change) {
  const ModelHandle model = OpenModel(folder);
  const PlanHandle plan = MakePlan(golden, model.get(), compute, change);

  hlm_trainer_options options;
  hlm_trainer_options_init(&options);
  SetTraining(golden.training, options);
  hlm_trainer* trainer = nullptr;
  Check(hlm_trainer_create(model.get(), plan.get(), &options, &trainer));
  return TrainerHandle(trainer);
}

hlm_batch View(const GoldenBatch& batch) {
  hlm_batch view;
  hlm_batch_init(&view);
  view.ids = batch.ids.data();
  view.n_ids = batch.ids.size();
  view.offsets = batch.offsets.data();
  view.n_offsets = batch.offsets.size();
  view.labels = batch.labels.empty() ? nullptr : batch.labels.data();
  view.n_labels = batch.labels.size();
  view.weights = batch.weights.empty() ? nullptr : batch.weights.data();
  view.n_weights = batch.weights.size();
  view.denominator = batch.denominator;
  return view;
}

Evaluation Evaluate(hlm_trainer* trainer, const GoldenBatch& batch) {
  const hlm_batch view = View(batch);
  Evaluation result;
  Check(hlm_trainer_evaluate(trainer, &view, &result.loss, &result.tokens));
  return result;
}

Evaluation Accumulate(hlm_trainer* trainer, const GoldenBatch& batch) {
  const hlm_batch view = View(batch);
  Evaluation result;
  Check(hlm_trainer_accumulate(trainer, &view, &result.loss, &result.tokens));
  return result;
}

hlm_step_metrics Step(hlm_trainer* trainer, const GoldenBatch& batch) {
  const hlm_batch view = View(batch);
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  Check(hlm_trainer_step(trainer, &view, &metrics));
  return metrics;
}

hlm_step_metrics Apply(hlm_trainer* trainer) {
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  Check(hlm_trainer_apply(trainer, &metrics));
  return metrics;
}

std::vector<float> Logits(hlm_trainer* trainer, const GoldenBatch& batch, int64_t vocab, const std::vector<int64_t>& places) {
  const hlm_batch view = View(batch);
  const size_t rows = places.empty() ? batch.ids.size() : places.size();
  std::vector<float> logits(rows * vocab);
  Check(
      hlm_trainer_logits(trainer, &view, places.empty() ? nullptr : places.data(), places.size(), logits.data(), logits.size()));
  return logits;
}

std::vector<float> ReadTensor(hlm_trainer* trainer, const std::string& name, int32_t kind, size_t elements) {
  std::vector<float> values(elements);
  Check(hlm_trainer_read_tensor(trainer, name.c_str(), kind, 0, values.data(), elements * sizeof(float)));
  return values;
}

}  // namespace hlm_golden
