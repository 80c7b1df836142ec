#include "samples/horizon/run/engine.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <string_view>
#include <vector>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/data/data_file.h"
#include "samples/horizon/options/machines.h"
#include "samples/horizon/options/presets.h"

namespace horizon {
namespace {

constexpr size_t kLargestConfig = 16 << 20;

// Who names a run's folder of checkpoints means one of them.
void CheckIsNoRun(const std::string& name) {
  std::error_code failure;
  if (std::filesystem::exists(name + "/config.json", failure)) return;
  const Json list = Json::parse(hlm::ListCheckpoints(name));
  if (list.at("checkpoints").empty()) return;
  throw ApiError(HLM_INVALID_ARGUMENT, name + ": holds checkpoints and is none; the newest is " +
                                           list.at("checkpoints").front().at("path").get<std::string>());
}

// Who names a file of a model means its folder.
void CheckIsFolder(const std::string& name) {
  const std::filesystem::path path(name);
  std::error_code failure;
  if (std::filesystem::is_directory(path, failure)) return CheckIsNoRun(name);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::exists(folder / "config.json", failure)) return;  // the library says what it is
  throw ApiError(HLM_INVALID_ARGUMENT, name + ": not a folder; a model is its whole folder: " + folder.string());
}

// Who names a repository of a hub expects a download.
void CheckIsHere(const ModelOptions& options) {
  const std::string& name = options.folder;
  if (access(name.c_str(), F_OK) == 0) return CheckIsFolder(name);
  const std::vector<std::string> presets = PresetNames();
  if (std::find(presets.begin(), presets.end(), name) != presets.end()) {
    throw ApiError(HLM_NOT_FOUND,
                   name + ": there is no such folder; --preset " + name + " has the shape, with weights drawn at random");
  }
  const size_t slash = name.find('/');
  constexpr const char* kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  const bool repository = slash != std::string::npos && slash > 0 && slash + 1 < name.size() && name[0] != '.' &&
                          name.find_first_not_of(kLetters) == slash &&
                          name.find_first_not_of(kLetters, slash + 1) == std::string::npos;
  if (!repository) return;
  const std::string folder = name.substr(slash + 1);
  throw ApiError(HLM_NOT_FOUND, name + ": there is no such folder, and nothing is downloaded; get it with `hf download " + name +
                                    " --local-dir " + folder + "` (pip install huggingface_hub) and pass --model " + folder);
}

}  // namespace

Model OpenModel(const ModelOptions& options) {
  if (!options.folder.empty()) {
    CheckIsHere(options);
    return Model::Open(options.folder);
  }
  if (!options.preset.empty()) return Model::Create(PresetConfig(options.preset), options.init_seed);
  try {
    return Model::Create(ReadTextFile(options.config, kLargestConfig), options.init_seed);
  } catch (const ApiError& error) {  // the library sees a text, and calls it by the name that a folder has for it
    constexpr std::string_view kItsName = "config.json: ";
    std::string_view said = error.what();
    if (said.starts_with(kItsName)) said.remove_prefix(kItsName.size());
    throw ApiError(error.code(), options.config + ": " + std::string(said));
  }
}

Json DescribeModel(const Model& model) { return Json::parse(model.Describe()); }

std::string ReadMachine(const Options& options) {
  if (options.plan.machine.empty()) return "";
  if (const char* known = MachineText(options.plan.machine)) return known;
  std::string text = ReadTextFile(options.plan.machine, kLargestConfig);
  if (text.empty()) throw ApiError(HLM_INVALID_ARGUMENT, options.plan.machine + ": the machine file is empty");
  return text;
}

hlm_plan_options PlanOptionsOf(const Options& options, int32_t purpose, int64_t batch_size, int64_t seq_len,
                               const std::string& machine, const std::string& numerics) {
  const EngineOptions& engine = options.engine;
  hlm::PlanOptions plan_options;
  SetPlanOptions(engine, plan_options);
  plan_options.device = engine.device.c_str();
  plan_options.purpose = purpose;
  plan_options.batch_size = batch_size;
  plan_options.seq_len = seq_len;
  plan_options.processes = engine.processes;
  if (!numerics.empty()) plan_options.numerics_json = numerics.c_str();
  if (purpose == HLM_PURPOSE_TRAIN) {
    plan_options.optimizer_timing = engine.optimizer_timing;
    plan_options.grad_clip = options.optimizer.grad_clip;
    plan_options.optimizer = options.optimizer.algorithm;
    if (!options.run.checkpoint_dir.empty()) plan_options.snapshot_bytes = options.run.snapshot_bytes;
    const bool budget = options.HasBudget();
    const auto by_budget = [budget](int32_t given, int32_t otherwise) {
      return given != kByBudget ? given : budget ? -1 : otherwise;
    };
    plan_options.states = by_budget(options.optimizer.states, HLM_STATES_F32);
    plan_options.master = by_budget(options.optimizer.master, HLM_MASTER_SPLIT);
    plan_options.frozen_copies = options.task.kept_weights();
    if (budget && !engine.timing_given && !options.task.needs_whole_gradients()) plan_options.optimizer_timing = HLM_TIMING_AUTO;
  }
  if (purpose == HLM_PURPOSE_FORWARD) plan_options.router_aux_loss_coef = 0;  // what is evaluated is the next token's loss
  if (engine.budget_host_bytes > 0) plan_options.host_limit_bytes = engine.budget_host_bytes;
  if (engine.budget_device_bytes > 0) plan_options.device_limit_bytes = engine.budget_device_bytes;
  if (!machine.empty()) plan_options.machine_json = machine.c_str();
  return plan_options;
}

Plan MakePlan(const Model& model, const Options& options, int32_t purpose, int64_t batch_size, int64_t seq_len,
              const std::string& numerics) {
  const std::string machine = ReadMachine(options);
  try {
    return MakePlan(model, PlanOptionsOf(options, purpose, batch_size, seq_len, machine, numerics));
  } catch (const ApiError& error) {  // the library sees a text and cannot name the file
    if (machine.empty() || std::string(error.what()).find("machine file") == std::string::npos) throw;
    throw ApiError(error.code(), options.plan.machine + ": " + error.what());
  }
}

Plan MakePlan(const Model& model, const hlm_plan_options& plan_options) { return Plan(model, plan_options); }

Json DescribePlan(const Plan& plan) { return Json::parse(plan.Json()); }

int64_t PlanValue(const Plan& plan, const char* key) { return plan.Value(key); }

namespace {

// Of the weights in the folder that the model was opened from; 0 for a new one.
int64_t BytesOnDisk(const Model& model) {
  const Json description = DescribeModel(model);
  if (description.at("source_dtype").is_null()) return 0;
  return description.at("parameters").get<int64_t>() * (description.at("source_dtype") == "f32" ? 4 : 2);
}

}  // namespace

Trainer MakeTrainer(const Model& model, const Plan& plan, const OptimizerOptions& options, int64_t total_steps,
                    bool token_metrics, const Group& group) {
  hlm::TrainerOptions trainer_options;
  trainer_options.lr = options.lr;
  trainer_options.beta1 = options.beta1;
  trainer_options.beta2 = options.beta2;
  trainer_options.eps = options.eps;
  trainer_options.weight_decay = options.weight_decay;
  trainer_options.schedule = options.schedule;
  trainer_options.warmup_steps = options.warmup_steps;
  trainer_options.total_steps = total_steps;
  trainer_options.min_lr_ratio = options.min_lr_ratio;
  trainer_options.token_metrics = token_metrics ? 1 : 0;
  const Activity loading("loading the weights", BytesOnDisk(model));
  return Trainer(model, plan, group.handle(), trainer_options);
}

std::span<const int64_t> RowsOf(const Group& group, std::span<const int64_t> rows) {
  const auto [begin, end] = group.ShareOf(static_cast<int64_t>(rows.size()));
  return rows.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

hlm_batch ViewOf(const Batch& batch) {
  hlm::Batch view(batch.ids, batch.offsets);
  view.labels = batch.labels.empty() ? nullptr : batch.labels.data();
  view.n_labels = batch.labels.size();
  return view;
}

Evaluation Evaluate(Trainer& trainer, const Dataset& data, int64_t batch_size, const Group& group) {
  Evaluation result;
  Batch batch;
  std::vector<int64_t> rows;
  double sum = 0;
  Activity evaluating("evaluating, rows");
  for (int64_t begin = 0; begin < data.rows(); begin += batch_size) {
    evaluating.Done(begin, data.rows());
    rows.resize(static_cast<size_t>(std::min(batch_size, data.rows() - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    data.Fill(rows, batch);
    if (batch.predictions == 0) continue;  // its labels are all -100
    if (group.size() > 1) data.Fill(RowsOf(group, rows), batch);
    const hlm_batch view = ViewOf(batch);
    const auto [loss, tokens] = trainer.Evaluate(view);
    sum += loss * static_cast<double>(tokens);
    result.tokens += tokens;
  }
  result.loss = NoSignOfNan(sum / static_cast<double>(result.tokens));
  result.perplexity = NoSignOfNan(std::exp(result.loss));
  return result;
}

}  // namespace horizon
