#include "samples/horizon/data/npy.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "samples/horizon/base/error.h"
#include "tests/samples/support.h"

namespace horizon {
namespace {

using horizon_test::Elements;
using horizon_test::Npy;

NpyHeader Parse(const std::string& bytes) {
  return ParseNpy("file.npy", reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

// A file whose header is this text, of any version.
std::string WithHeader(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes("\x93NUMPY");
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (size_t i = 0; i < (version == 1 ? 2u : 4u); ++i) bytes += static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

void ExpectRefused(const std::string& bytes, const std::string& part) {
  try {
    Parse(bytes);
    ADD_FAILURE() << "accepted; expected a message with: " << part;
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.rfind("file.npy: ", 0), 0u) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(NpyTest, ReadsEveryElementTypeAndShape) {
  const std::pair<const char*, Element> types[] = {
      {"<i4", Element::kInt32}, {"<u2", Element::kUint16}, {"<u4", Element::kUint32}, {"<i8", Element::kInt64}};
  for (const auto& [descr, element] : types) {
    const std::string bytes = Npy(descr, "(2, 3)", Elements(descr, {1, 2, 3, 4, 5, 6}));
    const NpyHeader header = Parse(bytes);
    EXPECT_EQ(header.element, element) << descr;
    EXPECT_EQ(header.shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(header.data_offset, bytes.size() - 6 * ElementBytes(element));
  }
  EXPECT_EQ(Parse(Npy("<i4", "(3,)", Elements("<i4", {1, 2, 3}))).shape, std::vector<int64_t>{3});
  EXPECT_EQ(Parse(Npy("<i4", "(0,)", "")).shape, std::vector<int64_t>{0});
}

TEST(NpyTest, ReadsVersionsOneToThreeAndKeysInAnyOrder) {
  for (const int version : {1, 2, 3}) {
    const NpyHeader header = Parse(WithHeader("{\"shape\":(1,2),'fortran_order':False,'descr':'<u2'}", "abcd", version));
    EXPECT_EQ(header.element, Element::kUint16);
    EXPECT_EQ(header.shape, (std::vector<int64_t>{1, 2}));
  }
  ExpectRefused(WithHeader("{}", "", 4), "version 4");
  ExpectRefused(WithHeader("{}", "", 0), "version 0");
}

TEST(NpyTest, OneDimensionHasNoFortranOrder) {
  EXPECT_EQ(Parse(WithHeader("{'descr': '<u2', 'fortran_order': True, 'shape': (2,)}", "abcd")).shape, std::vector<int64_t>{2});
  ExpectRefused(WithHeader("{'descr': '<u2', 'fortran_order': True, 'shape': (1, 2)}", "abcd"), "Fortran order");
}

TEST(NpyTest, RefusesOtherElementsByName) {
  for (const char* descr : {"|u1", "|i1", "<i2", "<u8", "<f4", "<f8", "|b1", "|O", "<U3"}) {
    ExpectRefused(Npy(descr, "(1,)", "12345678"), descr);
  }
  ExpectRefused(Npy(">i4", "(1,)", "1234"), "big-endian");
  ExpectRefused(WithHeader("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,)}", "1234"), "not a plain one");
}

TEST(NpyTest, RefusesShapesThatAreNoTokenFile) {
  ExpectRefused(Npy("<i4", "()", "1234"), "one dimension or two");
  ExpectRefused(Npy("<i4", "(1, 1, 1)", "1234"), "one dimension or two");
  ExpectRefused(Npy("<i4", "(-1,)", "1234"), "dimension");
  ExpectRefused(Npy("<i4", "(99999999999999999999,)", "1234"), "2^63");
  ExpectRefused(Npy("<i4", "(9223372036854775807, 4)", "1234"), "overflows");
}

TEST(NpyTest, RefusesFilesThatAreTooShortOrTooLong) {
  const std::string good = Npy("<i4", "(2, 2)", Elements("<i4", {1, 2, 3, 4}));
  for (size_t length = 0; length < good.size(); ++length) EXPECT_THROW(Parse(good.substr(0, length)), Error) << length;
  ExpectRefused(good.substr(0, good.size() - 1), "takes 16 bytes, and 15 are there");
  ExpectRefused(good + "x", "takes 16 bytes, and 17 are there");
}

TEST(NpyTest, RefusesDamagedHeaders) {
  ExpectRefused(std::string(64, 'x'), "NUMPY");
  std::string lying = WithHeader("{'descr': '<i4', 'fortran_order': False, 'shape': (1,)}", "1234", 2);
  lying[11] = 0x7f;  // a header of 2 GiB
  ExpectRefused(lying, "a header of");
  const std::string rest = "'fortran_order': False, 'shape': (1,)";
  const std::vector<std::string> damaged = {"",
                                            "{",
                                            "{}",
                                            "{" + rest + "}",
                                            "{'descr': '<i4'",
                                            "{'descr': '<i4, " + rest + "}",
                                            "{'descr': '<i4' " + rest + "}",
                                            "{'descr': '<i4', " + rest + "} more",
                                            "{'descr': '<i4', 'descr': '<i4', " + rest + "}",
                                            "{'descr': '<i4', 'fortran_order': Maybe, 'shape': (1,)}",
                                            "{'descr': '<i4', 'fortran_order': False, 'shape': (1}",
                                            "{'descr': '<i4', 'fortran_order': False, 'shape': 1}",
                                            "{'descr': '<i4', 'extra': 1, " + rest + "}"};
  for (const std::string& header : damaged) {
    ExpectRefused(WithHeader(header, "1234"), "bad .npy file");
  }
}

// Any single damaged byte is an answer or an Error, never anything else.
TEST(NpyTest, SurvivesEveryDamagedByte) {
  const std::string good = Npy("<u2", "(2, 2)", "abcdefgh");
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char value : std::string("\0()'9\xff", 6)) {
      std::string bytes = good;
      bytes[at] = value;
      try {
        const NpyHeader header = Parse(bytes);
        EXPECT_LE(header.data_offset, bytes.size());
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace horizon
