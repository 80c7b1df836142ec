// Folders whose weights are packed, through the command: what is not trained goes back as it came, and only where that is asked for.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/model/packed_folders.h"
#include "tests/samples/support.h"

namespace horizon_test {
namespace {

std::string Data() {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 12 * 4; ++i) ids.push_back((7 * i + i * i % 11) % 40);
  return WriteRows("packed.npy", 12, ids);
}

// One step.
Result Train(const std::string& model, const std::string& out, const Words& more) {
  return Horizon(With({"train", "--model", model, "--data", Data(), "--device", "cpu", "--steps", "1", "--batch-size", "2",
                       "--json", "--out", out},
                      more));
}

double Loss(const std::string& model) {
  const Result result = Horizon({"eval", "--model", model, "--device", "cpu", "--data", Data(), "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  return result.Lines().back().at("loss").get<double>();
}

class PackedWeights : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string kind = GetParam();
    source_ = Scratch(kind), out_ = Scratch(kind + "-out");
    kind == "fp8" ? hlm::WriteFp8Folder(source_) : hlm::WriteMxfp4Folder(source_);
  }
  void ExpectTheSource(const std::string& folder) const {
    EXPECT_EQ(hlm::TensorsOf(folder), hlm::TensorsOf(source_));
    EXPECT_EQ(nlohmann::json::parse(ReadFile(folder + "/config.json")),
              nlohmann::json::parse(ReadFile(source_ + "/config.json")));
    EXPECT_EQ(Loss(folder), Loss(source_));
  }

  std::string source_, out_;
};

TEST_P(PackedWeights, WhatWasNotTrainedGoesBackByteForByte) {
  // Weights that are held whole, rounded to bf16, in f32, and none that trains.
  const std::vector<Words> ways = {{}, {"--master", "none"}, {"--compute", "f32"}, {"--train-only", "*lm_head*"}};
  for (size_t i = 0; i < ways.size(); ++i) {
    SCOPED_TRACE(i);
    const std::string out = out_ + std::to_string(i);
    const Result result = Train(source_, out, With({"--save-dtype", "source", "--lr", "0"}, ways[i]));
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err.find("note: the model's weights"), std::string::npos) << result.err;
    ExpectTheSource(out);
  }
  ASSERT_EQ(Horizon({"export", "--model", source_, "--save-dtype", "source", "--out", out_ + "-exported"}).status, 0);
  ExpectTheSource(out_ + "-exported");
}

TEST_P(PackedWeights, ByDefaultTheyAreSavedInBf16AndANoteSaysSo) {
  const Result result = Train(source_, out_, {});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find(std::string("note: the model's weights are in ") + GetParam()), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("--save-dtype source"), std::string::npos) << result.err;
  for (const auto& [name, stored] : hlm::TensorsOf(out_))
    EXPECT_EQ(stored.dtype, name == hlm::kFp8Norm && GetParam() == std::string("fp8") ? "F32" : "BF16") << name;
  EXPECT_FALSE(nlohmann::json::parse(ReadFile(out_ + "/config.json")).contains("quantization_config"));
}

TEST_P(PackedWeights, ACheckpointGoesOnToWhatItsRunWouldHaveSaved) {
  const std::string checkpoints = out_ + "-checkpoints", first = out_ + "-first", resumed = out_ + "-resumed";
  const Words kept = {"--checkpoint-dir", checkpoints, "--save-dtype", "source", "--lr", "1e-3"};
  ASSERT_EQ(Train(source_, first, kept).status, 0);
  EXPECT_NE(ReadFile(first + "/model.safetensors"), ReadFile(source_ + "/model.safetensors"));
  ASSERT_EQ(Train(source_, resumed, With(kept, {"--resume"})).status, 0);
  EXPECT_EQ(ReadFile(first + "/model.safetensors"), ReadFile(resumed + "/model.safetensors"));

  // Alone it does not know how its source is packed.
  const std::string last = checkpoints + "/step-000000000001", out = out_ + "-of-checkpoint";
  const Result refused = Horizon({"export", "--model", last, "--save-dtype", "source", "--out", out});
  EXPECT_EQ(refused.status, 1);
  ExpectOneErrorLine(refused, {last, GetParam(), "bf16", "resume"});
  EXPECT_EQ(Horizon({"export", "--model", last, "--out", out}).status, 0);
}

INSTANTIATE_TEST_SUITE_P(Formats, PackedWeights, ::testing::Values("fp8", "mxfp4"),
                         [](const auto& format) { return format.param; });

TEST(PackedWeightsTest, WhatIsNotWrittenIsRefusedBeforeTheDataAreRead) {
  const std::string source = Scratch("static");
  hlm::WriteFp8Folder(source, R"({"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": [5, 7]})");
  const Result refused =
      Horizon({"train", "--model", source, "--data", "missing.npy", "--save-dtype", "source", "--out", Scratch("static-out")});
  EXPECT_EQ(refused.status, 1);
  ExpectOneErrorLine(refused, {source + "/config.json", "activation_scheme = \"static\"", "bf16"});
}

}  // namespace
}  // namespace horizon_test
