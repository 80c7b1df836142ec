// horizon train --checkpoint-dir: a run that is killed at any moment goes on bit for bit, and says what it does.
//   HLM_KILLS: how many times the run is killed (20)
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Words TrainWords(const Words& more) {
  Words words = {
      "train",        "--config", SmallConfig(), "--compute", "f32", "--data", WriteRows("train.npy", 16, SomeIds(16 * 12)),
      "--batch-size", "4",        "--lr",        "1e-2"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string Fresh(const std::string& name) {
  const std::string path = Scratch(name);
  fs::remove_all(path);
  return path;
}

Result RunTraining(const Words& more) {
  const Result result = Horizon(TrainWords(more));
  EXPECT_EQ(result.status, 0) << result.err;
  return result;
}

TEST(CheckpointTest, AKilledRunGoesOnWithTheSameCurve) {
  const char* asked = std::getenv("HLM_KILLS");
  const int kills = asked != nullptr ? std::atoi(asked) : 20;
  const std::string whole_log = Scratch("whole.jsonl"), log = Scratch("killed.jsonl"), folder = Fresh("killed");
  const Words run = {
      "--steps", std::to_string(20 * kills), "--eval-data", WriteRows("held.npy", 16, SomeIds(16 * 3)), "--eval-every", "7"};
  const auto with = [&](const Words& more) {
    Words words = run;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  RunTraining(with({"--log-json", whole_log, "--out", Fresh("whole-model")}));
  const Words saving = with({"--checkpoint-dir", folder, "--save-every", "1", "--keep", "2", "--resume", "--log-json", log,
                             "--out", Fresh("killed-model")});
  fs::remove(log);
  unsigned state = 12345;
  int killed = 0;
  for (int i = 0; i < kills; ++i) {
    state = state * 1103515245 + 12345;
    const unsigned microseconds = state / 65536 % 300'000;
    const Result result = Horizon(TrainWords(saving), [&](int process) {
      usleep(microseconds);
      kill(process, SIGKILL);
    });
    killed += result.status == 128 + SIGKILL;
    if (result.status == 0) break;  // it got to its end
    ASSERT_EQ(result.status, 128 + SIGKILL) << result.err;
  }
  EXPECT_GT(killed, kills / 2);
  RunTraining(saving);
  EXPECT_EQ(Curve(log), Curve(whole_log));
  EXPECT_EQ(ReadFile(Scratch("killed-model") + "/model.safetensors"), ReadFile(Scratch("whole-model") + "/model.safetensors"));
  // A run at its last step writes its model again and nothing else.
  const std::string before = ReadFile(log), again = Fresh("again-model");
  Words words = with({"--checkpoint-dir", folder, "--resume", "--log-json", log, "--out", again});
  RunTraining(words);
  EXPECT_EQ(ReadFile(log), before);
  EXPECT_EQ(ReadFile(again + "/model.safetensors"), ReadFile(Scratch("whole-model") + "/model.safetensors"));
}

TEST(CheckpointTest, ADirectoryWithCheckpointsNeedsResume) {
  const std::string folder = Fresh("taken");
  RunTraining({"--steps", "2", "--checkpoint-dir", folder});
  const Result refused = Horizon(TrainWords({"--steps", "3", "--checkpoint-dir", folder}));
  EXPECT_EQ(refused.status, 1);
  ExpectOneErrorLine(refused, {folder, "--resume"});
  EXPECT_NE(RunTraining({"--steps", "3", "--checkpoint-dir", folder, "--resume"}).out.find("resumed after step 2"),
            std::string::npos);
}

TEST(CheckpointTest, ResumeWithoutCheckpointsStartsAnewAndSaysSo) {
  const std::string folder = Fresh("new");
  EXPECT_NE(RunTraining({"--steps", "1", "--checkpoint-dir", folder, "--resume"}).out.find("starts anew"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder + "/step-000000000001/manifest.json"));
}

TEST(CheckpointTest, ACheckpointIsNoFolderOfCheckpoints) {
  const std::string folder = Fresh("above");
  RunTraining({"--steps", "1", "--checkpoint-dir", folder});
  for (const char* end : {"", "/"}) {
    const std::string within = folder + "/step-000000000001" + end;
    const Result refused = Horizon(TrainWords({"--steps", "2", "--checkpoint-dir", within, "--resume"}));
    EXPECT_EQ(refused.status, 1);
    ExpectOneErrorLine(refused, {within + ": is a checkpoint; --checkpoint-dir is the folder that holds it, /", "/above\n"});
    EXPECT_FALSE(fs::exists(within + "/step-000000000002"));
  }
}

TEST(CheckpointTest, AFolderOfCheckpointsIsNoModelAndNamesItsNewest) {
  const std::string folder = Fresh("models");
  RunTraining({"--steps", "2", "--save-every", "1", "--checkpoint-dir", folder});
  const Result result = Horizon({"eval", "--model", folder, "--data", "x.npy"});
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, {folder + ": holds checkpoints and is none; the newest is ", "/step-000000000002\n"});
}

TEST(CheckpointTest, ARunThatWasWholeSaysThatNothingIsLeft) {
  const std::string folder = Fresh("whole-run");
  RunTraining({"--steps", "3", "--checkpoint-dir", folder});
  for (const std::string steps : {"2", "3"}) {
    const Result result = RunTraining({"--steps", steps, "--checkpoint-dir", folder, "--resume"});
    EXPECT_NE(result.out.find("nothing is left to train: the run has " + steps + " steps, and the checkpoint is of step 3\n"),
              std::string::npos)
        << result.out;
  }
  EXPECT_EQ(RunTraining({"--steps", "4", "--checkpoint-dir", folder, "--resume"}).out.find("nothing is left"), std::string::npos);
}

TEST(CheckpointTest, AFolderThatCannotBeMadeIsRefusedBeforeTheRun) {
  const std::string folder = Fresh("missing") + "/deeper", log = Scratch("missing.jsonl");
  const Result refused = Horizon(TrainWords({"--steps", "1", "--checkpoint-dir", folder, "--log-json", log}));
  EXPECT_EQ(refused.status, 1);
  ExpectOneErrorLine(refused, {"missing/deeper", "No such file"});
  EXPECT_FALSE(fs::exists(log)) << "nothing was begun";
}

TEST(CheckpointTest, ADamagedNewestIsPassedOverAndAllDamagedEndsTheRun) {
  const std::string folder = Fresh("damaged"), log = Scratch("damaged.jsonl"), whole = Scratch("undamaged.jsonl");
  RunTraining({"--steps", "6", "--log-json", whole});
  RunTraining({"--steps", "4", "--checkpoint-dir", folder, "--save-every", "2", "--log-json", log});
  fs::resize_file(folder + "/step-000000000004/block.0.safetensors", 5000);
  const Result result = RunTraining({"--steps", "6", "--checkpoint-dir", folder, "--resume", "--log-json", log, "--keep", "0"});
  EXPECT_NE(result.err.find("step-000000000004 was passed over"), std::string::npos) << result.err;
  EXPECT_EQ(Curve(log), Curve(whole));
  for (const auto& entry : fs::directory_iterator(folder)) fs::resize_file(entry.path().string() + "/block.1.safetensors", 6000);
  const Result lost = Horizon(TrainWords({"--steps", "7", "--checkpoint-dir", folder, "--resume"}));
  EXPECT_EQ(lost.status, 1);
  ExpectOneErrorLine(lost, {"block.1"});
}

TEST(CheckpointTest, AnotherOrderOfRowsIsRefused) {
  const std::string folder = Fresh("order");
  RunTraining({"--steps", "2", "--checkpoint-dir", folder});
  const Result other = Horizon(TrainWords({"--steps", "3", "--checkpoint-dir", folder, "--resume", "--seed", "9"}));
  EXPECT_EQ(other.status, 1);
  ExpectOneErrorLine(other, {"seed", "9"});
}

TEST(CheckpointTest, ASignalSavesAndTheRunGoesOn) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string folder = Fresh("signal"), log = Scratch("signal.jsonl");
    const Result result = HorizonInItsSteps(log, TrainWords({"--steps", "1000000", "--checkpoint-dir", folder}),
                                            [&](int process) { kill(process, signal); });
    EXPECT_EQ(result.status, 128 + signal);
    ExpectOneErrorLine(result, {"interrupted after step", folder, "--resume"});
    const int64_t step = Curve(log).back()["step"];
    const std::string next = std::to_string(step + 1);
    EXPECT_NE(
        RunTraining({"--steps", next, "--checkpoint-dir", folder, "--resume", "--log-json", log}).out.find("resumed after step"),
        std::string::npos);
    EXPECT_EQ(Curve(log).back()["step"], step + 1);
  }
}

TEST(CheckpointTest, ACheckpointIsAModelToEvaluateAndExport) {
  const std::string folder = Fresh("model-of"), out = Fresh("model-out");
  RunTraining({"--steps", "3", "--checkpoint-dir", folder, "--out", out});
  const std::string data = Scratch("train.npy");
  const auto loss = [&](const std::string& model) {
    const Result result = Horizon({"eval", "--model", model, "--compute", "f32", "--data", data, "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.Lines().back()["loss"];
  };
  EXPECT_EQ(loss(folder + "/step-000000000003"), loss(out));
  const std::string exported = Fresh("exported");
  const Result result = Horizon({"export", "--model", folder + "/step-000000000003", "--out", exported});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(ReadFile(exported + "/model.safetensors"), ReadFile(out + "/model.safetensors"));
}

}  // namespace
}  // namespace horizon_test
