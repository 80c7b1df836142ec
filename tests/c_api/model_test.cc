// Models through the ABI: what describe says, and save and open as each other's inverse.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

namespace fs = std::filesystem;

fs::path Folder(const std::string& name) {
  const fs::path folder = fs::path(testing::TempDir()) / ("model_test_" + name);
  fs::remove_all(folder);
  return folder;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string Describe(const hlm_model* model) {
  char* text = nullptr;
  EXPECT_OK(hlm_model_describe(model, &text));
  const String own(text);
  return own == nullptr ? "" : own.get();
}

TEST(Model, DescribeNamesShapesUnitsAndTensors) {
  const std::string text = Describe(TinyModel().get());
  // Two [48, 32] matrices; a block: q and o 32 x 32, k and v 16 x 32, three 64 x 32, two norms of 32; the final norm.
  const int parameters = 2 * 48 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 64 * 32 + 2 * 32) + 32;
  for (const std::string& part :
       {std::string(R"("architecture":"LlamaForCausalLM")"), "\"parameters\":" + std::to_string(parameters),
        std::string(R"("vocab_size":48)"), std::string(R"("hidden_size":32)"), std::string(R"("num_hidden_layers":2)"),
        std::string(R"("num_attention_heads":4)"), std::string(R"("num_key_value_heads":2)"), std::string(R"("head_dim":8)"),
        std::string(R"("intermediate_size":64)"), std::string(R"("tied":false)"), std::string(R"("source_dtype":null)"),
        std::string(R"({"name":"model.layers.1.self_attn.k_proj.weight","shape":[16,32],"unit":"block.1"})")}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
  }
}

// The window of the layers that slide, null where none does; and each layer's own, 0 for full attention.
TEST(Model, DescribeNamesTheWindows) {
  // The tiny model as another family; a missing model_type is as good as the right one.
  const auto describe = [](const std::string& family, const std::string& more) {
    std::string config = TinyConfig();
    const std::string llama = "Llama", type = R"("model_type": "llama",)";
    config.replace(config.find(llama), llama.size(), family);
    config.replace(config.find(type), type.size(), more);
    hlm_model* raw = nullptr;
    EXPECT_OK(hlm_model_create(config.c_str(), 1, &raw));
    return Describe(Model(raw).get());
  };
  const auto expect = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
  };
  expect(describe("Llama", ""), R"("sliding_window":null,"layer_windows":[0,0])");
  expect(describe("Mistral", R"("sliding_window": 8,)"), R"("sliding_window":8,"layer_windows":[8,8])");
  expect(describe("Mistral", R"("sliding_window": null,)"), R"("sliding_window":null,"layer_windows":[0,0])");
  expect(describe("Qwen2", R"("use_sliding_window": true, "sliding_window": 5, "max_window_layers": 1,)"),
         R"("sliding_window":5,"layer_windows":[0,5])");
  expect(describe("Qwen2", R"("use_sliding_window": false, "sliding_window": 5, "max_window_layers": 1,)"),
         R"("sliding_window":null,"layer_windows":[0,0])");
}

TEST(Model, SaveThenOpenGivesTheSameWeights) {
  const Model model = TinyModel();
  const fs::path folder = Folder("round_trip");
  hlm_save_options options;
  hlm_save_options_init(&options);
  options.dtype = HLM_DTYPE_F32;
  ASSERT_OK(hlm_model_save(model.get(), folder.c_str(), &options));
  hlm_model* raw = nullptr;
  ASSERT_OK(hlm_model_open(folder.c_str(), &raw));
  const Model opened(raw);
  EXPECT_NE(Describe(opened.get()).find(R"("source_dtype":"f32")"), std::string::npos);

  // Saved again with its own type, byte for byte the same.
  const fs::path again = Folder("again");
  ASSERT_OK(hlm_model_save(opened.get(), again.c_str(), nullptr));
  EXPECT_EQ(ReadFile(folder / "model.safetensors"), ReadFile(again / "model.safetensors"));
}

TEST(Model, FromASeedBf16IsTheDefault) {
  const fs::path folder = Folder("bf16");
  ASSERT_OK(hlm_model_save(TinyModel().get(), folder.c_str(), nullptr));
  hlm_model* raw = nullptr;
  ASSERT_OK(hlm_model_open(folder.c_str(), &raw));
  const Model opened(raw);
  EXPECT_NE(Describe(opened.get()).find(R"("source_dtype":"bf16")"), std::string::npos);
}

// -1 was called SOURCE, and programs that were compiled then pass it.
TEST(Model, TheDefaultTypeIsAutoWhichIsMinusOne) {
  hlm_save_options options;
  hlm_save_options_init(&options);
  EXPECT_EQ(options.dtype, HLM_DTYPE_AUTO);
  EXPECT_EQ(HLM_DTYPE_AUTO, -1);
  // Where nothing is packed the two are one.
  const fs::path automatic = Folder("auto"), source = Folder("source");
  ASSERT_OK(hlm_model_save(TinyModel().get(), automatic.c_str(), &options));
  options.dtype = HLM_DTYPE_SOURCE;
  ASSERT_OK(hlm_model_save(TinyModel().get(), source.c_str(), &options));
  EXPECT_EQ(ReadFile(automatic / "model.safetensors"), ReadFile(source / "model.safetensors"));
  options.dtype = 4;
  ExpectError(hlm_model_save(TinyModel().get(), Folder("other").c_str(), &options), HLM_INVALID_ARGUMENT,
              {"dtype is 4", "-1 (AUTO)", "3 (SOURCE)"});
}

TEST(Model, SeedsMatter) {
  const auto weights = [](int64_t seed, const std::string& name) {
    hlm_model* raw = nullptr;
    EXPECT_OK(hlm_model_create(TinyConfig().c_str(), seed, &raw));
    const Model model(raw);
    const fs::path folder = Folder(name);
    EXPECT_OK(hlm_model_save(model.get(), folder.c_str(), nullptr));
    return ReadFile(folder / "model.safetensors");
  };
  EXPECT_EQ(weights(1, "seed_a"), weights(1, "seed_b"));
  EXPECT_NE(weights(1, "seed_a"), weights(-1, "seed_c"));
}

TEST(Model, ExistingFolderIsKeptUnlessOverwritten) {
  const Model model = TinyModel();
  const fs::path folder = Folder("existing");
  fs::create_directory(folder);
  std::ofstream(folder / "precious.txt") << "mine";
  ExpectError(hlm_model_save(model.get(), folder.c_str(), nullptr), HLM_ALREADY_EXISTS, {folder.string()});
  EXPECT_EQ(ReadFile(folder / "precious.txt"), "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
  hlm_save_options options;
  hlm_save_options_init(&options);
  options.overwrite = 1;
  ExpectError(hlm_model_save(model.get(), folder.c_str(), &options), HLM_FAILED_PRECONDITION, {folder.string(), "precious.txt"});
  EXPECT_EQ(ReadFile(folder / "precious.txt"), "mine");
  fs::remove(folder / "precious.txt");
  for (int time = 0; time < 2; ++time) EXPECT_OK(hlm_model_save(model.get(), folder.c_str(), &options));
  EXPECT_TRUE(fs::exists(folder / "config.json"));
}

}  // namespace
}  // namespace hlm_test
