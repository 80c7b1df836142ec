// --config and --save-config: a run by a file is the run by its options, and what is written is read as it was.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

using nlohmann::json;

std::string File(const std::string& name, const std::string& text) {
  WriteFile(Scratch(name), text);
  return Scratch(name);
}

std::string Data() { return WriteRows("config.npy", 16, SomeIds(16 * 12)); }

std::vector<json> CurveOf(const Words& words) {
  const std::string log = Scratch("config-log.jsonl");
  const Result result = Horizon(With(words, {"--log-json", log}));
  EXPECT_EQ(result.status, 0) << result.err;
  return Curve(log);
}

void ExpectRefused(const std::string& text, const Words& parts, const std::string& name = "refused.yaml") {
  const Result result = Horizon({"train", "--preset", "tiny", "--data", "x.npy", "--config", File(name, text)});
  EXPECT_NE(result.status, 0) << text;
  ExpectOneErrorLine(result, parts);
}

TEST(ConfigFileTest, ARunByAFileIsTheRunByItsOptions) {
  const Words options = {
      "train", "--config",     SmallConfig(), "--data",     Data(),           "--steps", "4",         "--batch-size",
      "4",     "--lr",         "3e-3",        "--schedule", "cosine",         "--seed",  "7",         "--compute",
      "f32",   "--no-shuffle", "--eps",       "1e-7",       "--warmup-steps", "2",       "--threads", "1"};
  const auto curve = CurveOf(options);
  const std::string yaml =
      File("run.yaml", "# a run\nconfig: " + SmallConfig() + "\ndata:\n  - " + Data() +
                           "\nmax_steps: 4\nbatch-size: 4\nlearning_rate: 3e-3\nschedule: cosine\nseed: 7\ncompute: 'f32'\n"
                           "no-shuffle: true\neps: 1.0e-7\nwarmup_steps: 2\nthreads: 1\noverwrite: false\nlabels: null\n");
  EXPECT_EQ(CurveOf({"train", "--config", yaml}), curve);
  const json members = {{"config", SmallConfig()}, {"data", Data()}, {"steps", 4},       {"batch_size", 4},    {"lr", 3e-3},
                        {"schedule", "cosine"},    {"seed", 7},      {"compute", "f32"}, {"no_shuffle", true}, {"eps", 1e-7},
                        {"warmup_steps", 2},       {"threads", 1}};
  EXPECT_EQ(CurveOf({"train", "--config", File("run.json", members.dump())}), curve);
}

TEST(ConfigFileTest, WhatIsSavedIsReadAsItWas) {
  for (const std::string end : {"yaml", "yml", "json"}) {
    const std::string saved = Scratch("saved." + end), again = Scratch("again." + end);
    const auto curve = CurveOf({"train", "--config", SmallConfig(), "--data", Data(), "--steps", "3", "--learning-rate", "0.01",
                                "--weight_decay", "0.125", "--states", "bf16", "--max-part-bytes", "64KiB", "--no-shuffle",
                                "--save-config", saved});
    EXPECT_EQ(CurveOf({"train", "--config", saved, "--save-config", again}), curve) << ReadFile(saved);
    EXPECT_EQ(ReadFile(saved), ReadFile(again));
    const std::string text = ReadFile(saved);
    for (const std::string part : {"weight-decay", "0.125", "65536", "no-shuffle", "batch-size", "steps"})
      EXPECT_NE(text.find(part), std::string::npos) << part;
    EXPECT_EQ(text.find("epochs"), std::string::npos) << "it does not go with --steps";
  }
}

TEST(ConfigFileTest, TextsWithAnythingInThemComeBack) {
  const std::string prompt = "yes: \"no\" # 'on'\t~ \xc3\xa4\\ -";
  for (const std::string end : {"yaml", "json"}) {
    const std::string saved = Scratch("prompt." + end);
    const Words words = {"generate", "--preset", "tiny", "--prompt", prompt, "--max-new-tokens", "2", "--json"};
    const Result first = Horizon(With(words, {"--save-config", saved}));
    ASSERT_EQ(first.status, 0) << first.err;
    EXPECT_EQ(Horizon({"generate", "--config", saved}).out, first.out) << ReadFile(saved);
  }
}

TEST(ConfigFileTest, TheCommandLineGoesBeforeFilesAndLaterFilesBeforeEarlier) {
  const std::string one = File("one.yaml", "preset: tiny\nbatch-size: 2\nseq-len: 16\nepochs: 3\n"),
                    two = File("two.yaml", "batch-size: 3\n");
  const auto tokens = [&](const Words& more) {
    const Result result = Horizon(With({"plan", "--json", "--config", one}, more));
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out)["step_tokens"];
  };
  EXPECT_EQ(tokens({}), 32);
  EXPECT_EQ(tokens({"--config", two}), 48);
  EXPECT_EQ(tokens({"--config", two, "--batch-size", "5"}), 80);
  EXPECT_EQ(tokens({"--steps", "3"}), 32) << "what excludes an option of the file drops it";
  EXPECT_EQ(tokens({"--config", SmallConfig()}), 32) << "another model drops the file's";
}

TEST(ConfigFileTest, AListIsTakenWhereAnOptionHasSeveralValues) {
  const Words words = {"plan", "--preset", "tiny", "--json"};
  const auto plan = [&](const Words& more) {
    const Result result = Horizon(With(words, more));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  const std::string frozen = plan({"--freeze", "*embed*,*norm*", "--device", "cpu:2"});
  EXPECT_NE(frozen, plan({"--freeze", "*norm*", "--device", "cpu:2"}));
  EXPECT_EQ(plan({"--config", File("list.yaml", "freeze: ['*embed*', '*norm*']\ndevice: [CPU:02]\n")}), frozen);
  EXPECT_EQ(plan({"--config", File("rows.yaml", "freeze:\n  - '*embed*'\n  - '*norm*'\ndevice: cpu:2\n")}), frozen);
  EXPECT_EQ(plan({"--config", File("list.json", R"({"freeze": ["*embed*", "*norm*"], "device": "cpu:2"})")}), frozen);
  EXPECT_EQ(plan({"--config", File("few.yaml", "train-only: ['*mlp*']\n")}), plan({"--train-only", "*mlp*"}));
  EXPECT_EQ(plan({"--config", File("empty_list.yaml", "freeze: []\n")}), plan({}));
  ExpectRefused(R"({"freeze": [1, 2]})", {"freeze is a list of texts, not of 1"}, "refused.json");
  ExpectRefused("freeze: [{a: 1}]\n", {"freeze is a list of texts, not of {\"a\":\"1\"}"});
}

TEST(ConfigFileTest, SectionsAreForTheirCommand) {
  const std::string file =
      File("sections.yaml", "preset: tiny\nseq-len: 16\nplan:\n  batch-size: 2\ntrain:\n  steps: 3\n  lr: 1e-3\n");
  const Result result = Horizon({"plan", "--json", "--config", file});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["step_tokens"], 32);
}

// A slip is told by whichever command reads the file first.
TEST(ConfigFileTest, NamesInSectionsOfOtherCommandsAreLookedAt) {
  ExpectRefused("lr: 1\nplan:\n  bathc: 3\n", {"refused.yaml: bathc is not an option of plan (did you mean batch?)"});
  ExpectRefused("stesp: 1\neval:\n  help: true\n",
                {"stesp is not an option of train (did you mean steps?); help is not an option of eval"});
  const std::string file =
      File("others.yaml", "preset: tiny\nseq-len: 16\ntrain:\n  learning_rate: fast\neval:\n  data: x.npy\n");
  EXPECT_EQ(Horizon({"plan", "--config", file}).status, 0) << "values are looked at by their command";
}

TEST(ConfigFileTest, WhatIsNotKnownIsRefusedWithTheNearest) {
  ExpectRefused("learnin_rate: 1\n", {"refused.yaml", "learnin_rate is not an option of train (did you mean learning-rate?)"});
  ExpectRefused("lr: 1\nstesp: 3\nzebra: 1\n",
                {"stesp is not an option of train (did you mean steps?); zebra is not an option of train"});
  ExpectRefused(R"({"bathc": 3})", {"bathc", "did you mean batch?"}, "refused.json");
  ExpectRefused("lr: 1\ntrian:\n  lr: 2\n", {"trian is not an option of train (did you mean train?)"});
  ExpectRefused("zz1: 1\nzz2: 1\nzz3: 1\nzz4: 1\nzz5: 1\nzz6: 1\n", {"zz4 is not an option of train; and 2 more\n"});
  ExpectRefused("zz1: 1\nzz2: 1\nzz3: 1\nzz4: 1\n", {"zz4 is not an option of train\n"});
  ExpectRefused("train: 3\n",
                {"train is not an option of train; what is for a command alone is a mapping of options, not \"3\""});
  ExpectRefused("batch-size: 3\nbatch_size: 4\n", {"refused.yaml: --batch-size is given 2 times (3, 4)"});
  ExpectRefused(R"({"lr": 1, "train": {"steps": 2}, "lr": 2})", {"refused.json: lr is there twice"}, "refused.json");
  const Result help = Horizon({"devices", "--config", File("help.yaml", "help: true\n")});
  EXPECT_EQ(help.err, "error: " + Scratch("help.yaml") + ": help is not an option of devices\n");
  ExpectRefused("lr: fast\n", {"refused.yaml", "--lr", "fast"});
  for (const std::string number : {"0x10", "' 1e-3'", "nan", "1e999", "-1"}) {
    ExpectRefused("lr: " + number + "\n", {"refused.yaml: --lr:", "is not a finite number of 0 or more"});
  }
  ExpectRefused("lr: [1, 2]\n", {"lr takes one value"});
  ExpectRefused("lr: {a: 1}\n", {"lr takes a value"});
  ExpectRefused("no-shuffle: maybe\n", {"no-shuffle is true or false"});
  ExpectRefused("lr: 1\nlr: 2\n", {"refused.yaml:2", "twice"});
  ExpectRefused("a: &x 1\nb: *x\n", {"refused.yaml:1", "anchors"});
  ExpectRefused("lr: !!float 1\n", {"tags"});
  ExpectRefused("lr: 1\n---\nlr: 2\n", {"second document"});
  ExpectRefused("lr: [1\n", {"refused.yaml", "no YAML"});
  ExpectRefused("- lr\n", {"by their names"});
  ExpectRefused("[]", {"by their names"}, "refused.json");
  ExpectRefused("config: refused.yaml\n", {"belongs on the command line"});
  ExpectRefused(std::string(64, '[') + std::string(64, ']'), {"refused.yaml", "deep"});
  // Before what is missing: a file that cannot be read may well have it.
  for (const auto& [text, part] :
       {std::pair{R"({"data": x.npy})", "line 1, column 10"}, {"", "no JSON"}, {"{\"lr\": 1", "no JSON"}}) {
    const Result broken = Horizon({"train", "--config", File("broken.json", text)});
    EXPECT_EQ(broken.status, 1);
    ExpectOneErrorLine(broken, {"broken.json", part});
  }
  const Result none = Horizon({"train", "--config", Scratch("none.yaml")});
  EXPECT_EQ(none.status, 1);
  ExpectOneErrorLine(none, {"none.yaml", "No such file"});
}

TEST(ConfigFileTest, AnOptionOfAnotherCommandSaysWhereItBelongs) {
  const std::string flat = File("flat.yaml", "preset: tiny\nlr: 1e-3\nbatch-size: 2\n");
  const Result result = Horizon({"eval", "--data", "x.npy", "--config", flat});
  EXPECT_EQ(result.status, 2);
  ExpectOneErrorLine(result, {"flat.yaml: lr is not an option of eval; it is one of train: put it under `train:`"});
  const std::string empty = File("empty_section.yaml", "preset: tiny\nseq-len: 16\nplan:\ntrain:\n");
  EXPECT_EQ(Horizon({"plan", "--config", empty}).status, 0) << "a section with nothing in it";
}

TEST(ConfigFileTest, AFileThatCannotBeOpenedGoesBeforeWhatIsMissing) {
  const Result none = Horizon({"train", "--config", Scratch("none.json")});
  EXPECT_EQ(none.status, 1);
  ExpectOneErrorLine(none, {"none.json", "No such file"});
}

TEST(ConfigFileTest, OnAndOffAreWhatYamlCallsThem) {
  const std::string data = File("on_off.txt", "a line\nanother\n");
  for (const char* word : {"yes", "true", "on", "\"on\""}) {
    const std::string saved = Scratch("on_off_saved.json");
    const std::string text = std::string("preset: tiny\ntask: pretrain\nbytes: false\npacking: ") + word + "\n";
    // The words are read before the data, which a model without a tokenizer cannot take.
    const Result result = Horizon({"train", "--data", data, "--config", File("on_off.yaml", text), "--save-config", saved});
    EXPECT_EQ(result.err.find("--packing"), std::string::npos) << result.err;
    EXPECT_EQ(json::parse(ReadFile(saved))["packing"], "on") << word;
  }
}

TEST(ConfigFileTest, AModelsConfigMayHoldWhatPythonWrites) {
  json config = json::parse(ReadFile(SmallConfig()));
  config["time_step_limit"] = {0.0, "WITHOUT_END"};
  std::string text = config.dump();
  const std::string mark = "\"WITHOUT_END\"";
  text.replace(text.find(mark), mark.size(), "Infinity");
  const Result result = Horizon({"plan", "--config", File("infinite.json", text), "--seq-len", "16"});
  EXPECT_EQ(result.status, 0) << result.err;
  ExpectRefused("{\"lr\": NaN}", {"refused.json", "no JSON"}, "refused.json");
}

TEST(ConfigFileTest, HomeIsMeantByATilde) {
  setenv("HOME", Scratch("home").c_str(), 1);
  const Result result = Horizon({"train", "--config", File("tilde.yaml", "preset: tiny\ndata: ~/not_there.npy\n")});
  EXPECT_NE(result.status, 0);
  ExpectOneErrorLine(result, {Scratch("home") + "/not_there.npy"});
}

TEST(ConfigFileTest, TheNameSaysTheFormat) {
  const Result result = Horizon({"plan", "--preset", "tiny", "--save-config", Scratch("saved.toml")});
  EXPECT_EQ(result.status, 2);
  ExpectOneErrorLine(result, {"saved.toml", ".yaml"});
}

// A command without a model takes files as well.
TEST(ConfigFileTest, EveryCommandTakesFiles) {
  EXPECT_EQ(Horizon({"devices", "--config", File("devices.yaml", "device: cpu\njson: true\n")}).out,
            Horizon({"devices", "--device", "cpu", "--json"}).out);
  EXPECT_EQ(Horizon({"tokenize", "--config", File("tokenize.yaml", "txt: a\n")}).err,
            "error: " + Scratch("tokenize.yaml") + ": txt is not an option of tokenize (did you mean text?)\n");
}

}  // namespace
}  // namespace horizon_test
