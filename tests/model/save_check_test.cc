// What a save would fail by is found without saving, and nothing is left of the look.
#include "core/model/save_check.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/io/file.h"
#include "core/model/save_parts.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class SaveCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteModelFolder(source_, TinyConfig("Qwen2", R"({"torch_dtype": "bfloat16"})"), "BF16");
    WriteText(source_ + "/tokenizer.json", std::string(1000, 't'));
    model_ = Model::Open(source_);
  }
  void TearDown() override { internal::SetFileFault(nullptr); }

  int64_t Check(const std::string& folder, const SaveOptions& options = {}) { return CheckSave(*model_, folder, options); }
  void Save(const std::string& folder, const SaveOptions& options = {}) {
    SaveFolder(*model_, WeightsOf(*model_), folder, options);
  }
  // Both refuse with the same code.
  void ExpectBoth(Code code, const Names& parts, const std::string& folder, const SaveOptions& options = {}) {
    SCOPED_TRACE(folder);
    const Names before = List(folder_.path());
    ExpectError(code, parts, [&] { Check(folder, options); });
    ExpectError(code, parts, [&] { Save(folder, options); });
    EXPECT_EQ(List(folder_.path()), before);
  }

  TestFolder folder_;
  std::string source_ = folder_ / "source", out_ = folder_ / "out";
  std::shared_ptr<const Model> model_;
};

TEST_F(SaveCheck, GivesTheSizeAndLeavesNothing) {
  for (const DType type : {DType::kF32, DType::kBF16}) {
    const int64_t weights = model_->layout().parameters * static_cast<int64_t>(SizeOf(type));
    EXPECT_EQ(Check(out_, {.dtype = type}), weights + 1000) << "the tokenizer is carried along";
  }
  EXPECT_EQ(List(folder_.path()), Names{"source"});
  fs::create_directory(out_);
  Check(out_ + "/");
  EXPECT_EQ(List(folder_.path()), (Names{"out", "source"}));
  EXPECT_TRUE(fs::is_empty(out_));
  Save(out_);
  EXPECT_GE(static_cast<int64_t>(fs::file_size(out_ + "/model.safetensors")) + 1000, Check(folder_ / "other"));
}

TEST_F(SaveCheck, RefusesWhatASaveRefuses) {
  WriteText(folder_ / "file", "x");
  ExpectBoth(Code::kInvalidArgument, {"file", "not a folder"}, folder_ / "file", {.overwrite = true});
  ExpectBoth(Code::kFailedPrecondition, {"file"}, folder_ / "file/out");
  ExpectBoth(Code::kNotFound, {"nowhere"}, folder_ / "nowhere/out");
  ExpectBoth(Code::kInvalidArgument, {"empty name"}, "");
  ExpectBoth(Code::kInvalidArgument, {"inside the source"}, source_ + "/out");
  ExpectBoth(Code::kInvalidArgument, {"holds the source"}, folder_.path(), {.overwrite = true});
  ExpectBoth(Code::kAlreadyExists, {source_}, source_);
  ExpectBoth(Code::kInvalidArgument, {"max_shard_bytes"}, out_, {.max_shard_bytes = 0});
  fs::create_symlink(folder_ / "gone", folder_ / "dangling");
  ExpectBoth(Code::kFailedPrecondition, {"leads nowhere"}, folder_ / "dangling");
  Save(out_);
  WriteText(out_ + "/mine", "x");
  ExpectBoth(Code::kFailedPrecondition, {"mine"}, out_, {.overwrite = true});
}

TEST_F(SaveCheck, DotDotDotAndTheRootAreRefused) {
  const fs::path former = fs::current_path();
  fs::create_directories(out_ + "/below");
  fs::current_path(out_ + "/below");
  for (const char* folder : {".", "./", "..", "../..", "/"}) {
    for (const bool overwrite : {false, true}) {
      if (std::string(folder).substr(0, 2) != ".." && folder[0] != '/' && !overwrite) continue;  // empty: below
      EXPECT_THROW(Check(folder, {.overwrite = overwrite}), Error) << folder << " " << overwrite;
    }
  }
  ExpectError(Code::kInvalidArgument, {"working directory"}, [&] { Check("."); });
  fs::current_path(former);
  EXPECT_TRUE(fs::is_empty(out_ + "/below"));
}

TEST_F(SaveCheck, AMountPointIsRefused) {
  struct stat own, parent;
  if (stat("/proc", &own) != 0 || stat("/", &parent) != 0 || own.st_dev == parent.st_dev)
    GTEST_SKIP() << "/proc is no mount point";
  EXPECT_THROW(Check("/proc/sys/out"), Error);
  // An empty one passes all other checks: the folder itself could be replaced.
  for (const char* place : {"/dev/shm", "/dev/mqueue", "/mnt"}) {
    std::error_code error;
    if (stat(place, &own) != 0 || own.st_dev == parent.st_dev || !fs::is_empty(place, error) || error ||
        access("/dev", W_OK) != 0)
      continue;
    ExpectError(Code::kFailedPrecondition, {place, "mount point"}, [&] { Check(place); });
  }
}

TEST_F(SaveCheck, WhatCannotBeWrittenIsRefused) {
  EXPECT_THROW(Check("/proc/out"), Error);
  EXPECT_THROW(Check("/sys/out"), Error);
  if (geteuid() == 0) return;  // may write everywhere
  fs::create_directory(out_);
  chmod(out_.c_str(), 0555);
  ExpectError(Code::kFailedPrecondition, {"out"}, [&] { Check(out_ + "/model"); });
}

// More than any disk has: 2 bytes each of 2^31 - 1 times 65536 and more.
TEST_F(SaveCheck, ADiskThatIsTooSmallIsFoundBefore) {
  const auto huge = Model::Create(
      TinyConfig("Llama", R"({"hidden_size": 65536, "num_attention_heads": 512, "num_key_value_heads": 512, "head_dim": 128,
                                                          "intermediate_size": 1048576, "num_hidden_layers": 1000, "vocab_size": 10000000})"),
      1);
  const int64_t bytes = huge->layout().parameters * 2;
  ExpectError(Code::kResourceExhausted, {"out", std::to_string(bytes), "free"}, [&] { CheckSave(*huge, out_, {}); });
  EXPECT_EQ(List(folder_.path()), Names{"source"});
}

TEST_F(SaveCheck, AFileThatMayNotGrowThatFarIsFoundBefore) {
  rlimit former;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &former), 0);
  rlimit small = former;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Code code = Code::kOk;
  std::string message;
  try {
    Check(out_, {.dtype = DType::kF32});
  } catch (const Error& error) {
    code = error.code();
    message = error.message();
  }
  Check(out_, {.dtype = DType::kF32, .max_shard_bytes = 1024});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &former), 0);
  EXPECT_EQ(code, Code::kResourceExhausted) << message;
  EXPECT_NE(message.find("4096"), std::string::npos) << message;
}

const char* failing_verb;
int FailVerb(const char* verb, const char*) { return std::strcmp(verb, failing_verb) == 0 ? ENOSPC : 0; }

TEST_F(SaveCheck, EveryOperationThatFailsIsFoundAndLeavesNothing) {
  for (const char* verb : {"create", "write", "sync"}) {
    failing_verb = verb;
    internal::SetFileFault(FailVerb);
    EXPECT_THROW(Check(out_), Error) << verb;
    EXPECT_THROW(CheckCheckpoints(folder_ / "ckpt", 1), Error) << verb;
    internal::SetFileFault(nullptr);
    EXPECT_EQ(List(folder_.path()), Names{"source"}) << verb;
  }
}

TEST_F(SaveCheck, ADirectoryOfCheckpoints) {
  const std::string directory = folder_ / "ckpt";
  CheckCheckpoints(directory, 1);
  CheckCheckpoints(directory + "/", 1);
  EXPECT_EQ(List(folder_.path()), Names{"source"}) << "made and removed";
  fs::create_directory(directory);
  WriteText(directory + "/mine", "x");
  CheckCheckpoints(directory, 1);
  EXPECT_EQ(List(directory), Names{"mine"});
  ExpectError(Code::kResourceExhausted, {"ckpt", std::to_string(INT64_MAX), "free"},
              [&] { CheckCheckpoints(directory, INT64_MAX); });
  ExpectError(Code::kInvalidArgument, {"mine", "not a folder"}, [&] { CheckCheckpoints(directory + "/mine", 1); });
  ExpectError(Code::kNotFound, {"no/ckpt"}, [&] { CheckCheckpoints(folder_ / "no/ckpt", 1); });
  ExpectError(Code::kInvalidArgument, {"empty name"}, [&] { CheckCheckpoints("", 1); });
  for (const char* place : {"/proc/ckpt", "/proc", "/sys/ckpt", "/proc/self/ckpt"})
    EXPECT_THROW(CheckCheckpoints(place, 1), Error) << place;
  EXPECT_EQ(List(directory), Names{"mine"});
}

std::string removed_under_us;
int removals = 0;
bool made_again = false;  // by a third, before anybody looks
int RemoveIt(const char* verb, const char* path) {
  const char* inside = std::strstr(path, "ckpt/.");
  if (std::strcmp(verb, "create") != 0 || inside == nullptr || std::strchr(inside + std::strlen("ckpt/"), '/') != nullptr)
    return 0;
  if (removals > 0) {
    --removals;
    if (made_again) return ENOENT;
    EXPECT_EQ(rmdir(removed_under_us.c_str()), 0) << path;
  }
  return 0;
}

// As the ranks of a group do that look at once, on one file system.
TEST_F(SaveCheck, AnotherRemovesTheDirectoryOfCheckpointsThatItMade) {
  removed_under_us = folder_ / "ckpt";
  for (const int times : {1, 3}) {
    for (const bool again : {false, true}) {
      removals = times, made_again = again;
      internal::SetFileFault(RemoveIt);
      CheckCheckpoints(removed_under_us, 1);
      EXPECT_EQ(removals, 0);
      EXPECT_EQ(List(folder_.path()), Names{"source"});
    }
  }
}

}  // namespace
}  // namespace hlm
