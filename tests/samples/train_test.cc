// horizon train: what it writes while it runs, what it leaves behind, and how it stops.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

Words TrainWords(const Words& more) {
  Words words = {"train", "--config", SmallConfig(), "--compute", "f32", "--data", WriteRows("train.npy", 16, SomeIds(16 * 12))};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Result Train(const Words& more) {
  const Result result = Horizon(TrainWords(more));
  EXPECT_EQ(result.status, 0) << result.err;
  return result;
}

Words Keys(const std::string& line) {
  Words keys;
  const auto json = nlohmann::ordered_json::parse(line);
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

TEST(TrainTest, WritesALineAStepAndALineAnEvaluation) {
  const std::string held_out = WriteRows("held.npy", 16, SomeIds(16 * 3));
  const Result result = Train({"--steps", "5", "--batch-size", "4", "--lr", "1e-2", "--eval-data", held_out, "--eval-every", "2",
                               "--json", "--log-json", Scratch("log.json")});
  EXPECT_EQ(result.out, ReadFile(Scratch("log.json"))) << "--json prints what --log-json writes";
  EXPECT_EQ(result.err, "");
  const auto lines = result.Lines();
  ASSERT_EQ(lines.size(), 8u);
  Words kinds;
  for (const auto& line : lines) kinds.push_back((line.contains("eval_loss") ? "eval " : "step ") + line["step"].dump());
  EXPECT_EQ(kinds, (Words{"step 1", "step 2", "eval 2", "step 3", "step 4", "eval 4", "step 5", "eval 5"}));

  std::istringstream text(result.out);
  for (std::string line; std::getline(text, line);) {
    if (line.find("eval_loss") == std::string::npos) {
      EXPECT_EQ(Keys(line), (Words{"step", "loss", "grad_norm", "lr", "tokens", "tokens_per_second", "skipped"}));
    } else {
      EXPECT_EQ(Keys(line), (Words{"step", "eval_loss", "eval_perplexity", "eval_tokens"}));
    }
  }
  for (const auto& line : lines) {
    if (line.contains("eval_loss")) {
      EXPECT_EQ(line["eval_tokens"], 45);
      EXPECT_NEAR(line["eval_perplexity"].get<double>(), std::exp(line["eval_loss"].get<double>()), 1e-9);
      continue;
    }
    EXPECT_EQ(line["tokens"], 60);
    EXPECT_EQ(line["skipped"], false);
    EXPECT_GT(line["loss"].get<double>(), 0);
    EXPECT_GT(line["grad_norm"].get<double>(), 0);
    EXPECT_GT(line["tokens_per_second"].get<double>(), 0);
    EXPECT_EQ(line["lr"], 1e-2);
  }
  EXPECT_LT(lines.back()["eval_loss"].get<double>(), lines[2]["eval_loss"].get<double>());
}

// Step s of N: lr s / W up to W, then constant or falling to R lr at N.
TEST(TrainTest, RatesFollowTheSchedule) {
  const auto rates = [](const std::string& schedule) {
    std::vector<double> values;
    for (const auto& line : Train({"--steps", "7", "--batch-size", "1", "--lr", "0.5", "--warmup-steps", "3", "--min-lr-ratio",
                                   "0.2", "--schedule", schedule, "--json"})
                                .Lines()) {
      values.push_back(line["lr"]);
    }
    return values;
  };
  const std::vector<double> constant = rates("constant"), linear = rates("linear"), cosine = rates("cosine");
  ASSERT_EQ(constant.size(), 7u);
  for (int s = 1; s <= 7; ++s) {
    const size_t i = static_cast<size_t>(s - 1);
    const double warm = 0.5 * s / 3, done = (s - 3) / 4.0;
    EXPECT_NEAR(constant[i], s <= 3 ? warm : 0.5, 1e-12) << s;
    EXPECT_NEAR(linear[i], s <= 3 ? warm : 0.5 * (1 - 0.8 * done), 1e-12) << s;
    EXPECT_NEAR(cosine[i], s <= 3 ? warm : 0.5 * (0.2 + 0.8 * (1 + std::cos(M_PI * done)) / 2), 1e-12) << s;
  }
}

TEST(TrainTest, AWarmUpThatIsLongerThanTheRunIsTold) {
  const Words run = {"--steps", "3", "--batch-size", "4", "--json", "--warmup-steps"};
  const auto err = [&](const char* warm_up) {
    Words words = run;
    words.push_back(warm_up);
    return Train(words).err;
  };
  EXPECT_NE(err("4").find("the run's 3 steps end within the 4 of --warmup-steps"), std::string::npos) << err("4");
  EXPECT_EQ(err("3"), "");
}

TEST(TrainTest, TheSavedModelIsTheTrainedOne) {
  const std::string held_out = WriteRows("held.npy", 16, SomeIds(16 * 3));
  const std::string out = Scratch("model");
  const auto lines = Train({"--steps", "6", "--lr", "1e-2", "--eval-data", held_out, "--json", "--out", out}).Lines();
  EXPECT_TRUE(Exists(out + "/config.json"));
  const auto eval = [&](const Words& model) {
    Words words = {"eval", "--data", held_out, "--compute", "f32", "--json"};
    words.insert(words.end(), model.begin(), model.end());
    const Result result = Horizon(words);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.Lines().back();
  };
  const auto saved = eval({"--model", out});
  EXPECT_EQ(saved["loss"], lines.back()["eval_loss"]) << "f32 weights are saved as they are";
  EXPECT_EQ(saved["tokens"], lines.back()["eval_tokens"]);
  EXPECT_GT(eval({"--config", SmallConfig()})["loss"].get<double>(), saved["loss"].get<double>());
  // Training on from it begins where it ended.
  const Result onward = Horizon({"train", "--model", out, "--compute", "f32", "--data", held_out, "--steps", "1", "--json"});
  EXPECT_NEAR(onward.Lines()[0]["loss"].get<double>(), saved["loss"].get<double>(), 1e-5);
}

TEST(TrainTest, TheSeedOfTheWeightsMatters) {
  const auto loss = [](const Words& more) {
    Words words = {"--steps", "1", "--no-shuffle", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return Train(words).Lines()[0]["loss"].get<double>();
  };
  EXPECT_EQ(loss({}), loss({"--init-seed", "0"}));
  EXPECT_NE(loss({}), loss({"--init-seed", "-1"}));
}

TEST(TrainTest, SaveDtypeIsTheFilesType) {
  const std::vector<std::pair<std::string, std::string>> types = {
      {"source", "\"F32\""}, {"bf16", "\"BF16\""}, {"f16", "\"F16\""}};
  for (const auto& [option, name] : types) {
    const std::string out = Scratch("as-" + option);
    Train({"--steps", "1", "--out", out, "--save-dtype", option});
    EXPECT_NE(ReadFile(out + "/model.safetensors").substr(0, 4096).find(name), std::string::npos) << option;
  }
}

TEST(TrainTest, AFullOutputFolderIsRefusedBeforeAnythingElse) {
  const std::string out = Scratch("taken");
  Train({"--steps", "1", "--out", out});
  const std::string before = ReadFile(out + "/model.safetensors");
  // Data that do not exist: the output is looked at first.
  const Result refused = Horizon({"train", "--config", SmallConfig(), "--data", "missing.npy", "--out", out});
  EXPECT_EQ(refused.status, 1);
  ExpectOneErrorLine(refused, {out, "--overwrite"});
  EXPECT_EQ(ReadFile(out + "/model.safetensors"), before);
  Train({"--steps", "2", "--lr", "1e-2", "--out", out, "--overwrite"});
  EXPECT_NE(ReadFile(out + "/model.safetensors"), before);
}

TEST(TrainTest, PlainProgressNamesLossSpeedAndEnd) {
  const Result result = Train({"--steps", "3", "--batch-size", "2", "--out", Scratch("progress")});
  for (const char* part : {"parameters", "step 1/3", "step 3/3", "loss", "tokens/s", "left", "saved"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " not in:\n" << result.out;
  }
  EXPECT_EQ(result.out.find('\r'), std::string::npos) << "lines, not a terminal's rewriting";
}

TEST(TrainTest, WritesATraceOfAFewSteps) {
  Train({"--steps", "6", "--batch-size", "2", "--trace", Scratch("trace.json")});
  const auto trace = nlohmann::json::parse(ReadFile(Scratch("trace.json")));
  const auto& events = trace.is_array() ? trace : trace["traceEvents"];
  EXPECT_GT(events.size(), 10u);
  Train({"--steps", "1", "--trace", Scratch("one.json")});
  EXPECT_GT(ReadFile(Scratch("one.json")).size(), 100u);
}

// A run that is sent the signal in its steps.
Result Interrupted(int signal, const Words& more) {
  return HorizonInItsSteps(Scratch("interrupted.json"), TrainWords(With({"--steps", "1000000", "--batch-size", "4"}, more)),
                           [&](int process) { kill(process, signal); });
}

TEST(TrainTest, AnInterruptSavesWhatWasTrainedAndSaysSo) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string out = Scratch("interrupted-" + std::to_string(signal));
    const Result result = Interrupted(signal, {"--out", out});
    EXPECT_EQ(result.status, 128 + signal);
    ExpectOneErrorLine(result, {"interrupted after step", "of 1000000", out});
    EXPECT_EQ(Horizon({"eval", "--model", out, "--data", Scratch("train.npy"), "--json"}).status, 0);
  }
  ExpectOneErrorLine(Interrupted(SIGINT, {}), {"interrupted after step", "nothing was saved"});
}

}  // namespace
}  // namespace horizon_test
