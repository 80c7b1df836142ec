#include "samples/horizon/data/dataset.h"

#include <gtest/gtest.h>

#include <numeric>

#include "samples/horizon/base/error.h"
#include "tests/samples/support.h"

namespace horizon {
namespace {

using horizon_test::Scratch;
using horizon_test::WriteFile;
using horizon_test::WriteRows;
using horizon_test::WriteStream;

constexpr int64_t kVocabulary = 100;

std::vector<int64_t> Count(int64_t n) {
  std::vector<int64_t> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

Batch Fill(const Dataset& data, const std::vector<int64_t>& rows) {
  Batch batch;
  data.Fill(rows, batch);
  return batch;
}

void ExpectRefused(const std::string& data, const std::string& labels, int64_t seq_len, const std::vector<std::string>& parts) {
  try {
    const Dataset dataset(data, labels, seq_len, kVocabulary);
    ADD_FAILURE() << "accepted " << data << " " << labels;
  } catch (const Error& error) {
    for (const std::string& part : parts) EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(DatasetTest, TwoDimensionsAreRows) {
  const Dataset data(WriteRows("rows.npy", 4, Count(12)), "", 7, kVocabulary);
  EXPECT_EQ(data.rows(), 3);
  EXPECT_EQ(data.row_tokens(), 4);
  const Batch batch = Fill(data, {2, 0});
  EXPECT_EQ(batch.ids, (std::vector<int32_t>{8, 9, 10, 11, 0, 1, 2, 3}));
  EXPECT_EQ(batch.offsets, (std::vector<int64_t>{0, 4, 8}));
  EXPECT_TRUE(batch.labels.empty());
  EXPECT_EQ(batch.predictions, 6);
}

// More than is read at a time, so that a change in any part of it counts; equal contents of other files do not.
TEST(DatasetTest, ItsHashIsOfEveryIdAndLabel) {
  constexpr int64_t kRows = 150000, kColumns = 4;
  std::vector<int64_t> ids(kRows * kColumns), labels(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i % 97), labels[i] = i % 3 == 0 ? -100 : ids[i];
  const auto hash = [&](const std::string& name) {
    return Dataset(WriteRows(name + ".npy", kColumns, ids), WriteRows(name + "-labels.npy", kColumns, labels), 7, kVocabulary)
        .hash();
  };
  const std::string whole = hash("hashed");
  EXPECT_EQ(whole.size(), 32u);
  EXPECT_EQ(hash("hashed-again"), whole);
  for (const size_t at : {size_t{0}, ids.size() / 2, ids.size() - 1}) {
    std::swap(ids[at], ids[at == 0 ? 1 : at - 1]);
    EXPECT_NE(hash("hashed-otherwise"), whole) << "id " << at;
    std::swap(ids[at], ids[at == 0 ? 1 : at - 1]);
    labels[at] = labels[at] == -100 ? ids[at] : -100;
    EXPECT_NE(hash("hashed-otherwise"), whole) << "label " << at;
    labels[at] = labels[at] == -100 ? ids[at] : -100;
  }
  EXPECT_EQ(hash("hashed-at-last"), whole);
}

TEST(DatasetTest, OneDimensionIsAStreamWhoseRowsOverlapByTheTarget) {
  // 9 ids: rows [0..4] and [4..8]. With 8 the second row lacks its last target and is dropped.
  const Dataset data(WriteStream("stream.npy", Count(9)), "", 4, kVocabulary);
  EXPECT_EQ(data.rows(), 2);
  EXPECT_EQ(data.row_tokens(), 5);
  const Batch batch = Fill(data, {0, 1});
  EXPECT_EQ(batch.ids, (std::vector<int32_t>{0, 1, 2, 3, 4, 4, 5, 6, 7, 8}));
  EXPECT_EQ(batch.predictions, 8);
  EXPECT_EQ(Dataset(WriteStream("stream8.npy", Count(8)), "", 4, kVocabulary).rows(), 1);
  EXPECT_EQ(Dataset(WriteStream("stream12.npy", Count(12)), "", 4, kVocabulary).rows(), 2);
  EXPECT_EQ(Dataset(WriteStream("stream13.npy", Count(13)), "", 4, kVocabulary).rows(), 3);
}

TEST(DatasetTest, TextIsAStreamOfBytes) {
  WriteFile(Scratch("text.txt"), "\x01\x02\x03");
  const Dataset data(Scratch("text.txt"), "", 2, kVocabulary);
  EXPECT_EQ(Fill(data, {0}).ids, (std::vector<int32_t>{1, 2, 3}));
}

TEST(DatasetTest, AllElementTypesGiveTheSameIds) {
  for (const char* descr : {"<i4", "<u2", "<u4", "<i8"}) {
    const Dataset data(WriteRows("typed.npy", 3, {5, 99, 0}, descr), "", 1, kVocabulary);
    EXPECT_EQ(Fill(data, {0}).ids, (std::vector<int32_t>{5, 99, 0})) << descr;
  }
}

TEST(DatasetTest, LabelsAreAlignedWithIds) {
  const std::string ids = WriteRows("ids.npy", 3, Count(6));
  for (const char* descr : {"<i4", "<i8"}) {
    // Row 0's first label is garbage, which nobody uses; -100 is not predicted.
    const Dataset data(ids, WriteRows("labels.npy", 3, {-7, -100, 9, 50, 60, 70}, descr), 1, kVocabulary);
    const Batch batch = Fill(data, {0, 1});
    EXPECT_EQ(batch.labels, (std::vector<int32_t>{-100, -100, 9, -100, 60, 70})) << descr;
    EXPECT_EQ(batch.predictions, 3);
  }
}

TEST(DatasetTest, AStreamsLastTargetIsTheNextRowsFirstLabel) {
  const Dataset data(WriteStream("ids1.npy", Count(5)), WriteStream("labels1.npy", {-100, -100, 42, -100, -100}), 2, kVocabulary);
  const Batch first = Fill(data, {0});
  EXPECT_EQ(first.labels, (std::vector<int32_t>{-100, -100, 42}));
  EXPECT_EQ(first.predictions, 1);
  EXPECT_EQ(Fill(data, {1}).predictions, 0) << "label 2 is row 1's first and belongs to row 0's last prediction";
}

TEST(DatasetTest, RefusesIdsOutsideTheVocabularyNamingValueLimitAndPlace) {
  ExpectRefused(WriteRows("bad.npy", 3, {1, 2, 3, 4, 5, 100}), "", 1, {"bad.npy", "id 100", "row 1, column 2", "[0, 100)"});
  ExpectRefused(WriteStream("bad.npy", {1, -1, 3}), "", 2, {"id -1", "position 1"});
  ExpectRefused(WriteStream("bad.npy", {1, int64_t{1} << 32, 3}, "<i8"), "", 2, {"id 4294967296", "position 1"});
  ExpectRefused(WriteStream("bad.npy", {1, 4294967295, 3}, "<u4"), "", 2, {"id 4294967295"});
  WriteFile(Scratch("bad.txt"), "ae");
  ExpectRefused(Scratch("bad.txt"), "", 1, {"bad.txt", "byte 101", "position 1"});
}

TEST(DatasetTest, RefusesDataThatAreEmptyOrTooShort) {
  WriteFile(Scratch("empty.txt"), "");
  ExpectRefused(Scratch("empty.txt"), "", 4, {"empty.txt", "no ids"});
  ExpectRefused(WriteStream("none.npy", {}), "", 4, {"none.npy", "no ids"});
  WriteFile(Scratch("norows.npy"), horizon_test::Npy("<i4", "(0, 8)", ""));
  ExpectRefused(Scratch("norows.npy"), "", 4, {"no ids"});
  ExpectRefused(WriteRows("narrow.npy", 1, {1, 2, 3}), "", 4, {"narrow.npy", "at least 2"});
  ExpectRefused(WriteStream("short.npy", {1, 2, 3, 4}), "", 4, {"short.npy", "4 ids", "--seq-len 4", "takes 5"});
  ExpectRefused(Scratch("short.npy"), "", INT64_MAX, {"--seq-len 9223372036854775807", "takes 9223372036854775808"});
}

TEST(DatasetTest, RefusesLabelsThatDoNotFitTheIds) {
  const std::string ids = WriteRows("fit.npy", 3, Count(6));
  ExpectRefused(ids, WriteRows("l.npy", 2, Count(6)), 1, {"l.npy", "shape"});
  ExpectRefused(ids, WriteStream("l.npy", Count(6)), 1, {"l.npy", "shape"});
  ExpectRefused(ids, WriteRows("l.npy", 3, Count(6), "<u2"), 1, {"l.npy", "uint16", "int32 or int64"});
  ExpectRefused(ids, WriteRows("l.npy", 3, {0, 1, 2, 3, -101, 5}), 1, {"label -101", "row 1, column 1", "-100"});
  ExpectRefused(ids, WriteRows("l.npy", 3, {0, 1, 2, 3, 4, 100}), 1, {"label 100", "[0, 100)"});
  ExpectRefused(ids, WriteRows("l.npy", 3, {1, -100, -100, 1, -100, -100}), 1, {"l.npy", "nothing is predicted"});
}

TEST(DatasetTest, RefusesOtherFiles) {
  ExpectRefused(Scratch("missing.npy"), "", 1, {"missing.npy", "No such file"});
  ExpectRefused(Scratch("") + ".", "", 1, {"not a regular file"});
  WriteFile(Scratch("data.bin"), "abc");
  ExpectRefused(Scratch("data.bin"), "", 1, {"data.bin", ".npy", ".txt"});
}

}  // namespace
}  // namespace horizon
