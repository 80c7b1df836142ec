// Data packed by gzip and zstd give what the same data give unpacked, in every command that reads them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "samples/horizon/base/error.h"
#include "samples/horizon/data/packed_text.h"
#include "tests/samples/examples_support.h"
#include "tests/samples/support.h"
#include "tests/support/pack.h"

namespace horizon_test {
namespace {

using hlm::test::Gzip;
using hlm::test::Zstd;

// The bytes packed both ways, under names that end in `ending`.
std::vector<std::string> Packed(const std::string& name, const std::string& bytes) {
  const std::vector<std::string> paths = {Scratch(name + ".gz"), Scratch(name + ".zst")};
  WriteFile(paths[0], Gzip(bytes));
  WriteFile(paths[1], Zstd(bytes));
  return paths;
}

std::string Text() {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "Line " + std::to_string(i * i % 97) + " of a text.\n";
  return text;
}

TEST(PackedDataTest, TextsWhoseBytesAreIds) {
  WriteFile(Scratch("t.txt"), Text());
  const auto eval = [](const std::string& data) {
    return Horizon({"eval", "--config", SmallConfig(), "--compute", "f32", "--data", data, "--seq-len", "16", "--json"});
  };
  const Result plain = eval(Scratch("t.txt"));
  ASSERT_EQ(plain.status, 0) << plain.err;
  for (const std::string& path : Packed("t.txt", Text())) {
    const Result packed = eval(path);
    EXPECT_EQ(packed.status, 0) << packed.err;
    EXPECT_EQ(packed.out, plain.out) << path;
  }
}

TEST(PackedDataTest, TextsThatAreTokenized) {
  const std::string model = ExampleModel();
  WriteFile(Scratch("u.txt"), Text());
  const auto tokens = [&](const std::string& data) { return Horizon({"tokenize", "--model", model, "--data", data}); };
  const Result plain = tokens(Scratch("u.txt"));
  ASSERT_EQ(plain.status, 0) << plain.err;
  for (const std::string& path : Packed("u.txt", Text())) EXPECT_EQ(tokens(path).out, plain.out) << path;
}

TEST(PackedDataTest, ExamplesAreTrainedOnAsTheyAre) {
  const std::string path = WriteConversations("c.jsonl", 24);
  const Words steps = {"--steps", "3", "--batch-size", "2", "--eval-fraction", "0.2", "--log-json"};
  const auto curve = [&](const std::string& data) {
    TaskLines("sft", With({"--data", data}, With(steps, {Scratch("log.jsonl")})));
    return Curve(Scratch("log.jsonl"));
  };
  const auto plain = curve(path);
  ASSERT_FALSE(plain.empty());
  for (const std::string& packed : Packed("c.jsonl", ReadFile(path))) {
    const auto found = curve(packed);
    // The first line has the files' names; all others are numbers.
    EXPECT_EQ(std::vector(found.begin() + 1, found.end()), std::vector(plain.begin() + 1, plain.end())) << packed;
  }
}

TEST(PackedDataTest, MasksAreShown) {
  const std::string path = WriteConversations("m.jsonl", 3);
  const auto shown = [](const std::string& data) {
    return Horizon({"show-mask", "--model", ExampleModel(), "--data", data, "--index", "2"});
  };
  const Result plain = shown(path);
  ASSERT_EQ(plain.status, 0) << plain.err;
  for (const std::string& packed : Packed("m.jsonl", ReadFile(path))) EXPECT_EQ(shown(packed).out, plain.out) << packed;
}

TEST(PackedDataTest, WhatIsCutOrDamagedIsNamed) {
  const std::string conversations = ReadFile(WriteConversations("d.jsonl", 200));
  for (const bool zstd : {false, true}) {
    std::string packed = zstd ? Zstd(conversations) : Gzip(conversations);
    const std::string name = zstd ? "d.jsonl.zst" : "d.jsonl.gz";
    WriteFile(Scratch(name), packed.substr(0, packed.size() / 2));
    ExpectOneErrorLine(TrainTask("sft", {"--data", Scratch(name), "--steps", "1"}), {name, "cut short", "ends at byte"});
    ExpectOneErrorLine(
        Horizon({"eval", "--config", SmallConfig(), "--seq-len", "16", "--data", Scratch(name), "--task", "perplexity"}), {name});
    WriteFile(Scratch("d.txt.gz"), packed.substr(0, packed.size() / 2));
    ExpectOneErrorLine(Horizon({"eval", "--config", SmallConfig(), "--seq-len", "16", "--data", Scratch("d.txt.gz")}),
                       {"d.txt.gz: cannot be unpacked behind byte ", "the file ends within its "});
    packed[packed.size() / 2] ^= 0x55;
    WriteFile(Scratch(name), packed);
    ExpectOneErrorLine(TrainTask("sft", {"--data", Scratch(name), "--steps", "1"}), {name, "damaged at byte"});
  }
}

TEST(PackedDataTest, DamageOfATextIsToldWithItsByte) {
  std::string packed = Gzip(Text());
  packed[packed.size() - 6] ^= 1;
  WriteFile(Scratch("check.txt.gz"), packed);
  const Result result = Horizon({"eval", "--config", SmallConfig(), "--seq-len", "16", "--data", Scratch("check.txt.gz")});
  ExpectOneErrorLine(result, {"behind byte " + std::to_string(packed.size() - 4) + " of " + std::to_string(packed.size()) +
                              ": incorrect data check"});
}

TEST(PackedDataTest, ParquetIsThePythonPackages) {
  WriteFile(Scratch("d.parquet"), "PAR1 and more");
  ExpectOneErrorLine(TrainTask("sft", {"--data", Scratch("d.parquet"), "--steps", "1"}),
                     {"d.parquet", "Parquet", "Python package", "pyarrow", "horizonlm.write_jsonl"});
}

TEST(PackedDataTest, ASmallFileBecomesNoTextWithoutEnd) {
  const std::string zeros(1 << 20, '\0');
  for (const std::string& packed :
       {Gzip(zeros), Zstd(zeros), Gzip(zeros.substr(1)) + Gzip("xx"), Zstd(zeros.substr(1)) + Zstd("xx")}) {
    WriteFile(Scratch("bomb.txt.gz"), packed);
    const horizon::DataFile file(Scratch("bomb.txt.gz"));
    try {
      horizon::Unpack(file, zeros.size() - (packed == Gzip(zeros) || packed == Zstd(zeros) ? 1 : 0));
      ADD_FAILURE() << "not refused";
    } catch (const horizon::Error& error) {
      EXPECT_NE(std::string(error.what()).find("the most that is unpacked here"), std::string::npos) << error.what();
    }
    EXPECT_EQ(horizon::Unpack(file, zeros.size() + 1).size() - zeros.size(),
              packed == Gzip(zeros) || packed == Zstd(zeros) ? 0u : 1u);
  }
}

}  // namespace
}  // namespace horizon_test
