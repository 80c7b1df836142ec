#include "samples/horizon/cli/names.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "samples/horizon/base/nearest.h"

namespace horizon {
namespace {

struct Other {
  const char* name;
  const char* option;
};

// What people type who come from elsewhere. A subcommand whose option has such a name itself keeps it.
constexpr Other kOthers[] = {{"--learning-rate", "--lr"},
                             {"--batch", "--batch-size"},
                             {"--bs", "--batch-size"},
                             {"--sequence-length", "--seq-len"},
                             {"--max-seq-len", "--seq-len"},
                             {"--max-seq-length", "--seq-len"},
                             {"--max-length", "--seq-len"},
                             {"--context-length", "--seq-len"},
                             {"--block-size", "--seq-len"},
                             {"--ctx-len", "--seq-len"},
                             {"--ctx-len", "--context"},
                             {"--max-steps", "--steps"},
                             {"--num-steps", "--steps"},
                             {"--num-epochs", "--epochs"},
                             {"--num-train-epochs", "--epochs"},
                             {"--dataset", "--data"},
                             {"--train-data", "--data"},
                             {"--train-file", "--data"},
                             {"--validation-data", "--eval-data"},
                             {"--validation-file", "--eval-data"},
                             {"--eval-file", "--eval-data"},
                             {"--validation-split", "--eval-fraction"},
                             {"--eval-steps", "--eval-every"},
                             {"--save-steps", "--save-every"},
                             {"--save-total-limit", "--keep"},
                             {"--output", "--out"},
                             {"--output-dir", "--out"},
                             {"--save-dir", "--out"},
                             {"-o", "--out"},
                             {"--model-name-or-path", "--model"},
                             {"-m", "--model"},
                             {"--model-config", "--config"},
                             {"--lr-schedule", "--schedule"},
                             {"--lr-scheduler", "--schedule"},
                             {"--lr-scheduler-type", "--schedule"},
                             {"--warmup", "--warmup-steps"},
                             {"--max-grad-norm", "--grad-clip"},
                             {"--gradient-clipping", "--grad-clip"},
                             {"--clip", "--grad-clip"},
                             {"--wd", "--weight-decay"},
                             {"--adam-beta1", "--beta1"},
                             {"--adam-beta2", "--beta2"},
                             {"--adam-epsilon", "--eps"},
                             {"--epsilon", "--eps"},
                             {"--optim", "--optimizer"},
                             {"--dtype", "--compute"},
                             {"--precision", "--compute"},
                             {"--num-threads", "--threads"},
                             {"--chat-template", "--template"},
                             {"--host-memory", "--budget-host"},
                             {"--ram", "--budget-host"},
                             {"--device-memory", "--budget-device"},
                             {"--vram", "--budget-device"},
                             {"--checkpoints", "--checkpoint-dir"},
                             {"--checkpoint", "--checkpoint-dir"},
                             {"--ckpt", "--checkpoint-dir"},
                             {"--ckpt-dir", "--checkpoint-dir"},
                             {"--resume-from-checkpoint", "--resume"},
                             {"--early-stopping", "--early-stop"},
                             {"--patience", "--early-stop"},
                             {"--load-best-model-at-end", "--keep-best"},
                             {"--system-prompt", "--system"},
                             {"--ctx", "--context"},
                             {"--max-tokens", "--max-new-tokens"},
                             {"--temp", "--temperature"},
                             {"-p", "--prompt"},
                             {"-d", "--device"}};

// What there is instead of an option that others have and that no single one of these is: where `option` is one of the subcommand's.
struct Instead {
  const char* name;
  const char* option;
  const char* what;
  bool family = false;  // names that go on from it are meant as well: --lora-rank
};
constexpr const char* kNoAdapters =
    "there are no adapters: all weights train, but for those of --freeze, or only those of --train-only";
constexpr const char* kOneEngine = "there is one engine; --device takes several GPUs, --group-address several machines";
constexpr const char* kTrackers =
    "--tensorboard, --log-json and --report are here; Weights & Biases and MLflow are callbacks of the Python package";
constexpr Instead kInstead[] = {
    {"--checkpoint-dir", "--gguf", "--model takes a checkpoint as well: DIR/step-000000000100"},
    {"--prompt", "--ids", "--text is a text to make ids of"},
    {"--warmup-ratio", "--warmup-steps", "--warmup-steps counts steps"},
    {"--gpu", "--device", "--device cuda takes every GPU, --device cuda:0 the first"},
    {"--gpus", "--device", "--device cuda takes every GPU, --device cuda:0 the first"},
    {"--cuda", "--device", "--device cuda takes every GPU, --device cuda:0 the first"},
    {"--cpu", "--device", "--device cpu takes none but the CPU"},
    {"--no-cuda", "--device", "--device cpu takes none but the CPU"},
    {"--use-cpu", "--device", "--device cpu takes none but the CPU"},
    {"--bf16", "--compute", "--compute bf16 is the default"},
    {"--fp16", "--compute", "--compute takes bf16 and f32"},
    {"--fp32", "--compute", "--compute f32 is that"},
    {"--per-device-train-batch-size", "--batch-size",
     "--batch-size is the rows of a step on all devices, --micro-batch those at a time"},
    {"--per-device-eval-batch-size", "--batch-size",
     "--batch-size is the rows of a step on all devices, --micro-batch those at a time"},
    {"--gradient-accumulation-steps", "--batch-size",
     "--batch-size is the rows of a whole step, which is cut into micro-batches by the plan, or by --micro-batch"},
    {"--gradient-checkpointing", "--activations", "--activations recompute is that; by default the plan chooses"},
    {"--lora", "--freeze", kNoAdapters, true},
    {"--peft", "--freeze", kNoAdapters},
    {"--qlora", "--freeze", kNoAdapters, true},
    {"--load-in-4bit", "--states", "weights train in bf16 or better; --states int8 is what makes a run small"},
    {"--load-in-8bit", "--states", "weights train in bf16 or better; --states int8 is what makes a run small"},
    {"--deepspeed", "--device", kOneEngine, true},
    {"--fsdp", "--device", kOneEngine, true},
    {"--report-to", "--tensorboard", kTrackers},
    {"--wandb", "--tensorboard", kTrackers, true},
    {"--mlflow", "--tensorboard", kTrackers, true},
    {"--logging-steps", "--log-json", "--log-json, --tensorboard and --report have every step"},
    {"--push-to-hub", "--out", "nothing is uploaded; `hf upload` takes the folder of --out"},
    {"--top-p", "--top-k", "--top-k and --temperature say what is drawn from"},
};

std::string WithDashes(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

// A --config that may be given several times names files of options alone: it is no model's.
bool Means(const Other& other, const CLI::Option& option) {
  return std::string_view(other.name) != "--model-config" || !TakesSeveral(option);
}

}  // namespace

std::string NameOf(const CLI::Option& option) {
  const auto& names = option.get_lnames();
  return names.empty() ? "-" + option.get_snames().front() : "--" + names.front();
}

bool IsFlag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
bool TakesSeveral(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

bool TakesCommas(const CLI::Option& option) {
  const std::string name = NameOf(option);
  return name == "--device" || name == "--freeze" || name == "--train-only";
}

const char* ValueWithout(const CLI::Option& option) { return NameOf(option) == "--resume" ? "auto" : nullptr; }

std::string AtHome(const CLI::Option& option, const std::string& value) {
  const std::string type = option.get_type_name();
  const bool path = type.find("FILE") != std::string::npos || type.find("DIR") != std::string::npos;
  const char* home = std::getenv("HOME");
  return !path || !value.starts_with("~/") || home == nullptr || *home == '\0' ? value : home + value.substr(1);
}

std::vector<std::string> OtherNames(const CLI::Option& option) {
  std::vector<std::string> names;
  const std::string name = NameOf(option);
  for (const Other& other : kOthers) {
    if (name == other.option && Means(other, option)) names.push_back(other.name);
  }
  return names;
}

const CLI::Option* OptionNames::Exact(const std::string& name) const {
  for (const CLI::Option* option : app_.get_options()) {
    for (const std::string& one : option->get_lnames()) {
      if (name == "--" + one) return option;
    }
    for (const std::string& one : option->get_snames()) {
      if (name == "-" + one) return option;
    }
  }
  return nullptr;
}

const CLI::Option* OptionNames::Find(const std::string& name) const {
  const std::string plain = WithDashes(name);
  if (const CLI::Option* option = Exact(plain)) return option;
  for (const Other& other : kOthers) {
    if (plain != other.name) continue;
    if (const CLI::Option* option = Exact(other.option); option != nullptr && Means(other, *option)) return option;
  }
  return nullptr;
}

std::string OptionNames::DidYouMean(const std::string& name) const {
  std::string word = WithDashes(name);
  word = "--" + word.substr(std::min(word.find_first_not_of('-'), word.size()));
  for (const Instead& instead : kInstead) {
    const bool meant = word == instead.name || (instead.family && word.starts_with(instead.name + std::string("-")));
    if (meant && Exact(instead.option) != nullptr) return std::string("; ") + instead.what;
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : app_.get_options()) {
    if (option->get_group() != kUnlisted) names.push_back(NameOf(*option));
  }
  // A name of elsewhere may be nearest: it is answered as it would be taken.
  for (const Other& other : kOthers) {
    if (const CLI::Option* option = Exact(other.option); option != nullptr && Means(other, *option)) names.push_back(other.name);
  }
  return horizon::DidYouMean(word, names);
}

}  // namespace horizon
