#include "core/text/dataset/record_reader.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "core/base/error.h"
#include "tests/dataset/support.h"
#include "tests/support/code_of.h"

namespace hlm::dataset {
namespace {

using Records = std::vector<std::string>;

Records Read(std::string_view text, int64_t most_bytes = 1000) {
  const TestFiles files;
  return ReadRecords(files.Write("d.jsonl", text), most_bytes);
}

TEST(RecordReader, LinesAreRecords) {
  EXPECT_EQ(Read("{\"a\":1}\n{\"a\":2}\n"), (Records{"1:{\"a\":1}", "2:{\"a\":2}"}));
  EXPECT_EQ(Read("{\"a\":1}\n{\"a\":2}"), (Records{"1:{\"a\":1}", "2:{\"a\":2}"}));
}

TEST(RecordReader, EmptyLinesAreSkippedAndCounted) {
  EXPECT_EQ(Read("\n  \n{}\n\t\n\n{}\n\n"), (Records{"3:{}", "6:{}"}));
  EXPECT_EQ(Read(""), Records{});
  EXPECT_EQ(Read("\n\n"), Records{});
}

TEST(RecordReader, ByteOrderMarkAndCarriageReturnsAreNoPartOfARecord) {
  EXPECT_EQ(Read("\xef\xbb\xbf{\"a\":1}\r\n{\"a\":2}\r\n"), (Records{"1:{\"a\":1}", "2:{\"a\":2}"}));
  EXPECT_EQ(Read("\xef\xbb\xbf[{}]"), (Records{"1:{}"}));
  EXPECT_EQ(Read("\xef\xbb\xbf"), Records{});
}

TEST(RecordReader, AnArrayHoldsRecordsWithTheLinesWhereTheyBegin) {
  EXPECT_EQ(Read("[{\"a\":\"]}\\\"\"},\n\n {\"b\":[1,\n{}]}\n,{}]\n"),
            (Records{"1:{\"a\":\"]}\\\"\"}", "3:{\"b\":[1,\n{}]}", "5:{}"}));
  EXPECT_EQ(Read(" [ ] "), Records{});
}

TEST(RecordReader, DamagedArraysNameFileAndLine) {
  EXPECT_EQ(Read("[{}").back(), "error: d.jsonl:1: the file ends within the array of records");
  EXPECT_EQ(Read("[{}\n{}]").back(), "error: d.jsonl:2: not valid JSON: a comma must stand between two records of an array");
  EXPECT_EQ(Read("[{},\n]").back(), "error: d.jsonl:2: not valid JSON: a comma before the end of the array");
  EXPECT_EQ(Read("[{}]\nx").back(), "error: d.jsonl:2: text behind the end of the array of records");
  EXPECT_EQ(Read("[\n\n{\"a\":\n1").back(), "error: d.jsonl:3: the file ends within the record that begins here");
  EXPECT_EQ(Read("[1]").back(), "error: d.jsonl:1: an array of records holds something that is not an object");
}

TEST(RecordReader, RecordsAboveTheLimitAreRefused) {
  const std::string fits = "{\"a\":\"" + std::string(92, 'x') + "\"}", long_one = "{\"a\":\"" + std::string(93, 'x') + "\"}";
  ASSERT_EQ(fits.size(), 100u);
  EXPECT_EQ(Read("{}\n" + fits + "\r\n", 100).size(), 2u);
  EXPECT_EQ(Read("{}\n" + long_one + "\r\n", 100).back(),
            "error: d.jsonl:2: a record of 101 bytes; the limit is 100 (max_record_bytes)");
  EXPECT_EQ(Read("[{},\n" + fits + "]", 100).size(), 2u);
  EXPECT_EQ(Read("[{},\n" + long_one + "]", 100).back(),
            "error: d.jsonl:2: a record of 101 bytes; the limit is 100 (max_record_bytes)");
  // Far above: the file is not read to its end for the message.
  EXPECT_EQ(Read("{\"a\":\"" + std::string(3 << 20, 'x'), 100).back(),
            "error: d.jsonl:1: a record of more than 100 bytes, the limit (max_record_bytes)");
}

TEST(RecordReader, RefusesWhatReadersDisagreeAbout) {
  EXPECT_EQ(Read("{}\n{\"a\":\"\xff\"}").back(), "error: d.jsonl:2: not valid UTF-8 at byte 7 of the record");
  EXPECT_EQ(Read("{\"a\":\"\xed\xa0\xbd\"}").back(), "error: d.jsonl:1: not valid UTF-8 at byte 7 of the record");
  EXPECT_EQ(Read(std::string_view("{\"a\":\"\0\"}", 9)).back(),
            "error: d.jsonl:1: a NUL at byte 7 of the record; the file must be UTF-8 (UTF-16 and UTF-32 are full of them)");
}

TEST(RecordReader, LinesOfATextFileAreRecordsWithTheirWhiteSpace) {
  const TestFiles files;
  EXPECT_EQ(ReadRecords(files.Write("d.txt", "\xef\xbb\xbf[a\n\n  b \r\n{\n \nc"), 100),
            (Records{"1:[a", "3:  b ", "4:{", "5: ", "6:c"}));
  EXPECT_EQ(ReadRecords(files.Write("e.txt", ""), 100), Records{});
}

TEST(RecordReader, FilesOfOtherKindsAreNamed) {
  EXPECT_NE(Read("\xff\xfe{").back().find("UTF-16"), std::string::npos);
  EXPECT_NE(Read("\x1f\x8b\x08").back().find("cut short"), std::string::npos);
  EXPECT_NE(Read("PAR1....").back().find("Parquet"), std::string::npos);
  const TestFiles files;
  EXPECT_EQ(CodeOf([&] { RecordReader(files.Path("none.jsonl")); }), Code::kNotFound);
  EXPECT_EQ(CodeOf([&] { RecordReader(files.folder()); }), Code::kInvalidArgument);
}

// Against a plain reading of the whole text: records around the borders of the window.
TEST(RecordReader, RecordsOfAllSizesAreWhole) {
  std::mt19937 random(1);
  std::vector<std::string> bodies;
  for (int i = 0; i < 60; ++i) {
    const size_t length = i % 10 == 9 ? random() % (3u << 20) : random() % 200'000;
    bodies.push_back("{\"a\":\"" + std::string(length, static_cast<char>('a' + i % 26)) + "\"}");
  }
  std::string lines, array = "[";
  for (const std::string& body : bodies) {
    lines += body + "\n";
    array += (array.size() > 1 ? ",\n" : "") + body;
  }
  array += "]";
  const TestFiles files;
  for (const std::string& path : {files.Write("d.jsonl", lines), files.Write("d.json", array)}) {
    RecordReader reader(path);
    Record record;
    for (size_t i = 0; i < bodies.size(); ++i) {
      ASSERT_TRUE(reader.Next(&record));
      ASSERT_EQ(record.text, bodies[i]) << i;
      ASSERT_EQ(record.line, static_cast<int64_t>(i) + 1);
    }
    EXPECT_FALSE(reader.Next(&record));
    EXPECT_FALSE(reader.Next(&record));
  }
}

TEST(RecordReader, ALineOf100MegabytesIsRead) {
  const TestFiles files;
  const std::string path = files.Path("large.jsonl");
  {
    std::ofstream file(path, std::ios::binary);
    const std::string part(1 << 20, 'x');
    file << "{\"text\":\"";
    for (int i = 0; i < 100; ++i) file << part;
    file << "\"}\n{\"text\":\"short\"}\n";
  }
  RecordReader reader(path);
  Record record;
  ASSERT_TRUE(reader.Next(&record));
  EXPECT_EQ(record.text.size(), (100u << 20) + 11);
  ASSERT_TRUE(reader.Next(&record));
  EXPECT_EQ(record.text, "{\"text\":\"short\"}");
  EXPECT_EQ(record.line, 2);
  RecordReader limited(path, 50 << 20);
  EXPECT_EQ(CodeOf([&] { limited.Next(&record); }), Code::kInvalidArgument);
}

// The address space that is there for data is less than the file: what is held does not grow with it. $HLM_LARGE_FILE_MB sets the
// size; the short form is 64 MB.
TEST(RecordReader, MemoryDoesNotGrowWithTheFile) {
  const char* wanted = std::getenv("HLM_LARGE_FILE_MB");
  const int64_t megabytes = wanted == nullptr ? 64 : std::atoll(wanted);
  const TestFiles files;
  const std::string path = files.Path("large.jsonl");
  int64_t written = 0;
  {
    std::ofstream file(path, std::ios::binary);
    const std::string line = "{\"text\":\"" + std::string(1000, 'y') + "\"}\n";
    for (; written * static_cast<int64_t>(line.size()) < megabytes << 20; ++written) file << line;
  }
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  RecordReader reader(path);
  Record record;
  int64_t records = 0;
  while (reader.Next(&record)) ++records;
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(records, written);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 8 << 10);  // KiB
}

}  // namespace
}  // namespace hlm::dataset
