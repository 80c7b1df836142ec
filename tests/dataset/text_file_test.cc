#include "core/text/dataset/text_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <random>

#include "core/base/error.h"
#include "core/text/dataset/dataset.h"
#include "core/text/dataset/record_reader.h"
#include "tests/dataset/support.h"
#include "tests/support/code_of.h"
#include "tests/support/pack.h"

namespace hlm::dataset {
namespace {

using test::Gzip;
using test::Zstd;

// `{"text": "one"}` and `{"text": "two"}`, a line each, as GNU gzip 1.12 (which is not zlib) and zstd 1.5.4 pack them.
constexpr std::string_view kLines = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n";
constexpr unsigned char kByGzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x2a, 0x49, 0xad,
                                     0x28, 0x51, 0xb2, 0x52, 0x50, 0xca, 0xcf, 0x4b, 0x55, 0xaa, 0xe5, 0xaa, 0x86, 0xf3, 0x4b,
                                     0xca, 0xf3, 0x81, 0x7c, 0x00, 0xd1, 0x5b, 0x69, 0xd5, 0x20, 0x00, 0x00, 0x00};
constexpr unsigned char kByZstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x20, 0xe5, 0x00, 0x00, 0xb0, 0x7b, 0x22, 0x74, 0x65,
                                     0x78, 0x74, 0x22, 0x3a, 0x20, 0x22, 0x6f, 0x6e, 0x65, 0x22, 0x7d, 0x0a, 0x74, 0x77,
                                     0x6f, 0x22, 0x7d, 0x0a, 0x01, 0x00, 0x66, 0x9b, 0x4b, 0x6f, 0x2d, 0x2a, 0x9f};
template <size_t n>
std::string Bytes(const unsigned char (&bytes)[n]) {
  return {reinterpret_cast<const char*>(bytes), n};
}

// What somebody reads who asks for at most `bytes` at a time.
std::string ReadBy(const std::string& path, size_t bytes) {
  TextFile file(path);
  std::string text, part(bytes, '\0');
  while (const size_t n = file.Read(part.data(), bytes)) text.append(part, 0, n);
  EXPECT_EQ(file.Read(part.data(), bytes), 0u) << "the end stays the end";
  return text;
}

class TextFileTest : public testing::Test {
 protected:
  std::string Read(std::string_view packed, size_t bytes = 4096) const { return ReadBy(files_.Write("f.jsonl", packed), bytes); }
  Code CodeOfReading(std::string_view packed, std::string* message = nullptr) const {
    return CodeOf([&] { Read(packed); }, message);
  }
  TestFiles files_;
};

TEST_F(TextFileTest, WhatOtherProgramsPackedIsTheText) {
  for (const size_t bytes : {1, 5, 4096}) {
    EXPECT_EQ(Read(kLines, bytes), kLines);
    EXPECT_EQ(Read(Bytes(kByGzip), bytes), kLines);
    EXPECT_EQ(Read(Bytes(kByZstd), bytes), kLines);
  }
  EXPECT_EQ(Read(""), "");
  EXPECT_EQ(Read("{"), "{");
}

TEST_F(TextFileTest, AllSizesAtAllLevelsReadInAllSteps) {
  std::mt19937 random(1);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{70'000}, size_t{900'000}, size_t{3} << 20}) {
    std::string easy, hard;
    while (easy.size() < size) easy += "{\"text\": \"" + std::to_string(random() % 50) + "\"}\n";
    for (size_t i = 0; i < size; ++i) hard += static_cast<char>(random());
    for (const std::string& text : {easy, hard}) {
      for (const int level : {1, 9}) {
        for (const size_t bytes : {size_t{977}, size_t{1} << 20}) {
          EXPECT_TRUE(Read(Gzip(text, level), bytes) == text) << size << " " << level << " " << bytes;
          EXPECT_TRUE(Read(Zstd(text, level), bytes) == text) << size << " " << level << " " << bytes;
        }
      }
    }
  }
}

TEST_F(TextFileTest, MembersAndFramesAreOneText) {
  EXPECT_EQ(Read(Gzip("a\n") + Gzip("") + Gzip("b\n")), "a\nb\n");
  EXPECT_EQ(Read(Gzip("a\n") + std::string(1000, '\0')), "a\n") << "blocks are filled up with zeros";
  EXPECT_EQ(Read(Zstd("a\n") + Zstd("") + Zstd("b\n")), "a\nb\n");
  const std::string skipped("\x53\x2a\x4d\x18\x02\0\0\0xx", 10);
  EXPECT_EQ(Read(skipped + Zstd("a\n") + skipped + Zstd("b\n") + skipped), "a\nb\n") << "parallel compressors write such frames";
}

TEST_F(TextFileTest, EveryCutIsNamed) {
  for (const std::string& packed : {Bytes(kByGzip), Bytes(kByZstd)}) {
    const size_t magic = packed[0] == '\x1f' ? 2 : 4;
    for (size_t size = magic; size < packed.size(); ++size) {
      std::string message;
      EXPECT_EQ(CodeOfReading(packed.substr(0, size), &message), Code::kDataLoss) << size;
      EXPECT_NE(message.find("f.jsonl: its "), std::string::npos) << message;
      EXPECT_NE(message.find("data are cut short: the file ends at byte " + std::to_string(size)), std::string::npos) << message;
    }
  }
  std::string message;
  const std::string frames = Zstd("a\n") + Zstd("b\n");
  EXPECT_EQ(CodeOfReading(frames.substr(0, frames.size() - 1), &message), Code::kDataLoss);
}

// Each bit of a packed file: what is read is the text, or damage is told. (Times and names in gzip's header mean nothing.)
TEST_F(TextFileTest, NoDamageGivesAnotherText) {
  for (const std::string& packed : {Bytes(kByGzip), Bytes(kByZstd)}) {
    size_t told = 0;
    for (size_t bit = 0; bit < 8 * packed.size(); ++bit) {
      std::string damaged = packed;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      if (bit / 8 < 4) continue;  // another kind of file
      try {
        EXPECT_EQ(Read(damaged), kLines) << bit;
      } catch (const Error& error) {
        const bool known = error.code() == Code::kDataLoss || error.code() == Code::kResourceExhausted;
        EXPECT_TRUE(known) << error.message();
        ++told;
      }
    }
    EXPECT_GT(told, 5 * packed.size()) << "of " << 8 * packed.size();
  }
}

TEST_F(TextFileTest, DamageIsToldWithItsPlace) {
  std::string message, packed = Gzip(std::string(100'000, 'a') + "\n");
  packed[packed.size() - 6] ^= 1;
  EXPECT_EQ(CodeOfReading(packed, &message), Code::kDataLoss);
  EXPECT_NE(message.find("its gzip data are damaged at byte "), std::string::npos) << message;
  // The check follows behind all of the text.
  EXPECT_NE(message.find(" behind 100001 bytes of text: incorrect data check"), std::string::npos) << message;
  EXPECT_EQ(CodeOfReading(Gzip("a\n") + "more", &message), Code::kDataLoss);
  EXPECT_NE(message.find("something follows that is no gzip"), std::string::npos) << message;
  EXPECT_EQ(CodeOfReading(Zstd("a\n") + "more text", &message), Code::kDataLoss);
  // A window of 2 GiB, named in the header of a frame.
  EXPECT_EQ(CodeOfReading(std::string_view("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9), &message), Code::kResourceExhausted);
  EXPECT_NE(message.find("134217728"), std::string::npos) << message;
}

TEST_F(TextFileTest, OtherKindsAreNamed) {
  const auto refused = [&](const std::string& name, std::string_view bytes) {
    std::string message;
    const std::string path = files_.Write(name, bytes);
    EXPECT_NE(CodeOf([&] { TextFile file(path); }, &message), Code::kOk) << name;
    return message.substr(message.find(name));
  };
  EXPECT_EQ(refused("a.jsonl", "BZh91AY"), "a.jsonl: is packed by bzip2; gzip and zstd are read");
  EXPECT_EQ(refused("a.xz", std::string_view("\xfd\x37zXZ\0", 6)), "a.xz: is packed by xz; gzip and zstd are read");
  EXPECT_EQ(refused("a.zip", "PK\x03\x04"), "a.zip: is packed by zip; gzip and zstd are read");
  EXPECT_EQ(refused("a.jsonl.gz", "{}"), "a.jsonl.gz: its name ends in .gz or .zst, but it begins as neither gzip nor zstd do");
  EXPECT_EQ(refused("a.jsonl.zst", ""), "a.jsonl.zst: its name ends in .gz or .zst, but it begins as neither gzip nor zstd do");
  const std::string python =
      ", which the Python package reads where pyarrow is installed: horizonlm.Dataset.of(path), or "
      "horizonlm.write_jsonl(path, \"records.jsonl\") for every other reader";
  EXPECT_EQ(refused("a.parquet", "PAR1...."), "a.parquet: is Parquet" + python);
  EXPECT_EQ(refused("a.arrow", "ARROW1.."), "a.arrow: is Arrow" + python);
  EXPECT_EQ(refused("b.arrow", std::string_view("\xff\xff\xff\xff\x10\0\0\0", 8)), "b.arrow: is Arrow" + python);
}

TEST_F(TextFileTest, RecordsArePackedLinesAndLinesOfTexts) {
  using Records = std::vector<std::string>;
  const Records records = {"1:{\"text\": \"one\"}", "2:{\"text\": \"two\"}"};
  EXPECT_EQ(ReadRecords(files_.Write("a.jsonl.gz", Bytes(kByGzip)), 100), records);
  EXPECT_EQ(ReadRecords(files_.Write("b.jsonl", Bytes(kByZstd)), 100), records) << "whatever its name";
  EXPECT_EQ(ReadRecords(files_.Write("c.txt.zst", Zstd("\xef\xbb\xbf[a\n\n b \r\n")), 100), (Records{"1:[a", "3: b "}));
  EXPECT_EQ(ReadRecords(files_.Write("d.json.gz", Gzip("[{},\n{}]")), 100), (Records{"1:{}", "2:{}"}));
  EXPECT_NE(ReadRecords(files_.Write("e.gz", Gzip(Gzip("{}"))), 100).back().find("is packed twice"), std::string::npos);
  EXPECT_NE(ReadRecords(files_.Write("f.gz", Gzip("\xff\xfe{")), 100).back().find("UTF-16"), std::string::npos);
  // What comes before the damage is read; then the file is named.
  std::string half = Gzip("{\"a\": 1}\n" + std::string(2 << 20, ' ') + "\n{}\n");
  half.resize(half.size() - 9);
  const Records read = ReadRecords(files_.Write("g.jsonl.gz", half), 4 << 20);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0], "1:{\"a\": 1}");
  EXPECT_NE(read[1].find("error: g.jsonl.gz: its gzip data are cut short"), std::string::npos) << read[1];
}

int64_t PeakKib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// A gigabyte in a few kilobytes: what is held stays small, and a line without an end is refused at the limit.
TEST_F(TextFileTest, ABombTakesNoMemory) {
  const std::string feeds = Zstd(std::string(1 << 20, '\n')), xs = Zstd(std::string(1 << 20, 'x'));
  std::string empty_lines, endless;
  for (int i = 0; i < 1024; ++i) empty_lines += feeds, endless += xs;
  const std::string path = files_.Write("bomb.jsonl.zst", empty_lines);
  const int64_t before = PeakKib();
  EXPECT_TRUE(ReadRecords(path, 1 << 20).empty());
  const std::vector<std::string> refused = ReadRecords(files_.Write("line.jsonl.zst", endless), 1 << 20);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].find("line.jsonl.zst:1: a record of more than 1048576 bytes"), std::string::npos) << refused[0];
  EXPECT_LT(PeakKib() - before, 16 << 10);
}

TEST_F(TextFileTest, ADataSetOfPackedFilesIsThatOfTheTexts) {
  std::string lines;
  for (int i = 0; i < 500; ++i)
    lines += "{\"text\": \"" + std::string(static_cast<size_t>(i % 40 + 1), 'a') + std::to_string(i) + "\"}\n";
  const auto open = [&](const std::string& name, std::string_view bytes) {
    const std::string path = files_.Write(name, bytes);
    return Dataset::Open(ReadDatasetOptions(R"({"data": ")" + path + R"(", "seq_len": 64, "epochs": 1})"), PlainPipeline());
  };
  const auto all = [](Dataset& set) {
    std::vector<int32_t> ids;
    while (true) {
      const Step& step = set.Next(8);
      if (step.documents.empty()) return ids;
      ids.insert(ids.end(), step.ids.begin(), step.ids.end());
    }
  };
  const auto state = [](Dataset& set) {
    const std::string text = set.Describe();
    const size_t at = text.find("\"state\":\"") + 9;
    return text.substr(at, text.find('"', at) - at);
  };
  const std::vector<int32_t> expected = all(*open("d.jsonl", lines));
  const std::string gzip = Gzip(lines), zstd = Zstd(lines);
  EXPECT_EQ(state(*open("e.jsonl.gz", gzip)), "built");
  const auto again = open("e.jsonl.gz", gzip);
  EXPECT_EQ(state(*again), "read") << "found in the cache by the packed bytes";
  EXPECT_EQ(all(*again), expected);
  EXPECT_EQ(all(*open("f.jsonl.zst", zstd)), expected);
  EXPECT_EQ(state(*open("e.jsonl.gz", Gzip(lines + "{\"text\": \"more\"}\n"))), "built") << "another content, the same name";

  // Of a folder, by name, with those that are not packed.
  const std::string folder = files_.Path("folder");
  std::filesystem::create_directory(folder);
  files_.Write("folder/b.jsonl.zst", Zstd("{\"text\": \"two\"}\n"));
  files_.Write("folder/a.jsonl.gz", Gzip("{\"text\": \"one\"}\n"));
  files_.Write("folder/c.jsonl", "{\"text\": \"three\"}\n");
  files_.Write("folder/README.md.gz", "no data");
  const auto of_folder = Dataset::Open(
      ReadDatasetOptions(R"({"data": ")" + folder + R"(", "seq_len": 64, "epochs": 1, "shuffle": false})"), PlainPipeline());
  EXPECT_EQ(all(*of_folder).size(), 3u + 3 + 5 + 6);
}

TEST_F(TextFileTest, FoldersOfParquetAndArrowAreNamed) {
  const auto message = [&] {
    std::string text;
    CodeOf([&] { ReadDatasetOptions(R"({"data": ")" + files_.folder() + R"("})"); }, &text);
    return text;
  };
  files_.Write("train-00000.parquet", "PAR1");
  EXPECT_NE(message().find("is a folder of Parquet files, which the Python package reads"), std::string::npos) << message();
  files_.Write("dataset_info.json", "{}");
  files_.Write("state.json", "{}");
  files_.Write("data-00000-of-00001.arrow", "");
  EXPECT_NE(message().find("is a folder of Arrow files, as `datasets` saves it"), std::string::npos) << message();
}

}  // namespace
}  // namespace hlm::dataset
