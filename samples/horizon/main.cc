// horizon: trains, evaluates and tries language models through the public C API.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "c_api/horizon_lm.h"
#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/eval/eval.h"
#include "samples/horizon/options/options.h"

namespace horizon {
namespace {

struct Command {
  CLI::App* app;
  int (*run)(const Options&);
  std::unique_ptr<Options> options;
};

// The arguments so that a shell takes them for the same.
std::string CommandText(int argc, char** argv) {
  constexpr const char* kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,+-@%";
  std::string text = "horizon";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    text += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      text += word;
      continue;
    }
    text += '\'';
    for (const char c : word) c == '\'' ? void(text += "'\\''") : text.push_back(c);
    text += '\'';
  }
  return text;
}

std::vector<Setting> SettingsOf(const CLI::App& app) {
  std::vector<Setting> settings;
  for (const CLI::Option* option : app.get_options()) {
    const bool given = option->count() > 0;
    std::string value = given ? "" : option->get_default_str();
    if (given) {
      for (const std::string& result : option->results()) value += (value.empty() ? "" : " ") + result;
    }
    if (given || !value.empty()) settings.push_back({option->get_name(), value, given});
  }
  return settings;
}

class CommandLine {
 public:
  CommandLine() : app_("Horizon-LM trains large language models from host memory.", "horizon") {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", hlm_version());
    app_.set_help_flag("--help", "this text");
    AddDevices();
    AddPlan();
    AddTrain();
    AddEval();
    AddLogprobs();
    AddExport();
    AddGenerate();
    AddBench();
    AddTokenize();
    AddShowMask();
  }

  int Run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app_.exit(error);  // --help, --version
      throw UsageError(MessageOf(error, argc, argv));
    }
    for (const Command& command : commands_) {
      if (!command.app->parsed()) continue;
      command.options->command_line = CommandText(argc, argv);
      command.options->settings = SettingsOf(*command.app);
      return command.run(*command.options);
    }
    return kExitUsage;
  }

 private:
  // CLI11 says of a misspelt subcommand only that there is none.
  std::string MessageOf(const CLI::ParseError& error, int argc, char** argv) const {
    if (argc < 2 || argv[1][0] == '-' || !app_.get_subcommands().empty()) return error.what();
    std::string known;
    for (const Command& command : commands_) known += (known.empty() ? "" : ", ") + command.app->get_name();
    return std::string("'") + argv[1] + "' is not a subcommand; there are " + known;
  }

  Command& Add(const std::string& name, const std::string& help, int (*run)(const Options&), const std::string& json_help) {
    CLI::App* app = app_.add_subcommand(name, help);
    app->set_help_flag("--help", "this text");
    commands_.push_back({app, run, std::make_unique<Options>()});
    AddJsonOption(*app, *commands_.back().options, json_help);
    return commands_.back();
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
    AddRunOptions(*command.app, *command.options);
    AddTaskOptions(*command.app, *command.options);
    AddCheckpointOptions(*command.app, *command.options);
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
    AddRunOptions(*command.app, *command.options);
    AddTaskOptions(*command.app, *command.options);
    AddCheckpointOptions(*command.app, *command.options);
    command.app->footer(
        "SIGINT (Ctrl-C), SIGTERM and SIGHUP end the run after the step in progress; what was trained is saved, to "
        "--checkpoint-dir and --out, "
        "and the status is 130, 143 or 129. A second one ends it at once. A run that diverges writes no --out; the status is 1.");
  }

  void AddEval() {
    const Command& command = Add("eval", "loss and perplexity on data", RunEval, "print {\"loss\", \"perplexity\", \"tokens\"}");
    AddModelOptions(*command.app, *command.options);
    AddDataOptions(*command.app, *command.options, true);
    AddEvalTaskOptions(*command.app, *command.options);
    AddShapeOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
  }

  void AddLogprobs() {
    const Command& command =
        Add("logprobs", "log-probabilities of documents, one JSON object a line", RunLogprobs, "changes nothing: all is JSON");
    AddModelOptions(*command.app, *command.options);
    AddDataOptions(*command.app, *command.options, true);
    AddLogprobsOptions(*command.app, *command.options);
    AddShapeOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    command.app->footer("--data is JSONL, in the order of the file, or a token file, whose rows are the documents.");
  }

  void AddExport() {
    const Command& command =
        Add("export", "write a model or a checkpoint as a Hugging Face folder", RunExport, "print {\"out\"}");
    AddModelOptions(*command.app, *command.options);
    AddOutOptions(*command.app, *command.options);
    command.app->footer(
        "--model may be a checkpoint (DIR/step-000000000100). Needs no GPU, and no more memory than a few tensors.");
  }

  void AddGenerate() {
    const Command& command = Add("generate", "continue a prompt", RunGenerate,
                                 "print {\"ids\": [...]}, the new ids, as the last line; with a tokenizer their \"text\"");
    AddModelOptions(*command.app, *command.options);
    AddGenerateOptions(*command.app, *command.options);
    AddEngineOptions(*command.app, *command.options);
    command.app->footer("There is no cache of keys and values: the whole prefix is computed again for each new token.");
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

  CLI::App app_;
  std::vector<Command> commands_;
};

int Main(int argc, char** argv) {
  const auto fail = [](const std::string& message, int status) {
    std::fflush(stdout);
    std::fprintf(stderr, "error: %s\n", OneLine(message).c_str());
    return status;
  };
  try {
    const int status = CommandLine().Run(argc, argv);
    if (status == kExitOk && (std::fflush(stdout) != 0 || std::ferror(stdout)))
      return fail("standard output: writing failed", kExitError);
    return status;
  } catch (const UsageError& error) {
    return fail(error.what(), kExitUsage);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kExitError);
  } catch (const std::exception& error) {
    return fail(error.what(), kExitError);
  }
}

}  // namespace
}  // namespace horizon

int main(int argc, char** argv) { return horizon::Main(argc, argv); }
