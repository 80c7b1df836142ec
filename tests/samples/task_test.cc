// horizon train --task: what it trains, what it says of it, and that it goes on where it stopped.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/samples/event_file.h"
#include "tests/samples/examples_support.h"
#include "tests/samples/support.h"

namespace horizon_test {
namespace {

using nlohmann::json;

std::set<std::string> KeysOf(const json& line) {
  std::set<std::string> keys;
  for (const auto& [key, value] : line.items()) keys.insert(key);
  return keys;
}

const std::set<std::string> kStepKeys = {
    "step",  "loss",       "grad_norm",           "lr",     "tokens", "tokens_per_second", "skipped",
    "epoch", "num_tokens", "mean_token_accuracy", "entropy"};
const std::set<std::string> kRewardKeys = {"rewards/chosen",  "rewards/rejected", "rewards/accuracies",
                                           "rewards/margins", "logps/chosen",     "logps/rejected"};

std::set<std::string> Join(std::set<std::string> a, const std::set<std::string>& b, const std::string& prefix = "") {
  for (const std::string& key : b) a.insert(prefix + key);
  return a;
}

TEST(TaskTest, SftLearnsTheAnswersAndSaysSo) {
  const auto lines =
      TaskLines("sft", {"--data", WriteConversations("sft.jsonl", 48), "--epochs", "3", "--batch-size", "4", "--lr", "1e-2",
                        "--eval-data", WriteConversations("held.jsonl", 8, 100), "--eval-every", "1000"});
  const json& eval = lines.back();
  EXPECT_EQ(KeysOf(lines[0]), kStepKeys);
  EXPECT_EQ(KeysOf(eval), (std::set<std::string>{"step", "eval_loss", "eval_perplexity", "eval_tokens",
                                                 "eval_mean_token_accuracy", "eval_entropy"}));
  const json& last = lines[lines.size() - 2];
  EXPECT_LT(last["loss"].get<double>(), 0.7 * lines[0]["loss"].get<double>());
  EXPECT_EQ(last["epoch"], 3.0);
  EXPECT_NEAR(lines[0]["loss"].get<double>(), std::log(1024), 0.3) << "an untrained model guesses";
  EXPECT_NEAR(eval["eval_perplexity"].get<double>(), std::exp(eval["eval_loss"].get<double>()), 1e-9);
  EXPECT_LT(lines[0]["mean_token_accuracy"].get<double>(), 0.1);
  EXPECT_NEAR(lines[0]["entropy"].get<double>(), std::log(1024), 0.3);
  EXPECT_GT(last["mean_token_accuracy"].get<double>(), 0.2);
  EXPECT_LT(last["entropy"].get<double>(), lines[0]["entropy"].get<double>());
  EXPECT_GT(eval["eval_mean_token_accuracy"].get<double>(), 0.2);
  EXPECT_LT(eval["eval_entropy"].get<double>(), std::log(1024));
  int64_t sum = 0;
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    EXPECT_GT(lines[i]["num_tokens"].get<int64_t>(), sum) << "all tokens so far";
    sum = lines[i]["num_tokens"];
    EXPECT_LT(lines[i]["tokens"], lines[i]["num_tokens"]) << "questions are read and not predicted";
  }
}

TEST(TaskTest, HowDocumentsArePackedChangesNothing) {
  const std::string data = WriteConversations("packed.jsonl", 24);
  // All of the set in one step, whichever rows it is cut into.
  const auto first = [&](const Words& more) {
    return TaskLines("sft", With({"--data", data, "--steps", "1", "--no-shuffle"}, more))[0];
  };
  const json packed = first({"--batch-size", "24"}), apart = first({"--batch-size", "24", "--packing", "off"}),
             cut = first({"--batch-size", "24", "--sweeps", "3", "--micro-batch", "2"});
  EXPECT_EQ(packed["tokens"], apart["tokens"]);
  for (const json& other : {apart, cut}) {
    EXPECT_NEAR(other["loss"].get<double>(), packed["loss"].get<double>(), 1e-6 * packed["loss"].get<double>());
    EXPECT_NEAR(other["grad_norm"].get<double>(), packed["grad_norm"].get<double>(), 1e-5 * packed["grad_norm"].get<double>());
  }
}

TEST(TaskTest, TheFirstDpoLossIsTheLogarithmOfTwo) {
  const std::string data = WritePairs("pairs.jsonl", 20);
  for (const char* compute : {"f32", "bf16"}) {
    const auto lines = TaskLines("dpo", {"--data", data, "--steps", "12", "--batch-size", "8", "--lr", "2e-3", "--compute",
                                         compute, "--eval-data", WritePairs("held-pairs.jsonl", 6, 50)});
    EXPECT_NEAR(lines[0]["loss"].get<double>(), std::log(2.0), 1e-6) << compute;
    EXPECT_EQ(KeysOf(lines[0]), Join(kStepKeys, kRewardKeys));
    EXPECT_NEAR(lines[0]["rewards/chosen"].get<double>(), 0, 1e-6);
    const json& eval = lines.back();
    EXPECT_EQ(KeysOf(eval), Join({"step", "eval_loss", "eval_tokens", "eval_pairs"}, kRewardKeys, "eval_"));
    EXPECT_LT(eval["eval_loss"].get<double>(), 0.6) << compute;
    EXPECT_NEAR(eval["eval_rewards/accuracies"].get<double>(), 1, 1e-9);
    EXPECT_GT(eval["eval_rewards/margins"].get<double>(), 0.1);
    EXPECT_EQ(eval["eval_pairs"], 6);
  }
}

// With every reward 0 each loss has a value that its formula gives at once.
TEST(TaskTest, EveryDpoLossBeginsWhereItsFormulaSays) {
  const double ln2 = std::log(2.0), beta = 0.1;
  const std::map<std::string, double> expected = {
      {"sigmoid", ln2},
      {"robust", ln2},
      {"hinge", 1},
      {"ipo", std::pow(1 / (2 * beta), 2)},
      {"sigmoid_norm", ln2},
      {"exo_pair", 0.5 * (std::log(0.5) - std::log(0.999)) + 0.5 * (std::log(0.5) - std::log(0.001))},
      {"nca_pair", 2 * ln2},
      {"bco_pair", 2 * ln2},
      {"sppo_hard", 2 * std::pow(0.5 / beta, 2)},
      {"apo_zero", 1},
      {"apo_down", 1}};
  const std::string data = WritePairs("pairs.jsonl", 20);
  for (const auto& [loss, value] : expected) {
    const auto lines = TaskLines("dpo", {"--data", data, "--steps", "1", "--batch-size", "4", "--loss", loss});
    EXPECT_NEAR(lines[0]["loss"].get<double>(), value, 1e-5 * value) << loss;
  }
  // x = -gamma at first: -(1-e) log sig(-g) - e log sig(g)
  const auto smooth =
      TaskLines("dpo", {"--data", data, "--steps", "1", "--batch-size", "4", "--gamma", "0.5", "--label-smoothing", "0.2"});
  EXPECT_NEAR(smooth[0]["loss"].get<double>(), 0.8 * std::log1p(std::exp(0.5)) + 0.2 * std::log1p(std::exp(-0.5)), 1e-6);
}

TEST(TaskTest, ReferencesAreComputedOnceForTheSameWeightsAndData) {
  const std::string data = WritePairs("referenced.jsonl", 20), cache = FreshFolder("reference-cache");
  const auto run = [&](const Words& more) {
    const Words words = {"train",       "--config",     ExampleModel() + "/config.json",
                         "--tokenizer", ExampleModel(), "--task",
                         "dpo",         "--seq-len",    "96",
                         "--data",      data,           "--steps",
                         "4",           "--batch-size", "4"};
    const Result result = Horizon(WithDefaults(
        With(words, more), {"--compute", "f32", "--cache-dir", cache, "--threads", "1", "--optimizer-threads", "1"}));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  const std::string log = Scratch("reference.jsonl"), again = Scratch("reference-again.jsonl");
  EXPECT_NE(run({"--log-json", log}).find("of 40 documents computed\n"), std::string::npos);
  EXPECT_NE(run({"--log-json", again}).find("of 0 documents computed, of 40 read from the cache\n"), std::string::npos);
  EXPECT_EQ(Curve(log), Curve(again)) << "what was kept is what was computed";
  EXPECT_NE(run({"--init-seed", "7"}).find("of 40 documents computed"), std::string::npos) << "other weights";
  EXPECT_NE(run({"--compute", "bf16"}).find("of 40 documents computed"), std::string::npos) << "other arithmetic";
  EXPECT_NE(run({"--seed", "9"}).find("of 0 documents computed"), std::string::npos) << "another order of the same";
  EXPECT_NE(run({"--cache-dir", "none"}).find("of 40 documents computed"), std::string::npos);
}

TEST(TaskTest, KtoWeighsGoodAndBadAnswers) {
  const std::string data = WriteLabelled("labelled.jsonl", 24);
  const auto lines = TaskLines("kto", {"--data", data, "--steps", "8", "--batch-size", "24", "--packing", "off", "--lr", "2e-3",
                                       "--kl", "none", "--desirable-weight", "2", "--undesirable-weight", "0.5"});
  // 16 of 24 are good; with rewards and kl of 0 each costs half its weight.
  EXPECT_EQ(lines[0]["count/chosen"], 16);
  EXPECT_EQ(lines[0]["count/rejected"], 8);
  EXPECT_NEAR(lines[0]["loss"].get<double>(), (16 * 2 * 0.5 + 8 * 0.5 * 0.5) / 24, 1e-5);
  EXPECT_EQ(lines[0]["kl"], 0.0);
  const auto with =
      TaskLines("kto", {"--data", data, "--steps", "8", "--batch-size", "8", "--lr", "2e-3", "--eval-fraction", "0.25"});
  EXPECT_NEAR(with[0]["loss"].get<double>(), 0.5, 1e-5) << "the reference is the model";
  EXPECT_NEAR(with[0]["kl"].get<double>(), 0, 1e-4);
  const json& eval = with.back();
  EXPECT_TRUE(eval.contains("eval_loss") && eval.contains("eval_kl") && eval.contains("eval_rewards/chosen"));
  double largest = 0;
  for (const json& line : with) {
    if (line.contains("kl")) largest = std::max(largest, line["kl"].get<double>());
  }
  EXPECT_GT(largest, 1e-3) << "the model moves away from its reference";
}

TEST(TaskTest, LossesWithoutAReferenceLearnTheOrder) {
  const std::string data = WritePairs("pairs.jsonl", 20);
  for (const std::string task : {"orpo", "simpo"}) {
    const auto lines = TaskLines(task, {"--data", data, "--steps", "20", "--batch-size", "8", "--lr", "3e-3"});
    EXPECT_LT(lines.back()["loss"].get<double>(), 0.8 * lines[0]["loss"].get<double>()) << task;
    EXPECT_NEAR(lines.back()["rewards/accuracies"].get<double>(), 1, 1e-9) << task;
    EXPECT_EQ(lines[0].contains("nll_loss"), task == "orpo");
  }
}

TEST(TaskTest, AStoppedRunGoesOnBitForBit) {
  const std::map<std::string, std::string> data = {{"sft", WriteConversations("c.jsonl", 30)},
                                                   {"dpo", WritePairs("p.jsonl", 30)},
                                                   {"kto", WriteLabelled("l.jsonl", 30)},
                                                   {"orpo", WritePairs("p.jsonl", 30)}};
  for (const auto& [task, file] : data) {
    const Words run = {"--data", file, "--batch-size", "4", "--lr", "1e-3", "--eval-fraction", "0.2", "--eval-every", "3"};
    const std::string whole = Scratch("whole.jsonl"), log = Scratch("parts.jsonl"), folder = FreshFolder("checkpoints-" + task);
    TaskLines(task, With(run, {"--steps", "9", "--log-json", whole, "--out", FreshFolder("whole-" + task)}));
    const Words saving = With(run, {"--checkpoint-dir", folder, "--log-json", log, "--resume"});
    std::filesystem::remove(log);
    // The first run's last step is one after which the whole run evaluates as well.
    for (const char* steps : {"3", "6", "9"}) {
      TaskLines(task, With(saving, {"--steps", steps, "--out", FreshFolder("parts-" + task)}));
    }
    EXPECT_EQ(Curve(log), Curve(whole)) << task;
    EXPECT_EQ(ReadFile(Scratch("parts-" + task) + "/model.safetensors"),
              ReadFile(Scratch("whole-" + task) + "/model.safetensors"))
        << task;
  }
}

TEST(TaskTest, AKilledRunGoesOnBitForBit) {
  const Words run = {"--data", WritePairs("killed.jsonl", 40), "--batch-size", "4", "--lr", "1e-3", "--steps", "150"};
  const std::string whole = Scratch("k-whole.jsonl"), log = Scratch("k-parts.jsonl"), folder = FreshFolder("k-checkpoints");
  TaskLines("dpo", With(run, {"--log-json", whole}));
  std::filesystem::remove(log);
  const Words saving = With(run, {"--checkpoint-dir", folder, "--save-every", "1", "--keep", "2", "--resume", "--log-json", log});
  const std::string model = ExampleModel();
  int killed = 0;
  for (const unsigned microseconds : {300'000u, 170'000u, 450'000u, 90'000u, 600'000u}) {
    const Result result =
        Horizon(With({"train", "--config", model + "/config.json", "--tokenizer", model, "--compute", "f32", "--task", "dpo",
                      "--seq-len", "96", "--cache-dir", Scratch("cache"), "--threads", "1", "--optimizer-threads", "1"},
                     saving),
                [&](int process) {
                  usleep(microseconds);
                  kill(process, SIGKILL);
                });
    killed += result.status == 128 + SIGKILL;
  }
  EXPECT_GT(killed, 0);
  TaskLines("dpo", saving);
  EXPECT_EQ(Curve(log), Curve(whole));
}

TEST(TaskTest, OtherDataThanTheCheckpointsAreRefused) {
  const std::string folder = FreshFolder("other-data");
  TaskLines("sft", {"--data", WriteConversations("one.jsonl", 20), "--steps", "2", "--checkpoint-dir", folder});
  const Result other =
      TrainTask("sft", {"--data", WriteConversations("two.jsonl", 21), "--steps", "3", "--checkpoint-dir", folder, "--resume"});
  EXPECT_EQ(other.status, 1);
  ExpectOneErrorLine(other, {"order of the data"});
  const Result task =
      TrainTask("pretrain", {"--data", Scratch("one.jsonl"), "--steps", "3", "--checkpoint-dir", folder, "--resume"});
  EXPECT_EQ(task.status, 1);
  ExpectOneErrorLine(task, {"task", "sft", "pretrain"});
}

TEST(TaskTest, AnotherReferenceThanTheCheckpointsIsRefused) {
  const std::string folder = FreshFolder("other-reference");
  const Words run = {"--data", WritePairs("pairs.jsonl", 20), "--batch-size", "4", "--checkpoint-dir", folder, "--resume"};
  TaskLines("dpo", With(run, {"--steps", "1"}));
  const Result other = TrainTask("dpo", With(run, {"--steps", "2", "--init-seed", "5"}));
  EXPECT_EQ(other.status, 1);
  ExpectOneErrorLine(other, {"reference", "weights", "not go on"});
}

TEST(TaskTest, APlanHasRoomForTheWeightsThatKtoKeeps) {
  const auto frozen = [](const Words& more) {
    const Result result = Horizon(
        With({"plan", "--config", ExampleModel() + "/config.json", "--task", "kto", "--data", "x.jsonl", "--json"}, more));
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out).at("memory").at("host").value("frozen", int64_t{0});
  };
  EXPECT_GT(frozen({}), 0);
  EXPECT_EQ(frozen({"--kl", "none"}), 0);
}

TEST(TaskTest, SeveralFilesAreMixedByWeight) {
  const std::string a = WriteConversations("mix-a.jsonl", 30), b = WriteConversations("mix-b.jsonl", 10, 200);
  const auto documents = [&](const Words& more) {
    const Result result = Horizon(With({"train",
                                        "--config",
                                        ExampleModel() + "/config.json",
                                        "--tokenizer",
                                        ExampleModel(),
                                        "--task",
                                        "sft",
                                        "--seq-len",
                                        "96",
                                        "--cache-dir",
                                        Scratch("cache"),
                                        "--steps",
                                        "1",
                                        "--packing",
                                        "off",
                                        "--json",
                                        "--threads",
                                        "1",
                                        "--optimizer-threads",
                                        "1"},
                                       more));
    EXPECT_EQ(result.status, 0) << result.err;
    // One document a row: the first step's share of an epoch says how many there are.
    return std::lround(4 / result.Lines()[0]["epoch"].get<double>());
  };
  EXPECT_EQ(documents({"--batch-size", "4", "--data", a}), 32) << "30 of them in 8 steps";
  EXPECT_EQ(documents({"--batch-size", "4", "--data", a, "--data", b}), 40);
  EXPECT_EQ(documents({"--batch-size", "4", "--data", a + "=1", "--data", b + "=3"}), 40);
  EXPECT_EQ(documents({"--batch-size", "4", "--data", R"({"path": ")" + a + R"(", "num_samples": 12})"}), 12);
}

TEST(TaskTest, TensorBoardHasTheTagsOfTrainers) {
  const std::string folder = FreshFolder("task-events");
  const auto lines = TaskLines("dpo", {"--data", WritePairs("pairs.jsonl", 20), "--steps", "2", "--batch-size", "4",
                                       "--tensorboard", folder, "--eval-fraction", "0.3"});
  const std::filesystem::path file = std::filesystem::directory_iterator(folder)->path();
  const std::vector<Event> events = ReadEvents(file);
  ASSERT_EQ(events.size(), 4u);
  const std::map<std::string, float> step(events[2].values.begin(), events[2].values.end()),
      eval(events[3].values.begin(), events[3].values.end());
  for (const char* key :
       {"rewards/chosen", "rewards/margins", "rewards/accuracies", "logps/rejected", "epoch", "num_tokens", "loss"}) {
    EXPECT_EQ(step.at(std::string("train/") + key), lines[1][key].get<float>()) << key;
  }
  EXPECT_EQ(eval.at("eval/rewards/accuracies"), lines[2]["eval_rewards/accuracies"].get<float>());
  EXPECT_EQ(eval.at("eval/loss"), lines[2]["eval_loss"].get<float>());
}

TEST(TaskTest, BadDataAreNamedByFileAndLine) {
  WriteFile(Scratch("bad.jsonl"),
            ReadFile(WriteConversations("good.jsonl", 3)) + "{\"messages\": [{\"role\": \"robot\", \"content\": \"x\"}]}\n");
  const auto fails = [](const std::string& task, const Words& more, int status, const std::vector<std::string>& parts) {
    const Result result = TrainTask(task, With({"--steps", "1"}, more));
    EXPECT_EQ(result.status, status) << result.err;
    ExpectOneErrorLine(result, parts);
  };
  const std::string good = Scratch("good.jsonl");
  fails("sft", {"--data", Scratch("bad.jsonl")}, 1, {"bad.jsonl:4", "robot"});
  EXPECT_EQ(TaskLines("sft", {"--steps", "1", "--data", Scratch("bad.jsonl"), "--bad-records", "skip"}).size(), 2u);
  fails("dpo", {"--data", good}, 1, {"good.jsonl"});
  fails("sft", {"--data", Scratch("none.jsonl")}, 1, {"none.jsonl"});
  fails("sft", {"--data", good, "--seq-len", "8", "--too-long", "error"}, 1, {"good.jsonl:1", "too_long", "8"});
  fails("sft", {"--data", good, "--seq-len", "8", "--too-long", "drop"}, 1, {"empty", "3 too long"});
  fails("sft", {"--data", good, "--template", Scratch("none.jinja")}, 1, {"none.jinja"});
  WriteFile(Scratch("ids.jsonl"), "{\"input_ids\": [1, 2, 5000]}\n");
  fails("pretrain", {"--data", Scratch("ids.jsonl")}, 1, {"ids.jsonl:1", "5000", "1024"});
  fails("sft", {"--data", "x.npy"}, 2, {"x.npy", "JSONL"});
  fails("sft", {"--data", good + "=none"}, 2, {"none", "weight"});
  fails("sft", {"--data", good, "--beta", "1"}, 2, {"--beta", "dpo", "sft"});
  fails("dpo", {"--data", good, "--kl", "none"}, 2, {"--kl", "kto"});
  fails("dpo", {"--data", good, "--batch-size", "3"}, 2, {"3", "pair"});
  fails("dpo", {"--data", good, "--optimizer-timing", "backward", "--grad-clip", "0"}, 2, {"backward", "dpo"});
  fails("dpo", {"--data", good, "--loss", "robust", "--label-smoothing", "0.5"}, 2, {"0.5", "robust"});
  fails("sft", {"--data", good, "--eval-every", "3"}, 2, {"--eval-every", "--eval-data"});
  fails("sftt", {"--data", good}, 2, {"sftt", "pretrain"});
  const Result alone = Horizon({"train", "--preset", "tiny", "--data", good, "--steps", "1"});
  EXPECT_EQ(alone.status, 1);
  ExpectOneErrorLine(alone, {"good.jsonl", "--task"});
}

}  // namespace
}  // namespace horizon_test
