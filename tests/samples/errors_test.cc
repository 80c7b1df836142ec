// Bad input is status 1 and one line that names what is wrong.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

void ExpectError(const Words& arguments, const Words& parts) {
  std::string line;
  for (const std::string& word : arguments) line += word + " ";
  SCOPED_TRACE(line);
  const Result result = Horizon(arguments);
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, parts);
}

Words Train(const std::string& data, const Words& more = {}) {
  Words words = {"train", "--config", SmallConfig(), "--data", data, "--steps", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(ErrorsTest, DataAreChecked) {
  ExpectError(Train("missing.npy"), {"missing.npy", "No such file"});
  ExpectError(Train(WriteRows("big.npy", 2, {1, 2, 3, 128})), {"big.npy", "128", "row 1, column 1", "[0, 128)"});
  ExpectError(Train(WriteStream("empty.npy", {})), {"empty.npy", "no ids"});
  ExpectError(Train(WriteRows("narrow.npy", 1, {1, 2})), {"narrow.npy", "at least 2"});
  ExpectError(Train(WriteStream("short.npy", SomeIds(512))), {"short.npy", "513"});
  WriteFile(Scratch("float.npy"), Npy("<f4", "(2,)", "12345678"));
  ExpectError(Train(Scratch("float.npy")), {"float.npy", "<f4"});
  WriteFile(Scratch("cut.npy"), Npy("<i4", "(2, 4)", "1234"));
  ExpectError(Train(Scratch("cut.npy")), {"cut.npy", "32 bytes", "4 are there"});
  const std::string good = WriteRows("good.npy", 4, SomeIds(16));
  ExpectError(Train(good, {"--labels", WriteRows("labels.npy", 4, {1, 2, 3, 4})}), {"labels.npy", "shape"});
  ExpectError(Train(good, {"--eval-data", "missing.npy"}), {"missing.npy"});
  ExpectError({"eval", "--config", SmallConfig(), "--data", "missing.npy"}, {"missing.npy"});
}

TEST(ErrorsTest, ModelsAreChecked) {
  const std::string data = WriteRows("good.npy", 4, SomeIds(16));
  ExpectError({"eval", "--model", Scratch("none"), "--data", data}, {"none"});
  ExpectError({"eval", "--config", Scratch("none.json"), "--data", data}, {"none.json", "No such file"});
  WriteFile(Scratch("empty.json"), "");
  ExpectError({"eval", "--config", Scratch("empty.json"), "--data", data}, {"empty.json"});
  WriteFile(Scratch("broken.json"), "{\"architectures\": [");
  ExpectError({"plan", "--config", Scratch("broken.json")}, {"broken.json"});
  WriteFile(Scratch("gpt.json"), "{\"architectures\": [\"BertLMHeadModel\"], \"model_type\": \"gpt2\"}");
  ExpectError({"plan", "--config", Scratch("gpt.json")}, {"error: " + Scratch("gpt.json") + ": architecture", "BertLMHeadModel"});
  WriteFile(Scratch("huge.json"), std::string(17 << 20, ' '));
  ExpectError({"plan", "--config", Scratch("huge.json")}, {"huge.json", "bytes"});
  const std::string small = ReadFile(SmallConfig());
  WriteFile(Scratch("nul.json"), small + std::string("\0garbage", 8));
  ExpectError({"plan", "--config", Scratch("nul.json")}, {"nul.json", "NUL", std::to_string(small.size())});
}

TEST(ErrorsTest, OutputsAreCheckedBeforeTheRun) {
  const std::string data = WriteRows("good.npy", 4, SomeIds(16));
  WriteFile(Scratch("file"), "x");
  ExpectError(Train(data, {"--out", Scratch("file")}), {"file", "not a folder"});
  ExpectError(Train(data, {"--out", Scratch("file/out"), "--overwrite"}), {"/file/", "Not a directory"});
  ExpectError(Train(data, {"--out", Scratch("no/such/out")}), {"no/such"});
  ExpectError(Train(data, {"--log-json", Scratch("no/log.json")}), {"no/log.json"});
  ExpectError(Train(data, {"--trace", Scratch("no/trace.json")}), {"no/trace.json"});
}

TEST(ErrorsTest, AFullDiskForTheLogDoesNotLoseTheModel) {
  ExpectError(Train(WriteRows("good.npy", 4, SomeIds(16)), {"--log-json", "/dev/full", "--out", Scratch("kept")}),
              {"/dev/full", "No space"});
  EXPECT_EQ(Horizon({"plan", "--model", Scratch("kept")}).status, 0);
}

TEST(ErrorsTest, AModelThatDoesNotFitIsRefusedWithTheNumbers) {
  ExpectError({"plan", "--preset", "llama3-70b", "--host-limit-bytes", "8GiB"}, {"8589934592"});
  ExpectError(Train(WriteRows("good.npy", 4, SomeIds(16)), {"--host-limit-bytes", "1MiB"}), {"1048576"});
}

TEST(ErrorsTest, UnknownDevicesAreNamed) {
  ExpectError({"devices", "--device", "tpu"}, {"tpu"});
  ExpectError({"plan", "--preset", "tiny", "--device", "cuda:99"}, {"cuda:99"});
}

TEST(ErrorsTest, PromptsAreChecked) {
  const auto generate = [](const Words& more) {
    Words words = {"generate", "--config", SmallConfig()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  ExpectError(generate({}), {"prompt is empty"});
  ExpectError(generate({"--prompt", ""}), {"prompt is empty"});
  ExpectError(generate({"--prompt", "a\xc3\xa9"}), {"byte 195", "position 1", "[0, 128)"});
  ExpectError(generate({"--prompt-ids", WriteStream("p.npy", {1, 500})}), {"p.npy", "500"});
  ExpectError(generate({"--prompt-ids", "1,500"}), {"--prompt-ids: 500 is not within [0, 128), the vocabulary"});
  ExpectError(generate({"--prompt-ids", "[]"}), {"prompt is empty"});
  for (const std::string ids : {"1,,2", ",1", "[1, , 2]"}) {
    ExpectOneErrorLine(Horizon(generate({"--prompt-ids", ids})), {"--prompt-ids: '" + ids + "' lacks an id before a comma"});
  }
  const Result large = Horizon(generate({"--prompt-ids", "1,99999999999"}));
  EXPECT_EQ(large.status, 2);
  ExpectOneErrorLine(large, {"--prompt-ids: '99999999999' is no id"});
  ExpectError(generate({"--prompt-ids", WriteRows("p2.npy", 2, {1, 2})}), {"p2.npy", "one dimension"});
}

TEST(ErrorsTest, AClosedStandardOutputIsAnError) {
  // The same program with standard output on a full disk.
  const std::string command = "samples/horizon/horizon devices >/dev/full 2>" + Scratch("full-err");
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(ReadFile(Scratch("full-err")).find("standard output"), std::string::npos);
}

}  // namespace
}  // namespace horizon_test
