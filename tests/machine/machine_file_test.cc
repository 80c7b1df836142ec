// Machines as JSON: what is read is what was written, defaults are the documented ones, and mistakes are named.
#include "core/machine/machine_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

TEST(MachineFile, WhatIsWrittenIsReadAgain) {
  const MachineSpec first =
      ParseMachine(R"({"name": "a", "cores": 7, "host_bytes": 1.5e12, "device_bytes": 123456789012, "micro_tokens": 4096,
    "up_bytes_per_second": 1e10, "product_share": 0.5, "width_multiple": 16, "host_reserve_bytes": 0, "libraries": "x", "assumed": ["cores"],
    "note": "n"})");
  EXPECT_EQ(first.host_bytes, 1500000000000);
  EXPECT_EQ(first.device_bytes, 123456789012);
  EXPECT_EQ(first.threads, 7);
  EXPECT_EQ(first.host_reserve_bytes, 0);
  EXPECT_FALSE(first.device_is_host);
  const std::string text = MachineJson(first);
  EXPECT_EQ(text, MachineJson(ParseMachine(text)));
}

TEST(MachineFile, DefaultsAreTheDocumentedOnes) {
  const MachineSpec gpu = ParseMachine("{}");
  EXPECT_EQ(gpu.devices, std::vector<std::string>{"cuda:0"});
  EXPECT_EQ(gpu.threads, 16);
  EXPECT_EQ(gpu.host_bytes, int64_t{128} << 30);
  EXPECT_EQ(gpu.device_bytes, int64_t{78} << 30);
  EXPECT_EQ(gpu.logits_bytes, int64_t{2} << 30);
  EXPECT_EQ(gpu.host_bytes_per_second, 125e9);
  const MachineSpec cpu = ParseMachine(R"({"device": "cpu", "cores": 8, "host_bytes": 1000000})");
  EXPECT_TRUE(cpu.device_is_host);
  EXPECT_EQ(cpu.device_bytes, 1000000);
  EXPECT_EQ(cpu.product_flops_f32, 480e9);
  EXPECT_EQ(cpu.host_bytes_per_second, 80e9);
}

TEST(MachineFile, MistakesAreNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"host_byte": 1})", "'host_byte'"},
      {R"({"cores": 2.5})", "cores is 2.5"},
      {R"({"cores": true})", "cores is true"},
      {R"({"name": ""})", "name is \"\""},
      {R"({"name": 3})", "name is 3"},
      {R"({"product_share": 1.5})", "product_share is 1.5"},
      {R"({"host_bytes": null})", "host_bytes is null"},
      {R"({"host_bytes": 18446744073709551615})", "host_bytes is 18446744073709551615"},
      {R"({"assumed": "cores"})", "assumed is"},
      {R"({"assumed": [1]})", "assumed is"},
      {"[]", "array"},
      {"{} x", "machine file"},
  };
  for (const auto& [text, part] : wrong) {
    std::string message;
    EXPECT_EQ(CodeOf([&, json = text] { ParseMachine(json); }, &message), Code::kInvalidArgument) << text;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

// Of what the CUDA device says at these shapes with cuDNN 9.14: dS of all 28 heads in bf16 is 28 x 16 x 1024 x 1024 x 2 bytes.
TEST(MachineFile, TheWorkspaceHoldsAttentionsBackwardPass) {
  AttentionBackwardArgs s;
  s.type = DType::kBF16, s.tokens = 16384, s.heads = 28, s.kv_heads = 4, s.head_dim = 128;
  s.documents.longest = 1024;
  const size_t ds = size_t{28} * 16384 * 1024 * 2;
  EXPECT_GT(GpuWorkspaceBytes(s, 1), ds);
  EXPECT_LT(GpuWorkspaceBytes(s, 1), 2 * ds);
  s.tokens = s.documents.longest = 32768;  // one group of heads at a time
  const size_t group = size_t{7} * 32768 * 32768 * 2;
  EXPECT_GT(GpuWorkspaceBytes(s, 1), group);
  EXPECT_LT(GpuWorkspaceBytes(s, 1), group + group / 3);
}

}  // namespace
}  // namespace hlm
