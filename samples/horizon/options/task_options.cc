// The options of --task: what examples are trained with.
#include <cmath>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/options/option_kinds.h"
#include "samples/horizon/options/options.h"

namespace horizon {
namespace {

constexpr const char* kTaskGroup = "Post-training (with --task)";
constexpr const char* kTextGroup = "Examples (with --task)";

// Options that only some tasks have.
struct Belongs {
  const char* option;
  const char* tasks;
};
constexpr Belongs kBelongs[] = {{"--loss", "dpo"},
                                {"--beta", "dpo, kto, orpo, simpo"},
                                {"--gamma", "dpo, simpo"},
                                {"--label-smoothing", "dpo, simpo"},
                                {"--sft-weight", "dpo, orpo, simpo"},
                                {"--reference-free", "dpo"},
                                {"--desirable-weight", "kto"},
                                {"--undesirable-weight", "kto"},
                                {"--kl", "kto"}};

}  // namespace

double TaskOptions::Beta() const { return !std::isnan(beta) ? beta : task == "simpo" ? 2.0 : 0.1; }
double TaskOptions::Gamma() const { return !std::isnan(gamma) ? gamma : task == "simpo" ? 1.0 : 0.0; }

void AddTaskOptions(CLI::App& app, Options& options) {
  TaskOptions& task = options.task;
  CLI::Option* name = AddWord(app, "--task", task.task, {"pretrain", "sft", "dpo", "kto", "orpo", "simpo"},
                              "train on examples: --data are JSONL files, may be given several times, and may be FILE=WEIGHT, "
                              "dataset_info.json:NAME or a JSON object (see hlm_dataset_open)")
                          ->group(kTaskGroup);
  const auto belongs = [&](CLI::Option* option) {
    option->group(kTaskGroup)->needs(name);
    const std::string spelled = option->get_name();
    option->each([&task, spelled](const std::string&) { task.given.insert(spelled); });
  };
  belongs(AddChoice(app, "--loss", task.loss,
                    {{"sigmoid", HLM_PREFERENCE_SIGMOID},
                     {"robust", HLM_PREFERENCE_ROBUST},
                     {"hinge", HLM_PREFERENCE_HINGE},
                     {"ipo", HLM_PREFERENCE_IPO},
                     {"sigmoid_norm", HLM_PREFERENCE_SIGMOID_NORM},
                     {"exo_pair", HLM_PREFERENCE_EXO_PAIR},
                     {"nca_pair", HLM_PREFERENCE_NCA_PAIR},
                     {"bco_pair", HLM_PREFERENCE_BCO_PAIR},
                     {"sppo_hard", HLM_PREFERENCE_SPPO_HARD},
                     {"apo_zero", HLM_PREFERENCE_APO_ZERO},
                     {"apo_down", HLM_PREFERENCE_APO_DOWN}},
                    "of dpo: see docs/objectives.md"));
  belongs(AddReal(app, "--beta", task.beta, 0, kNoLimit,
                  "strength of the reference, of orpo the weight of its odds (default: 0.1, simpo 2)"));
  belongs(AddReal(app, "--gamma", task.gamma, 0, kNoLimit, "the margin that is asked for (default: 0, simpo 1)"));
  belongs(AddReal(app, "--label-smoothing", task.label_smoothing, 0, 1,
                  "the share of pairs that are taken to be the wrong way round", true));
  belongs(AddReal(app, "--sft-weight", task.sft_weight, 0, kNoLimit, "adds this times the chosen answers' loss a token"));
  belongs(app.add_flag("--reference-free", task.reference_free, "every reference log-probability is 0"));
  belongs(AddReal(app, "--desirable-weight", task.desirable_weight, 0, kNoLimit, "of good answers"));
  belongs(AddReal(app, "--undesirable-weight", task.undesirable_weight, 0, kNoLimit, "of bad answers"));
  belongs(AddChoice(
      app, "--kl", task.mismatched_kl, {{"mismatched", 1}, {"none", 0}},
      "how far the model is from its reference: by prompts with other prompts' answers, which takes a second copy of the "
      "weights, or not at all"));
  AddReal(app, "--eval-fraction", task.eval_fraction, 0, 1, "this share of the records is held out for evaluation", true)
      ->group(kTaskGroup)
      ->needs(name)
      ->excludes("--eval-data");
  AddTextOptions(app, options, kTextGroup);
  app.add_flag(
         "--keep-eos", options.run.keep_eos,
         "leave eos_token_id of what is saved as it is, whatever the trained turns end with (default: what ends them is added)")
      ->group(kTextGroup)
      ->needs(name);
  name->excludes("--labels");
}

void AddArgumentOptions(CLI::App& app, TextOptions& text, const std::string& group) {
  AddWord(app, "--tool-arguments", text.tool_arguments, {"parse", "keep"},
          "what becomes of arguments of tool calls that are a string of JSON, which many templates would write as a string again")
      ->group(group);
  AddWord(app, "--null-arguments", text.null_arguments, {"drop", "keep"},
          "what becomes of members of arguments that are null, which Arrow puts where another row has one")
      ->group(group);
  AddWord(app, "--unused-members", text.unused_members, {"refuse", "count"},
          "what becomes of members of records that look like a part of the conversation and are not used")
      ->group(group);
  AddWord(app, "--content-parts", text.content_parts, {"join", "keep"},
          "content that is a list of texts becomes a text, or stays a list for a template that reads it")
      ->group(group);
}

void AddEmptyAnswersOption(CLI::App& app, TextOptions& text, const std::string& group) {
  AddWord(app, "--empty-answers", text.empty_answers, {"drop", "keep"}, "what becomes of records whose answers are empty")
      ->group(group);
}

void AddTemplateNameOption(CLI::App& app, TextOptions& text, const std::string& group) {
  AddText(app, "--template-name", text.template_name, "NAME",
          "one of several templates of a folder (default: as Hugging Face chooses)")
      ->group(group);
}

void AddTokenizerOptions(CLI::App& app, Options& options, const std::string& group) {
  TextOptions& text = options.text;
  AddText(app, "--tokenizer", text.tokenizer, "FILE", "a tokenizer.json or its folder (default: --model's)")->group(group);
  AddText(app, "--template", text.chat_template, "auto|FILE", "a chat template (auto: --model's, or beside --tokenizer)")
      ->capture_default_str()
      ->group(group);
  AddTemplateNameOption(app, text, group);
  AddText(app, "--template-variables", text.variables, "JSON", "an object of further variables of the template")->group(group);
  AddText(app, "--template-date", text.date, "DATE", "what the template takes for today: YYYY-MM-DD (default: today)")
      ->group(group);
  AddArgumentOptions(app, text, group);
}

void AddTextOptions(CLI::App& app, Options& options, const std::string& group) {
  TextOptions& text = options.text;
  AddTokenizerOptions(app, options, group);
  AddWord(app, "--train-on", text.train_on, {"auto", "assistant", "completion", "last", "all"},
          "what is trained of a document; auto: completions, answers of conversations, all of a text")
      ->group(group);
  AddWord(app, "--mask", text.mask, {"auto", "tags", "spans", "unroll"}, "how answers are found in what a template makes")
      ->group(group);
  AddChoice(app, "--packing", text.packing, {{"on", 1}, {"off", 0}}, "rows of several documents, or of one each")->group(group);
  AddWord(app, "--too-long", text.too_long, {"truncate", "split", "drop", "error"},
          "documents above --seq-len (default: truncate; pretrain: split)")
      ->group(group);
  AddText(app, "--cache-dir", text.cache_dir, "DIR|none", "where tokens are kept (default: .horizon-cache beside the first file)")
      ->group(group);
  AddWord(app, "--bad-records", text.bad_records, {"error", "skip"}, "what becomes of records that cannot be read")->group(group);
  AddEmptyAnswersOption(app, text, group);
  app.add_flag("--safe-content", text.safe_content, "no special token is matched in what is the data's and not the template's")
      ->group(group);
}

void AddEvalTaskOptions(CLI::App& app, Options& options) {
  const char* group = "Whole documents (with --task)";
  ScoreOptions& score = options.score;
  CLI::Option* task =
      AddWord(app, "--task", score.task, {"perplexity", "choice"},
              "perplexity: nats a token and bits a byte of .txt, .npy or JSONL with \"text\", in windows of --seq-len; "
              "choice: JSONL of {\"prompt\", \"choices\", \"answer\"}")
          ->group(group)
          ->excludes("--labels");
  AddNumber(app, "--stride", score.stride, 1, "of perplexity: ids between two windows' beginnings (default: --seq-len less 1)")
      ->group(group)
      ->needs(task);
  AddText(app, "--details", score.details, "FILE", "of choice: one JSON object a line for each question")
      ->group(group)
      ->needs(task);
  AddTokenizerOptions(app, options, group);
}

void AddLogprobsOptions(CLI::App& app, Options& options) {
  options.task.task = "sft";
  AddWord(app, "--task", options.task.task, {"pretrain", "sft", "dpo", "kto"},
          "what JSONL holds: texts, answers, pairs, labelled answers");
  app.add_flag("--sums", options.score.sums, "leave out the ids and the log-probability of each");
  AddTextOptions(app, options, kTextGroup);
}

void CheckOneDataFile(const Options& options) {
  if (options.data.files.size() > 1) {
    throw UsageError(Format("--data is given %zu times; only --task takes several files", options.data.files.size()));
  }
  if (options.run.eval_files.size() > 1) {
    throw UsageError(Format("--eval-data is given %zu times; only --task takes several files", options.run.eval_files.size()));
  }
}

void CheckTaskOptions(const Options& options) {
  const TaskOptions& task = options.task;
  if (task.task.empty()) return CheckOneDataFile(options);
  for (const Belongs& one : kBelongs) {
    const std::string tasks = std::string(", ") + one.tasks + ",";
    if (task.given.contains(one.option) && tasks.find(" " + task.task + ",") == std::string::npos) {
      throw UsageError(std::string(one.option) + " belongs to --task " + one.tasks + ", not to " + task.task);
    }
  }
  if (task.Beta() <= 0 && task.needs_whole_gradients()) throw UsageError("--beta is 0; it must be above 0");
  if (task.loss == HLM_PREFERENCE_ROBUST && task.label_smoothing >= 0.5) {
    throw UsageError(Format("--loss robust needs --label-smoothing below 0.5, not %g", task.label_smoothing));
  }
  if (options.model.bytes)
    throw UsageError("--bytes is for .txt files; the examples of --task need a tokenizer, or are token ids");
  if (task.pairs() && options.shape.batch_size % 2 != 0) {
    throw UsageError("--batch-size " + std::to_string(options.shape.batch_size) + " is odd; a pair takes two rows");
  }
  if (task.needs_whole_gradients() && options.engine.optimizer_timing == HLM_TIMING_BACKWARD) {
    throw UsageError("--task " + task.task + " does not go with --optimizer-timing backward: pass next-forward or serial");
  }
}

}  // namespace horizon
