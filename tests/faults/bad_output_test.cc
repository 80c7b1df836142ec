// Outputs that cannot be written and models that do not fit: an error with the path or the numbers; what was there stays, nothing
// half is left, and the trainer trains on.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/faults/model_folder.h"

namespace hlm_test {
namespace {

namespace fs = std::filesystem;

// No file of this process grows beyond `bytes` while this lives: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    former_handler_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &former_);
    const rlimit small{bytes, former_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &former_);
    signal(SIGXFSZ, former_handler_);
  }

 private:
  rlimit former_{};
  void (*former_handler_)(int) = nullptr;
};

class BadOutput : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override {
    Step();
    EXPECT_OK(hlm_trainer_save_model(trainer_.get(), (root_ / "at_last").c_str(), nullptr));
    EXPECT_TRUE(fs::exists(root_ / "at_last" / "model.safetensors"));
  }
  void Step() {
    const Documents documents = TinyDocuments();
    const hlm_batch batch = documents.Get();
    EXPECT_OK(hlm_trainer_step(trainer_.get(), &batch, nullptr));
  }
  std::vector<std::string> Entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  const fs::path root_ = fs::path(testing::TempDir()) / "bad_output";
  const Trainer trainer_ = TinyTrainer();
};

TEST_F(BadOutput, BelowAFile) {
  std::ofstream(root_ / "file") << "a file";
  const std::string target = root_ / "file" / "out";
  ExpectError(hlm_trainer_save_model(trainer_.get(), target.c_str(), nullptr), HLM_FAILED_PRECONDITION, {"file"});
  ExpectError(hlm_model_save(TinyModel().get(), target.c_str(), nullptr), HLM_FAILED_PRECONDITION, {"file"});
  EXPECT_EQ(Entries(), std::vector<std::string>{"file"});
}

TEST_F(BadOutput, InAFolderThatIsNotThere) {
  const std::string target = root_ / "gone" / "out";
  ExpectError(hlm_trainer_save_model(trainer_.get(), target.c_str(), nullptr), HLM_NOT_FOUND, {"gone"});
  EXPECT_TRUE(Entries().empty());
}

TEST_F(BadOutput, AFileInItsPlace) {
  std::ofstream(root_ / "out") << "a file";
  ExpectError(hlm_trainer_save_model(trainer_.get(), (root_ / "out").c_str(), nullptr), HLM_INVALID_ARGUMENT,
              {"out", "not a folder"});
  EXPECT_EQ(fs::file_size(root_ / "out"), 6u);
}

TEST_F(BadOutput, FullDiskLeavesNothingAndTheOldFolderAsItWas) {
  const fs::path target = root_ / "out";
  ASSERT_OK(hlm_trainer_save_model(trainer_.get(), target.c_str(), nullptr));
  const auto size = fs::file_size(target / "model.safetensors");
  Step();
  hlm_save_options options;
  hlm_save_options_init(&options);
  options.overwrite = 1;
  for (const rlim_t bytes : {rlim_t{0}, rlim_t{100}, rlim_t{4096}, static_cast<rlim_t>(size - 1)}) {
    SCOPED_TRACE(bytes);
    const FullDisk full(bytes);
    ExpectError(hlm_trainer_save_model(trainer_.get(), target.c_str(), &options), HLM_RESOURCE_EXHAUSTED, {".safetensors"});
    ExpectError(hlm_trainer_save_model(trainer_.get(), (root_ / "new").c_str(), nullptr), HLM_RESOURCE_EXHAUSTED,
                {".safetensors"});
  }
  EXPECT_EQ(Entries(), std::vector<std::string>{"out"});
  hlm_model* model = nullptr;
  EXPECT_OK(hlm_model_open(target.c_str(), &model));
  hlm_model_destroy(model);
}

TEST_F(BadOutput, Traces) {
  ASSERT_OK(hlm_trainer_trace_start(trainer_.get()));
  Step();
  ExpectError(hlm_trainer_trace_write(trainer_.get(), (root_ / "gone" / "trace.json").c_str()), HLM_NOT_FOUND, {"gone", "trace"});
  ExpectError(hlm_trainer_trace_write(trainer_.get(), "/dev/full"), HLM_RESOURCE_EXHAUSTED, {"/dev/full", "No space left"});
  Step();  // the trace goes on
  EXPECT_OK(hlm_trainer_trace_write(trainer_.get(), (root_ / "trace.json").c_str()));
  EXPECT_GT(fs::file_size(root_ / "trace.json"), 100u);
}

TEST(DoesNotFit, ALimitBelowTheNeedIsRefusedWithTheNumbers) {
  const Model model = TinyModel();
  hlm_plan_options options = TinyPlanOptions();
  options.host_limit_bytes = 1000000;
  hlm_plan* plan = nullptr;
  const std::string refused = Text(hlm_plan_make(model.get(), &options, &plan));
  EXPECT_EQ(plan, nullptr);
  EXPECT_EQ(refused.rfind("RESOURCE_EXHAUSTED: ", 0), 0u) << refused;
  EXPECT_NE(refused.find("1000000 may be used"), std::string::npos) << refused;

  // The need that it names is true to the byte.
  const std::string before = "needs ";
  ASSERT_NE(refused.find(before), std::string::npos) << refused;
  const int64_t needed = std::stoll(refused.substr(refused.find(before) + before.size()));
  options.host_limit_bytes = needed - 1;
  ExpectError(hlm_plan_make(model.get(), &options, &plan), HLM_RESOURCE_EXHAUSTED,
              {std::to_string(needed), std::to_string(needed - 1)});
  options.host_limit_bytes = needed;
  int64_t host_bytes = 0;
  EXPECT_OK(hlm_plan_value(TinyPlan(model.get(), options).get(), "host_bytes", &host_bytes));
  EXPECT_EQ(host_bytes, needed);
}

TEST(DoesNotFit, AModelLargerThanAnyMachineIsRefusedBeforeAnythingIsAllocated) {
  const std::string config = R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256,
      "hidden_size": 65536, "num_hidden_layers": 1000, "num_attention_heads": 512, "num_key_value_heads": 64,
      "intermediate_size": 262144})";
  hlm_model* raw = nullptr;
  ASSERT_OK(hlm_model_create(config.c_str(), 0, &raw));
  const Model model(raw);
  hlm_plan* plan = nullptr;
  ExpectError(hlm_plan_make(model.get(), nullptr, &plan), HLM_RESOURCE_EXHAUSTED, {"bytes"});
  EXPECT_EQ(plan, nullptr);
  ExpectEverythingStillWorks();
}

}  // namespace
}  // namespace hlm_test
