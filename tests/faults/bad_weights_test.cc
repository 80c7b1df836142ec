// Damaged model folders, through the C ABI: each is an error that names the file and the tensor, and the process lives on.
#include <functional>
#include <limits>
#include <string>

#include "tests/faults/model_folder.h"

namespace hlm_test {
namespace {

constexpr const char* kFile = "model.safetensors";
constexpr const char* kQuery = "model.layers.0.self_attn.q_proj.weight";
constexpr const char* kKey = "model.layers.0.self_attn.k_proj.weight";

class BadWeights : public testing::Test {
 protected:
  void TearDown() override { ExpectEverythingStillWorks(); }

  // Opening the folder fails; nothing is handed out.
  void ExpectOpenFails(const std::string& folder, int32_t code, std::initializer_list<std::string> parts) {
    hlm_model* model = nullptr;
    ExpectError(hlm_model_open(folder.c_str(), &model), code, parts);
    EXPECT_EQ(model, nullptr);
  }
  // As above with the file's bytes given.
  void ExpectFileFails(const std::string& bytes, int32_t code, std::initializer_list<std::string> parts) {
    ExpectOpenFails(WriteFolder("bytes", {{"config.json", TinyConfig()}, {kFile, bytes}}), code, parts);
  }
  // As above with the tensors changed.
  void ExpectTensorsFail(const std::function<void(std::vector<FileTensor>&)>& change, int32_t code,
                         std::initializer_list<std::string> parts) {
    std::vector<FileTensor> tensors = TinyTensors();
    change(tensors);
    ExpectOpenFails(WriteModel("tensors", tensors), code, parts);
  }
};

TEST_F(BadWeights, MissingFiles) {
  ExpectOpenFails("/nowhere/at/all", HLM_NOT_FOUND, {"/nowhere/at/all"});
  ExpectOpenFails(WriteFolder("empty", {}), HLM_NOT_FOUND, {"config.json"});
  ExpectOpenFails(WriteFolder("no_weights", {{"config.json", TinyConfig()}}), HLM_NOT_FOUND, {kFile});
  ExpectOpenFails(WriteFolder("no_config", {{kFile, SafetensorsBytes(TinyTensors())}}), HLM_NOT_FOUND, {"config.json"});
  ExpectOpenFails(WriteModel("good", TinyTensors()) + "/config.json", HLM_INVALID_ARGUMENT, {"config.json", "folder"});
}

TEST_F(BadWeights, TruncatedAnywhere) {
  const std::string whole = SafetensorsBytes(TinyTensors());
  const size_t header_end = sizeof(uint64_t) + HeaderJson(TinyTensors()).size();
  for (const size_t kept :
       {size_t{0}, size_t{7}, size_t{8}, size_t{9}, header_end - 1, header_end, whole.size() / 2, whole.size() - 1}) {
    SCOPED_TRACE(kept);
    ExpectFileFails(whole.substr(0, kept), HLM_DATA_LOSS, {kFile, "bytes"});
  }
}

TEST_F(BadWeights, HeaderLengthsThatLie) {
  const std::string header = HeaderJson(TinyTensors()), data = Data(TinyTensors());
  ExpectFileFails(SafetensorsBytes(header, data, int64_t{1} << 60), HLM_INVALID_ARGUMENT, {kFile, "1152921504606846976"});
  ExpectFileFails(SafetensorsBytes(header, data, INT64_MAX), HLM_INVALID_ARGUMENT, {kFile, "9223372036854775807"});
  ExpectFileFails(SafetensorsBytes(header, data, 0), HLM_INVALID_ARGUMENT, {kFile, "header"});
  ExpectFileFails(SafetensorsBytes(header, data, 10), HLM_INVALID_ARGUMENT, {kFile, "JSON"});
  ExpectFileFails(SafetensorsBytes(header, data, static_cast<int64_t>(header.size()) + 8), HLM_INVALID_ARGUMENT, {kFile, "JSON"});
}

TEST_F(BadWeights, HeadersThatAreNotWhatTheyShouldBe) {
  const std::string data = Data(TinyTensors());
  ExpectFileFails(SafetensorsBytes("not json at all", data), HLM_INVALID_ARGUMENT, {kFile});
  ExpectFileFails(SafetensorsBytes("{}", data), HLM_INVALID_ARGUMENT, {kFile});
  ExpectFileFails(SafetensorsBytes("[1, 2]", data), HLM_INVALID_ARGUMENT, {kFile});
  ExpectFileFails(SafetensorsBytes(R"({"a": 5})", data), HLM_INVALID_ARGUMENT, {kFile, "a"});
  ExpectFileFails(SafetensorsBytes("{\"a\":" + std::string(1000000, '['), data), HLM_INVALID_ARGUMENT, {kFile, "nested"});
  ExpectFileFails(SafetensorsBytes("{\"a\":" + std::string(1000000, '[') + std::string(1000000, ']') + "}", data),
                  HLM_INVALID_ARGUMENT, {kFile, "nested"});
  std::string twice = HeaderJson(TinyTensors());
  twice.back() = ',';
  twice += "\"" + std::string(kQuery) + R"(":{"dtype":"F32","shape":[32,32],"data_offsets":[0,4096]}})";
  ExpectFileFails(SafetensorsBytes(twice, data), HLM_INVALID_ARGUMENT, {kFile, kQuery, "twice"});
}

TEST_F(BadWeights, OffsetsThatLie) {
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).end += 0, Find(t, kQuery).begin = 0, Find(t, kQuery).end = 4096; },
                    HLM_INVALID_ARGUMENT, {kFile, kQuery, "overlap"});
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).begin = int64_t{1} << 62, Find(t, kQuery).end = (int64_t{1} << 62) + 4096; },
                    HLM_INVALID_ARGUMENT, {kFile, kQuery, "data_offsets"});
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).begin = 1000000, Find(t, kQuery).end = 1004096; }, HLM_DATA_LOSS,
                    {kFile, kQuery, "1004096"});
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).begin = 8192, Find(t, kQuery).end = 4096; }, HLM_INVALID_ARGUMENT,
                    {kFile, kQuery});
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).end = 8192; }, HLM_INVALID_ARGUMENT, {kFile, kQuery, "4096"});
  std::string header = HeaderJson(TinyTensors());
  const size_t at = header.find("\"data_offsets\":[") + 16;
  for (const char* number : {"-1", "1e99", "18446744073709551615", "0.5", "null", "\"0\""}) {
    SCOPED_TRACE(number);
    std::string wrong = header;
    wrong.replace(at, 1, number);
    ExpectFileFails(SafetensorsBytes(wrong, Data(TinyTensors())), HLM_INVALID_ARGUMENT, {kFile});
  }
}

TEST_F(BadWeights, WrongTypesAndShapes) {
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).dtype = "F16"; }, HLM_INVALID_ARGUMENT, {kFile, kQuery, "F16"});
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).dtype = "I32"; }, HLM_INVALID_ARGUMENT, {kFile, kQuery, "I32"});
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).dtype = "Q3"; }, HLM_INVALID_ARGUMENT, {kFile, kQuery, "Q3"});
  ExpectTensorsFail(
      [](auto& t) {
        Find(t, kQuery).shape = {16, 64};
      },
      HLM_INVALID_ARGUMENT, {kFile, kQuery, "[16, 64]", "[32, 32]"});
  ExpectTensorsFail([](auto& t) { Find(t, kQuery).shape = {1024}; }, HLM_INVALID_ARGUMENT, {kFile, kQuery, "[1024]"});
  ExpectTensorsFail(
      [](auto& t) {
        Find(t, kQuery).shape = {int64_t{1} << 40, int64_t{1} << 40};
      },
      HLM_INVALID_ARGUMENT, {kFile, kQuery});
}

TEST_F(BadWeights, MissingAndExtraTensors) {
  ExpectTensorsFail([](auto& t) { std::erase_if(t, [](const FileTensor& x) { return x.name == kKey; }); }, HLM_INVALID_ARGUMENT,
                    {kFile, kKey, "missing"});
  ExpectTensorsFail([](auto& t) { t.push_back({.name = "model.layers.2.extra", .shape = {1}, .bytes = FloatBytes(1, 0)}); },
                    HLM_INVALID_ARGUMENT, {kFile, "model.layers.2.extra"});
  // A buffer that old checkpoints carry is no weight.
  std::vector<FileTensor> tensors = TinyTensors();
  tensors.push_back({.name = "model.layers.0.self_attn.rotary_emb.inv_freq", .shape = {4}, .bytes = FloatBytes(4, 0)});
  hlm_model* model = nullptr;
  ASSERT_OK(hlm_model_open(WriteModel("inv_freq", tensors).c_str(), &model));
  hlm_model_destroy(model);
}

TEST_F(BadWeights, TiedHeads) {
  std::string config = TinyConfig();
  const std::string untied = "\"tie_word_embeddings\": false";
  config.replace(config.find(untied), untied.size(), "\"tie_word_embeddings\": true");
  std::vector<FileTensor> tensors = TinyTensors();
  ExpectOpenFails(WriteModel("tied_other", tensors, config), HLM_INVALID_ARGUMENT,
                  {kFile, "lm_head.weight", "model.embed_tokens.weight"});
  Find(tensors, "lm_head.weight").bytes = Find(tensors, "model.embed_tokens.weight").bytes;
  hlm_model* model = nullptr;
  ASSERT_OK(hlm_model_open(WriteModel("tied_equal", tensors, config).c_str(), &model));
  hlm_model_destroy(model);
}

TEST_F(BadWeights, ShardIndexes) {
  const std::vector<FileTensor> tensors = TinyTensors();
  const std::string shard = "model-00001-of-00001.safetensors";
  const auto index = [&](const std::string& file_of_query) {
    std::string map;
    for (const FileTensor& tensor : tensors) {
      map += (map.empty() ? "\"" : ",\"") + tensor.name + "\":\"" + (tensor.name == kQuery ? file_of_query : shard) + "\"";
    }
    return R"({"metadata":{},"weight_map":{)" + map + "}}";
  };
  const auto write = [&](const std::string& index_json) {
    return WriteFolder("shards", {{"config.json", TinyConfig()},
                                  {"model.safetensors.index.json", index_json},
                                  {shard, SafetensorsBytes(tensors)},
                                  {"other.safetensors", SafetensorsBytes(std::vector<FileTensor>{})}});
  };
  hlm_model* model = nullptr;
  ASSERT_OK(hlm_model_open(write(index(shard)).c_str(), &model));
  hlm_model_destroy(model);
  ExpectOpenFails(write(index("gone.safetensors")), HLM_NOT_FOUND, {"index.json", "gone.safetensors"});
  ExpectOpenFails(write(index("../../etc/passwd")), HLM_INVALID_ARGUMENT, {"index.json", "passwd"});
  ExpectOpenFails(write(index("other.safetensors")), HLM_INVALID_ARGUMENT, {"index.json", kQuery, "other.safetensors"});
  ExpectOpenFails(write("{}"), HLM_INVALID_ARGUMENT, {"index.json", "weight_map"});
  ExpectOpenFails(write("{\"weight_map\": {"), HLM_INVALID_ARGUMENT, {"index.json", "JSON"});
  ExpectOpenFails(write(R"({"weight_map": {"a": 1}})"), HLM_INVALID_ARGUMENT, {"index.json", "a"});
}

TEST_F(BadWeights, ValuesThatAreNotFiniteAreFoundWhenTheyAreRead) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<FileTensor> tensors = TinyTensors();
    SetFloat(Find(tensors, kQuery), 77, value);
    hlm_model* raw = nullptr;
    ASSERT_OK(hlm_model_open(WriteModel("not_finite", tensors).c_str(), &raw));
    const Model model(raw);
    const Plan plan = TinyPlan(model.get());
    hlm_trainer* trainer = nullptr;
    ExpectError(hlm_trainer_create(model.get(), plan.get(), nullptr, &trainer), HLM_INVALID_ARGUMENT, {kFile, kQuery, "77"});
    EXPECT_EQ(trainer, nullptr);
  }
}

TEST_F(BadWeights, FilesThatShrinkAfterOpeningAreDataLoss) {
  const std::string folder = WriteModel("shrinks", TinyTensors());
  hlm_model* raw = nullptr;
  ASSERT_OK(hlm_model_open(folder.c_str(), &raw));
  const Model model(raw);
  const Plan plan = TinyPlan(model.get());
  std::filesystem::resize_file(folder + "/" + kFile, 5000);
  hlm_trainer* trainer = nullptr;
  ExpectError(hlm_trainer_create(model.get(), plan.get(), nullptr, &trainer), HLM_DATA_LOSS, {kFile});
  EXPECT_EQ(trainer, nullptr);
}

}  // namespace
}  // namespace hlm_test
