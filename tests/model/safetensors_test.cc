// safetensors files: what is written is read back, and no damaged or lying file gets further than an error with a name.
#include "core/model/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/model/safetensors_writer.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

TensorSpec Spec(const std::string& name, std::vector<int64_t> shape) {
  TensorSpec spec{name, std::move(shape), 0, 1, TensorInit::kNormal};
  for (const int64_t extent : spec.shape) spec.elements *= extent;
  return spec;
}

std::vector<FileTensor> Numbers(const std::vector<const TensorSpec*>& specs, DType type) {
  std::vector<FileTensor> tensors;
  for (const TensorSpec* spec : specs) tensors.emplace_back(*spec, type);
  return tensors;
}

// Values that every type holds exactly, different in every tensor.
float ValueOf(const TensorSpec& tensor, int64_t i) {
  return static_cast<float>(i % 251) * 0.25f - static_cast<float>(tensor.name.size());
}

void Fill(const TensorSpec& tensor, int64_t begin, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = ValueOf(tensor, begin + i);
}

class Safetensors : public ::testing::Test {
 protected:
  // Opens a file of these bytes.
  void Open(const std::string& bytes) {
    WriteText(path_, bytes);
    SafetensorsFile file(path_);
  }
  void ExpectBad(Code code, std::vector<std::string> fragments, const std::string& bytes) {
    fragments.push_back("x.safetensors");
    ExpectError(code, fragments, [&] { Open(bytes); });
  }

  TestFolder folder_;
  std::string path_ = folder_ / "x.safetensors";
};

TEST_F(Safetensors, WhatIsWrittenIsReadInEveryType) {
  // Larger than a chunk of the writer and of the reader, and not a multiple of either.
  const TensorSpec large = Spec("large", {3, 100'003}), small = Spec("small", {5}), one = Spec("one", {1, 1});
  for (const DType type : {DType::kF32, DType::kBF16, DType::kF16}) {
    const std::string path = folder_ / (std::string(Name(type)) + ".safetensors");
    WriteSafetensors(path, Numbers({&small, &large, &one}, type), Fill);
    const SafetensorsFile file(path);
    ASSERT_EQ(file.tensors().size(), 3u);
    EXPECT_EQ(file.tensors()[0].name, "small");
    EXPECT_EQ(file.tensors()[1].shape, large.shape);
    EXPECT_EQ(WeightType(file.tensors()[1].dtype), type);
    std::vector<float> values(static_cast<size_t>(large.elements));
    file.Read(file.tensors()[1], 0, large.elements, values.data());
    for (int64_t i = 0; i < large.elements; ++i) {
      const float expected = type == DType::kBF16 ? Bf16ToFloat(FloatToBf16(ValueOf(large, i))) : ValueOf(large, i);
      ASSERT_EQ(values[static_cast<size_t>(i)], expected) << Name(type) << " " << i;
    }
    float part[3];
    file.Read(file.tensors()[1], 99'999, 3, part);
    EXPECT_EQ(part[0], values[99'999]);
    EXPECT_EQ(part[2], values[100'001]);
    file.Read(file.tensors()[0], 5, 0, nullptr);  // nothing, at the very end
    ExpectError(Code::kInternal, {"small"}, [&] { file.Read(file.tensors()[0], 3, 3, part); });
  }
}

TEST_F(Safetensors, DataAreAlignedAndTheFormatIsNamed) {
  for (const char* name : {"t", "tt", "ttt", "tttt", "ttttt", "tttttt", "ttttttt"}) {
    const TensorSpec other = Spec(name, {2});
    const std::string header = MakeSafetensorsHeader(FileTensor(other, DType::kF32).parts);
    EXPECT_EQ(header.size() % 8, 0u);
    EXPECT_NE(header.find(R"("__metadata__":{"format":"pt"})"), std::string::npos);
  }
}

TEST_F(Safetensors, RoundingIsToNearestEven) {
  const TensorSpec tensor = Spec("t", {4});
  const float values[4] = {1.0f + 0x1p-8f, 1.0f + 3 * 0x1p-8f, -1.0f - 0x1.8p-8f, 0x1p-30f};
  WriteSafetensors(path_, Numbers({&tensor}, DType::kBF16),
                   [&](const TensorSpec&, int64_t begin, int64_t n, float* out) { std::copy_n(values + begin, n, out); });
  const SafetensorsFile file(path_);
  float read[4];
  file.Read(file.tensors()[0], 0, 4, read);
  EXPECT_EQ(read[0], 1.0f);
  EXPECT_EQ(read[1], 1.0f + 0x1p-6f);
  EXPECT_EQ(read[2], -1.0f - 0x1p-7f);
  EXPECT_EQ(read[3], 0x1p-30f);
}

TEST_F(Safetensors, ValuesThatTheTypeCannotHoldAreNamed) {
  const TensorSpec tensor = Spec("big.weight", {70'000});
  const auto with = [](float value) {
    return [value](const TensorSpec&, int64_t begin, int64_t n, float* out) {
      for (int64_t i = 0; i < n; ++i) out[i] = begin + i == 66'000 ? value : 1.0f;
    };
  };
  const auto write = [&](DType type, float value) {
    static int count = 0;
    WriteSafetensors(folder_ / std::to_string(count++), Numbers({&tensor}, type), with(value));
  };
  write(DType::kF16, 65519.0f);  // rounds to the largest
  ExpectError(Code::kOutOfRange, {"big.weight", "66000", "65520", "f16", "65504"}, [&] { write(DType::kF16, 65520.0f); });
  ExpectError(Code::kOutOfRange, {"big.weight", "-70000"}, [&] { write(DType::kF16, -70000.0f); });
  ExpectError(Code::kOutOfRange, {"big.weight", "bf16"}, [&] { write(DType::kBF16, std::numeric_limits<float>::max()); });
  write(DType::kF32, std::numeric_limits<float>::max());
  for (const DType type : {DType::kF32, DType::kBF16, DType::kF16}) {
    ExpectError(Code::kFailedPrecondition, {"big.weight", "66000", "NaN"}, [&] { write(type, NAN); });
    ExpectError(Code::kFailedPrecondition, {"big.weight", "66000", "-infinity"}, [&] { write(type, -INFINITY); });
  }
}

TEST_F(Safetensors, NanAndInfinityAreNamedWhenTheyAreRead) {
  for (const char* dtype : {"F32", "BF16", "F16"}) {
    const size_t bytes = SizeOf(*WeightType(dtype));
    for (const bool nan : {true, false}) {
      FileBuilder file;
      file.Add("a", dtype, {7});
      file.Add("w", dtype, {40'000});
      const std::string half = std::string(dtype) == "F16" ? (nan ? std::string("\x01\x7c", 2) : std::string("\x00\xfc", 2))
                                                           : (nan ? std::string("\x81\x7f", 2) : std::string("\x80\xff", 2));
      file.data.replace(7 * bytes + 39'000 * bytes + (bytes - 2), 2, half);
      WriteText(path_, file.Bytes());
      const SafetensorsFile opened(path_);
      std::vector<float> values(40'000);
      ExpectError(Code::kInvalidArgument, {"x.safetensors", "tensor w", "element 39000", nan ? "NaN" : "-infinity"},
                  [&] { opened.Read(opened.tensors()[1], 10, 39'990, values.data()); });
      opened.Read(opened.tensors()[1], 0, 39'000, values.data());
    }
  }
}

TEST_F(Safetensors, TruncatedFiles) {
  FileBuilder file;
  file.Add("first", "F32", {4, 4});
  file.Add("second", "BF16", {3});
  const std::string bytes = file.Bytes();
  Open(bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    SCOPED_TRACE(length);
    ExpectBad(Code::kDataLoss, {}, bytes.substr(0, length));
  }
  ExpectBad(Code::kDataLoss, {"second", "70", "69"}, bytes.substr(0, bytes.size() - 1));
}

TEST_F(Safetensors, AFileThatShrinksWhileItIsOpenIsAnErrorNotASignal) {
  FileBuilder file;
  file.Add("w", "F32", {100});
  WriteText(path_, file.Bytes());
  const SafetensorsFile opened(path_);
  WriteText(path_, file.Bytes().substr(0, 100));
  std::vector<float> values(100);
  ExpectError(Code::kDataLoss, {"x.safetensors", "ends"}, [&] { opened.Read(opened.tensors()[0], 0, 100, values.data()); });
}

TEST_F(Safetensors, HeaderLengthsThatLie) {
  const auto with_length = [](uint64_t length) { return std::string(reinterpret_cast<const char*>(&length), 8) + "{}"; };
  ExpectBad(Code::kInvalidArgument, {"1152921504606846976", "100000000"}, with_length(uint64_t{1} << 60));
  ExpectBad(Code::kInvalidArgument, {"18446744073709551615"}, with_length(~uint64_t{0}));
  ExpectBad(Code::kInvalidArgument, {"100000001"}, with_length(100'000'001));
  ExpectBad(Code::kDataLoss, {"100000000"}, with_length(100'000'000));
  ExpectBad(Code::kDataLoss, {"3 bytes"}, with_length(3));
  ExpectBad(Code::kInvalidArgument, {"does not begin with {"}, with_length(0));
}

TEST_F(Safetensors, HeadersThatAreNoHeaders) {
  const FileBuilder empty;
  ExpectBad(Code::kInvalidArgument, {"does not begin with {"}, empty.Bytes("[]"));
  ExpectBad(Code::kInvalidArgument, {"does not begin with {"}, empty.Bytes(" {}"));
  ExpectBad(Code::kInvalidArgument, {"not valid JSON"}, empty.Bytes("{"));
  ExpectBad(Code::kInvalidArgument, {"not valid JSON"}, empty.Bytes("{}}"));
  ExpectBad(Code::kInvalidArgument, {"nested deeper than 64"}, empty.Bytes("{\"a\":" + std::string(1'000'000, '[')));
  ExpectBad(Code::kInvalidArgument, {"nested deeper than 64"}, empty.Bytes([] {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
    return text;
  }()));
  Open(empty.Bytes("{}"));
  Open(empty.Bytes("{}      "));
}

// The format pads with spaces. The reference implementation refuses anything else behind the object, NULs too.
TEST_F(Safetensors, NothingButSpacesFollowsTheHeader) {
  FileBuilder file;
  file.Add("w", "F32", {2});
  const std::string header = file.header.dump();
  Open(file.Bytes(header + std::string(7, ' ')));
  for (const std::string& tail : {std::string(1, '\0'), std::string(6, '\0'), std::string("\0 garbage", 9),
                                  std::string("  \0  ", 5), std::string("x"), std::string("{}"), std::string(",")}) {
    ExpectBad(Code::kInvalidArgument, {"not valid JSON at byte"}, file.Bytes(header + tail));
  }
  ExpectBad(Code::kInvalidArgument, {StrCat("byte ", header.size() + 1, ", a NUL")}, file.Bytes(header + std::string("\0{}", 3)));
}

TEST_F(Safetensors, EntriesThatLie) {
  const std::string four(16, '\0');
  const auto entry = [&](const std::string& text) {
    FileBuilder file;
    file.data = four;
    return file.Bytes("{\"w\":" + text + "}");
  };
  Open(entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})"));
  Open(entry(R"({"dtype":"F32","shape":[2,2],"data_offsets":[0,16],"note":1})"));
  Open(entry(R"({"dtype":"I64","shape":[2],"data_offsets":[0,16]})"));
  Open(entry(R"({"dtype":"F4","shape":[32],"data_offsets":[0,16]})"));

  const std::vector<std::pair<const char*, const char*>> bad = {
      {R"([])", "object"},
      {R"({"shape":[4],"data_offsets":[0,16]})", "dtype"},
      {R"({"dtype":5,"shape":[4],"data_offsets":[0,16]})", "dtype"},
      {R"({"dtype":"F31","shape":[4],"data_offsets":[0,16]})", "F31"},
      {R"({"dtype":"F32","data_offsets":[0,16]})", "shape"},
      {R"({"dtype":"F32","shape":4,"data_offsets":[0,16]})", "shape"},
      {R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})", "-4"},
      {R"({"dtype":"F32","shape":[4.0],"data_offsets":[0,16]})", "4.0"},
      {R"({"dtype":"F32","shape":[4]})", "data_offsets"},
      {R"({"dtype":"F32","shape":[4],"data_offsets":[0]})", "data_offsets"},
      {R"({"dtype":"F32","shape":[4],"data_offsets":[0,16,16]})", "data_offsets"},
      {R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})", "data_offsets"},
      {R"({"dtype":"F32","shape":[4],"data_offsets":[-16,0]})", "-16"},
      {R"({"dtype":"F32","shape":[4],"data_offsets":[0,18446744073709551615]})", "18446744073709551615"},
      {R"({"dtype":"F32","shape":[3],"data_offsets":[0,16]})", "12"},
      {R"({"dtype":"F32","shape":[5],"data_offsets":[0,16]})", "20"},
      {R"({"dtype":"BF16","shape":[4],"data_offsets":[0,16]})", "8"},
      {R"({"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,16]})", "4294967296"},
      {R"({"dtype":"F32","shape":[288230376151711744,64],"data_offsets":[0,16]})", "288230376151711744"},
      {R"({"dtype":"F32","shape":[4],"data_offsets":"0,16"})", "data_offsets"},
  };
  for (const auto& [text, fragment] : bad) {
    SCOPED_TRACE(text);
    ExpectBad(Code::kInvalidArgument, {"tensor w", fragment}, entry(text));
  }
  ExpectBad(Code::kDataLoss, {"tensor w", "32", "16"}, entry(R"({"dtype":"F32","shape":[8],"data_offsets":[0,32]})"));
}

TEST_F(Safetensors, RangesMustCoverTheDataOnce) {
  const auto two = [](int64_t begin_a, int64_t end_a, int64_t begin_b, int64_t end_b, size_t bytes) {
    FileBuilder file;
    file.data = std::string(bytes, '\0');
    file.header["aa"] = {{"dtype", "U8"}, {"shape", {end_a - begin_a}}, {"data_offsets", {begin_a, end_a}}};
    file.header["bb"] = {{"dtype", "U8"}, {"shape", {end_b - begin_b}}, {"data_offsets", {begin_b, end_b}}};
    return file.Bytes();
  };
  Open(two(0, 8, 8, 12, 12));
  Open(two(4, 12, 0, 4, 12));
  Open(two(0, 0, 0, 4, 4));
  ExpectBad(Code::kInvalidArgument, {"aa", "bb", "overlap"}, two(0, 8, 7, 12, 12));
  ExpectBad(Code::kInvalidArgument, {"aa", "bb", "overlap"}, two(0, 12, 4, 8, 12));
  ExpectBad(Code::kInvalidArgument, {"aa", "bb", "overlap"}, two(0, 12, 0, 12, 12));
  ExpectBad(Code::kInvalidArgument, {"[8, 9)", "bb", "no tensor"}, two(0, 8, 9, 12, 12));
  ExpectBad(Code::kInvalidArgument, {"[0, 1)", "aa", "no tensor"}, two(1, 8, 8, 12, 12));
  ExpectBad(Code::kInvalidArgument, {"[12, 13)", "no tensor"}, two(0, 8, 8, 12, 13));
}

TEST_F(Safetensors, ANameThatAppearsTwice) {
  FileBuilder file;
  file.data = std::string(8, '\0');
  const std::string entry = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  ExpectBad(Code::kInvalidArgument, {"w.1", "twice"}, file.Bytes("{\"w.1\":" + entry + ",\"w.1\":" + entry + "}"));
}

TEST_F(Safetensors, MetadataMustBeAnObject) {
  const FileBuilder file;
  Open(file.Bytes(R"({"__metadata__":{"format":"pt"}})"));
  ExpectBad(Code::kInvalidArgument, {"__metadata__"}, file.Bytes(R"({"__metadata__":[1]})"));
}

TEST_F(Safetensors, WhatIsNoFile) {
  ExpectError(Code::kNotFound, {"absent"}, [&] { SafetensorsFile file(folder_ / "absent"); });
  ExpectError(Code::kInvalidArgument, {"not a regular file"}, [&] { SafetensorsFile file(folder_.path()); });
}

}  // namespace
}  // namespace hlm
