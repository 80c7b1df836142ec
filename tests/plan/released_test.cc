// Configurations as released models have them (tests/model/released): each opens, has the tensors that transformers gives it, by name
// and shape (expected.json, made by tools/goldens/make_released_names.py), and can be planned for.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/model/config.h"
#include "core/model/layout.h"
#include "core/plan/plan.h"

namespace hlm {
namespace {

constexpr const char* kFolder = "tests/model/released/";

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

const nlohmann::json& Expected() {
  static const nlohmann::json expected = nlohmann::json::parse(TextOf(std::string(kFolder) + "expected.json"));
  return expected.at("configurations");
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& [name, value] : Expected().items()) names.push_back(name);
  return names;
}

// FNV-1a, 64 bits.
std::string Checksum(const std::vector<std::string>& lines) {
  uint64_t value = 0xCBF29CE484222325;
  for (const std::string& line : lines) {
    for (const char c : line) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::string LineOf(const TensorSpec& tensor) {
  std::string line = tensor.name + " ";
  for (size_t d = 0; d < tensor.shape.size(); ++d) line += (d > 0 ? "x" : "") + std::to_string(tensor.shape[d]);
  return line + "\n";
}

MachineSpec LargeMachine() {
  MachineSpec machine;
  machine.host_bytes = machine.device_bytes = int64_t{16} << 40;
  machine.threads = 16;
  machine.product_flops_f32 = machine.product_flops_bf16 = 1e15;
  machine.up_bytes_per_second = machine.down_bytes_per_second = machine.host_bytes_per_second = 5e10;
  machine.workspace_bytes = [](const Call&, int64_t) { return size_t{0}; };
  return machine;
}

class Released : public testing::TestWithParam<std::string> {
 protected:
  const ModelConfig config_ = ReadConfig(TextOf(kFolder + GetParam() + ".json"));
  const ModelLayout layout_ = MakeLayout(config_.spec, config_.names);
};

TEST_P(Released, HasTheTensorsOfTransformers) {
  const nlohmann::json& expected = Expected().at(GetParam());
  std::vector<std::string> lines;
  int64_t parameters = 0;
  for (const UnitSpec& unit : layout_.units) {
    for (const TensorSpec& tensor : unit.tensors) {
      lines.push_back(LineOf(tensor));
      if (tensor.trains) parameters += tensor.elements;
    }
  }
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(parameters, expected.at("parameters").get<int64_t>());
  EXPECT_EQ(static_cast<int64_t>(lines.size()), expected.at("tensors").get<int64_t>());
  EXPECT_EQ(Checksum(lines), expected.at("names").get<std::string>()) << "the first are " << lines[0] << lines[1] << lines[2];
}

TEST_P(Released, CanBePlannedFor) {
  PlanOptions options;
  options.batch_size = 1;
  options.seq_len = 4096;
  options.ignore_dropout = true;
  if (config_.spec.embedding.positions > 0)
    options.seq_len = config_.spec.embedding.positions - config_.spec.embedding.position_offset;
  const Plan plan = MakePlan(config_.spec, layout_, options, LargeMachine());
  EXPECT_GE(plan.host.weights, 2 * layout_.parameters);
}

INSTANTIATE_TEST_SUITE_P(Configurations, Released, testing::ValuesIn(Names()), [](const auto& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

// Kimi K2's files have a model type of their own for DeepSeek V3's class and code.
TEST(ReleasedConfigurations, KimiK2IsDeepSeekV3) {
  std::string text = TextOf(std::string(kFolder) + "deepseek-v3.json");
  const ModelConfig v3 = ReadConfig(text);
  const std::string type = "\"model_type\": \"deepseek_v3\"";
  ASSERT_NE(text.find(type), std::string::npos);
  text.replace(text.find(type), type.size(), "\"model_type\": \"kimi_k2\"");
  const ModelConfig k2 = ReadConfig(text);
  EXPECT_EQ(k2.spec.family, "kimi_k2");
  EXPECT_EQ(k2.spec.kinds, v3.spec.kinds);
  EXPECT_EQ(k2.spec.kind_of, v3.spec.kind_of);
}

// A configuration without an expectation would never be looked at.
TEST(ReleasedConfigurations, AllHaveAnExpectation) {
  for (const auto& file : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = file.path().stem().string();
    EXPECT_TRUE(name == "expected" || Expected().contains(name)) << name;
  }
}

}  // namespace
}  // namespace hlm
