#include "samples/horizon/cli/command_table.h"

#include <string>
#include <utility>

#include "samples/horizon/cli/names.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/eval/eval.h"

namespace horizon {
namespace {

// Options that a subcommand takes and that change nothing in it.
void Unlist(const Command& command, const std::vector<const char*>& names) {
  for (const char* name : names) command.app->get_option(name)->group(kUnlisted);
}

// Forward passes alone have no gradients, no optimizer, and nothing to keep for a backward pass.
void UnlistTraining(const Command& command) {
  Unlist(command, {"--activations", "--block-inputs", "--ring", "--grad-dtype", "--optimizer-path", "--optimizer-timing",
                   "--optimizer-threads", "--ignore-dropout", "--train-pad-row", "--unrouted", "--router-bias-rate"});
}

// What examples are made of does not matter where only the shape of a step counts.
void UnlistExamples(const Command& command) {
  for (CLI::Option* option : command.app->get_options()) {
    const std::string group = option->get_group(), name = NameOf(*option);
    const bool shapes = name == "--task" || name == "--kl";
    if (group.ends_with("(with --task)") && !shapes) option->group(kUnlisted);
  }
}

class Table {
 public:
  explicit Table(CLI::App& program) : program_(program) {}

  std::vector<Command> Make() {
    AddDoctor();
    AddDevices();
    AddPlan();
    AddTrain();
    AddEval();
    AddLogprobs();
    AddExport();
    AddGenerate();
    AddChat();
    AddBench();
    AddTokenize();
    AddShowMask();
    for (const Command& command : commands_) AddConfigOptions(*command.app, *command.options);
    return std::move(commands_);
  }

 private:
  Command& Add(const std::string& name, const std::string& help, int (*run)(const Options&), const std::string& json_help) {
    CLI::App* app = program_.add_subcommand(name, help);
    app->set_help_flag("-h,--help", "this text");
    commands_.push_back({.app = app, .run = run, .options = std::make_unique<Options>()});
    AddJsonOption(*app, *commands_.back().options, json_help);
    return commands_.back();
  }

  void IsWorkOfOne(Command& command) {
    command.work_of_one = true;
    AddWorkOfOneOption(*command.app, *command.options);
  }

  void AddDevices() {
    const Command& command = Add("devices", "the devices of this machine", RunDevices, "print the list as JSON");
    AddDeviceOption(*command.app, *command.options);
    command.app->add_flag("--as-machine", command.options->as_machine,
                          "print the device and its host as plan's --machine takes it");
  }

  void AddPlan() {
    const Command& command = Add("plan", "what a run will take, before it takes anything: takes train's options as well", RunPlan,
                                 "print the whole plan as JSON");
    AddPurposeOption(*command.app, *command.options);
    AddModelOptions(*command.app, *command.options);
    AddDataOptions(*command.app, *command.options, false);
    AddShapeOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    AddOptimizerOptions(*command.app, *command.options);
    AddBudgetOptions(*command.app, *command.options);
    AddPlanOnlyOptions(*command.app, *command.options);
    AddGroupOptions(*command.app, *command.options);
    AddRunOptions(*command.app, *command.options);
    AddTaskOptions(*command.app, *command.options);
    AddCheckpointOptions(*command.app, *command.options);
    AddSampleOptions(*command.app, *command.options);
    // So that one line serves both: "train" becomes "plan" in it.
    Unlist(command, {"--seed",
                     "--no-shuffle",
                     "--steps",
                     "--epochs",
                     "--eval-every",
                     "--max-skipped-steps",
                     "--out",
                     "--overwrite",
                     "--save-dtype",
                     "--log-json",
                     "--report",
                     "--tensorboard",
                     "--trace",
                     "--save-every",
                     "--keep",
                     "--keep-best",
                     "--early-stop",
                     "--resume",
                     "--allow-numerics-change",
                     "--lr",
                     "--schedule",
                     "--warmup-steps",
                     "--min-lr-ratio",
                     "--beta1",
                     "--beta2",
                     "--eps",
                     "--weight-decay"});
    Unlist(command, {"--sample-prompts", "--sample-every", "--sample-tokens"});
    Unlist(command, {"--group", "--group-address", "--group-rank", "--group-size", "--group-timeout", "--group-silence",
                     "--group-several-per-machine", "--group-carrier"});
    UnlistExamples(command);
    command.app->footer(
        "Without --data the plan is for rows of --seq-len tokens. A stream's rows have one token more, the last target.");
  }

  void AddTrain() {
    const Command& command = Add("train", "train a model", RunTrain, "print the JSON lines of --log-json instead of progress");
    AddModelOptions(*command.app, *command.options);
    AddDataOptions(*command.app, *command.options, true);
    AddShapeOptions(*command.app, *command.options);
    AddOptimizerOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    AddBudgetOptions(*command.app, *command.options);
    AddGroupOptions(*command.app, *command.options);
    AddRunOptions(*command.app, *command.options);
    AddTaskOptions(*command.app, *command.options);
    AddCheckpointOptions(*command.app, *command.options);
    AddSampleOptions(*command.app, *command.options);
    command.app->footer(
        "For example: horizon train --model DIR --task sft --data chats.jsonl --epochs 2 --lr 1e-5 --out tuned\n"
        "SIGINT (Ctrl-C), SIGTERM and SIGHUP end the run after the step in progress; what was trained is saved, to "
        "--checkpoint-dir and --out, "
        "and the status is 130, 143 or 129. A second one ends it at once. A run that diverges writes no --out; the status is 1.");
  }

  void AddEval() {
    Command& command = Add("eval", "loss and perplexity on data", RunEval, "print {\"loss\", \"perplexity\", \"tokens\"}");
    AddModelOptions(*command.app, *command.options);
    AddDataOptions(*command.app, *command.options, true);
    AddEvalTaskOptions(*command.app, *command.options);
    AddShapeOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    IsWorkOfOne(command);
    UnlistTraining(command);
  }

  void AddLogprobs() {
    Command& command =
        Add("logprobs", "log-probabilities of documents, one JSON object a line", RunLogprobs, "changes nothing: all is JSON");
    AddModelOptions(*command.app, *command.options);
    AddDataOptions(*command.app, *command.options, true);
    AddLogprobsOptions(*command.app, *command.options);
    AddShapeOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    IsWorkOfOne(command);
    UnlistTraining(command);
    command.app->footer("--data is JSONL, in the order of the file, or a token file, whose rows are the documents.");
  }

  void AddExport() {
    Command& command = Add("export", "write a model or a checkpoint as a Hugging Face folder, or for llama.cpp", RunExport,
                           "print {\"out\", \"gguf\"}, what was written");
    AddModelOptions(*command.app, *command.options);
    AddOutOptions(*command.app, *command.options);
    AddGgufOption(*command.app, *command.options);
    IsWorkOfOne(command);
    command.app->footer(
        "--model may be a checkpoint (DIR/step-000000000100). Needs no GPU, and no more memory than a few tensors.");
  }

  void AddGenerate() {
    Command& command = Add("generate", "continue a prompt", RunGenerate,
                           "print {\"ids\": [...]}, the new ids, as the last line; with a tokenizer their \"text\"");
    AddModelOptions(*command.app, *command.options);
    AddGenerateOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    IsWorkOfOne(command);
    UnlistTraining(command);
    command.app->footer("There is no cache of keys and values: the whole prefix is computed again for each new token.");
  }

  void AddChat() {
    Command& command =
        Add("chat", "talk with a model in its chat template", RunChat, "print one JSON object a line for each answer");
    AddModelOptions(*command.app, *command.options);
    AddChatOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    IsWorkOfOne(command);
    UnlistTraining(command);
    command.app->footer(
        "One line is a turn; /reset forgets the conversation, /exit or the end of the input leaves. There is no cache of keys "
        "and values: the "
        "whole conversation is computed again for each new token.");
  }

  void AddDoctor() {
    const Command& command =
        Add("doctor", "whether this machine is fit for training, and what to do", RunDoctor, "print the findings as JSON");
    AddDoctorOptions(*command.app, *command.options);
    command.app->footer("The status is 1 where something that training needs does not work, else 0: warnings are no failures.");
  }

  void AddBench() {
    const Command& command = Add("bench", "time training steps on random ids", RunBench, "print the figures as JSON");
    AddBenchOptions(*command.app, *command.options);
    AddModelOptions(*command.app, *command.options);
    AddShapeOptions(*command.app, *command.options);
    AddOptimizerOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    AddBudgetOptions(*command.app, *command.options);
    AddTraceOption(*command.app, *command.options);
    Unlist(command, {"--lr", "--schedule", "--warmup-steps", "--min-lr-ratio"});  // they change no time
    command.app->footer("Rows have --seq-len tokens.");
  }

  void AddTokenize() {
    const Command& command = Add("tokenize", "ids of a text, or the text of ids", RunTokenize,
                                 "print {\"ids\", \"tokens\", \"offsets\" (bytes), \"bytes\"}, or {\"text\"} of --ids");
    AddTokenizeOptions(*command.app, *command.options);
    command.app->footer("One of --model and --tokenizer, and one of --text, --data and --ids.");
  }

  void AddShowMask() {
    const Command& command = Add("show-mask", "a conversation as it is trained, the trained text coloured", RunShowMask,
                                 "print the sequences with their trained ranges as JSON");
    AddMaskOptions(*command.app, *command.options);
    command.app->footer("Where colours are off, trained text stands between the brackets \xe2\x9f\xa6 and \xe2\x9f\xa7.");
  }

  CLI::App& program_;
  std::vector<Command> commands_;
};

}  // namespace

std::vector<Command> AddCommands(CLI::App& program) { return Table(program).Make(); }

}  // namespace horizon
