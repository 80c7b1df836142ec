// The CUDA device itself: memory, streams, events, copies, moments.
#include <chrono>
#include <cstring>

#include "core/device/hand_over.h"
#include "core/device/race_checker.h"
#include "tests/cuda/gpu.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

class DeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    HLM_NEEDS_GPU(NoGpu());
    device_ = CudaPlugin().Create(0, {});
    stream_ = device_->CreateStream("compute");
    other_ = device_->CreateStream("copy");
  }
  Bytes Download(const void* from, size_t bytes) {
    Bytes to(bytes);
    stream_->Copy(to.data(), from, bytes);
    stream_->Synchronize();
    return to;
  }
  static bool Aligned(const void* data) { return reinterpret_cast<uintptr_t>(data) % 256 == 0; }
  static bool IsZero(const Bytes& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
  }

  std::unique_ptr<Device> device_;
  std::unique_ptr<Stream> stream_, other_;
};

TEST_F(DeviceTest, FactsAndInfo) {
  EXPECT_GE(CudaPlugin().Count(), 1);
  const DeviceFacts facts = CudaPlugin().Describe(0);
  EXPECT_EQ(facts.name, "cuda:0");
  EXPECT_EQ(device_->info().name, "cuda:0");
  for (const std::string& text : {facts.description, facts.architecture, facts.driver, facts.libraries, facts.identity}) {
    EXPECT_FALSE(text.empty());
  }
  EXPECT_GT(facts.memory_bytes, 0);
  EXPECT_GT(facts.free_bytes, 0);
  EXPECT_LE(facts.free_bytes, facts.memory_bytes);
  EXPECT_GT(facts.multiprocessors, 0);
  EXPECT_GT(device_->info().memory_bytes, 0);
  std::string message;
  EXPECT_EQ(CodeOf([] { CudaPlugin().Create(CudaPlugin().Count(), {}); }, &message), Code::kNotFound);
  EXPECT_NE(message.find("cuda:"), std::string::npos) << message;
}

TEST_F(DeviceTest, MemoryIsZeroedAndAligned) {
  for (const size_t bytes : {size_t{1}, size_t{4097}, size_t{3} << 20}) {
    // Again after it was dirty: the driver gives the same pages.
    for (int round = 0; round < 3; ++round) {
      const Buffer device = device_->Allocate(bytes), host = device_->AllocateHost(bytes);
      ASSERT_EQ(device.bytes(), bytes);
      ASSERT_EQ(host.bytes(), bytes);
      EXPECT_TRUE(Aligned(device.data()));
      EXPECT_TRUE(Aligned(host.data()));
      EXPECT_TRUE(IsZero(Download(device.data(), bytes)));
      EXPECT_TRUE(IsZero(Bytes(host.data(), host.data() + bytes)));
      std::memset(host.data(), 0xab, bytes);
      stream_->Copy(device.data(), host.data(), bytes);
      stream_->Synchronize();
    }
  }
}

TEST_F(DeviceTest, UsageCounts) {
  const DeviceUsage before = device_->usage();
  EXPECT_EQ(before.device_bytes, 0u);
  EXPECT_EQ(before.host_bytes, 0u);
  {
    const Buffer a = device_->Allocate(1000), b = device_->Allocate(5000), c = device_->AllocateHost(777);
    EXPECT_EQ(device_->usage().device_bytes, 6000u);
    EXPECT_EQ(device_->usage().host_bytes, 777u);
  }
  EXPECT_EQ(device_->usage().device_bytes, 0u);
  EXPECT_EQ(device_->usage().host_bytes, 0u);
}

TEST_F(DeviceTest, TooMuchMemoryIsResourceExhaustedAndHarmless) {
  constexpr size_t kPebibyte = size_t{1} << 50;
  std::string message;
  EXPECT_EQ(CodeOf([&] { device_->Allocate(kPebibyte); }, &message), Code::kResourceExhausted);
  EXPECT_NE(message.find(std::to_string(kPebibyte)), std::string::npos) << message;
  EXPECT_EQ(CodeOf([&] { device_->AllocateHost(size_t{1} << 60); }, &message), Code::kResourceExhausted);
  EXPECT_NE(message.find(std::to_string(size_t{1} << 60)), std::string::npos) << message;
  EXPECT_EQ(device_->usage().device_bytes, 0u);
  EXPECT_EQ(device_->usage().host_bytes, 0u);
  const Buffer small = device_->Allocate(1 << 20);  // nothing of the failure lasts
  EXPECT_TRUE(IsZero(Download(small.data(), small.bytes())));
}

TEST_F(DeviceTest, AnAllocationFailsWhereATestAsksForIt) {
  PluginDeviceOptions options;
  options.fail_allocation = 1;
  const std::unique_ptr<Device> device = CudaPlugin().Create(0, options);
  const Buffer first = device->Allocate(100);
  EXPECT_EQ(CodeOf([&] { device->AllocateHost(100); }), Code::kResourceExhausted);
  const Buffer third = device->AllocateHost(100);
  EXPECT_EQ(device->usage().host_bytes, 100u);
}

TEST_F(DeviceTest, CopiesInEveryDirectionAndFillsZero) {
  for (const size_t bytes : {size_t{1}, size_t{1001}, (size_t{8} << 20) + 3}) {
    const Buffer host = device_->AllocateHost(bytes), a = device_->Allocate(bytes), b = device_->Allocate(bytes);
    const Buffer back = device_->AllocateHost(bytes);
    for (size_t i = 0; i < bytes; ++i) host.data()[i] = static_cast<std::byte>(i * 31 % 251 + 1);
    stream_->Copy(a.data(), host.data(), bytes);
    stream_->Copy(b.data(), a.data(), bytes);
    stream_->Copy(back.data(), b.data(), bytes);
    stream_->Synchronize();
    EXPECT_EQ(std::memcmp(back.data(), host.data(), bytes), 0);
    stream_->FillZero(b.data(), bytes / 2);
    Bytes half = Download(b.data(), bytes);
    EXPECT_TRUE(
        std::all_of(half.begin(), half.begin() + static_cast<int64_t>(bytes / 2), [](std::byte x) { return x == std::byte{0}; }));
    EXPECT_EQ(std::memcmp(half.data() + bytes / 2, host.data() + bytes / 2, bytes - bytes / 2), 0);
    stream_->Copy(a.data(), host.data(), 0);  // nothing
    stream_->FillZero(a.data(), 0);
    EXPECT_EQ(std::memcmp(Download(a.data(), bytes).data(), host.data(), bytes), 0);
  }
}

// A long chain on one stream, of which the other takes the result: without the event the copy would come long before the end.
TEST_F(DeviceTest, EventsOrderTwoStreams) {
  constexpr int64_t kSize = 2048;
  constexpr int kChain = 40, kRounds = 3;
  constexpr size_t kBytes = size_t{kSize} * kSize * sizeof(float);
  const Buffer workspace = device_->Allocate(size_t{64} << 20);
  device_->ops().SetWorkspace(workspace.data(), workspace.bytes());
  const Buffer w = device_->Allocate(kBytes), a = device_->Allocate(kBytes), b = device_->Allocate(kBytes);
  const Buffer host = device_->AllocateHost(kBytes), start = device_->AllocateHost(kBytes),
               result = device_->AllocateHost(kBytes);
  // w doubles: every product is exact.
  auto* weights = reinterpret_cast<float*>(host.data());
  auto* starts = reinterpret_cast<float*>(start.data());
  for (size_t i = 0; i < kSize; ++i) weights[i * kSize + i] = 2;
  for (size_t i = 0; i < size_t{kSize} * kSize; ++i) starts[i] = static_cast<float>(i % 1000);
  stream_->Copy(w.data(), host.data(), kBytes);
  stream_->Synchronize();
  const std::unique_ptr<Event> done = device_->CreateEvent(), copied = device_->CreateEvent();
  for (int round = 0; round < kRounds; ++round) {  // events are used again
    stream_->Wait(*copied, "result was taken");    // at first never recorded: no wait
    stream_->Copy(a.data(), start.data(), kBytes);
    const Buffer *from = &a, *to = &b;
    for (int i = 0; i < kChain; ++i) {
      LinearArgs args;
      args.tokens = args.in = args.out = kSize;
      args.x = from->data();
      args.w = w.data();
      args.y = to->data();
      device_->ops().Linear(*stream_, args);
      std::swap(from, to);
    }
    stream_->Record(*done);
    other_->Wait(*done, "chain is done");
    other_->Copy(result.data(), from->data(), kBytes);
    other_->Record(*copied);
    copied->Synchronize();
    const auto* results = reinterpret_cast<const float*>(result.data());
    for (size_t i = 0; i < size_t{kSize} * kSize; ++i)
      ASSERT_EQ(results[i], std::ldexp(starts[i], kChain)) << i << " in round " << round;
    std::memset(result.data(), 0, kBytes);
  }
  stream_->Synchronize();
}

TEST_F(DeviceTest, CallsRunInOrder) {
  const Buffer host = device_->AllocateHost(4), device = device_->Allocate(4), back = device_->AllocateHost(4);
  auto* value = reinterpret_cast<int32_t*>(host.data());
  const auto* seen = reinterpret_cast<const int32_t*>(back.data());
  int32_t found = 0;
  stream_->Call([&] { *value = 42; });
  stream_->Copy(device.data(), host.data(), 4);
  stream_->Copy(back.data(), device.data(), 4);
  stream_->Call([&] { found = *seen; });
  stream_->Synchronize();
  EXPECT_EQ(found, 42);
}

TEST_F(DeviceTest, StampsIncreaseAndAreOnTheHostsClock) {
  const auto now = [] {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  const Buffer a = device_->Allocate(size_t{64} << 20), b = device_->Allocate(size_t{64} << 20);
  const double before = now();
  std::vector<std::shared_ptr<TimeStamp>> stamps = {stream_->Stamp()};
  for (int i = 0; i < 5; ++i) {
    stream_->Copy(b.data(), a.data(), a.bytes());
    stamps.push_back(stream_->Stamp());
  }
  stream_->Synchronize();
  const double after = now();
  for (size_t i = 1; i < stamps.size(); ++i) EXPECT_GT(stamps[i]->Microseconds(), stamps[i - 1]->Microseconds());
  constexpr double kSlack = 1000;  // one clock is read for the other once, at the device's making
  EXPECT_GT(stamps.front()->Microseconds(), before - kSlack);
  EXPECT_LT(stamps.back()->Microseconds(), after + kSlack);
}

TEST_F(DeviceTest, AnOperationWithoutItsWorkspaceIsInternal) {
  device_->ops().SetWorkspace(nullptr, 0);
  constexpr size_t kBytes = size_t{1} << 14;  // of the largest argument
  const Buffer x = device_->Allocate(kBytes), w = device_->Allocate(kBytes), dy = device_->Allocate(kBytes),
               dx = device_->Allocate(kBytes), rstd = device_->Allocate(kBytes), dw = device_->Allocate(kBytes);
  RmsNormBackwardArgs args;
  args.rows = 64;
  args.width = 64;
  args.x = x.data();
  args.w = w.data();
  args.dy = dy.data();
  args.dx = dx.data();
  args.rstd = reinterpret_cast<float*>(rstd.data());
  args.dw = reinterpret_cast<float*>(dw.data());
  std::string message;
  EXPECT_EQ(CodeOf([&] { device_->ops().RmsNormBackward(*stream_, args); }, &message), Code::kInternal);
  EXPECT_NE(message.find("workspace"), std::string::npos) << message;
  args.rows = 0;
  EXPECT_EQ(CodeOf([&] { device_->ops().RmsNormBackward(*stream_, args); }), Code::kInternal);
  stream_->Synchronize();
}

// The checker sees operations and copies of a GPU as it does those of the CPU device.
TEST_F(DeviceTest, AMissingEventIsReportedByTheRaceChecker) {
  const auto reports = [](const std::string& dropped) {
    PluginDeviceOptions options;
    options.check_races = true;
    options.drop_wait = dropped;
    const std::unique_ptr<Device> device = CudaPlugin().Create(0, options);
    const std::unique_ptr<Stream> up = device->CreateStream("up"), compute = device->CreateStream("compute");
    const std::unique_ptr<Event> event = device->CreateEvent();
    const Buffer host = device->AllocateHost(4096), x = device->Allocate(4096), y = device->Allocate(2048);
    up->Copy(x.data(), host.data(), x.bytes());
    up->Record(*event);
    compute->Wait(*event, "x is there");
    device->ops().Cast(*compute, {.x_type = DType::kF32, .y_type = DType::kBF16, .n = 1024, .x = x.data(), .y = y.data()});
    compute->Synchronize();
    DeclareAccess(device->race_checker(), host.data(), 4096, true, "next batch");
    return device->race_checker()->reports();
  };
  EXPECT_TRUE(reports("").empty());
  const std::vector<std::string> found = reports("x is there");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], "compute reads 'Cast.x' (4096 bytes) after up wrote 'copy' there, with no order between them");
  EXPECT_NE(found[1].find("writes 'next batch'"), std::string::npos) << found[1];
}

}  // namespace
}  // namespace hlm
