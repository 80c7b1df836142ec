// What can happen to a checkpoint and to the files under it: every damage is found and passed over, every file operation may
// fail.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/machine/devices.h"
#include "core/save/checksum.h"
#include "core/save/directory.h"
#include "core/save/manifest.h"
#include "core/save/model.h"
#include "core/train/trainer.h"
#include "tests/equivalence/run.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTensor = "model.layers.0.mlp.up_proj.weight";

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
void WriteAll(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  ASSERT_TRUE(file.flush().good());
}

class CheckpointFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/checkpoint_faults";
    fs::remove_all(folder_);
    const auto model = Model::Create(TinyConfig(true, true, 2), 3);
    PlanOptions options;
    options.batch_size = 1, options.seq_len = 8, options.threads = 1, options.optimizer_threads = 2;
    const auto plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
    TrainerOptions trainer;
    trainer.schedule.lr = 1e-2;
    trainer_ = std::make_unique<Trainer>(model, plan, trainer, MakeDevice(*plan));
    Step();
    trainer_->Save(folder_, {.background = false});
    first_ = State();
    Step();
    second_ = State();
    ASSERT_NE(first_, second_);
  }
  void TearDown() override {
    internal::SetFileFault(nullptr);
    trainer_.reset();
    fs::remove_all(folder_);
  }

  void Step() {
    const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6};
    const std::vector<int64_t> offsets = {0, 6};
    Batch batch;
    batch.ids = ids, batch.offsets = offsets;
    trainer_->Step(batch);
  }
  std::vector<float> State() {
    std::vector<float> values(2 * 40 * 32);
    trainer_->ReadTensor(kTensor, TensorKind::kWeight, 0, values.data(), values.size() * 2);
    trainer_->ReadTensor(kTensor, TensorKind::kSecondMoment, 0, values.data() + 40 * 32, values.size() * 2);
    return values;
  }
  int64_t Resumed(int64_t* passed_over = nullptr) {
    const auto json = nlohmann::json::parse(trainer_->Resume(folder_, false));
    if (passed_over != nullptr) *passed_over = static_cast<int64_t>(json["passed_over"].size());
    return json["step"];
  }
  std::vector<std::string> Names() const { return ListFolder(folder_); }

  std::string folder_;
  std::unique_ptr<Trainer> trainer_;
  std::vector<float> first_, second_;
};

struct Fault {
  const char* verb = nullptr;
  int at = 0, error_number = 0;
  std::atomic<int> seen{0};
} fault;

int Inject(const char* verb, const char*) {
  if (std::strcmp(verb, fault.verb) != 0) return 0;
  return fault.seen++ == fault.at ? fault.error_number : 0;
}
void Arm(const char* verb, int at, int error_number) {
  fault.verb = verb, fault.at = at, fault.error_number = error_number, fault.seen = 0;
  internal::SetFileFault(Inject);
}

TEST_F(CheckpointFaults, EveryOperationOfASaveMayFail) {
  struct Kind {
    const char* verb;
    int error_number;
    Code code;
    int least;
  };
  const Kind kinds[] = {{"create", ENOSPC, Code::kResourceExhausted, 5},
                        {"write", ENOSPC, Code::kResourceExhausted, 10},
                        {"write", EIO, Code::kDataLoss, 10},
                        {"sync", EIO, Code::kDataLoss, 7},
                        {"rename", EACCES, Code::kFailedPrecondition, 1},
                        {"open", EMFILE, Code::kResourceExhausted, 1},
                        {"read", EIO, Code::kDataLoss, 1}};
  for (const Kind& kind : kinds) {
    int at = 0;
    for (;; ++at) {
      SCOPED_TRACE(StrCat(kind.verb, " ", at));
      ASSERT_LT(at, 1000);
      Arm(kind.verb, at, kind.error_number);
      std::string message;
      const Code code = CodeOf([&] { trainer_->Save(folder_, {.background = false}); }, &message);
      internal::SetFileFault(nullptr);
      if (code == Code::kOk) break;
      EXPECT_EQ(code, kind.code) << message;
      EXPECT_NE(message.find("checkpoint_faults"), std::string::npos) << message;
      ASSERT_EQ(Names(), std::vector<std::string>{"step-000000000001"});
      EXPECT_EQ(State(), second_);
    }
    EXPECT_GE(at, kind.least);
    // Now it is there. The one before is as good as it was.
    ASSERT_EQ(Names().size(), 2u);
    EXPECT_EQ(Resumed(), 2);
    EXPECT_EQ(State(), second_);
    fs::remove_all(folder_ + "/step-000000000002");
    EXPECT_EQ(Resumed(), 1);
    EXPECT_EQ(State(), first_);
    Step();
    EXPECT_EQ(State(), second_) << "it goes on as it did the first time";
  }
}

TEST_F(CheckpointFaults, EveryOperationOfAResumeMayFail) {
  trainer_->Save(folder_, {.background = false});
  struct Kind {
    const char* verb;
    int error_number;
  };
  for (const Kind& kind : {Kind{"open", EMFILE}, Kind{"open", EIO}, Kind{"read", EIO}}) {
    int at = 0, first = 0, failed = 0;
    for (;; ++at) {
      SCOPED_TRACE(StrCat(kind.verb, " ", at));
      ASSERT_LT(at, 1000);
      Arm(kind.verb, at, kind.error_number);
      int64_t step = 0, passed_over = 0;
      std::string message;
      const Code code = CodeOf([&] { step = Resumed(&passed_over); }, &message);
      internal::SetFileFault(nullptr);
      const bool reached = fault.seen > at;
      if (code != Code::kOk) {
        ++failed;
        EXPECT_EQ(code, Code::kResourceExhausted) << message;
      } else {
        // One cannot be read: the other is taken.
        first += step == 1;
        EXPECT_EQ(State(), step == 1 ? first_ : second_);
      }
      EXPECT_EQ(Resumed(), 2);
      EXPECT_EQ(State(), second_);
      if (!reached) break;
    }
    EXPECT_GT(at, 4);
    EXPECT_GT(kind.error_number == EMFILE ? failed : first, 3);
  }
}

TEST_F(CheckpointFaults, EveryDamageToAFileIsFoundNamedAndPassedOver) {
  trainer_->Save(folder_, {.background = false});
  const fs::path newest = folder_ + "/step-000000000002";
  for (const std::string& name : ListFolder(newest.string())) {
    SCOPED_TRACE(name);
    const std::string whole = ReadAll(newest / name);
    const auto expect_passed_over = [&](const std::string& what) {
      const auto json = nlohmann::json::parse(trainer_->Resume(folder_, false));
      EXPECT_EQ(json["step"], 1) << what;
      ASSERT_EQ(json["passed_over"].size(), 1u) << what;
      EXPECT_NE(json["passed_over"][0]["path"].get<std::string>().find("step-000000000002"), std::string::npos);
      EXPECT_NE(json["passed_over"][0]["reason"].get<std::string>().find(name), std::string::npos) << json;
      EXPECT_EQ(State(), first_);
    };
    for (const size_t at : {size_t{0}, size_t{9}, whole.size() / 2, whole.size() / 3, whole.size() - 1}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 4);
      WriteAll(newest / name, bytes);
      expect_passed_over(StrCat("bit flipped in byte ", at));
    }
    for (const size_t size : {size_t{0}, size_t{5}, whole.size() / 2, whole.size() - 1}) {
      WriteAll(newest / name, whole.substr(0, size));
      expect_passed_over(StrCat("cut to ", size));
    }
    WriteAll(newest / name, whole + "x");
    expect_passed_over("longer");
    fs::remove(newest / name);
    expect_passed_over("removed");
    fs::create_directory(newest / name);
    expect_passed_over("a folder");
    fs::remove(newest / name);
    WriteAll(newest / name, whole);
    EXPECT_EQ(Resumed(), 2);
  }
}

TEST_F(CheckpointFaults, EveryBitOfAManifestCounts) {
  const std::string text = ReadAll(folder_ + "/step-000000000001/manifest.json");
  EXPECT_EQ(ParseManifest(text, "m").step, 1);
  for (size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = text;
      other[at] = static_cast<char>(other[at] ^ (1 << bit));
      const Code code = CodeOf([&] { ParseManifest(other, "m"); });
      ASSERT_TRUE(code == Code::kDataLoss || code == Code::kUnimplemented)
          << "bit " << bit << " of byte " << at << " " << CodeName(code);
      ASSERT_FALSE(ManifestIsWhole(other));
    }
  }
  for (size_t size = 0; size < text.size(); ++size)
    ASSERT_EQ(CodeOf([&] { ParseManifest(text.substr(0, size), "m"); }), Code::kDataLoss);
}

TEST_F(CheckpointFaults, ANewerFormatIsUnimplemented) {
  const fs::path path = folder_ + "/step-000000000001/manifest.json";
  std::string text = ReadAll(path);
  const std::string version = "\"version\": 1";
  ASSERT_NE(text.find(version), std::string::npos);
  text.replace(text.find(version), version.size(), "\"version\": 7");
  WriteAll(path, text);
  std::string message;
  EXPECT_EQ(CodeOf([&] { Resumed(); }, &message), Code::kUnimplemented);
  EXPECT_NE(message.find("version 7"), std::string::npos) << message;
  EXPECT_NE(message.find(StrCat("up to ", kCheckpointVersion)), std::string::npos) << message;
  EXPECT_EQ(State(), second_) << "nothing was replaced";
  // The newest of a newer format: going on from an older one would lose what was trained since.
  trainer_->Save(folder_, {.background = false});
  EXPECT_EQ(Resumed(), 2);
  const fs::path newest = folder_ + "/step-000000000002/manifest.json";
  text = ReadAll(newest);
  text.replace(text.find(version), version.size(), StrCat("\"version\": ", kCheckpointVersion + 1));
  constexpr size_t kTail = 16 + 4;  // the sum's digits and the end
  text.replace(text.size() - kTail, 16, ChecksumText(ChecksumOf(text.substr(0, text.size() - kTail))));
  ASSERT_TRUE(ManifestIsWhole(text));
  WriteAll(newest, text);
  text = ReadAll(path);
  text.replace(text.find("\"version\": 7"), version.size(), version);
  WriteAll(path, text);
  EXPECT_EQ(CodeOf([&] { Resumed(); }), Code::kUnimplemented);
  fs::remove_all(folder_ + "/step-000000000002");
  EXPECT_EQ(Resumed(), 1);
}

TEST_F(CheckpointFaults, TheStepInTheManifestDecidesAndNotTheName) {
  trainer_->Save(folder_, {.background = false});
  fs::rename(folder_ + "/step-000000000001", folder_ + "/step-000000000009");
  EXPECT_EQ(Resumed(), 2);
}

TEST_F(CheckpointFaults, KeepNeverCountsADamagedOne) {
  for (int step = 3; step <= 5; ++step) {
    Step();
    trainer_->Save(folder_, {.background = false});
  }
  fs::resize_file(folder_ + "/step-000000000004/block.0.safetensors", 100);
  Step();
  trainer_->Save(folder_, {.keep = 3, .background = false});
  EXPECT_EQ(Names(),
            (std::vector<std::string>{"step-000000000003", "step-000000000004", "step-000000000005", "step-000000000006"}));
  Step();
  trainer_->Save(folder_, {.keep = 2, .background = false});
  EXPECT_EQ(Names(), (std::vector<std::string>{"step-000000000006", "step-000000000007"}));
}

TEST_F(CheckpointFaults, WhatAKilledProcessLeftIsRemoved) {
  fs::create_directories(folder_ + "/.step-000000000005.new-1-0");
  WriteAll(folder_ + "/.step-000000000005.new-1-0/block.0.safetensors", "half");
  fs::create_directories(folder_ + "/.step-000000000005.gone-1-0");
  fs::create_directories(folder_ + "/.step-mine");
  const FolderLock alive(folder_ + "/.step-mine");
  fs::create_directories(folder_ + "/.step-000000000006.new-1-0");
  const FolderLock other(folder_ + "/.step-000000000006.new-1-0");
  trainer_->Save(folder_, {.background = false});
  EXPECT_EQ(Names(),
            (std::vector<std::string>{".step-000000000006.new-1-0", ".step-mine", "step-000000000001", "step-000000000002"}));
}

TEST_F(CheckpointFaults, ADamagedCheckpointIsNoModel) {
  const std::string path = folder_ + "/step-000000000001";
  const auto model = OpenModelOrCheckpoint(path);
  const auto read = [&](const Model& from) {
    int64_t unit = 0;
    std::vector<float> values(40 * 32);
    from.weights().Read(*FindTensor(from.layout(), kTensor, &unit), 0, 40 * 32, values.data());
    return values;
  };
  EXPECT_EQ(read(*model), std::vector<float>(first_.begin(), first_.begin() + 40 * 32));
  std::string bytes = ReadAll(path + "/block.0.safetensors");
  const auto units = ParseManifest(ReadAll(path + "/manifest.json"), "m").units;
  for (const StoredArray& array : units[1].arrays) {
    std::string other = bytes;
    other[static_cast<size_t>(array.begin)] ^= 1;
    WriteAll(path + "/block.0.safetensors", other);
    const bool used = array.kind == ArrayKind::kWeights || array.kind == ArrayKind::kRemainders;
    EXPECT_EQ(CodeOf([&] { read(*OpenModelOrCheckpoint(path)); }), used ? Code::kDataLoss : Code::kOk) << Name(array.kind);
  }
  // The first one's files stay open, whatever becomes of their names.
  fs::remove_all(path);
  EXPECT_EQ(read(*model).size(), 40u * 32);
}

}  // namespace
}  // namespace hlm
