#include "samples/horizon/options/options.h"

#include <strings.h>

#include <vector>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/options/machines.h"
#include "samples/horizon/options/option_kinds.h"
#include "samples/horizon/options/presets.h"

namespace horizon {
namespace {

constexpr const char* kModelGroup = "Model (one of --model, --config, --preset)";
constexpr const char* kDataGroup = "Data";
constexpr const char* kShapeGroup = "Shape of a step";
constexpr const char* kMachineGroup = "Machine";
constexpr const char* kProcessGroup = "Several machines (one process on each; see docs/scaling.md)";
constexpr const char* kPlanGroup = "Plan (each forces what the plan would choose)";
constexpr const char* kOptimizerGroup = "Optimizer";
constexpr const char* kOutputGroup = "Output";
constexpr const char* kCheckpointGroup = "Checkpoints";
constexpr const char* kGenerateGroup = "Generation";

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void AddBytesOption(CLI::App& app, Options& options, const char* group) {
  app.add_flag("--bytes", options.model.bytes, "take the bytes of a text as ids, whatever tokenizer the model folder has")
      ->group(group);
}

}  // namespace

void AddConfigOptions(CLI::App& app, Options& options) {
  if (app.get_option_no_throw("--config") == nullptr) {
    AddTexts(app, "--config", options.config_files, "FILE", "a file of options by their names, YAML or JSON");
  }
  AddText(app, "--save-config", options.save_config, "FILE",
          "write the options of this run to a file that --config takes, YAML or JSON");
}

void AddJsonOption(CLI::App& app, Options& options, const std::string& help) { app.add_flag("--json", options.json, help); }

void AddDeviceOption(CLI::App& app, Options& options) {
  AddText(app, "--device", options.engine.device, "NAME",
          "auto, cpu, or of `horizon devices`; several that share each step: cuda (all), cuda:0,cuda:1, cuda:0-3, cpu:2")
      ->transform(
          [](const std::string& given) { return strncasecmp(given.c_str(), "gpu", 3) == 0 ? "cuda" + given.substr(3) : given; })
      ->capture_default_str()
      ->group(kMachineGroup);
}

void AddPurposeOption(CLI::App& app, Options& options) {
  const Choices choices = {
      {"train", HLM_PURPOSE_TRAIN}, {"forward-backward", HLM_PURPOSE_FORWARD_BACKWARD}, {"forward", HLM_PURPOSE_FORWARD}};
  AddChoice(app, "--purpose", options.purpose, choices, "what the plan is for; eval and generate run forward");
}

void AddModelOptions(CLI::App& app, Options& options) {
  ModelOptions& model = options.model;
  AddText(app, "--model", model.folder, "DIR", "a Hugging Face folder: config.json and safetensors")->group(kModelGroup);
  AddText(app, "--config", model.config, "FILE",
          "a model's config.json, with weights drawn from --init-seed; or a file of options by their names, YAML or JSON, which "
          "may be given "
          "several times")
      ->group(kModelGroup);
  AddText(app, "--preset", model.preset, "NAME", "a known shape, with weights drawn from --init-seed: " + Listed(PresetNames()))
      ->check(CheckPreset)
      ->group(kModelGroup);
  AddNumber(app, "--init-seed", model.init_seed, kAnyNumber, "seed of the weights of --config and --preset")->group(kModelGroup);
}

void AddDataOptions(CLI::App& app, Options& options, bool required) {
  AddTexts(
      app, "--data", options.data.files, "FILE",
      "ids: .npy of int32, uint16, uint32 or int64, rows (2-D) or a stream (1-D); or .txt, by the model folder's tokenizer, else "
      "bytes as ids" +
          (app.get_name() == "train" || app.get_name() == "plan" ? std::string("; with --task: examples, JSONL") : ""))
      ->required(required)
      ->group(kDataGroup)
      ->each([&options](const std::string& file) { options.data.data = file; });
  AddText(app, "--labels", options.data.labels, "FILE",
          "labels in the shape of the ids, .npy of int32 or int64; -100 is not predicted (default: the ids)")
      ->group(kDataGroup);
  AddBytesOption(app, options, kDataGroup);
}

void AddTokenizeOptions(CLI::App& app, Options& options) {
  TokenizeOptions& tokenize = options.tokenize;
  AddText(app, "--model", options.model.folder, "DIR", "a Hugging Face folder with a tokenizer");
  AddText(app, "--tokenizer", tokenize.tokenizer, "FILE", "a tokenizer.json or tokenizer.model");
  app.add_option_function<std::string>(
         "--text",
         [&tokenize](const std::string& text) {
           tokenize.text = text;
           tokenize.has_text = true;
         },
         "the text to make ids of")
      ->type_name("TEXT");
  AddText(app, "--data", options.data.data, "FILE", "a file whose whole text to make ids of");
  app.add_option_function<std::string>(
         "--ids",
         [&tokenize](const std::string& ids) {
           tokenize.ids = ids;
           tokenize.has_ids = true;
         },
         "ids to make text of, as \"1 2 3\" or \"1,2,3\"")
      ->type_name("IDS");
  app.add_flag("--no-special", tokenize.no_special, "no special tokens around the text; of --ids: none in it");
}

void AddShapeOptions(CLI::App& app, Options& options) {
  AddNumber(app, "--batch-size", options.shape.batch_size, 1, "rows in a step")->group(kShapeGroup);
  AddNumber(app, "--seq-len", options.shape.seq_len, 1,
            "inputs of a row of a stream (1-D .npy, .txt); rows of a 2-D file have their own length; with --task tokens of a "
            "row, and most of "
            "a document")
      ->group(kShapeGroup);
  AddShapeFlags(app, options.engine, kShapeGroup);
}

void AddEngineOptions(CLI::App& app, Options& options) {
  EngineOptions& engine = options.engine;
  AddDeviceOption(app, options);
  AddMachineFlags(app, engine, kMachineGroup);
  AddPlanFlags(app, engine, kPlanGroup);
  const Choices timings = {
      {"next-forward", HLM_TIMING_NEXT_FORWARD}, {"backward", HLM_TIMING_BACKWARD}, {"serial", HLM_TIMING_SERIAL}};
  AddChoice(app, "--optimizer-timing", engine.optimizer_timing, timings, "when weights are updated; backward needs --grad-clip 0")
      ->group(kPlanGroup)
      ->each([&engine](const std::string&) { engine.timing_given = true; });
}

void AddOptimizerOptions(CLI::App& app, Options& options) {
  OptimizerOptions& optimizer = options.optimizer;
  const Choices schedules = {
      {"constant", HLM_SCHEDULE_CONSTANT}, {"linear", HLM_SCHEDULE_LINEAR}, {"cosine", HLM_SCHEDULE_COSINE}};
  const Choices algorithms = {
      {"adamw", HLM_OPTIMIZER_ADAMW}, {"adam", HLM_OPTIMIZER_ADAM}, {"sgd", HLM_OPTIMIZER_SGD}, {"lion", HLM_OPTIMIZER_LION}};
  AddChoice(app, "--optimizer", optimizer.algorithm, algorithms, "how a step changes the weights")->group(kOptimizerGroup);
  const Choices states = {
      {"f32", HLM_STATES_F32}, {"bf16", HLM_STATES_BF16}, {"int8", HLM_STATES_INT8}, {"auto", HLM_STATES_AUTO}};
  AddChoice(app, "--states", optimizer.states, states,
            "type of the moments; auto: the most exact that fits (default: f32, with a budget auto)")
      ->group(kOptimizerGroup);
  const Choices masters = {{"split", HLM_MASTER_SPLIT}, {"none", HLM_MASTER_NONE}, {"auto", HLM_MASTER_AUTO}};
  AddChoice(app, "--master", optimizer.master, masters,
            "split: exact, a 16-bit remainder beside the bf16 weight; none: bf16 weights alone, rounded stochastically (default: "
            "split, "
            "with a budget auto)")
      ->group(kOptimizerGroup);
  AddReal(app, "--lr", optimizer.lr, 0, kNoLimit, "learning rate")->group(kOptimizerGroup);
  AddChoice(app, "--schedule", optimizer.schedule, schedules, "of the rate after warm-up")->group(kOptimizerGroup);
  AddNumber(app, "--warmup-steps", optimizer.warmup_steps, 0, "W: step s up to W has the rate lr s/W")->group(kOptimizerGroup);
  AddReal(app, "--min-lr-ratio", optimizer.min_lr_ratio, 0, 1, "the last step's rate over lr")->group(kOptimizerGroup);
  AddReal(app, "--beta1", optimizer.beta1, 0, 1, "decay of the first moment; of sgd the momentum", true)->group(kOptimizerGroup);
  AddReal(app, "--beta2", optimizer.beta2, 0, 1, "decay of the second moment", true)->group(kOptimizerGroup);
  AddReal(app, "--eps", optimizer.eps, 0, kNoLimit, "added to the root of the second moment")->group(kOptimizerGroup);
  AddReal(app, "--weight-decay", optimizer.weight_decay, 0, kNoLimit, "of tensors of two or more dimensions")
      ->group(kOptimizerGroup);
  AddReal(app, "--grad-clip", optimizer.grad_clip, 0, kNoLimit, "largest global norm of the gradient; 0: off")
      ->group(kOptimizerGroup);
}

void AddBudgetOptions(CLI::App& app, Options& options) {
  const auto add = [&](const std::string& place, int64_t& value, const std::string& help) {
    AddNumber(app, "--budget-" + place, value, 1, help, true)->group(kMachineGroup)->excludes("--" + place + "-limit-bytes");
  };
  add("host", options.engine.budget_host_bytes,
      "most host memory, 110GiB say: takes the most exact --states and --master that fit, then the fastest plan");
  add("device", options.engine.budget_device_bytes, "most device memory, 20GB say; takes as --budget-host does");
}

void AddGroupOptions(CLI::App& app, Options& options) {
  GroupOptions& group = options.group;
  AddWord(app, "--group", group.join, {"auto", "none"},
          "auto: share the run as torchrun, Slurm, Open MPI or PMI say in the environment, alone where none does; none: alone")
      ->capture_default_str()
      ->group(kProcessGroup);
  CLI::Option* address =
      AddText(app, "--group-address", group.address, "HOST:PORT", "where rank 0 listens, where no launcher tells")
          ->group(kProcessGroup);
  CLI::Option* rank =
      AddNumber(app, "--group-rank", group.rank, 0, "of this process, from 0")->group(kProcessGroup)->needs(address);
  CLI::Option* size = AddNumber(app, "--group-size", group.size, 1, "processes in all")->group(kProcessGroup)->needs(address);
  address->needs(rank)->needs(size);
  AddReal(app, "--group-timeout", group.timeout, 0.1, 1e7, "seconds that a process waits for one that lives and does not come")
      ->group(kProcessGroup);
  AddReal(app, "--group-silence", group.silence, 0.1, 1e7, "seconds of silence after which a process counts as hung")
      ->group(kProcessGroup);
  app.add_flag("--group-several-per-machine", group.several_per_machine,
               "several of them may be on one machine, with the CPU as device and a share of its --threads each")
      ->group(kProcessGroup);
  AddChoice(app, "--group-carrier", group.carrier,
            {{"auto", HLM_CARRIER_AUTO}, {"gloo", HLM_CARRIER_GLOO}, {"nccl", HLM_CARRIER_NCCL}, {"mpi", HLM_CARRIER_MPI}},
            "of arrays between them; auto: what HORIZON_LM_CARRIER says, else NCCL between GPUs where all have it, and Gloo")
      ->group(kProcessGroup);
}

void AddWorkOfOneOption(CLI::App& app, Options& options) {
  AddWord(
      app, "--group", options.group.join, {"auto", "first", "none"},
      "where a launcher has started several processes, first: rank 0 does the work and the others end; none: each does what it "
      "is told; auto: it is refused")
      ->capture_default_str()
      ->group(kProcessGroup);
}

void AddPlanOnlyOptions(CLI::App& app, Options& options) {
  AddNumber(app, "--processes", options.engine.processes, 1,
            "of a run on several machines, each with such devices; --batch-size is the rows of all of them")
      ->group(kMachineGroup);
  AddText(
      app, "--machine", options.plan.machine, "NAME|FILE",
      "plan for another machine than this: of a JSON file of rates and sizes (docs/plan.md), or one of " + Listed(MachineNames()))
      ->check(CheckMachine)
      ->group(kMachineGroup);
  CLI::Option* compare =
      app.add_flag("--compare", options.plan.compare, "one table of the states, masters and timings there are to choose");
  app.add_flag(
         "--scaling", options.plan.scaling,
         "one table of 1, 2, 4 ... of the devices and, up to --processes, of the machines: what each brings, and what binds")
      ->excludes(compare);
}

void AddTraceOption(CLI::App& app, Options& options) {
  AddText(app, "--trace", options.run.trace, "FILE", "a Chrome/Perfetto trace of a few steps")->group(kOutputGroup);
}

void AddRunOptions(CLI::App& app, Options& options) {
  RunOptions& run = options.run;
  CLI::Option* steps =
      AddNumber(app, "--steps", run.steps, 1, "optimizer steps; data start again where needed")->group(kDataGroup);
  AddNumber(app, "--epochs", run.epochs, 1, "passes over the data")->group(kDataGroup)->excludes(steps);
  AddNumber(app, "--seed", run.seed, kAnyNumber, "of the order, which is new each epoch")->group(kDataGroup);
  app.add_flag("--no-shuffle", run.no_shuffle, "keep the file's order")->group(kDataGroup);
  CLI::Option* eval_data = AddTexts(app, "--eval-data", run.eval_files, "FILE", "held-out data, evaluated at the end")
                               ->group(kDataGroup)
                               ->each([&run](const std::string& file) { run.eval_data = file; });
  AddText(app, "--eval-labels", run.eval_labels, "FILE", "their labels")->group(kDataGroup)->needs(eval_data);
  AddNumber(app, "--eval-every", run.eval_every, 1, "and after every N steps")->group(kDataGroup);

  AddNumber(app, "--early-stop", run.early_stop, 1, "end after N evaluations in a row without a lower held-out loss")
      ->group(kDataGroup);

  AddNumber(app, "--max-skipped-steps", run.max_skipped_steps, 0,
            "the run has diverged and ends after so many steps in a row whose loss or gradient is not finite; 0: it goes on")
      ->group(kDataGroup);

  AddOutOptions(app, options);
  AddText(app, "--log-json", run.log_json, "FILE", "one JSON object a line for each step and evaluation")->group(kOutputGroup);
  AddText(app, "--report", run.report, "FILE.html",
          "a page with the run's curves, plan and trace, written at its end; needs no network")
      ->group(kOutputGroup);
  AddText(app, "--tensorboard", run.tensorboard, "DIR", "curves for TensorBoard: an event file in this folder")
      ->group(kOutputGroup);
  AddTraceOption(app, options);
}

void AddOutOptions(CLI::App& app, Options& options) {
  RunOptions& run = options.run;
  AddText(app, "--out", run.out, "DIR", "the Hugging Face folder to write (default: the weights are not kept)")
      ->group(kOutputGroup);
  app.add_flag("--overwrite", run.overwrite, "replace --out where it holds a saved model and nothing else")->group(kOutputGroup);
  const Choices dtypes = {{"auto", HLM_DTYPE_AUTO},
                          {"source", HLM_DTYPE_SOURCE},
                          {"f32", HLM_DTYPE_F32},
                          {"bf16", HLM_DTYPE_BF16},
                          {"f16", HLM_DTYPE_F16}};
  AddChoice(
      app, "--save-dtype", run.save_dtype, dtypes,
      "type of saved weights; auto: the source's, but bf16 where it has them packed (fp8, MXFP4); source: these packed again, as "
      "the source has them")
      ->group(kOutputGroup);
}

void AddCheckpointOptions(CLI::App& app, Options& options) {
  RunOptions& run = options.run;
  CLI::Option* directory =
      AddText(app, "--checkpoint-dir", run.checkpoint_dir, "DIR", "where states are saved that a run can go on from")
          ->group(kCheckpointGroup);
  AddNumber(app, "--save-every", run.save_every, 1, "steps between two checkpoints (default: one at the end)")
      ->group(kCheckpointGroup)
      ->needs(directory);
  AddNumber(app, "--keep", run.keep, 0, "newest checkpoints that stay, until the run's end two at least; 0: all")
      ->group(kCheckpointGroup)
      ->needs(directory);
  AddNumber(app, "--snapshot-bytes", run.snapshot_bytes, 0,
            "host memory to copy the state into, 8GiB say, while it is saved beside training (default: up to the whole state)",
            true)
      ->group(kCheckpointGroup)
      ->needs(directory);
  CLI::Option* resume =
      AddWord(app, "--resume", run.resume, {"auto", "must", "never"},
              "go on from the newest good checkpoint of --checkpoint-dir; auto, which is meant without a word: begin anew "
              "where it holds none; must: that is an error")
          ->group(kCheckpointGroup)
          ->needs(directory);
  app.add_flag("--keep-best", run.keep_best,
               "the state with the lowest held-out loss stays in the folder best of --checkpoint-dir, and --out gets its weights")
      ->group(kCheckpointGroup)
      ->needs(directory);
  app.add_flag("--allow-numerics-change", run.allow_numerics_change,
               "with --resume: also on another device or with other sweeps, within rounding instead of bit for bit")
      ->group(kCheckpointGroup)
      ->needs(resume);
}

void AddBenchOptions(CLI::App& app, Options& options) {
  const Choices purposes = {{"train", HLM_PURPOSE_TRAIN}, {"forward-backward", HLM_PURPOSE_FORWARD_BACKWARD}};
  AddChoice(app, "--purpose", options.purpose, purposes, "whole steps, or forward and backward with no update");
  AddNumber(app, "--steps", options.bench.steps, 1, "timed steps");
  AddNumber(app, "--warm-up", options.bench.warm_up, 0, "steps before them, not timed");
  app.add_flag("--no-traced-step", options.bench.no_traced_step,
               "leave out the further step whose trace tells how long the device waited, and for what");
  app.add_flag("--mixed-lengths", options.bench.mixed_lengths,
               "documents of mixed lengths, padded and packed: --steps times --batch-size of them, of up to --seq-len tokens");
  AddNumber(app, "--seed", options.run.seed, kAnyNumber, "of the random ids");
}

void AddGenerateOptions(CLI::App& app, Options& options) {
  GenerateOptions& generate = options.generate;
  CLI::Option* prompt = app.add_option("--prompt", generate.prompt,
                                       "the text to continue: by the model folder's tokenizer, else its bytes are the ids")
                            ->type_name("TEXT")
                            ->group(kGenerateGroup);
  AddText(app, "--prompt-ids", generate.prompt_ids, "FILE", "the ids to continue: a 1-D .npy, or written out as 5,4,2")
      ->group(kGenerateGroup)
      ->excludes(prompt);
  AddBytesOption(app, options, kGenerateGroup);
  app.add_flag("--chat", generate.chat, "--prompt is a user's turn: it is put into the model's chat template")
      ->group(kGenerateGroup)
      ->needs(prompt)
      ->excludes("--bytes");
  app.add_flag("--ignore-eos", generate.ignore_eos, "go on behind ids that end a generation (eos_token_id)")
      ->group(kGenerateGroup);
  AddNumber(app, "--max-new-tokens", generate.max_new_tokens, 1, "ids to generate")->group(kGenerateGroup);
  AddReal(app, "--temperature", generate.temperature, 0, kNoLimit, "0: the likeliest id, the lowest of equals")
      ->group(kGenerateGroup);
  AddNumber(app, "--top-k", generate.top_k, 0, "draw from the K likeliest ids; 0: from all")->group(kGenerateGroup);
  AddNumber(app, "--seed", generate.seed, kAnyNumber, "of the draws")->group(kGenerateGroup);
}

void AddSampleOptions(CLI::App& app, Options& options) {
  RunOptions& run = options.run;
  const char* group = "Samples during training";
  CLI::Option* prompts = AddText(app, "--sample-prompts", run.sample_prompts, "FILE",
                                 "prompts that the model continues as it is trained, for the log, TensorBoard and the report: "
                                 ".txt, one a line, or JSONL of "
                                 "{\"prompt\"} or {\"messages\"}")
                             ->group(group);
  AddNumber(app, "--sample-every", run.sample_every, 1, "steps between two rounds of samples (default: at the end alone)")
      ->group(group)
      ->needs(prompts);
  AddNumber(app, "--sample-tokens", run.sample_tokens, 1, "most ids of a sample; the likeliest one each time")
      ->group(group)
      ->needs(prompts);
}

void AddChatOptions(CLI::App& app, Options& options) {
  GenerateOptions& generate = options.generate;
  generate.max_new_tokens = 256;
  AddText(app, "--system", options.chat.system, "TEXT", "a system turn before the first one")->group(kGenerateGroup);
  AddNumber(
      app, "--context", options.chat.context, 2,
      "most ids of a conversation; above it the oldest turns are left out (default: 2048, or the positions of a model that has "
      "fewer)")
      ->group(kGenerateGroup);
  AddNumber(app, "--max-new-tokens", generate.max_new_tokens, 1, "most ids of an answer")->group(kGenerateGroup);
  AddReal(app, "--temperature", generate.temperature, 0, kNoLimit, "0: the likeliest id, the lowest of equals")
      ->group(kGenerateGroup);
  AddNumber(app, "--top-k", generate.top_k, 0, "draw from the K likeliest ids; 0: from all")->group(kGenerateGroup);
  AddNumber(app, "--seed", generate.seed, kAnyNumber, "of the draws")->group(kGenerateGroup);
  AddTokenizerOptions(app, options, kGenerateGroup);
}

void AddDoctorOptions(CLI::App& app, Options& options) {
  AddText(app, "--dir", options.doctor.folder, "DIR", "the folder whose disk is measured")->capture_default_str();
  app.add_flag("--no-self-test", options.doctor.no_self_test, "leave out the training of a small model on each device");
}

void AddGgufOption(CLI::App& app, Options& options) {
  AddText(app, "--gguf", options.exported.gguf, "FILE.gguf",
          "a file for llama.cpp, beside --out or without it: llama, mistral, qwen2, qwen3, gemma, gemma2 and gemma3_text, in the "
          "type of --save-dtype")
      ->group(kOutputGroup);
}

void AddMaskOptions(CLI::App& app, Options& options) {
  MaskOptions& mask = options.mask;
  AddText(app, "--model", options.model.folder, "DIR", "a Hugging Face folder with a chat template");
  AddText(app, "--template", mask.chat_template, "FILE", "a chat template, instead of --model's");
  AddTemplateNameOption(app, options.text, app.option_defaults()->get_group());
  AddText(app, "--tokenizer", options.text.tokenizer, "FILE",
          "a tokenizer.json or its folder: whole tokens are marked (default: --model's; without, the text's bytes)");
  AddText(app, "--data", mask.data, "FILE",
          "JSONL: rows with \"messages\" (and \"tools\"), with \"prompt\" and \"completion\", or with pairs")
      ->required(true);
  options.task.task = "sft";
  AddWord(app, "--task", options.task.task, {"pretrain", "sft", "dpo", "kto", "orpo", "simpo"},
          "what the row is read for: of a pair the chosen and then the rejected answer is shown");
  AddNumber(app, "--index", mask.index, 0, "the row, from 0");
  AddChoice(app, "--train-on", mask.train_on,
            {{"assistant", HLM_TRAIN_ON_ASSISTANT},
             {"last", HLM_TRAIN_ON_LAST},
             {"completion", HLM_TRAIN_ON_COMPLETION},
             {"all", HLM_TRAIN_ON_ALL}},
            "what is trained");
  AddChoice(app, "--mask", mask.mask,
            {{"auto", HLM_MASK_AUTO}, {"tags", HLM_MASK_TAGS}, {"spans", HLM_MASK_SPANS}, {"unroll", HLM_MASK_UNROLL}},
            "how it is found");
  AddText(app, "--variables", mask.variables, "JSON", "an object of further variables of the template");
  AddText(app, "--date", mask.date, "DATE", "what the template takes for today: YYYY-MM-DD (default: today)");
  AddArgumentOptions(app, options.text, app.option_defaults()->get_group());
  AddEmptyAnswersOption(app, options.text, app.option_defaults()->get_group());
  app.add_flag("--color", mask.color, "colours also where the output is no terminal");
}

void CheckModelOptions(const Options& options) {
  const ModelOptions& model = options.model;
  const int given = !model.folder.empty() + !model.config.empty() + !model.preset.empty();
  if (given == 0) throw UsageError(std::string("no model: ") + kModelIsNeeded);
  if (given > 1) throw UsageError("more than one of --model, --config and --preset");
}

void CheckTrainingOptions(const Options& options) {
  if (options.engine.optimizer_timing == HLM_TIMING_BACKWARD && options.optimizer.grad_clip != 0) {
    throw UsageError(
        Format("--optimizer-timing backward updates weights before the global norm is known and --grad-clip is %g: "
               "pass --grad-clip 0 or another --optimizer-timing",
               options.optimizer.grad_clip));
  }
  const RunOptions& run = options.run;
  const bool evaluates = !run.eval_files.empty() || options.task.eval_fraction > 0;
  if (run.eval_every > 0 && !evaluates) throw UsageError("--eval-every requires --eval-data");
  if (run.keep_best && !evaluates)
    throw UsageError("--keep-best requires --eval-data: the best is the state with the lowest held-out loss");
  if (run.early_stop > 0 && run.eval_every == 0) {
    throw UsageError(std::string("--early-stop requires --eval-every") + (evaluates ? "" : " and --eval-data") +
                     ": it counts evaluations");
  }
  CheckTaskOptions(options);
}

}  // namespace horizon
