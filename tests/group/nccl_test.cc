// Arrays between the GPUs of two processes, each with one of its own, by NCCL. Without two GPUs nothing is tried.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/device/load_plugin.h"
#include "core/group/group.h"
#include "tests/group/processes.h"

namespace hlm {
namespace {

constexpr ProcessGroup::Channel kChannel = ProcessGroup::kGradients;

class Nccl : public testing::Test {
 protected:
  void SetUp() override {
    // In a process of its own: one that has used CUDA cannot fork.
    Processes one(1, [](int64_t) { return StrCat(CudaPlugin().Count()); });
    const std::string count = one.Result(0);
    if (std::atoi(count.c_str()) >= 2) return;
    if (std::getenv("HLM_REQUIRE_GPU") != nullptr) FAIL() << "two GPUs are needed: " << count;
    GTEST_SKIP() << "two GPUs are needed: " << count;
  }
};

std::unique_ptr<ProcessGroup> Join(int64_t rank, int port, GroupOptions options = QuickOptions()) {
  options.carrier = Carrier::kNccl;
  auto group = ProcessGroup::Connect(LocalPlace(rank, 2, port), options);
  group->UseDevice(StrCat("cuda:", rank));
  if (std::string(group->carrier()) != "nccl") throw Internal("the carrier is ", group->carrier());
  return group;
}

std::vector<float> Values(int64_t rank, size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(RandomBelow(RandomKey(rank, "values"), i, 1u << 30)) * 1e-7f - 30;
  return values;
}

void AddTo(float* to, const float* from, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] += from[i];
}

TEST_F(Nccl, SumsAndGathersAreWhatTheyAreByGloo) {
  const int port = FreePort();
  Processes ranks(2, [&](int64_t rank) -> std::string {
    const auto group = Join(rank, port);
    // Nothing, some bytes, one chunk of 8 MiB, several with a rest.
    for (const size_t n : {size_t{1}, size_t{1000}, size_t{2} << 20, (size_t{9} << 20) + 13}) {
      std::vector<float> values = Values(rank, n), expected = Values(0, n), room(n);
      AddTo(expected.data(), Values(1, n).data(), n);
      group->SumByTree(kChannel, values.data(), room.data(), n, AddTo);
      if (std::memcmp(values.data(), expected.data(), n * sizeof(float)) != 0) return StrCat("another sum of ", n);
    }
    std::string gathered;
    for (int round = 0; round < 3; ++round) {
      for (const std::string& bytes : group->AllGather(kChannel, std::string(static_cast<size_t>(rank * round), 'a')))
        gathered += StrCat(bytes.size(), " ");
    }
    return gathered;
  });
  for (const std::string& result : ranks.Results()) EXPECT_EQ(result, "0 0 0 1 0 2 ");
}

// Exchanges until something happens to rank 1.
std::string Exchange(int64_t rank, int port, const GroupOptions& options, const std::function<void()>& happens) {
  const auto group = Join(rank, port, options);
  std::vector<float> values(size_t{3} << 20), room(values.size());
  for (int round = 0;; ++round) {
    if (round == 5 && rank == 1) happens();
    group->SumByTree(kChannel, values.data(), room.data(), values.size(), AddTo);
  }
}

TEST_F(Nccl, ARankThatIsKilledIsNamed) {
  const int port = FreePort();
  const double begin = SteadySeconds();
  Processes ranks(2, [&](int64_t rank) { return Exchange(rank, port, QuickOptions(), [] { raise(SIGKILL); }); });
  EXPECT_EQ(ranks.Result(0), "UNAVAILABLE: rank 1 died: its connection to rank 0 was closed");
  EXPECT_LT(SteadySeconds() - begin, 60);
}

TEST_F(Nccl, ARankThatDoesNotTakePartIsNamedAfterTheTimeOut) {
  const int port = FreePort();
  Processes ranks(2, [&](int64_t rank) { return Exchange(rank, port, QuickOptions(3, 60), [] { sleep(1000); }); });
  EXPECT_EQ(ranks.Result(0), "UNAVAILABLE: rank 1 does not take part: the others waited for 3 s");
}

TEST_F(Nccl, WhatHasNoGpuIsRefusedWhereNcclIsAskedFor) {
  const int port = FreePort();
  Processes ranks(2, [&](int64_t rank) {
    GroupOptions options = QuickOptions();
    options.carrier = Carrier::kNccl;
    const auto group = ProcessGroup::Connect(LocalPlace(rank, 2, port), options);
    group->UseDevice(rank == 0 ? "cuda:0" : "cpu");
    return std::string("was not refused");
  });
  for (const std::string& result : ranks.Results()) EXPECT_EQ(result, "UNAVAILABLE: carrier is nccl; rank 1: its device is cpu");
}

}  // namespace
}  // namespace hlm
