// Names of devices as people write them, and machine files that have several.
#include "core/machine/device_list.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/machine/devices.h"
#include "core/plan/machine.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

using Names = std::vector<std::string>;

Names Parse(const std::string& text) {
  return ParseDeviceList(text, [] { return 3; }).Names();
}

TEST(DeviceList, IsReadAsPeopleWriteIt) {
  EXPECT_EQ(Parse("cpu"), Names{"cpu"});
  EXPECT_EQ(Parse("cpu:4"), Names(4, "cpu"));
  EXPECT_EQ(Parse("cuda"), (Names{"cuda:0", "cuda:1", "cuda:2"}));
  EXPECT_EQ(Parse("cuda:2"), Names{"cuda:2"});
  EXPECT_EQ(Parse("cuda1"), Names{"cuda:1"});
  EXPECT_EQ(Parse("cuda:0,cuda:2"), (Names{"cuda:0", "cuda:2"}));
  EXPECT_EQ(Parse("cuda:4-7"), (Names{"cuda:4", "cuda:5", "cuda:6", "cuda:7"}));
  EXPECT_EQ(Parse("cuda:3,cuda:0-1"), (Names{"cuda:3", "cuda:0", "cuda:1"}));
  // Capitals, zeros in front and blanks around a name say the same.
  EXPECT_EQ(Parse("cuda:0, cuda:2 "), (Names{"cuda:0", "cuda:2"}));
  EXPECT_EQ(Parse("CPU:04"), Names(4, "cpu"));
  EXPECT_EQ(Parse("CUDA:00,cuda:02"), (Names{"cuda:0", "cuda:2"}));
  for (const char* text : {"cpu", "cpu:4", "cuda:2", "cuda:0,cuda:2"}) EXPECT_EQ(DeviceListText(Parse(text)), text);
}

TEST(DeviceList, MistakesAreNamed) {
  const struct {
    const char* text;
    Code code;
    const char* part;
  } wrong[] = {
      {"cuda:0,cuda:0", Code::kInvalidArgument, "cuda:0 is named twice"},
      {"cuda:0,CUDA:00", Code::kInvalidArgument, "cuda:0 is named twice"},
      {"cuda,cuda:1", Code::kInvalidArgument, "cuda:1 is named twice"},
      {"cuda:0-2,cuda:1", Code::kInvalidArgument, "cuda:1 is named twice"},
      {"cpu,cpu", Code::kInvalidArgument, "cpu is named twice"},
      {"cpu,cuda:0", Code::kInvalidArgument, "of one kind"},
      {"cuda:0,abacus", Code::kNotFound, "'abacus' in 'cuda:0,abacus'"},
      {"abacus:1", Code::kNotFound, "'abacus:1'"},
      {"cuda:", Code::kNotFound, "'cuda:'"},
      {"cuda:-1", Code::kNotFound, "'cuda:-1'"},
      {"cuda:+1", Code::kNotFound, "'cuda:+1'"},
      {"cuda:3-1", Code::kNotFound, "'cuda:3-1'"},
      {"cuda:0-99999999999", Code::kNotFound, "'cuda:0-99999999999'"},
      {"cuda:0,", Code::kNotFound, "''"},
      {"", Code::kNotFound, "''"},
      {"cpu:0", Code::kNotFound, "'cpu:0'"},
      {"cpu:65", Code::kNotFound, "'cpu:65'"},
      {"cpu:65", Code::kNotFound, "cpu:2 (that many of the CPU's, at most 64)"},
      {"auto,cpu", Code::kNotFound, "'auto'"},
  };
  for (const auto& [text, code, part] : wrong) {
    std::string message;
    EXPECT_EQ(CodeOf([&, t = text] { Parse(t); }, &message), code) << text << ": " << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(DeviceList, AMachineFileHasSomeAndAPlanTakesSomeOfThem) {
  const std::string file = R"({"device": "cuda:0-7", "links_bytes_per_second": 3e11, "peer_bytes_per_second": 3.9e11})";
  EXPECT_EQ(DescribeMachineFile(file, "auto").devices.size(), 8u);
  EXPECT_EQ(DescribeMachineFile(file, "Auto").devices.size(), 8u);
  EXPECT_EQ(DescribeMachineFile(file, "cuda").devices.size(), 8u);
  EXPECT_EQ(DescribeMachineFile(file, "cuda:0-3").devices, Parse("cuda:0-3"));
  EXPECT_EQ(DescribeMachineFile(file, "cuda:5").peer_bytes_per_second, 3.9e11);
  EXPECT_EQ(DescribeMachineFile(R"({"device": "cpu:4"})", "cpu:2").devices, Names(2, "cpu"));
  for (const char* other : {"cuda:8", "cuda:0-8", "cpu"}) {
    EXPECT_EQ(CodeOf([&, o = other] { DescribeMachineFile(file, o); }), Code::kInvalidArgument) << other;
  }
  for (const char* text : {R"({"device": "cuda"})", R"({"device": "abacus"})", R"({"device": "cuda:0,cuda:0"})"}) {
    EXPECT_EQ(CodeOf([&, t = text] { DescribeMachineFile(t, "auto"); }), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace hlm
