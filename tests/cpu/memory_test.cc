// Memory of the CPU device, and what it says about the machine.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/base/error.h"
#include "core/cpu/cgroup.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/cpu_memory.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;

Error ErrorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return Error(Code::kOk, "");
}

TEST(CpuMemoryTest, BuffersAreZeroedAlignedAndCountedByTheByte) {
  const auto device = CreateCpuDevice({});
  {
    Buffer small = device->Allocate(1), odd = device->Allocate(4097), host = device->AllocateHost((size_t{5} << 20) + 3);
    EXPECT_EQ(device->usage().device_bytes, 4098u);
    EXPECT_EQ(device->usage().host_bytes, (size_t{5} << 20) + 3);
    for (const Buffer* buffer : {&small, &odd, &host}) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 4096, 0u);
      for (size_t i = 0; i < buffer->bytes(); ++i) ASSERT_EQ(buffer->data()[i], std::byte{0});
      std::memset(buffer->data(), 0xff, buffer->bytes());
    }
    Buffer moved = std::move(odd);
    EXPECT_EQ(device->usage().device_bytes, 4098u);
  }
  EXPECT_EQ(device->usage().device_bytes, 0u);
  EXPECT_EQ(device->usage().host_bytes, 0u);
}

TEST(CpuMemoryTest, NothingIsLocked) {
  // The limit on locked memory is often 8 MiB; here it is none at all.
  rlimit none{0, 0}, before{};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &before), 0);
  none.rlim_max = before.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
  const auto device = CreateCpuDevice({});
  Buffer buffer = device->AllocateHost(size_t{16} << 20);
  std::memset(buffer.data(), 1, buffer.bytes());
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

TEST(CpuMemoryTest, AnEmptyBufferIsEmpty) {
  const auto device = CreateCpuDevice({});
  Buffer buffer = device->Allocate(0);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.bytes(), 0u);
}

TEST(CpuMemoryTest, WhatDoesNotFitIsAnErrorWithTheBytes) {
  const auto device = CreateCpuDevice({});
  for (const size_t bytes : {size_t{1} << 62, ~size_t{0}}) {
    const Error error = ErrorOf([&] { device->Allocate(bytes); });
    EXPECT_EQ(error.code(), Code::kResourceExhausted);
    EXPECT_NE(error.message().find(std::to_string(bytes)), std::string::npos) << error.message();
  }
  EXPECT_EQ(device->usage().device_bytes, 0u);
}

TEST(CpuMemoryTest, TheNthAllocationFails) {
  CpuDeviceOptions options;
  options.fail_allocation = 1;
  const auto device = CreateCpuDevice(options);
  Buffer first = device->Allocate(10);
  EXPECT_EQ(ErrorOf([&] { device->AllocateHost(20); }).code(), Code::kResourceExhausted);
  Buffer third = device->AllocateHost(30);
  EXPECT_EQ(device->usage().device_bytes, 10u);
  EXPECT_EQ(device->usage().host_bytes, 30u);
}

TEST(CpuMachineTest, DescribesItself) {
  const auto device = CreateCpuDevice({});
  EXPECT_EQ(device->info().name, "cpu");
  EXPECT_GT(device->info().memory_bytes, int64_t{64} << 20);
  EXPECT_NE(device->info().description.find(CpuLibraryVersions()), std::string::npos);
  EXPECT_EQ(CpuLibraryVersions().rfind("oneDNN ", 0), 0u);
  EXPECT_NE(CpuLibraryVersions().find(NativeBf16() ? "bf16 native" : "bf16 by conversion"), std::string::npos);
  CpuDeviceOptions negative;
  negative.threads = -1;
  EXPECT_EQ(ErrorOf([&] { CreateCpuDevice(negative); }).code(), Code::kInvalidArgument);
}

TEST(CpuMachineTest, ThreadsFollowTheAffinityMask) {
  cpu_set_t all;
  CPU_ZERO(&all);
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  EXPECT_GE(AvailableThreads(), 1);
  EXPECT_LE(AvailableThreads(), CPU_COUNT(&all));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &all)) {
      CPU_SET(cpu, &one);
      break;
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(AvailableThreads(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
}

TEST(CpuMachineTest, ThreadsFollowOmpNumThreadsWhereThatIsANumber) {
  const int all = AvailableThreads();
  setenv("OMP_NUM_THREADS", "1,2", 1);
  EXPECT_EQ(AvailableThreads(), 1);
  for (const char* not_fewer : {"100000", "0", "-1", "many", ""}) {
    setenv("OMP_NUM_THREADS", not_fewer, 1);
    EXPECT_EQ(AvailableThreads(), all) << not_fewer;
  }
  unsetenv("OMP_NUM_THREADS");
}

class CgroupTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  double Cpus() { return CgroupCpuLimit(root_ / "proc", root_ / "fs"); }
  int64_t Bytes() { return CgroupMemoryLimit(root_ / "proc", root_ / "fs"); }

  const fs::path root_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(CgroupTest, Version2TakesTheLowestLimitUpToTheRoot) {
  Write("proc", "0::/a/b\n");
  Write("fs/a/b/cpu.max", "max 100000\n");
  Write("fs/a/cpu.max", "250000 100000\n");
  Write("fs/cpu.max", "400000 100000\n");
  Write("fs/a/b/memory.max", "1000000\n");
  Write("fs/a/memory.max", "max\n");
  EXPECT_DOUBLE_EQ(Cpus(), 2.5);
  EXPECT_EQ(Bytes(), 1000000);
}

TEST_F(CgroupTest, Version1ReadsEachControllersFolder) {
  Write("proc", "4:memory:/c\n2:cpu,cpuacct:/c\n1:name=systemd:/c\n");
  Write("fs/cpu/c/cpu.cfs_quota_us", "-1\n");
  Write("fs/cpu/c/cpu.cfs_period_us", "100000\n");
  Write("fs/cpu/cpu.cfs_quota_us", "50000\n");
  Write("fs/cpu/cpu.cfs_period_us", "100000\n");
  Write("fs/memory/c/memory.limit_in_bytes", "9223372036854771712\n");
  Write("fs/memory/memory.limit_in_bytes", "2000000\n");
  EXPECT_DOUBLE_EQ(Cpus(), 0.5);
  EXPECT_EQ(Bytes(), 2000000);
}

TEST_F(CgroupTest, AGroupThatIsNotVisibleHereFallsBackToTheMount) {
  Write("proc", "0::/kubepods/pod1/container2\n");
  Write("fs/cpu.max", "100000 100000\n");
  EXPECT_DOUBLE_EQ(Cpus(), 1.0);
}

// A virtual machine that grows as its memory is used shows a part of it at first.
TEST_F(CgroupTest, ALimitIsTakenAtItsWordBelowAndAboveWhatTheMachineShows) {
  const auto limit = [&] { return MemoryLimit(root_ / "proc", root_ / "fs"); };
  EXPECT_EQ(limit(), MachineMemory());  // no such file
  Write("proc", "0::/a\n");
  for (const int64_t bytes : {int64_t{1} << 20, 3 * MachineMemory()}) {
    Write("fs/a/memory.max", std::to_string(bytes) + "\n");
    EXPECT_EQ(limit(), bytes);
  }
  Write("fs/a/memory.max", "max\n");
  EXPECT_EQ(limit(), MachineMemory());
}

TEST_F(CgroupTest, NoLimitIsZero) {
  EXPECT_EQ(Cpus(), 0);  // no such file
  Write("proc", "garbage\n0::/\n");
  Write("fs/cpu.max", "max 100000\n");
  Write("fs/memory.max", "max\n");
  EXPECT_EQ(Cpus(), 0);
  EXPECT_EQ(Bytes(), 0);
}

}  // namespace
}  // namespace hlm
