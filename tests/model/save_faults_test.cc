// A save that fails at any moment: a clean error that names the file, the target as it was, nothing left beside it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/io/file.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

// Fails the operation of this number, counted from 0 over the operations of one kind (any kind where it is null).
struct Fault {
  const char* verb;
  int at;
  int error_number;
  int seen;
};
Fault fault;

int Inject(const char* verb, const char*) {
  if (fault.verb != nullptr && std::strcmp(verb, fault.verb) != 0) return 0;
  return fault.seen++ == fault.at ? fault.error_number : 0;
}

class SaveFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteModelFolder(source_, TinyConfig("Llama"), "F16");
    WriteText(source_ + "/tokenizer.json", "tok");
    model_ = Model::Open(source_);
  }
  void TearDown() override { internal::SetFileFault(nullptr); }

  // true where the save came through although the fault was armed: there is no operation of that number.
  bool SaveWithFault(const Fault& armed, Code expected, bool overwrite) {
    fault = armed;
    internal::SetFileFault(Inject);
    bool saved = false;
    try {
      SaveFolder(*model_, WeightsOf(*model_), out_, {.overwrite = overwrite, .max_shard_bytes = 3000});
      saved = true;
    } catch (const Error& error) {
      EXPECT_EQ(CodeName(error.code()), std::string(CodeName(expected))) << error.message();
      EXPECT_NE(error.message().find(folder_.path()), std::string::npos) << error.message();
    }
    internal::SetFileFault(nullptr);
    EXPECT_EQ(saved, fault.seen <= fault.at);
    return saved;
  }

  TestFolder folder_;
  std::string source_ = folder_ / "source", out_ = folder_ / "out";
  std::shared_ptr<const Model> model_;
};

TEST_F(SaveFaults, EveryOperationMayFailOnceAndNothingIsLeft) {
  struct Kind {
    const char* verb;
    int error_number;
    Code code;
  };
  const Kind kinds[] = {{nullptr, EACCES, Code::kFailedPrecondition},
                        {"create", ENOSPC, Code::kResourceExhausted},
                        {"write", ENOSPC, Code::kResourceExhausted},
                        {"write", EDQUOT, Code::kResourceExhausted},
                        {"sync", EIO, Code::kDataLoss},
                        {"rename", EACCES, Code::kFailedPrecondition}};
  for (const Kind& kind : kinds) {
    int at = 0;
    for (; at < 1000; ++at) {
      SCOPED_TRACE(StrCat(kind.verb == nullptr ? "any" : kind.verb, " ", at));
      const bool saved = SaveWithFault({kind.verb, at, kind.error_number, 0}, kind.code, false);
      ASSERT_EQ(List(folder_.path()), saved ? (Names{"out", "source"}) : (Names{"source"}));
      if (saved) break;
    }
    EXPECT_GT(at, 0) << kind.verb;
    EXPECT_LT(at, 1000);
    EXPECT_EQ(Model::Open(out_)->layout().parameters, model_->layout().parameters);
    fs::remove_all(out_);
  }
}

TEST_F(SaveFaults, AFolderThatIsOverwrittenIsKeptUntilTheEnd) {
  for (int at = 0; at < 1000; ++at) {
    SCOPED_TRACE(at);
    fs::create_directories(out_);
    WriteText(out_ + "/config.json", "old");
    WriteText(out_ + "/vocab.json", "old");
    const bool saved = SaveWithFault({nullptr, at, EACCES, 0}, Code::kFailedPrecondition, true);
    ASSERT_EQ(List(folder_.path()), (Names{"out", "source"}));
    if (saved) {
      EXPECT_GT(at, 10);
      EXPECT_EQ(ReadText(out_ + "/tokenizer.json"), "tok");
      EXPECT_FALSE(fs::exists(out_ + "/vocab.json"));
      return;
    }
    ASSERT_EQ(List(out_), (Names{"config.json", "vocab.json"}));
    ASSERT_EQ(ReadText(out_ + "/config.json"), "old");
  }
  FAIL() << "never saved";
}

// As on file systems that cannot exchange two names (some that lie on other machines): the former folder goes aside, and comes back where
// a later step fails.
TEST_F(SaveFaults, AFileSystemThatCannotExchangeNames) {
  static int at, seen;
  const auto no_exchange = [](const char* verb, const char*) {
    if (std::strcmp(verb, "exchange") == 0) return EINVAL;
    const bool later = std::strcmp(verb, "rename") == 0 || std::strcmp(verb, "sync") == 0;
    return later && seen++ == at ? EIO : 0;
  };
  for (at = 0; at < 1000; ++at) {
    SCOPED_TRACE(at);
    seen = 0;
    fs::create_directories(out_);
    WriteText(out_ + "/config.json", "old");
    internal::SetFileFault(no_exchange);
    Code code = Code::kOk;
    try {
      SaveFolder(*model_, WeightsOf(*model_), out_, {.overwrite = true, .max_shard_bytes = 3000});
    } catch (const Error& error) {
      code = error.code();
    }
    internal::SetFileFault(nullptr);
    ASSERT_EQ(List(folder_.path()), (Names{"out", "source"}));
    EXPECT_EQ(code == Code::kOk, seen <= at);
    if (code == Code::kOk) {
      EXPECT_GT(at, 5);
      EXPECT_EQ(Model::Open(out_)->layout().parameters, model_->layout().parameters);
      return;
    }
    EXPECT_EQ(code, Code::kDataLoss);
    ASSERT_EQ(List(out_), Names{"config.json"});
    ASSERT_EQ(ReadText(out_ + "/config.json"), "old");
  }
  FAIL() << "never saved";
}

TEST_F(SaveFaults, AnEmptyFolderStaysWhereItWas) {
  fs::create_directory(out_);
  for (int at = 0; at < 1000; ++at) {
    SCOPED_TRACE(at);
    const bool saved = SaveWithFault({"sync", at, EIO, 0}, Code::kDataLoss, false);
    ASSERT_EQ(List(folder_.path()), (Names{"out", "source"}));
    if (saved) return;
    ASSERT_TRUE(fs::is_empty(out_));
  }
  FAIL() << "never saved";
}

TEST_F(SaveFaults, AnUnreadableSourceFileFailsTheSave) {
  fault = {"read", 0, EIO, 0};
  const auto ones = [](const TensorSpec&, int64_t, int64_t n, float* out) { std::fill_n(out, n, 1.0f); };
  internal::SetFileFault(Inject);
  ExpectError(Code::kDataLoss, {"tokenizer.json"}, [&] { SaveFolder(*model_, ones, out_, {}); });
  EXPECT_EQ(List(folder_.path()), Names{"source"});
}

// The real thing, not an injected one: the kernel refuses to let a file grow, as on a full disk.
TEST_F(SaveFaults, TheKernelRefusesToWriteMore) {
  rlimit former;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &former), 0);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  rlimit small = former;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  // Collected without a file system operation of the test itself while the limit holds.
  Code code = Code::kOk;
  std::string message;
  try {
    SaveFolder(*model_, WeightsOf(*model_), out_, {});
  } catch (const Error& error) {
    code = error.code();
    message = error.message();
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &former), 0);
  signal(SIGXFSZ, old_handler);
  EXPECT_EQ(CodeName(code), std::string("RESOURCE_EXHAUSTED")) << message;
  EXPECT_NE(message.find("model.safetensors"), std::string::npos) << message;
  EXPECT_EQ(List(folder_.path()), Names{"source"});
  SaveFolder(*model_, WeightsOf(*model_), out_, {});  // the process lives on
  EXPECT_EQ(List(folder_.path()), (Names{"out", "source"}));
}

}  // namespace
}  // namespace hlm
