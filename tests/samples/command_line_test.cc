// What people type: names that are nearly right, names of other programs, help in their terminal's width.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

void ExpectUsage(const Words& arguments, const std::string& line) {
  const Result result = Horizon(arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err, "error: " + line + "\n");
}

void ExpectUsageHas(const Words& arguments, const Words& parts) {
  const Result result = Horizon(arguments);
  EXPECT_EQ(result.status, 2);
  ExpectOneErrorLine(result, parts);
}

TEST(CommandLineTest, UnknownOptionsAreToldBeforeMissingOnesInTheirOrder) {
  ExpectUsage({"train", "--dta", "x.npy", "--lrr", "3", "--zebra-crossing", "4"},
              "--dta is not an option of train (did you mean --data?); --lrr is not an option of train (did you mean --lr?); "
              "--zebra-crossing is not an option of train");
  ExpectUsage({"train", "--learing-rate=3"}, "--learing-rate is not an option of train (did you mean --learning-rate?)");
  ExpectUsage({"eval", "--sedd", "1"}, "--sedd is not an option of eval");
  ExpectUsage({"bench", "--stpes", "1"}, "--stpes is not an option of bench (did you mean --steps?)");
  ExpectUsageHas({"train", "--preset", "tiny"}, {"--data"});
}

TEST(CommandLineTest, AllThatIsMissingIsToldAtOnce) {
  const std::string model = "one of --model, --config (with a model's config.json) and --preset is needed";
  ExpectUsage({"train"}, "--data is required, and a model: " + model);
  ExpectUsage({"eval", "--seq-len", "8"}, "--data is required, and a model: " + model);
  ExpectUsage({"train", "--data", "x.npy"}, "no model: " + model);
  ExpectUsage({"train", "--preset", "tiny"}, "--data is required");
  ExpectUsage({"train", "--config", SmallConfig()}, "--data is required");
  WriteFile(Scratch("options.yaml"), "lr: 0.1\n");
  ExpectUsage({"train", "--config", Scratch("options.yaml")}, "--data is required, and a model: " + model);
}

TEST(CommandLineTest, AWordTooManyIsTold) {
  ExpectUsage({"man", "train", "x"}, "'x' is one word too many behind man and a subcommand");
  ExpectUsage({"help", "train", "x"}, "'x' is one word too many behind help and a subcommand");
  ExpectUsage({"--version", "x"}, "'x' is one word too many behind --version");
  ExpectUsageHas({"man", "trian"}, {"did you mean train?"});
  EXPECT_EQ(Horizon({"--help", "train"}).out, Horizon({"help", "train"}).out);
}

TEST(CommandLineTest, WordsHaveTheNearestOne) {
  ExpectUsageHas({"trian"}, {"did you mean train?"});
  ExpectUsageHas({"show_mask"}, {"did you mean show-mask?"});
  ExpectUsageHas({"plan", "--preset", "qwen2.5-7"}, {"did you mean qwen2.5-7b?", "llama3-70b"});
  ExpectUsageHas({"train", "--preset", "qwen2.5-7"}, {"did you mean qwen2.5-7b?"});  // although --data is missing
  ExpectUsageHas({"complete"}, {"did you mean completion?"});
  ExpectUsageHas({"train", "--preset", "tiny", "--data", "x", "--task", "simop"}, {"did you mean simpo?"});
  ExpectUsageHas({"train", "--preset", "tiny", "--data", "x", "--schedule", "cosin"},
                 {"constant|linear|cosine", "did you mean cosine?"});
  for (const auto& [device, meant] : {std::pair{"cdua", "cuda"}, {"cpuu", "cpu"}, {"atuo", "auto"}}) {
    const Result result = Horizon({"plan", "--preset", "tiny", "--device", device});
    EXPECT_EQ(result.status, 1);
    ExpectOneErrorLine(result, {device, std::string("did you mean ") + meant + "?"});
  }
}

TEST(CommandLineTest, AValueThatIsMissingIsNotTheNextOption) {
  ExpectUsage({"train", "--out", "--lr", "3"}, "--out needs a value (DIR), not --lr");
  ExpectUsage({"train", "--data"}, "--data needs a value (FILE)");
}

TEST(CommandLineTest, AValueThatIsGivenTwiceIsNotTakenFromEither) {
  ExpectUsage({"train", "--preset", "tiny", "--data", "x.npy", "--lr", "1", "--steps", "3", "--learning-rate", "2"},
              "--lr is given 2 times (1, 2); it takes one value");
  ExpectUsageHas({"plan", "--preset", "tiny", "--overwrite", "--overwrite", "--states", "int9"}, {"--states"});  // a flag may be
}

TEST(CommandLineTest, ANumberThatIsTooLargeIsToldTheMost) {
  ExpectUsage({"plan", "--preset", "tiny", "--batch-size", "99999999999999999999"},
              "--batch-size: '99999999999999999999' is more than 9223372036854775807");
  ExpectUsageHas({"plan", "--preset", "tiny", "--batch-size", "-99999999999999999999"}, {"not a whole number of 1 or more"});
}

nlohmann::json PlanOf(const Words& more) {
  Words words = {"plan", "--config", SmallConfig(), "--json"};
  words.insert(words.end(), more.begin(), more.end());
  const Result result = Horizon(words);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.status == 0 ? nlohmann::json::parse(result.out) : nlohmann::json();
}

TEST(CommandLineTest, NamesOfOtherProgramsAreUnderstood) {
  const auto plan =
      PlanOf({"--batch", "6", "--max_seq_len=32", "--max-grad-norm", "0.5", "--dtype", "float32", "--optim", "AdamW"});
  ASSERT_TRUE(plan.is_object());
  EXPECT_EQ(plan["step_tokens"], 6 * 32);
  EXPECT_EQ(plan["grad_clip"], 0.5);
  EXPECT_EQ(plan["numerics"]["compute"], "f32");
  EXPECT_EQ(PlanOf({"--batch_size", "2", "--seq_len", "16"})["step_tokens"], 32);
  const std::string data = WriteRows("names.npy", 16, SomeIds(16 * 8)), log = Scratch("names.jsonl");
  const Result run = Horizon({"train", "--config", SmallConfig(), "--train-file", data, "--learning-rate", "0.25", "--max-steps",
                              "1", "--bs", "4", "--output_dir", Scratch("names-out"), "--log-json", log});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(Curve(log).at(0)["lr"], 0.25);
}

TEST(CommandLineTest, HelpFitsTheTerminal) {
  for (const int width : {48, 64, 80, 110}) {
    setenv("COLUMNS", std::to_string(width).c_str(), 1);
    for (const std::string command : {"train", "plan", "eval", "doctor"}) {
      const Result help = Horizon({command, "-h"});
      EXPECT_EQ(help.status, 0);
      std::istringstream lines(help.out);
      for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), static_cast<size_t>(width)) << line;
      EXPECT_EQ(help.out, Horizon({"help", command}).out);
      EXPECT_EQ(help.out, Horizon({command, "--nothing", "--help"}).out) << "help goes before what is wrong";
    }
  }
  unsetenv("COLUMNS");
  EXPECT_EQ(Horizon({"-h"}).out, Horizon({"--help"}).out);
  EXPECT_NE(Horizon({"train", "--help"}).out.find("(also --learning-rate)"), std::string::npos);
}

TEST(CommandLineTest, ARepositorysNameSaysThatNothingIsDownloaded) {
  for (const Words& words :
       {Words{"generate", "--prompt", "a"}, {"plan"}, {"eval", "--data", "x.npy"}, {"export", "--out", Scratch("x")}}) {
    Words with = words;
    with.insert(with.end(), {"--model", "Some-Org/Model-7B"});
    const Result result = Horizon(with);
    EXPECT_EQ(result.status, 1);
    ExpectOneErrorLine(result,
                       {"Some-Org/Model-7B", "nothing is downloaded", "hf download Some-Org/Model-7B --local-dir Model-7B"});
  }
  // A file of a model, and a home folder that no shell made a path of.
  const std::string folder = Scratch("whole");
  std::filesystem::create_directories(folder);
  WriteFile(folder + "/config.json", "{}");
  WriteFile(folder + "/model.safetensors", "");
  for (const std::string& name : {folder + "/model.safetensors", folder + "/config.json"}) {
    const Result file = Horizon({"plan", "--model", name});
    EXPECT_EQ(file.status, 1);
    ExpectOneErrorLine(file, {name + ": not a folder; a model is its whole folder: " + folder});
  }
  setenv("HOME", Scratch("home").c_str(), 1);
  const Result home = Horizon({"plan", "--model", "~/models/x"});
  EXPECT_EQ(home.status, 1);
  ExpectOneErrorLine(home, {Scratch("home") + "/models/x: no such folder"});
  const Result preset = Horizon({"plan", "--model", "qwen2.5-7b"});
  EXPECT_EQ(preset.status, 1);
  ExpectOneErrorLine(preset, {"--preset qwen2.5-7b"});
  // A path is a path.
  EXPECT_EQ(Horizon({"plan", "--model", "./a/b"}).err.find("downloaded"), std::string::npos);
}

TEST(CommandLineTest, SizesOfRefusalsAreReadable) {
  const Result result = Horizon({"train", "--preset", "qwen2.5-7b", "--data", WriteStream("size.npy", SomeIds(600)), "--device",
                                 "cpu", "--host-limit-bytes", "2GiB"});
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(
      result, {"2147483648 may be used (2.00 GiB)", " GiB) of host memory", "a smaller --micro-batch, --batch-size or --seq-len",
               "--states int8 (saves", "`horizon plan` with the same options"});
  ExpectUsageHas({"plan", "--preset", "tiny", "--host-limit-bytes", "8GiBB"}, {"8GiBB", "nor a size as 8GiB"});
}

}  // namespace
}  // namespace horizon_test
