// horizon doctor: what it finds, what it says to do, and the status.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "samples/horizon/commands/doctor.h"
#include "tests/samples/support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string Root(const std::string& name, const std::string& cgroup, const std::string& limit_file, const std::string& limit) {
  const std::string root = Scratch(name);
  fs::create_directories(root + "/proc/self");
  fs::create_directories(root + fs::path(limit_file).parent_path().string());
  WriteFile(root + "/proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:    8388608 kB\n");
  WriteFile(root + "/proc/self/cgroup", cgroup);
  WriteFile(root + limit_file, limit);
  return root;
}

TEST(DoctorTest, MemoryIsWhatTheControlGroupLeaves) {
  using horizon::Health;
  using horizon::MemoryFinding;
  const auto free = MemoryFinding(Root("free", "0::/a/b\n", "/sys/fs/cgroup/a/memory.max", "max\n"));
  EXPECT_EQ(free.health, Health::kGood);
  EXPECT_EQ(free.value, "16.00 GiB, 8.00 GiB of it free");
  const auto second = MemoryFinding(Root("second", "0::/a/b\n", "/sys/fs/cgroup/a/memory.max", "4294967296\n"));
  EXPECT_EQ(second.health, Health::kWarning);
  EXPECT_NE(second.value.find("may use 4.00 GiB (/sys/fs/cgroup/a/memory.max)"), std::string::npos) << second.value;
  EXPECT_NE(second.advice.find("--memory"), std::string::npos);
  const auto first = MemoryFinding(
      Root("first", "3:cpu:/x\n4:hugetlb,memory:/c\n", "/sys/fs/cgroup/memory/c/memory.limit_in_bytes", "2147483648\n"));
  EXPECT_NE(first.value.find("may use 2.00 GiB"), std::string::npos) << first.value;
  const auto none =
      MemoryFinding(Root("none", "4:memory:/c\n", "/sys/fs/cgroup/memory/c/memory.limit_in_bytes", "9223372036854771712\n"));
  EXPECT_EQ(none.health, Health::kGood) << none.value;
  const auto more = MemoryFinding(Root("more", "0::/a\n", "/sys/fs/cgroup/a/memory.max", "34359738368\n"));
  EXPECT_EQ(more.health, Health::kWarning);
  EXPECT_NE(more.value.find("may use more: 32.00 GiB (/sys/fs/cgroup/a/memory.max)"), std::string::npos) << more.value;
  EXPECT_NE(more.advice.find("--host-limit-bytes"), std::string::npos);
  EXPECT_EQ(MemoryFinding(Scratch("nothing-there")).health, Health::kWarning);
}

// Only what a GPU reads is locked.
TEST(DoctorTest, ALimitOfLockedMemoryIsNoWarningWithoutAGpu) {
  const rlimit little = {1 << 16, 1 << 16};
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &before), 0);
  if (setrlimit(RLIMIT_MEMLOCK, &little) != 0) GTEST_SKIP() << "the limit cannot be set";
  EXPECT_EQ(horizon::LockedMemoryFinding(true).health, horizon::Health::kWarning);
  const auto without = horizon::LockedMemoryFinding(false);
  EXPECT_EQ(without.health, horizon::Health::kGood);
  EXPECT_NE(without.value.find("64.00 KiB"), std::string::npos) << without.value;
  EXPECT_EQ(without.advice, "");
}

TEST(DoctorTest, HugePagesThatAreOffAreToldWithWhatToDo) {
  const std::string root = Scratch("pages"), folder = root + "/sys/kernel/mm/transparent_hugepage";
  fs::create_directories(folder);
  const auto finding = [&](const std::string& modes) {
    WriteFile(folder + "/enabled", modes);
    return horizon::HugePagesFinding(root);
  };
  EXPECT_EQ(finding("always [madvise] never\n").health, horizon::Health::kGood);
  EXPECT_EQ(finding("[always] madvise never\n").health, horizon::Health::kGood);
  EXPECT_EQ(finding("always madvise [never]\n").health, horizon::Health::kWarning);
  EXPECT_NE(finding("always madvise [never]\n").advice.find("transparent_hugepage"), std::string::npos);
}

TEST(DoctorTest, AFolderThatCannotBeWrittenToIsAFailure) {
  const Result result = Horizon({"doctor", "--no-self-test", "--dir", Scratch("no-such-folder"), "--json"});
  EXPECT_EQ(result.status, 1);
  const json found = json::parse(result.out);
  EXPECT_EQ(found["ok"], false);
  EXPECT_GE(found["failed"], 1);
  for (const json& finding : found["findings"]) {
    if (finding["name"] != "disk") continue;
    EXPECT_EQ(finding["status"], "failed");
    EXPECT_NE(finding["value"].get<std::string>().find("no-such-folder"), std::string::npos);
    EXPECT_NE(finding["advice"], "");
  }
}

TEST(DoctorTest, ADiskThatHoldsNoCheckpointOrIsSlowIsAWarning) {
  using horizon::DiskFinding;
  using horizon::Health;
  const int64_t little = int64_t{9} << 30, much = int64_t{200} << 30;
  EXPECT_EQ(DiskFinding("here", much, 1e9).health, Health::kGood);
  EXPECT_EQ(DiskFinding("here", much, 1e9).value, "here: 200.00 GiB free, 953.67 MiB/s written and synced");
  EXPECT_EQ(DiskFinding("here", little, 1e9).health, Health::kWarning);
  EXPECT_NE(DiskFinding("here", little, 1e9).advice.find("free some space"), std::string::npos);
  EXPECT_EQ(DiskFinding("here", much, 5e7).health, Health::kWarning);
  EXPECT_NE(DiskFinding("here", much, 5e7).advice.find("28 min 20 s"), std::string::npos) << "85 GB at 50 MB/s";
}

TEST(DoctorTest, AHealthyMachineTrainsTwiceTheSame) {
  const Result result = Horizon({"doctor", "--dir", Scratch("."), "--json"});
  const json found = json::parse(result.out);
  EXPECT_EQ(result.status, found["failed"] == 0 ? 0 : 1);
  std::vector<std::string> names;
  for (const json& finding : found["findings"]) {
    const std::string name = finding["name"];
    names.push_back(name);
    if (name == "self-test cpu") {
      EXPECT_EQ(finding["status"], "ok") << finding;
      EXPECT_NE(finding["value"].get<std::string>().find("twice the same"), std::string::npos);
    }
    if (name == "library") {
      EXPECT_NE(finding["value"].get<std::string>().find("libhorizonlm.so"), std::string::npos) << finding;
    }
  }
  for (const std::string name :
       {"library", "NVIDIA driver", "memory", "huge pages", "locked memory", "disk", "--device auto", "cpu", "self-test cpu"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
}

}  // namespace
}  // namespace horizon_test
