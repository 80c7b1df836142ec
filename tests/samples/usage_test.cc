// Wrong usage is status 2 and one line; help names every option; what an option says arrives in the plan.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

void ExpectWrongUsage(const Words& arguments, const Words& parts) {
  std::string line;
  for (const std::string& word : arguments) line += word + " ";
  SCOPED_TRACE(line);
  const Result result = Horizon(arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  ExpectOneErrorLine(result, parts);
}

TEST(UsageTest, SubcommandsAndOptionsMustExist) {
  ExpectWrongUsage({}, {"subcommand"});
  ExpectWrongUsage({"tarin"}, {"tarin"});
  ExpectWrongUsage({"train", "--dta", "x.npy"}, {"--data"});
  ExpectWrongUsage({"devices", "--jsn"}, {"--jsn"});
  ExpectWrongUsage({"eval", "--preset", "tiny", "--data", "x.npy", "stray"}, {"stray"});
}

TEST(UsageTest, NamesOfElsewhereSayWhatThereIsInstead) {
  const Words train = {"train", "--preset", "tiny", "--data", "x.npy"};
  for (const auto& [name, part] :
       std::vector<std::pair<const char*, const char*>>{{"--warmup-ratio", "--warmup-steps counts steps"},
                                                        {"--gpu", "--device cuda"},
                                                        {"--cpu", "--device cpu"},
                                                        {"--bf16", "--compute bf16 is the default"},
                                                        {"--fp16", "--compute takes bf16 and f32"},
                                                        {"--per-device-train-batch-size", "rows of a step on all devices"},
                                                        {"--gradient_accumulation_steps", "--micro-batch"},
                                                        {"--lora", "there are no adapters"},
                                                        {"--lora-rank", "there are no adapters"},
                                                        {"--load_in_4bit", "--states int8"},
                                                        {"--report-to", "callbacks of the Python package"},
                                                        {"--wandb-project", "callbacks of the Python package"},
                                                        {"--fsdp", "--device takes several GPUs"},
                                                        {"--push-to-hub", "nothing is uploaded"}}) {
    ExpectWrongUsage(With(train, {name, "1"}), {std::string(name) + " is not an option of train; ", part});
  }
  ExpectWrongUsage({"export", "--checkpoint-dir", "ck", "--out", "x"}, {"--model takes a checkpoint as well"});
  ExpectWrongUsage({"tokenize", "--model", "m", "--prompt", "a"}, {"--text is a text"});
  ExpectWrongUsage({"devices", "--lora", "1"}, {"--lora is not an option of devices"});
  ExpectWrongUsage(With(train, {"--cpu-threads", "1"}), {"did you mean --num-threads?"});
  ExpectWrongUsage({"chat", "--model", "m", "--top-p", "1"}, {"--top-k and --temperature"});
  ExpectWrongUsage(With(train, {"--block-size", ""}), {"--seq-len"});
  ExpectWrongUsage(With(train, {"--save-dir", ""}), {"--out"});
  ExpectWrongUsage(With(train, {"--ckpt", ""}), {"--checkpoint-dir"});
  ExpectWrongUsage({"chat", "--preset", "tiny", "--ctx-len", "x"}, {"--context"});
  ExpectWrongUsage(With(train, {"--early-stop", "2"}), {"requires --eval-every and --eval-data"});
  ExpectWrongUsage(With(train, {"--task", "sft", "--eval-fraction", "0.1", "--early-stop", "2"}), {"requires --eval-every:"});
  EXPECT_EQ(Horizon({"doctor", "--help"}).out.find("--model-config"), std::string::npos) << "its --config is no model's";
  ExpectWrongUsage({"plan", "--preset", "tiny", "--machine", "rtx4090-128g"}, {"did you mean rtx4090-24g-128g?"});
}

TEST(UsageTest, SizesAreBytesOrHaveAUnit) {
  const auto error = [](const std::string& size) {
    return Horizon({"plan", "--preset", "tiny", "--seq-len", "16", "--host-limit-bytes", size}).err;
  };
  for (const auto& [size, bytes] : std::vector<std::pair<const char*, const char*>>{{"1e7", "10000000"},
                                                                                    {"1.5E7", "15000000"},
                                                                                    {"1e+7", "10000000"},
                                                                                    {"0.001pb", ""},
                                                                                    {"1.5m", "1572864"},
                                                                                    {"2MB", "2000000"}}) {
    EXPECT_EQ(error(size).find("is not a whole number"), std::string::npos) << size;
    EXPECT_NE(error(size).find(bytes), std::string::npos) << size << "\n" << error(size);
  }
  for (const std::string size :
       {"1.5", "0.5", "1e", "1e-3", "-1", "-1GiB", "", " 1GiB", "1GiBB", "0x10", "nan", "1e30", "20000PB"}) {
    EXPECT_NE(error(size).find("'" + size + "' is not a whole number of 1 or more, nor a size as 8GiB"), std::string::npos)
        << size;
  }
}

TEST(UsageTest, HomeIsMeantByATildeThatAShellLeaves) {
  setenv("HOME", Scratch("home").c_str(), 1);
  for (const Words& data : {Words{"--data=~/not_there.npy"}, {"--data", "~/not_there.npy"}}) {
    const Result result = Horizon(With({"train", "--preset", "tiny"}, data));
    EXPECT_EQ(result.status, 1);
    ExpectOneErrorLine(result, {Scratch("home") + "/not_there.npy"});
  }
  ExpectWrongUsage({"train", "--preset", "~/tiny", "--data", "x.npy"}, {"'~/tiny' is not one of"});
}

TEST(UsageTest, ExactlyOneModel) {
  for (const std::string command : {"train", "eval"}) {
    ExpectWrongUsage({command, "--data", "x.npy"}, {"--model", "--config", "--preset"});
    ExpectWrongUsage({command, "--data", "x.npy", "--preset", "tiny", "--model", "m"}, {"more than one"});
  }
  for (const std::string command : {"plan", "bench", "generate"}) ExpectWrongUsage({command}, {"--preset"});
  ExpectWrongUsage({"plan", "--preset", "tinny"}, {"tinny", "llama3-8b"});
  ExpectWrongUsage({"train", "--preset", "tiny"}, {"--data"});
}

TEST(UsageTest, StepsExcludeEpochs) {
  ExpectWrongUsage({"train", "--preset", "tiny", "--data", "x.npy", "--steps", "3", "--epochs", "1"}, {"--steps", "--epochs"});
}

TEST(UsageTest, UpdatesInBackwardNeedNoClipping) {
  const Words train = {"train", "--preset", "tiny", "--data", "x.npy", "--optimizer-timing", "backward"};
  ExpectWrongUsage(train, {"--optimizer-timing", "--grad-clip"});
  ExpectWrongUsage(With(train, {"--grad-clip", "0.5"}), {"0.5", "--grad-clip 0"});
  ExpectWrongUsage({"plan", "--preset", "tiny", "--optimizer-timing", "backward"}, {"--grad-clip"});
  ExpectWrongUsage({"bench", "--preset", "tiny", "--optimizer-timing", "backward"}, {"--grad-clip"});
  EXPECT_EQ(Horizon({"plan", "--preset", "tiny", "--optimizer-timing", "backward", "--grad-clip", "0"}).status, 0);
  EXPECT_EQ(Horizon({"plan", "--preset", "tiny", "--purpose", "forward", "--optimizer-timing", "backward"}).status, 0)
      << "nothing is clipped where nothing is trained";
}

TEST(UsageTest, ValuesMustBeInRange) {
  const Words train = {"train", "--preset", "tiny", "--data", "x.npy"};
  const std::vector<std::pair<const char*, const char*>> wrong = {{"--steps", "0"},
                                                                  {"--steps", "1.5"},
                                                                  {"--steps", "many"},
                                                                  {"--epochs", "-1"},
                                                                  {"--batch-size", "0"},
                                                                  {"--seq-len", "0"},
                                                                  {"--lr", "-1"},
                                                                  {"--lr", "nan"},
                                                                  {"--lr", "inf"},
                                                                  {"--beta1", "1"},
                                                                  {"--beta2", "-0.1"},
                                                                  {"--min-lr-ratio", "1.1"},
                                                                  {"--grad-clip", "-1"},
                                                                  {"--schedule", "step"},
                                                                  {"--compute", "f16"},
                                                                  {"--activations", "all"},
                                                                  {"--block-inputs", "gpu"},
                                                                  {"--slots", "-2"},
                                                                  {"--optimizer-timing", ""},
                                                                  {"--grad-dtype", "f16"},
                                                                  {"--optimizer", "adagrad"},
                                                                  {"--states", "int4"},
                                                                  {"--master", "f32"},
                                                                  {"--budget-host", "0"},
                                                                  {"--budget-host", "-1GiB"},
                                                                  {"--budget-host", "much"},
                                                                  {"--budget-device", "3XB"},
                                                                  {"--budget-device", "99999999TB"},
                                                                  {"--save-dtype", "int8"},
                                                                  {"--seed", "x"},
                                                                  {"--max-part-bytes", "1x"},
                                                                  {"--warmup-steps", "99999999999999999999"},
                                                                  {"--steps", "0x10"}};
  for (const auto& [option, value] : wrong) ExpectWrongUsage(With(train, {option, value}), {option});
  ExpectWrongUsage(With(train, {"--lr"}), {"--lr"});
  ExpectWrongUsage(With(train, {"--eval-every", "5"}), {"--eval-every", "--eval-data"});
  ExpectWrongUsage({"generate", "--preset", "tiny", "--prompt", "a", "--prompt-ids", "x.npy"}, {"--prompt"});
  ExpectWrongUsage({"generate", "--preset", "tiny", "--prompt", "a", "--top-k", "-1"}, {"--top-k"});
}

TEST(UsageTest, HelpNamesEveryOption) {
  const Words model = {"--model", "--config", "--preset", "--init-seed", "--json", "--help"};
  const Words shape = {"--batch-size", "--seq-len", "--micro-batch", "--sweeps", "--reduction-groups"};
  const Words forward = {"--compute",  "--device",     "--threads",        "--slots",
                         "--prefetch", "--head-chunk", "--max-part-bytes", "--route"};
  const Words backward = {"--optimizer-threads", "--activations",    "--block-inputs",  "--ring",     "--optimizer-timing",
                          "--grad-dtype",        "--ignore-dropout", "--train-pad-row", "--unrouted", "--router-bias-rate"};
  const Words optimizer = {"--grad-clip", "--optimizer", "--states", "--master", "--budget-host", "--budget-device"};
  const Words rates = {"--lr", "--schedule", "--warmup-steps", "--min-lr-ratio", "--beta1", "--beta2", "--eps", "--weight-decay"};
  const Words run = {
      "--labels",    "--steps",      "--epochs",        "--seed",      "--no-shuffle", "--eval-every",        "--log-json",
      "--trace",     "--save-dtype", "--out",           "--overwrite", "--keep-eos",   "--max-skipped-steps", "--early-stop",
      "--keep-best", "--resume",     "--sample-prompts"};
  const std::map<std::string, std::vector<Words>> options = {
      {"devices", {{"--json", "--help", "--device", "--as-machine", "--config", "--save-config"}}},
      {"doctor", {{"--json", "--help", "--dir", "--no-self-test"}}},
      {"plan", {model, shape, forward, backward, optimizer, {"--machine", "--compare", "--data", "--task", "--checkpoint-dir"}}},
      {"train", {model, shape, forward, backward, optimizer, rates, run, {"--data", "--eval-data"}}},
      {"eval", {model, shape, forward, {"--data", "--labels"}}},
      {"generate",
       {model,
        forward,
        {"--prompt", "--prompt-ids", "--max-new-tokens", "--temperature", "--top-k", "--seed", "--chat", "--ignore-eos"}}},
      {"chat", {model, forward, {"--system", "--context", "--max-new-tokens", "--temperature"}}},
      {"bench", {model, shape, forward, backward, optimizer, {"--steps"}}}};
  // Taken, so that one line serves several commands, and not listed where they change nothing.
  const std::map<std::string, std::vector<Words>> unlisted = {
      {"plan", {rates, {"--out", "--overwrite", "--log-json", "--save-every", "--resume", "--sample-prompts", "--template"}}},
      {"eval", {backward}},
      {"generate", {backward}},
      {"chat", {backward}},
      {"logprobs", {backward}},
      {"bench", {{"--lr", "--schedule"}}}};
  const Result all = Horizon({"--help"});
  EXPECT_EQ(all.status, 0);
  for (const auto& [command, groups] : options) {
    EXPECT_NE(all.out.find(command), std::string::npos);
    const Result help = Horizon({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    for (const Words& group : groups) {
      for (const std::string& option : group) {
        EXPECT_NE(help.out.find("\n  " + option), std::string::npos) << command << " " << option;
      }
    }
  }
  for (const auto& [command, groups] : unlisted) {
    const std::string help = Horizon({command, "--help"}).out;
    for (const Words& group : groups) {
      for (const std::string& option : group)
        EXPECT_EQ(help.find("\n  " + option + " "), std::string::npos) << command << " " << option;
    }
  }
}

TEST(UsageTest, VersionIsTheLibrarys) {
  for (const std::string word : {"--version", "-V", "-v", "version"}) EXPECT_EQ(Horizon({word}).out, "0.1.0\n") << word;
}

nlohmann::json PlanOf(const Words& more) {
  const Result result = Horizon(With({"plan", "--config", SmallConfig(), "--json"}, more));
  EXPECT_EQ(result.status, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

TEST(UsageTest, EveryForcedChoiceArrivesInThePlan) {
  const auto plan = PlanOf({"--seq-len",   "16",   "--batch-size",     "6",    "--micro-batch",       "2",
                            "--sweeps",    "3",    "--slots",          "4",    "--prefetch",          "1",
                            "--ring",      "5",    "--head-chunk",     "7",    "--optimizer-timing",  "serial",
                            "--compute",   "bf16", "--grad-dtype",     "f32",  "--optimizer-threads", "1",
                            "--threads",   "1",    "--block-inputs",   "host", "--activations",       "recompute",
                            "--grad-clip", "0.25", "--max-part-bytes", "64KiB"});
  EXPECT_EQ(plan["step_tokens"], 96);
  EXPECT_EQ(plan["micro_batch"], 2);
  EXPECT_EQ(plan["micro_batch_tokens"], 32);
  EXPECT_EQ(plan["sweeps"], 3);
  EXPECT_EQ(plan["slots"], 4);
  EXPECT_EQ(plan["prefetch"], 1);
  EXPECT_EQ(plan["ring"], 5);
  EXPECT_EQ(plan["numerics"]["head_chunk"], 7);
  EXPECT_EQ(plan["numerics"]["compute"], "bf16");
  EXPECT_EQ(plan["numerics"]["grad_dtype"], "f32");
  EXPECT_EQ(plan["numerics"]["threads"], 1);
  EXPECT_EQ(plan["optimizer_threads"], 1);
  EXPECT_EQ(plan["optimizer_timing"], "serial");
  EXPECT_EQ(plan["block_inputs"], "host");
  EXPECT_EQ(plan["activations"]["blocks"]["recompute"], 2);
  EXPECT_EQ(plan["grad_clip"], 0.25);
  EXPECT_EQ(plan["max_part_bytes"], 64 << 10);
}

TEST(UsageTest, DefaultsAreTheDocumentedOnes) {
  const auto plan = PlanOf({});
  EXPECT_EQ(plan["purpose"], "train");
  EXPECT_EQ(plan["step_tokens"], 8 * 512);
  EXPECT_EQ(plan["numerics"]["compute"], "bf16");
  EXPECT_EQ(plan["grad_clip"], 1.0);
  EXPECT_EQ(plan["optimizer_timing"], "next-forward");
}

TEST(UsageTest, OptimizerStatesAndMasterArriveInThePlan) {
  const auto numerics = PlanOf({"--optimizer", "lion", "--states", "int8", "--master", "none"})["numerics"];
  EXPECT_EQ(numerics["algorithm"], "lion");
  EXPECT_EQ(numerics["states"], "int8");
  EXPECT_EQ(numerics["master"], "none");
  const auto plain = PlanOf({})["numerics"];
  EXPECT_EQ(plain["algorithm"], "adamw");
  EXPECT_EQ(plain["states"], "f32");
  EXPECT_EQ(plain["master"], "split");
}

TEST(UsageTest, SizesHaveUnits) {
  // What is refused names the limit in bytes.
  const std::vector<std::pair<const char*, const char*>> sizes = {{"1000", "1000"},    {"2KiB", "2048"},      {"2kb", "2000"},
                                                                  {"3k", "3072"},      {"1.5MiB", "1572864"}, {"0.5MB", "500000"},
                                                                  {"1 MiB", "1048576"}};
  for (const auto& [given, bytes] : sizes) {
    const Result result = Horizon({"plan", "--config", SmallConfig(), "--device", "cpu", "--host-limit-bytes", given});
    EXPECT_EQ(result.status, 1) << given;
    ExpectOneErrorLine(result, {std::string(" ") + bytes + " may be used"});
  }
  ExpectWrongUsage({"plan", "--preset", "tiny", "--budget-host", "1GiB", "--host-limit-bytes", "1GiB"}, {"--host-limit-bytes"});
}

// With the data, a plan is that of the run: a stream's rows have the last target as one token more.
TEST(UsageTest, APlanForDataTakesTheirRows) {
  EXPECT_EQ(PlanOf({"--data", WriteStream("s.npy", SomeIds(65)), "--seq-len", "16", "--batch-size", "2"})["step_tokens"], 34);
  EXPECT_EQ(PlanOf({"--data", WriteRows("r.npy", 10, SomeIds(40)), "--batch-size", "2"})["step_tokens"], 20);
}

}  // namespace
}  // namespace horizon_test
