#include "cpu_optim/host_pool.h"

#include <omp.h>
#include <sched.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include "tests/cpu_optim/test_data.h"

namespace hlm {
namespace {

TEST(HostPool, RunsEveryItemOnceOnItsOwnThreads) {
  for (const int threads : {1, 2, 5}) {
    HostPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t items : {0, 1, 2, 3, 1000}) {
      std::vector<std::atomic<int>> calls(items);
      const std::thread::id caller = std::this_thread::get_id();
      std::atomic<bool> on_caller = false;
      pool.ParallelFor(items, [&](int64_t item) {
        ++calls[item];
        if (std::this_thread::get_id() == caller) on_caller = true;
      });
      for (int64_t i = 0; i < items; ++i) EXPECT_EQ(calls[i], 1) << "item " << i << " of " << items << ", threads " << threads;
      EXPECT_FALSE(on_caller);
    }
  }
}

TEST(HostPool, UsesAllThreadsAtOnce) {
  HostPool pool(3);
  std::atomic<int> arrived = 0;
  // Each item waits for the two others: this ends only where three threads run.
  pool.ParallelFor(3, [&](int64_t) {
    ++arrived;
    while (arrived < 3) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 3);
}

TEST(HostPool, RethrowsTheErrorAfterRunningItemsEndedAndStaysUsable) {
  HostPool pool(2);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> running = 0;
    try {
      pool.ParallelFor(100, [&](int64_t item) {
        ++running;
        std::this_thread::yield();
        --running;
        if (item == 7) throw std::runtime_error("item 7");
      });
      ADD_FAILURE() << "the item's exception was lost";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "item 7");
    }
    EXPECT_EQ(running, 0);
    std::atomic<int> done = 0;
    pool.ParallelFor(5, [&](int64_t) { ++done; });
    EXPECT_EQ(done, 5);
  }
}

TEST(HostPool, BeginsNoItemAfterAFailure) {
  HostPool pool(1);
  std::atomic<int> begun = 0;
  ExpectError(Code::kDataLoss, [&] {
    pool.ParallelFor(10000, [&](int64_t item) {
      ++begun;
      if (item == 7) throw DataLoss("item 7");
    });
  });
  EXPECT_EQ(begun, 8);
}

TEST(HostPool, SeveralCallersTakeTurns) {
  constexpr int kCallers = 4, kRounds = 200, kItems = 3;
  HostPool pool(2);
  std::atomic<int> owner = -1, total = 0, overlaps = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < kRounds; ++round) {
        std::atomic<int> ended = 0;
        pool.ParallelFor(kItems, [&](int64_t) {
          int nobody = -1;
          if (!owner.compare_exchange_strong(nobody, caller) && nobody != caller) ++overlaps;
          ++total;
          if (++ended == kItems) owner = -1;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, kCallers * kRounds * kItems);
  EXPECT_EQ(overlaps, 0);
}

TEST(HostPool, RefusesToWaitForItself) {
  HostPool pool(2), other(1);
  ExpectError(Code::kFailedPrecondition, [&] { pool.ParallelFor(2, [&](int64_t) { pool.ParallelFor(1, [](int64_t) {}); }); });
  std::atomic<int> inner = 0;
  pool.ParallelFor(2, [&](int64_t) { other.ParallelFor(3, [&](int64_t) { ++inner; }); });
  EXPECT_EQ(inner, 6);
}

TEST(HostPool, RefusesImpossibleThreadCountsAndCores) {
  for (const int threads : {0, -1, 1 << 20}) {
    const std::string message = ExpectError(Code::kInvalidArgument, [&] { HostPool pool(threads); });
    EXPECT_NE(message.find(std::to_string(threads)), std::string::npos) << message;
  }
  ExpectError(Code::kInvalidArgument, [] { HostPool pool(2, {-1}); });
  ExpectError(Code::kInvalidArgument, [] { HostPool pool(2, {CPU_SETSIZE}); });
  if (std::thread::hardware_concurrency() < CPU_SETSIZE) {
    ExpectError(Code::kInvalidArgument, [] { HostPool pool(2, {CPU_SETSIZE - 1}); });
  }
}

TEST(HostPool, PinsThreadsToTheCoresItIsGiven) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int core = 0;
  while (!CPU_ISSET(core, &allowed)) ++core;
  HostPool pool(2, {core});
  std::atomic<int> elsewhere = 0;
  pool.ParallelFor(100, [&](int64_t) { elsewhere += sched_getcpu() != core; });
  EXPECT_EQ(elsewhere, 0);
}

TEST(HostPool, ItemsSeeOneOpenMpThreadAndTheDefaultFloatingPointMode) {
  const unsigned int before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);  // flush to zero, denormals are zero; a new thread inherits the mode of its creator
  HostPool pool(2);
  _mm_setcsr(before);
  std::atomic<int> team = 0, flushed = 0;
  pool.ParallelFor(20, [&](int64_t) {
    team = std::max<int>(team, omp_get_max_threads());
    volatile float tiny = std::numeric_limits<float>::min();
    volatile float half = 0.5f * tiny;
    flushed += half == 0.0f;
  });
  EXPECT_EQ(team, 1);
  EXPECT_EQ(flushed, 0);
}

}  // namespace
}  // namespace hlm
