// How a run ends: what it leaves can be written, and is not lost where it cannot; a run that diverges does not pass for a good
// one.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
Words TrainWords(const Words& more) {
  Words words = {
      "train",        "--config", SmallConfig(), "--compute", "f32", "--data", WriteRows("train.npy", 16, SomeIds(16 * 12)),
      "--batch-size", "4"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void ExpectRefused(const Words& more, const Words& parts) {
  std::string line;
  for (const std::string& word : more) line += word + " ";
  SCOPED_TRACE(line);
  // Data that do not exist: outputs are looked at first.
  Words words = {"train", "--config", SmallConfig(), "--data", "missing.npy"};
  words.insert(words.end(), more.begin(), more.end());
  const Result result = Horizon(words);
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, parts);
}

bool IsModel(const std::string& folder) {
  return Horizon({"eval", "--model", folder, "--data", Scratch("train.npy"), "--json"}).status == 0;
}

// Does `then` once the run is in its steps, and ends it by `signal`.
Result WhileRunning(const Words& more, const std::function<void()>& then, int signal = SIGTERM) {
  return HorizonInItsSteps(Scratch("running.json"), TrainWords(With({"--steps", "1000000"}, more)), [&](int process) {
    then();
    kill(process, signal);
  });
}

std::string PlaceNamedIn(const Result& result) {
  const std::string begin = "the model was saved to ", end = " instead";
  const size_t from = result.err.find(begin);
  if (from == std::string::npos) return "";
  return result.err.substr(from + begin.size(), result.err.find(end, from) - from - begin.size());
}

TEST(RunEndTest, OutputsThatCannotBeWrittenAreFoundBeforeTheRun) {
  ExpectRefused({"--out", "/proc/out"}, {"/proc"});
  ExpectRefused({"--out", "/", "--overwrite"}, {"working directory"});
  ExpectRefused({"--out", ".", "--overwrite"}, {"working directory"});
  ExpectRefused({"--out", "..", "--overwrite"}, {"working directory"});
  ExpectRefused({"--out", Scratch("no/out")}, {"no"});
  ExpectRefused({"--log-json", Scratch("no/log.json")}, {"no/log.json"});
  ExpectRefused({"--log-json", Scratch("")}, {"is a folder"});
  WriteFile(Scratch("no-folder"), "x");
  ExpectRefused({"--tensorboard", Scratch("no-folder/curves")}, {"no-folder", "not a folder"});
  ExpectRefused({"--checkpoint-dir", "/proc/ckpt"}, {"/proc/ckpt"});
  ExpectRefused({"--checkpoint-dir", "/proc"}, {"/proc"});
  ExpectRefused({"--checkpoint-dir", "/sys/ckpt"}, {"/sys"});
  ExpectRefused({"--checkpoint-dir", Scratch("no/ckpt")}, {"no/ckpt"});
  ExpectRefused({"--out", Scratch("out"), "--checkpoint-dir", Scratch("out/ckpt")}, {"--checkpoint-dir", "out/ckpt", "--out"});
  ExpectRefused({"--out", Scratch("out"), "--log-json", Scratch("out/log.json")}, {"--log-json"});
  EXPECT_FALSE(fs::exists(Scratch("out")));
}

TEST(RunEndTest, ADiskThatIsTooSmallIsFoundBeforeTheRun) {
  auto config = nlohmann::json::parse(ReadFile(SmallConfig()));
  config.update({{"hidden_size", 65536},
                 {"intermediate_size", 1048576},
                 {"num_attention_heads", 512},
                 {"num_key_value_heads", 512},
                 {"num_hidden_layers", 1000}});
  WriteFile(Scratch("huge.json"), config.dump());
  const Result result = Horizon({"train", "--config", Scratch("huge.json"), "--data", "missing.npy", "--out", Scratch("huge")});
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, {Scratch("huge"), "needs", "are free"});
}

TEST(RunEndTest, OverwriteKeepsWhatIsNotAModel) {
  const std::string out = Scratch("kept");
  ASSERT_EQ(Horizon(TrainWords({"--steps", "1", "--out", out})).status, 0);
  for (const char* name : {"thesis.tex", "train.jsonl", "best/model.safetensors"}) {
    fs::create_directories(fs::path(out + "/" + name).parent_path());
    WriteFile(out + "/" + name, "mine");
    ExpectRefused({"--out", out, "--overwrite"}, {"kept", name});
    EXPECT_EQ(ReadFile(out + "/" + name), "mine");
    fs::remove_all(out + "/" + std::string(name).substr(0, std::string(name).find('/')));
  }
  EXPECT_EQ(Horizon(TrainWords({"--steps", "1", "--out", out, "--overwrite"})).status, 0);
}

TEST(RunEndTest, AModelThatCannotBeSavedGoesBesideTheCheckpoints) {
  const std::string out = Scratch("taken-later"), ckpt = Scratch("ckpt-beside");
  const Result result = WhileRunning({"--out", out, "--checkpoint-dir", ckpt}, [&] {
    fs::create_directory(out);
    WriteFile(out + "/mine", "x");
  });
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, {"taken-later", "not empty", "the model was saved to " + ckpt});
  EXPECT_TRUE(IsModel(PlaceNamedIn(result))) << result.err;
  EXPECT_EQ(ReadFile(out + "/mine"), "x");
  // The checkpoints are as they were: the run goes on from there.
  EXPECT_EQ(Horizon({"train", "--config", SmallConfig(), "--compute", "f32", "--data", Scratch("train.npy"), "--batch-size", "4",
                     "--steps", "1", "--checkpoint-dir", ckpt, "--resume"})
                .status,
            0);
}

TEST(RunEndTest, AModelThatCannotBeSavedGoesIntoTheTemporaryFolder) {
  setenv("TMPDIR", Scratch("").c_str(), 1);
  fs::create_directory(Scratch("parent"));
  const Result gone = WhileRunning({"--out", Scratch("parent/out")}, [&] { fs::remove_all(Scratch("parent")); });
  EXPECT_EQ(gone.status, 1);
  ExpectOneErrorLine(gone, {"parent", "the model was saved to " + Scratch("")});
  EXPECT_TRUE(IsModel(PlaceNamedIn(gone))) << gone.err;
  const Result file = WhileRunning({"--out", Scratch("a-file")}, [&] { WriteFile(Scratch("a-file"), "mine"); });
  EXPECT_EQ(file.status, 1);
  EXPECT_TRUE(IsModel(PlaceNamedIn(file))) << file.err;
  EXPECT_EQ(ReadFile(Scratch("a-file")), "mine");
}

TEST(RunEndTest, AClosedTerminalEndsARunAsSigtermDoes) {
  const std::string out = Scratch("hung-up"), ckpt = Scratch("hung-up-ckpt");
  const Result result = WhileRunning(
      {"--out", out, "--checkpoint-dir", ckpt}, [] {}, SIGHUP);
  EXPECT_EQ(result.status, 128 + SIGHUP);
  ExpectOneErrorLine(result, {"interrupted after step", out, ckpt});
  EXPECT_TRUE(IsModel(out));
  // Under nohup it goes on: only the second signal ends it.
  signal(SIGHUP, SIG_IGN);
  const std::string log = Scratch("running.json");
  const Result ignored = WhileRunning(
      {"--out", Scratch("nohup")}, [] {}, SIGTERM);
  signal(SIGHUP, SIG_DFL);
  EXPECT_EQ(ignored.status, 128 + SIGTERM);
}

int Shell(const std::string& command) {
  WriteFile(Scratch("command.sh"), "set -o pipefail\n" + command);
  const int status = std::system(("bash " + Scratch("command.sh") + " 2> " + Scratch("command-err")).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string CommandLine(const Words& words) {
  std::string line = "samples/horizon/horizon";
  for (const std::string& word : words) line += " '" + word + "'";
  return line;
}

TEST(RunEndTest, AReaderThatLeavesDoesNotEndTheRun) {
  // `true` reads nothing and is gone before the first line.
  const Words steps = {"--steps", "30", "--log-json", Scratch("piped.json"), "--out"};
  Words words = TrainWords(steps);
  words.push_back(Scratch("piped"));
  EXPECT_EQ(Shell(CommandLine(words) + " | true"), 0) << ReadFile(Scratch("command-err"));
  EXPECT_TRUE(IsModel(Scratch("piped")));
  EXPECT_EQ(Curve(Scratch("piped.json")).size(), 30u);
  // JSON lines are what the reader asked for: their loss is told, and the model is there.
  words.back() = Scratch("piped-json");
  words.push_back("--json");
  EXPECT_EQ(Shell(CommandLine(words) + " | true"), 1);
  EXPECT_NE(ReadFile(Scratch("command-err")).find("standard output"), std::string::npos) << ReadFile(Scratch("command-err"));
  EXPECT_TRUE(IsModel(Scratch("piped-json")));
  // And a log that is a pipe.
  words = TrainWords({"--steps", "5", "--log-json", Scratch("fifo"), "--out", Scratch("fifo-out")});
  ASSERT_EQ(mkfifo(Scratch("fifo").c_str(), 0600), 0);
  EXPECT_EQ(Shell("head -n 1 " + Scratch("fifo") + " > /dev/null & " + CommandLine(words)), 1);
  EXPECT_TRUE(IsModel(Scratch("fifo-out")));
}

Result Diverging(const Words& more) {
  Words words = TrainWords({"--lr", "1e30", "--grad-clip", "0", "--no-shuffle"});
  words.insert(words.end(), more.begin(), more.end());
  return Horizon(words);
}

TEST(RunEndTest, ARunThatDivergesEndsAndSaysSo) {
  const std::string out = Scratch("diverged"), log = Scratch("diverged.json"), report = Scratch("diverged.html");
  const Result result = Diverging({"--steps", "200", "--out", out, "--log-json", log, "--report", report});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("error: diverged after step"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("nothing was written to " + out), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(out));
  const auto lines = Curve(log);
  ASSERT_LT(lines.size(), 30u);
  EXPECT_EQ(lines.back()["outcome"], "diverged");
  const std::string page = ReadFile(report);
  EXPECT_NE(page.find("outcome diverged\">diverged"), std::string::npos);
  EXPECT_EQ(page.find(">finished<"), std::string::npos);
}

TEST(RunEndTest, TheNumberOfSkippedStepsIsAnOption) {
  for (const int most : {1, 3, 7}) {
    const std::string log = Scratch("most.json");
    EXPECT_EQ(Diverging({"--steps", "100", "--max-skipped-steps", std::to_string(most), "--log-json", log}).status, 1);
    int in_a_row = 0;
    for (const auto& line : Curve(log))
      in_a_row = line.value("skipped", false) ? in_a_row + 1 : line.contains("outcome") ? in_a_row : 0;
    EXPECT_EQ(in_a_row, most);
  }
  const std::string log = Scratch("never.json");
  EXPECT_EQ(Diverging({"--steps", "40", "--max-skipped-steps", "0", "--log-json", log}).status, 0);
  EXPECT_EQ(Curve(log).size(), 40u);
}

TEST(RunEndTest, AShortRunOfSkippedStepsHasDivergedToo) {
  const std::string out = Scratch("short");
  const Result result = Diverging({"--steps", "6", "--out", out});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("diverged after step 6 of 6"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(out));
}

// The good state is there after the run, though a bad one was saved behind it, and it is named.
TEST(RunEndTest, TheLastGoodCheckpointStays) {
  const std::string ckpt = Scratch("good-ckpt");
  // Two steps that leave the weights good, then those that do not.
  Words words =
      TrainWords({"--steps", "2", "--lr", "1e-3", "--checkpoint-dir", ckpt, "--save-every", "1", "--keep", "1", "--no-shuffle"});
  ASSERT_EQ(Horizon(words).status, 0);
  const Result result =
      Diverging({"--steps", "100", "--checkpoint-dir", ckpt, "--save-every", "1", "--keep", "1", "--resume", "--no-shuffle"});
  EXPECT_EQ(result.status, 1);
  const std::string good = ckpt + "/step-000000000002";
  EXPECT_NE(result.err.find("the last good checkpoint is " + good), std::string::npos) << result.err;
  EXPECT_TRUE(IsModel(good));
}

// Where nothing of some steps is predicted they are no sign of anything.
TEST(RunEndTest, StepsWithoutLabelsAreNoDivergence) {
  std::vector<int64_t> labels = SomeIds(16 * 12);
  for (size_t i = 16 * 4; i < labels.size(); ++i) labels[i] = -100;
  const std::string file = WriteRows("some-labels.npy", 16, labels);
  EXPECT_EQ(Horizon(TrainWords({"--steps", "30", "--no-shuffle", "--labels", file, "--max-skipped-steps", "2", "--out",
                                Scratch("labels")}))
                .status,
            0);
  EXPECT_TRUE(fs::exists(Scratch("labels/config.json")));
}

// The last step breaks the weights: the held-out rows say so.
TEST(RunEndTest, AHeldOutLossThatIsNotFiniteIsDivergence) {
  const std::string held = WriteRows("held.npy", 16, SomeIds(16 * 3)), out = Scratch("held-out");
  const Result result =
      Horizon(TrainWords({"--lr", "1e38", "--grad-clip", "0", "--steps", "1", "--eval-data", held, "--out", out}));
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("held-out loss is not finite"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(out));
}

// Bytes are no ids of a model that has a vocabulary of its own.
TEST(RunEndTest, AFolderWithoutATokenizerTakesNoTextUnlessBytesAreAskedFor) {
  auto config = nlohmann::json::parse(ReadFile(SmallConfig()));
  const auto folder = [&](const std::string& name, int64_t vocabulary) {
    config["vocab_size"] = vocabulary;
    WriteFile(Scratch(name + ".json"), config.dump());
    EXPECT_EQ(Horizon({"export", "--config", Scratch(name + ".json"), "--out", Scratch(name)}).status, 0);
    return Scratch(name);
  };
  const std::string real = folder("real", 300), small = folder("bytes", 256);
  std::string words;
  for (int i = 0; i < 40; ++i) words += "a small text\n";
  WriteFile(Scratch("t.txt"), words);
  WriteFile(Scratch("t.jsonl"), "{\"text\": \"a small text\"}\n");
  const Words text = {"--data", Scratch("t.txt"), "--seq-len", "32", "--compute", "f32"};
  const auto run = [&](Words command, const std::string& model, const Words& data, const Words& more = {}) {
    command.insert(command.end(), {"--model", model});
    command.insert(command.end(), data.begin(), data.end());
    command.insert(command.end(), more.begin(), more.end());
    return Horizon(command);
  };
  const Words commands[] = {{"train", "--steps", "1"}, {"eval"}, {"eval", "--task", "perplexity"}, {"logprobs"}, {"plan"}};
  for (const Words& command : commands) {
    const Result refused = run(command, real, text);
    EXPECT_EQ(refused.status, 1) << command[0];
    ExpectOneErrorLine(refused, {real, "tokenizer.json", "--bytes"});
    EXPECT_EQ(run(command, real, text, {"--bytes"}).status, 0) << command[0];
    EXPECT_EQ(run(command, small, text).status, 0) << command[0];
  }
  // Examples as well: what they need is one thing, what the folder has another.
  WriteFile(Scratch("c.jsonl"), R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})");
  std::filesystem::create_directory(real + "/tok");
  WriteFile(real + "/tok/tokenizer.json", "{}");
  for (const std::string file : {"t.jsonl", "c.jsonl"}) {
    const Result refused = run({"train", "--task", "sft", "--steps", "1"}, real, {"--data", Scratch(file), "--seq-len", "32"});
    EXPECT_EQ(refused.status, 1) << file;
    ExpectOneErrorLine(refused, {file + ":1", "there is none", "its folder tok has one: give " + real + "/tok"});
  }
  const Result prompt = Horizon({"generate", "--model", real, "--prompt", "a", "--max-new-tokens", "1"});
  EXPECT_EQ(prompt.status, 1);
  ExpectOneErrorLine(prompt, {"--bytes"});
  EXPECT_EQ(Horizon({"generate", "--model", real, "--prompt", "a", "--max-new-tokens", "1", "--bytes"}).status, 0);
  EXPECT_EQ(Horizon({"generate", "--model", real, "--prompt-ids", WriteStream("p.npy", {1, 2}), "--max-new-tokens", "1"}).status,
            0);
  EXPECT_EQ(
      Horizon({"train", "--model", real, "--data", WriteRows("ids.npy", 8, SomeIds(64)), "--steps", "1", "--compute", "f32"})
          .status,
      0);
}

// A report is made with a trace, which is nobody's where the run fails.
TEST(RunEndTest, ARunThatFailsLeavesNoTraceBesideItsReport) {
  const std::string report = Scratch("failed.html");
  const std::string run = CommandLine(TrainWords({"--steps", "4", "--report", report}));
  EXPECT_EQ(Shell("trap '' XFSZ; ulimit -f 1; " + run + " > /dev/null"), 1);
  EXPECT_NE(ReadFile(Scratch("command-err")).find(".trace.tmp: File too large"), std::string::npos)
      << ReadFile(Scratch("command-err"));
  EXPECT_FALSE(fs::exists(report + ".trace.tmp"));
}

}  // namespace
}  // namespace horizon_test
