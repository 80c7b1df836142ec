#include "tests/bits/rig.h"

#include <nlohmann/json.hpp>

#include "tests/golden/session.h"

namespace hlm_bits {
namespace {

hlm::Plan MakePlan(Case& record, const hlm::Model& model, const Golden& golden, int32_t compute, const PlanChange& change,
                   const std::string& item) {
  hlm::PlanOptions options;
  options.device = device.c_str();
  options.compute = compute;
  options.seq_len = golden.LongestDocument();
  options.batch_size = golden.MostDocuments();
  options.grad_clip = golden.training.grad_clip;
  options.threads = 2;
  options.optimizer_threads = 2;
  options.micro_batch = 2;
  options.sweeps = 1;
  options.head_chunk = 16;
  const std::string like = record.LikeNumerics();
  if (!like.empty()) options.numerics_json = like.c_str();
  if (change) change(options);
  hlm::Plan plan(model, options);
  auto numerics = nlohmann::json::parse(plan.Json()).at("numerics");
  record.PutText(item, numerics.dump());
  return plan;
}

hlm::TrainerOptions OptionsOf(const Golden& golden, const TrainerChange& change) {
  hlm::TrainerOptions options;
  hlm_golden::SetTraining(golden.training, options);
  if (change) change(options);
  return options;
}

std::vector<std::pair<std::string, size_t>> TensorsOf(const hlm::Model& model) {
  std::vector<std::pair<std::string, size_t>> tensors;
  const auto description = nlohmann::json::parse(model.Describe());
  for (const auto& tensor : description.at("tensors")) {
    size_t elements = 1;
    for (const size_t n : tensor.at("shape")) elements *= n;
    tensors.emplace_back(tensor.at("name"), elements);
  }
  return tensors;
}

}  // namespace

std::string device = "cpu";

hlm::Batch View(const GoldenBatch& batch) { return {batch.ids, batch.offsets, batch.labels, batch.weights, batch.denominator}; }

Rig::Rig(Case& record, const Golden& golden, int32_t compute, const PlanChange& change, const TrainerChange& change_trainer,
         const std::string& item)
    : record_(record),
      golden_(golden),
      model_(hlm::Model::Open(golden.model_folder)),
      tensors_(TensorsOf(model_)),
      trainer_(model_, MakePlan(record, model_, golden, compute, change, item), OptionsOf(golden, change_trainer)) {}

void Rig::Steps(const std::string& item, int64_t n) {
  Digest losses, norms, rest;
  for (int64_t i = 0; i < n; ++i, ++steps_) {
    const GoldenBatch& batch = golden_.batches[static_cast<size_t>(steps_) % golden_.batches.size()];
    const hlm::StepMetrics m = trainer_.Step(hlm_bits::View(batch));
    losses.Number(m.loss);
    norms.Number(m.grad_norm);
    rest.Number(m.lr).Number(m.step).Number(m.tokens).Number(int64_t{m.skipped}).Number(m.skipped_units);
    rest.Number(m.mean_token_accuracy).Number(m.entropy);
  }
  record_.Put(item + "losses", losses);
  record_.Put(item + "norms", norms);
  record_.Put(item + "metrics", rest);
}

void Rig::Tensors(Digest& digest, int32_t kind) {
  for (const auto& [name, elements] : tensors_) {
    std::vector<float> values(elements);
    trainer_.ReadTensor(name, kind, values);
    digest.Text(name).All(values);
  }
}

void Rig::State(const std::string& item) {
  const std::pair<const char*, int32_t> kinds[] = {
      {"weights", HLM_TENSOR_WEIGHT}, {"first_moments", HLM_TENSOR_FIRST_MOMENT}, {"second_moments", HLM_TENSOR_SECOND_MOMENT}};
  for (const auto& [name, kind] : kinds) {
    Digest digest;
    try {
      Tensors(digest, kind);
    } catch (const hlm::Exception& error) {  // an optimizer with one moment or none
      if (kind == HLM_TENSOR_WEIGHT || error.code() != HLM_FAILED_PRECONDITION) throw;
      digest.Text("none");
    }
    record_.Put(item + name, digest);
  }
}

void Rig::Gradient(const std::string& item) {
  Digest digest;
  Tensors(digest, HLM_TENSOR_GRADIENT);
  record_.Put(item, digest);
}

std::vector<float> Rig::Logprobs(const GoldenBatch& batch, const hlm::Weights* kept) {
  std::vector<float> logprobs(batch.ids.size());
  trainer_.Logprobs(hlm_bits::View(batch), logprobs, kept);
  return logprobs;
}

}  // namespace hlm_bits
