// Streams, events, errors and the test hooks of the CPU device.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/cpu/access.h"
#include "core/cpu/cpu_device.h"
#include "core/device/race_checker.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

using std::chrono::milliseconds;

struct Rig {
  explicit Rig(CpuDeviceOptions options = {}) {
    options.threads = 1;
    device = CreateCpuDevice(options);
    up = device->CreateStream("up");
    compute = device->CreateStream("compute");
    event = device->CreateEvent();
  }
  std::unique_ptr<Device> device;
  std::unique_ptr<Stream> up, compute;
  std::unique_ptr<Event> event;
};

TEST(CpuStreamTest, WorkRunsInOrderAndNotOnTheCallersThread) {
  Rig rig;
  std::vector<int> order;
  std::thread::id worker;
  for (int i = 0; i < 100; ++i) rig.up->Call([&, i] { order.push_back(i); });
  rig.up->Call([&] { worker = std::this_thread::get_id(); });
  rig.up->Synchronize();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_NE(worker, std::this_thread::get_id());
}

TEST(CpuStreamTest, CallsDoNotBlockTheCaller) {
  Rig rig;
  std::promise<void> gate;
  rig.up->Call([future = gate.get_future().share()] { future.wait(); });
  std::vector<char> a(1 << 20, 1), b(1 << 20, 0);
  rig.up->Copy(b.data(), a.data(), a.size());
  rig.up->Record(*rig.event);
  EXPECT_EQ(b[0], 0);  // the copy cannot have begun: this line is reached although the stream stands still
  gate.set_value();
  rig.event->Synchronize();
  EXPECT_EQ(a, b);
}

TEST(CpuStreamTest, CopyAndFillMoveExactlyTheirBytes) {
  Rig rig;
  std::vector<char> from(100, 7), to(102, 1);
  rig.up->Copy(to.data() + 1, from.data(), 100);
  rig.up->FillZero(to.data() + 51, 0);
  rig.up->FillZero(to.data() + 50, 2);
  rig.up->Synchronize();
  EXPECT_EQ(to[0], 1);
  EXPECT_EQ(to[101], 1);
  EXPECT_EQ(to[49], 7);
  EXPECT_EQ(to[50], 0);
  EXPECT_EQ(to[51], 0);
  EXPECT_EQ(to[52], 7);
}

TEST(CpuStreamTest, AWaitHoldsTheStreamUntilTheRecordIsReached) {
  Rig rig;
  std::promise<void> gate;
  std::atomic<bool> produced{false}, seen{false};
  rig.up->Call([future = gate.get_future().share()] { future.wait(); });
  rig.up->Call([&] { produced = true; });
  rig.up->Record(*rig.event);
  rig.compute->Wait(*rig.event, "test");
  rig.compute->Call([&] { seen = produced.load(); });
  std::this_thread::sleep_for(milliseconds(20));
  gate.set_value();
  rig.compute->Synchronize();
  EXPECT_TRUE(seen);
}

TEST(CpuStreamTest, AWaitMeansTheNewestRecordBeforeItAndNoLaterOne) {
  Rig rig;
  std::promise<void> gate;
  rig.up->Record(*rig.event);
  rig.compute->Wait(*rig.event, "first record");
  rig.up->Call([future = gate.get_future().share()] { future.wait(); });
  rig.up->Record(*rig.event);  // the wait above does not mean this one
  rig.compute->Synchronize();  // would hang otherwise
  std::atomic<bool> open{false}, seen{false};
  rig.compute->Wait(*rig.event, "second record");
  rig.compute->Call([&] { seen = open.load(); });
  open = true;
  gate.set_value();
  rig.compute->Synchronize();
  EXPECT_TRUE(seen);
}

TEST(CpuStreamTest, AnEventThatWasNeverRecordedHoldsNobody) {
  Rig rig;
  rig.event->Synchronize();
  rig.compute->Wait(*rig.event, "nothing");
  rig.compute->Synchronize();
}

TEST(CpuStreamTest, AnEventMayEndBeforeTheWorkThatUsesIt) {
  Rig rig;
  std::promise<void> gate;
  rig.up->Call([future = gate.get_future().share()] { future.wait(); });
  rig.up->Record(*rig.event);
  rig.compute->Wait(*rig.event, "test");
  rig.event.reset();
  gate.set_value();
  rig.compute->Synchronize();
}

TEST(CpuStreamTest, ADestructorRunsWhatIsQueued) {
  Rig rig;
  std::atomic<int> count{0};
  for (int i = 0; i < 50; ++i) rig.up->Call([&] { ++count; });
  rig.up.reset();
  EXPECT_EQ(count, 50);
}

TEST(CpuStreamErrorTest, TheFirstErrorIsKeptLaterWorkIsSkippedAndNobodyWaitsForEver) {
  Rig rig;
  std::atomic<int> ran{0};
  rig.up->Call([] { throw DataLoss("the first"); });
  rig.up->Call([&] { ++ran; });
  rig.up->Call([] { throw Internal("the second"); });
  rig.up->Record(*rig.event);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(CodeOf([&] { rig.up->Synchronize(); }), Code::kDataLoss);
    EXPECT_EQ(CodeOf([&] { rig.event->Synchronize(); }), Code::kDataLoss);
  }
  EXPECT_EQ(ran, 0);
}

TEST(CpuStreamErrorTest, AStreamThatWaitsForAFailedOneFailsAlike) {
  Rig rig;
  std::atomic<int> ran{0};
  rig.up->Call([] { throw DataLoss("lost"); });
  rig.up->Record(*rig.event);
  rig.compute->Call([&] { ++ran; });
  rig.compute->Wait(*rig.event, "test");
  rig.compute->Call([&] { ++ran; });
  auto done = rig.device->CreateEvent();
  rig.compute->Record(*done);
  EXPECT_EQ(CodeOf([&] { done->Synchronize(); }), Code::kDataLoss);
  EXPECT_EQ(ran, 1);
}

TEST(CpuStreamErrorTest, ARecordBeforeTheErrorIsGood) {
  Rig rig;
  rig.up->Record(*rig.event);
  rig.up->Call([] { throw Internal("later"); });
  EXPECT_EQ(CodeOf([&] { rig.up->Synchronize(); }), Code::kInternal);
  rig.event->Synchronize();
  rig.compute->Wait(*rig.event, "test");
  rig.compute->Synchronize();
}

TEST(CpuStreamErrorTest, OtherExceptionsBecomeErrors) {
  Rig rig;
  rig.up->Call([] { throw std::runtime_error("plain"); });
  rig.compute->Call([] { throw std::bad_alloc(); });
  EXPECT_EQ(CodeOf([&] { rig.up->Synchronize(); }), Code::kInternal);
  EXPECT_EQ(CodeOf([&] { rig.compute->Synchronize(); }), Code::kResourceExhausted);
}

TEST(CpuStreamErrorTest, DestructorsOfFailedStreamsAreQuiet) {
  Rig rig;
  rig.up->Call([] { throw Internal("failed"); });
  rig.up->Record(*rig.event);
  rig.compute->Wait(*rig.event, "test");
  rig.up.reset();
  rig.compute.reset();
}

TEST(CpuStreamHookTest, TheNthPieceOfWorkFails) {
  for (int64_t n = 0; n < 3; ++n) {
    CpuDeviceOptions options;
    options.fail_work = n;
    Rig rig(options);
    std::atomic<int> ran{0};
    for (int i = 0; i < 3; ++i) {
      rig.up->Call([&] { ++ran; });
      rig.up->Record(*rig.event);  // not counted
    }
    EXPECT_EQ(CodeOf([&] { rig.up->Synchronize(); }), Code::kInternal);
    EXPECT_EQ(ran, n);
  }
}

TEST(CpuStreamHookTest, DelaysComeBeforeTheWork) {
  CpuDeviceOptions options;
  options.delay_seed = 1;
  options.max_delay_us = 2000;
  Rig rig(options);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) rig.up->Call([] {});
  rig.up->Synchronize();
  // 51 delays of 1 ms on average: below 10 ms only if they are not made.
  EXPECT_GT(std::chrono::steady_clock::now() - begin, milliseconds(10));
}

// Producer and consumer over one buffer: with both waits in place nothing is found, and leaving out either one is.
std::vector<std::string> Exchange(const std::string& drop) {
  CpuDeviceOptions options;
  options.check_races = true;
  options.drop_wait = drop;
  Rig rig(options);
  Buffer from = rig.device->AllocateHost(4096), slot = rig.device->Allocate(4096), out = rig.device->Allocate(4096);
  auto full = rig.device->CreateEvent(), empty = rig.device->CreateEvent();
  for (int i = 0; i < 4; ++i) {
    rig.up->Wait(*empty, "slot is free");
    rig.up->Copy(slot.data(), from.data(), 4096);
    rig.up->Record(*full);
    rig.compute->Wait(*full, "slot is full");
    rig.compute->Copy(out.data(), slot.data(), 4096);
    rig.compute->Record(*empty);
  }
  rig.compute->Synchronize();
  rig.up->Synchronize();
  return rig.device->race_checker()->reports();
}

TEST(CpuStreamHookTest, TheRaceCheckerFindsEachWaitThatIsLeftOut) {
  EXPECT_TRUE(Exchange("").empty());
  EXPECT_TRUE(Exchange("a name that no wait has").empty());
  if (kThreadSanitizer) GTEST_SKIP() << "the races that follow are real: ThreadSanitizer reports them as well";
  const auto full = Exchange("slot is full");
  ASSERT_FALSE(full.empty());
  EXPECT_NE(full[0].find("compute reads 'copy'"), std::string::npos) << full[0];
  const auto empty = Exchange("slot is free");
  ASSERT_FALSE(empty.empty());
  EXPECT_NE(empty[0].find("up writes 'copy'"), std::string::npos) << empty[0];
}

TEST(CpuStreamHookTest, TheRaceCheckerFollowsHostThreads) {
  CpuDeviceOptions options;
  options.check_races = true;
  Rig rig(options);
  RaceChecker& checker = *rig.device->race_checker();
  Buffer host = rig.device->AllocateHost(4096), slot = rig.device->Allocate(4096);
  checker.Access(checker.ThisThread(), host.data(), 4096, true, "fill");  // enqueueing hands it on
  rig.up->Copy(slot.data(), host.data(), 4096);
  rig.up->Record(*rig.event);
  rig.event->Synchronize();
  checker.Access(checker.ThisThread(), host.data(), 4096, true, "fill again");
  EXPECT_TRUE(checker.reports().empty());
  rig.up->Copy(slot.data(), host.data(), 4096);
  checker.Access(checker.ThisThread(), host.data(), 4096, true, "fill too early");
  ASSERT_EQ(checker.reports().size(), 1u);
  EXPECT_NE(checker.reports()[0].find("after up read 'copy'"), std::string::npos) << checker.reports()[0];
  rig.up->Synchronize();
}

TEST(CpuStreamHookTest, WithoutTheOptionThereIsNoRaceChecker) {
  Rig rig;
  EXPECT_EQ(rig.device->race_checker(), nullptr);
}

}  // namespace
}  // namespace hlm
