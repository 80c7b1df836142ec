// The goldens' model folders through hlm_model_open and back out again: the same tensors, the same values, the same logits.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/golden/golden.h"
#include "tests/golden/session.h"

namespace hlm_golden {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class GoldenFolderTest : public testing::TestWithParam<std::string> {
 protected:
  GoldenFolderTest() : golden_(LoadGolden(GetParam())) {
    const char* temporary = std::getenv("TEST_TMPDIR");
    folder_ = fs::path(temporary != nullptr ? temporary : "/tmp") / ("golden_" + GetParam());
    fs::remove_all(folder_);
  }
  void SetUp() override {
    if (const std::string refusal = DeviceRefusal(golden_); !refusal.empty()) GTEST_SKIP() << refusal;
  }
  ~GoldenFolderTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  TrainerHandle Trained(int steps) const {
    TrainerHandle trainer = MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_F32);
    for (int i = 0; i < steps; ++i) Step(trainer.get(), golden_.batches[golden_.steps[i].batch]);
    return trainer;
  }

  const Golden golden_;
  fs::path folder_;
};

std::map<std::string, std::vector<int64_t>> Shapes(const hlm_model* model) {
  std::map<std::string, std::vector<int64_t>> shapes;
  const json description = json::parse(DescribeModel(model));
  for (const json& tensor : description.at("tensors")) shapes[tensor.at("name")] = tensor.at("shape").get<std::vector<int64_t>>();
  return shapes;
}

TEST_P(GoldenFolderTest, HasTheParametersOfTransformers) {
  std::map<std::string, std::vector<int64_t>> expected;
  int64_t elements = 0;
  for (const GoldenParameter& p : golden_.parameters) {
    expected[p.name] = p.shape;
    elements += static_cast<int64_t>(p.final.size());
  }
  const ModelHandle model = OpenModel(golden_.model_folder);
  auto shapes = Shapes(model.get());
  // Numbers that are read and not trained are buffers there.
  for (const std::string& buffer : golden_.buffers) {
    const auto found = shapes.find(buffer);
    if (found == shapes.end()) continue;
    int64_t own = 1;
    for (const int64_t extent : found->second) own *= extent;
    elements += own;
    shapes.erase(found);
  }
  EXPECT_EQ(shapes, expected);
  EXPECT_EQ(json::parse(DescribeModel(model.get())).at("parameters").get<int64_t>(), elements);
}

TEST_P(GoldenFolderTest, SavedInF32ReopensWithIdenticalLogits) {
  const TrainerHandle trainer = Trained(2);
  const std::vector<float> before = Logits(trainer.get(), golden_.batches[0], golden_.vocab);
  hlm_save_options options;
  hlm_save_options_init(&options);
  options.dtype = HLM_DTYPE_F32;
  options.max_shard_bytes = 16000;  // several shards, of which some tensors are larger
  Check(hlm_trainer_save_model(trainer.get(), folder_.c_str(), &options));

  const TrainerHandle again = MakeTrainer(golden_, folder_.string(), HLM_DTYPE_F32);
  EXPECT_EQ(Logits(again.get(), golden_.batches[0], golden_.vocab), before);
  for (const GoldenParameter& p : golden_.parameters) {
    EXPECT_EQ(ReadTensor(again.get(), p.name, HLM_TENSOR_WEIGHT, p.final.size()),
              ReadTensor(trainer.get(), p.name, HLM_TENSOR_WEIGHT, p.final.size()))
        << p.name;
  }
}

TEST_P(GoldenFolderTest, SavedByDefaultKeepsTheSourcesTypeAndFiles) {
  const TrainerHandle trainer = Trained(1);
  Check(hlm_trainer_save_model(trainer.get(), folder_.c_str(), nullptr));
  const ModelHandle source = OpenModel(golden_.model_folder);
  const ModelHandle saved = OpenModel(folder_.string());
  const json type = json::parse(DescribeModel(source.get())).at("source_dtype");
  EXPECT_EQ(json::parse(DescribeModel(saved.get())).at("source_dtype"), type);
  EXPECT_EQ(Shapes(saved.get()), Shapes(source.get()));
  for (const char* carried : {"config.json", "generation_config.json"}) {
    EXPECT_EQ(fs::exists(folder_ / carried), fs::exists(fs::path(golden_.model_folder) / carried)) << carried;
  }

  // Rounded to nearest: half a unit in the last place (8 bits, 11 bits), half the smallest step below F16's normal range.
  ASSERT_TRUE(type == "f32" || type == "bf16" || type == "f16") << type;
  const double relative = type == "f32" ? 0 : type == "bf16" ? std::ldexp(1, -8) : std::ldexp(1, -11);
  const double smallest = type == "f16" ? std::ldexp(1, -25) : 0;
  const TrainerHandle again = MakeTrainer(golden_, folder_.string(), HLM_DTYPE_F32);
  for (const GoldenParameter& p : golden_.parameters) {
    const std::vector<float> exact = ReadTensor(trainer.get(), p.name, HLM_TENSOR_WEIGHT, p.final.size());
    const std::vector<float> rounded = ReadTensor(again.get(), p.name, HLM_TENSOR_WEIGHT, p.final.size());
    for (size_t i = 0; i < exact.size(); ++i) {
      ASSERT_LE(std::abs(exact[i] - rounded[i]), std::abs(exact[i]) * relative + smallest) << p.name << "[" << i << "]";
    }
  }
}

// Tensors by name as a folder's safetensors files have them: type, shape and bytes.
std::map<std::string, std::string> RawTensors(const fs::path& folder) {
  std::map<std::string, std::string> tensors;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    uint64_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof header);
    const json parsed = json::parse(bytes.substr(8, header));
    for (const auto& [name, value] : parsed.items()) {
      if (name == "__metadata__") continue;
      const size_t begin = value.at("data_offsets")[0], end = value.at("data_offsets")[1];
      tensors[name] =
          value.at("dtype").get<std::string>() + value.at("shape").dump() + bytes.substr(8 + header + begin, end - begin);
    }
  }
  return tensors;
}

// Of folders with more than the text model: what else is in them goes byte by byte through a checkpoint, a model opened from it, and
// the save of a resumed run.
TEST(CarriedTensors, SurviveCheckpointsAndResumedRunsByteByByte) {
  int64_t folders = 0;
  for (const std::string& name : GoldenNames()) {
    const Golden golden = LoadGolden(name);
    const ModelHandle source = OpenModel(golden.model_folder);
    const json description = json::parse(DescribeModel(source.get()));
    if (description.at("carried_tensors") == 0 || !DeviceRefusal(golden).empty()) continue;
    SCOPED_TRACE(name);
    ++folders;
    std::map<std::string, std::string> carried = RawTensors(golden.model_folder);
    for (const auto& [trained, shape] : Shapes(source.get())) carried.erase(trained);
    EXPECT_EQ(static_cast<int64_t>(carried.size()), description.at("carried_tensors").get<int64_t>());
    const auto expect_carried = [&](const fs::path& folder) {
      std::map<std::string, std::string> saved = RawTensors(folder);
      for (const auto& [tensor, bytes] : carried) EXPECT_EQ(saved[tensor], bytes) << folder << ": " << tensor;
    };

    const char* temporary = std::getenv("TEST_TMPDIR");
    const fs::path place = fs::path(temporary != nullptr ? temporary : "/tmp") / ("carried_" + name);
    fs::remove_all(place);
    fs::create_directories(place);
    {
      const TrainerHandle trainer = MakeTrainer(golden, golden.model_folder, HLM_DTYPE_F32);
      Step(trainer.get(), golden.batches[0]);
      Check(hlm_trainer_save(trainer.get(), (place / "run").c_str(), nullptr));
      int32_t done = 0;
      Check(hlm_trainer_save_wait(trainer.get(), -1, &done));
    }
    const ModelHandle opened = OpenModel((place / "run" / "step-000000000001").string());
    Check(hlm_model_save(opened.get(), (place / "opened").c_str(), nullptr));
    expect_carried(place / "opened");

    const TrainerHandle resumed = MakeTrainer(golden, golden.model_folder, HLM_DTYPE_F32);
    char* text = nullptr;
    Check(hlm_trainer_resume(resumed.get(), (place / "run").c_str(), nullptr, &text));
    hlm_string_destroy(text);
    Step(resumed.get(), golden.batches[1]);
    Check(hlm_trainer_save_model(resumed.get(), (place / "resumed").c_str(), nullptr));
    expect_carried(place / "resumed");
    // And once more, from the folder that was saved.
    const ModelHandle again = OpenModel((place / "resumed").string());
    Check(hlm_model_save(again.get(), (place / "again").c_str(), nullptr));
    expect_carried(place / "again");
    fs::remove_all(place);
  }
  EXPECT_TRUE(folders > 0 || std::getenv("HLM_GOLDENS") == nullptr);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenFolderTest, testing::ValuesIn(GoldenNames()),
                         [](const testing::TestParamInfo<std::string>& info) { return info.param; });

}  // namespace
}  // namespace hlm_golden
