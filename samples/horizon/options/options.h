// The options of all subcommands: the same name means the same thing everywhere.
#ifndef HORIZON_LM_SAMPLES_HORIZON_OPTIONS_OPTIONS_H_
#define HORIZON_LM_SAMPLES_HORIZON_OPTIONS_OPTIONS_H_

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "c_api/horizon_lm.h"
#include "samples/horizon/options/plan_flags.h"
#include "samples/horizon/options/setting.h"

namespace CLI {
class App;
}

namespace horizon {

struct ModelOptions {
  std::string folder;  // --model
  std::string config;
  std::string preset;
  int64_t init_seed = 0;
  bool bytes = false;  // of texts the bytes are the ids, whatever tokenizer the folder has
};

struct DataOptions {
  std::vector<std::string> files;  // all of --data
  std::string data;                // the last of them; commands that take one file see to it that it is the only one
  std::string labels;
};

struct ShapeOptions {
  int64_t batch_size = 8;
  int64_t seq_len = 512;
};

// What hlm_plan_options holds beside the shape of a step.
struct EngineOptions : PlanFlags {
  std::string device = "auto";
  int32_t optimizer_timing = HLM_TIMING_NEXT_FORWARD;
  int64_t budget_host_bytes = 0;  // as the limits, and the plan takes the most exact states and master that fit
  int64_t budget_device_bytes = 0;
  bool timing_given = false;  // --optimizer-timing
  int64_t processes = 1;      // of the group that shares each step: of train found when it joins, of plan as asked
};

// Who shares a run, and how they find each other.
struct GroupOptions {
  std::string join = "auto";  // as the launcher's environment says; "none": alone whatever it says; "first": the work of rank 0
  std::string address;        // of rank 0; with it rank and size
  int64_t rank = 0, size = 1;
  double timeout = 1800, silence = 60;
  bool several_per_machine = false;
  int32_t carrier = HLM_CARRIER_AUTO;
};

// Not asked for: f32 and split, or with a budget what fits.
inline constexpr int32_t kByBudget = -2;

struct OptimizerOptions {
  int32_t algorithm = HLM_OPTIMIZER_ADAMW;
  int32_t states = kByBudget;
  int32_t master = kByBudget;
  double lr = 1e-5;
  int32_t schedule = HLM_SCHEDULE_CONSTANT;
  int64_t warmup_steps = 0;
  double min_lr_ratio = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
  double grad_clip = 1.0;
};

struct RunOptions {
  int64_t steps = 0;  // 0: by epochs
  int64_t epochs = 1;
  int64_t seed = 0;
  bool no_shuffle = false;
  std::vector<std::string> eval_files;  // as data
  std::string eval_data;
  std::string eval_labels;
  int64_t eval_every = 0;  // 0: at the end only
  std::string out;
  bool overwrite = false;
  int32_t save_dtype = HLM_DTYPE_AUTO;
  bool keep_eos = false;
  std::string log_json;
  std::string tensorboard;
  std::string trace;
  std::string report;
  std::string checkpoint_dir;
  int64_t save_every = 0;       // 0: at the end only
  int64_t keep = 2;             // 0: all
  int64_t snapshot_bytes = -1;  // what is left, up to the whole state
  std::string resume;           // "": a run of its own; else auto, must or never
  bool resumes() const { return resume == "auto" || resume == "must"; }
  bool keep_best = false;  // by the held-out loss
  int64_t early_stop = 0;  // evaluations in a row without a lower loss; 0: never
  std::string sample_prompts;
  int64_t sample_every = 0;  // 0: at the end only
  int64_t sample_tokens = 64;
  int64_t max_skipped_steps = 10;  // in a row, then the run has diverged; 0: it is never said to have
  bool allow_numerics_change = false;
};

// Examples instead of token files, and the loss that they are trained with.
struct TaskOptions {
  std::string task;  // "": rows of a token file
  int32_t loss = HLM_PREFERENCE_SIGMOID;
  double beta = std::numeric_limits<double>::quiet_NaN();  // by task
  double gamma = std::numeric_limits<double>::quiet_NaN();
  double label_smoothing = 0;
  double sft_weight = 0;
  bool reference_free = false;
  double desirable_weight = 1;
  double undesirable_weight = 1;
  int32_t mismatched_kl = 1;
  double eval_fraction = 0;
  std::set<std::string> given;  // options that belong to some tasks only

  bool pairs() const { return task == "dpo" || task == "orpo" || task == "simpo"; }
  bool needs_whole_gradients() const { return pairs() || task == "kto"; }
  int64_t kept_weights() const { return task == "kto" && mismatched_kl != 0 ? 1 : 0; }
  double Beta() const;
  double Gamma() const;
};

// How examples become tokens.
struct TextOptions {
  std::string tokenizer;
  std::string chat_template = "auto";
  std::string template_name;  // "": as Hugging Face chooses
  std::string variables;
  std::string date;
  std::string train_on = "auto";
  std::string mask = "auto";
  int32_t packing = 1;
  std::string too_long;  // "": by task
  std::string cache_dir;
  std::string bad_records = "error";
  std::string empty_answers = "drop";
  std::string unused_members = "refuse";
  std::string content_parts = "join";
  std::string tool_arguments = "parse";
  std::string null_arguments = "drop";
  bool safe_content = false;
};

// logprobs, and eval --task.
struct ScoreOptions {
  std::string task;    // of eval; "": rows
  int64_t stride = 0;  // 0: the window less one
  std::string details;
  bool sums = false;
};

struct BenchOptions {
  int64_t steps = 5;
  int64_t warm_up = 2;
  bool no_traced_step = false;
  bool mixed_lengths = false;
};

struct GenerateOptions {
  std::string prompt;
  bool chat = false;
  bool ignore_eos = false;
  std::string prompt_ids;
  int64_t max_new_tokens = 64;
  double temperature = 0;
  int64_t top_k = 0;
  int64_t seed = 0;
};

// A conversation in the terminal.
struct ChatOptions {
  std::string system;
  int64_t context = 0;  // most ids of a conversation; 0: chosen
};

struct DoctorOptions {
  std::string folder = ".";  // whose disk is measured
  bool no_self_test = false;
};

struct ExportOptions {
  std::string gguf;  // a file
};

struct PlanOnlyOptions {
  std::string machine;  // a name, or a file
  bool compare = false;
  bool scaling = false;
};

// Of conversations: which template, which row, what is trained.
struct MaskOptions {
  std::string chat_template;  // --template
  std::string data;
  int64_t index = 0;
  int32_t train_on = HLM_TRAIN_ON_ASSISTANT;
  int32_t mask = HLM_MASK_AUTO;
  std::string variables;
  std::string date;
  bool color = false;
};

struct TokenizeOptions {
  std::string tokenizer;
  std::string text;
  std::string ids;
  bool has_text = false, has_ids = false;  // given, were it empty
  bool no_special = false;
};

struct Options {
  std::string command_line;       // as it was given, for a shell
  std::vector<Setting> settings;  // every option of the command

  std::vector<std::string> config_files;  // read before anything else: what they hold is in the options below
  std::string save_config;
  bool json = false;
  bool as_machine = false;  // devices

  int32_t purpose = HLM_PURPOSE_TRAIN;
  ModelOptions model;
  DataOptions data;
  ShapeOptions shape;
  EngineOptions engine;
  GroupOptions group;
  OptimizerOptions optimizer;
  RunOptions run;
  TaskOptions task;
  TextOptions text;
  ScoreOptions score;
  BenchOptions bench;
  GenerateOptions generate;
  ChatOptions chat;
  DoctorOptions doctor;
  ExportOptions exported;
  MaskOptions mask;
  PlanOnlyOptions plan;
  TokenizeOptions tokenize;

  bool HasBudget() const { return engine.budget_host_bytes > 0 || engine.budget_device_bytes > 0; }
};

// Each adds one group of options to a subcommand. What an option's value may be is checked while parsing.
// --config, where the subcommand has none of its own, and --save-config.
void AddConfigOptions(CLI::App& app, Options& options);
void AddJsonOption(CLI::App& app, Options& options, const std::string& help);
void AddDeviceOption(CLI::App& app, Options& options);
void AddPurposeOption(CLI::App& app, Options& options);
void AddModelOptions(CLI::App& app, Options& options);
void AddDataOptions(CLI::App& app, Options& options, bool required);
void AddShapeOptions(CLI::App& app, Options& options);
void AddEngineOptions(CLI::App& app, Options& options);
void AddGroupOptions(CLI::App& app, Options& options);
void AddWorkOfOneOption(CLI::App& app, Options& options);  // of a command that is no work of several processes
void AddOptimizerOptions(CLI::App& app, Options& options);
void AddBudgetOptions(CLI::App& app, Options& options);
void AddPlanOnlyOptions(CLI::App& app, Options& options);
void AddRunOptions(CLI::App& app, Options& options);
void AddCheckpointOptions(CLI::App& app, Options& options);
void AddTaskOptions(CLI::App& app, Options& options);
void AddArgumentOptions(CLI::App& app, TextOptions& text, const std::string& group);
void AddEmptyAnswersOption(CLI::App& app, TextOptions& text, const std::string& group);
void AddTemplateNameOption(CLI::App& app, TextOptions& text, const std::string& group);
void AddTokenizerOptions(CLI::App& app, Options& options, const std::string& group);
void AddTextOptions(CLI::App& app, Options& options, const std::string& group);
void AddEvalTaskOptions(CLI::App& app, Options& options);
void AddLogprobsOptions(CLI::App& app, Options& options);
void AddOutOptions(CLI::App& app, Options& options);
void AddTraceOption(CLI::App& app, Options& options);
void AddBenchOptions(CLI::App& app, Options& options);
void AddGenerateOptions(CLI::App& app, Options& options);
void AddSampleOptions(CLI::App& app, Options& options);
void AddChatOptions(CLI::App& app, Options& options);
void AddDoctorOptions(CLI::App& app, Options& options);
void AddGgufOption(CLI::App& app, Options& options);
void AddMaskOptions(CLI::App& app, Options& options);
void AddTokenizeOptions(CLI::App& app, Options& options);

// Combinations that contradict each other: throws UsageError saying which option to change.
void CheckModelOptions(const Options& options);
// What it says where there is none.
inline constexpr const char* kModelIsNeeded = "one of --model, --config (with a model's config.json) and --preset is needed";
void CheckTrainingOptions(const Options& options);
void CheckTaskOptions(const Options& options);
// For commands that take one file.
void CheckOneDataFile(const Options& options);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_OPTIONS_OPTIONS_H_
