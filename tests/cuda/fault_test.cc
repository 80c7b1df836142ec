// A kernel that traps: the operation's error comes back with CUDA's own words, and the process lives. Whatever of the GPU this
// process had is lost then, so nothing may follow in it.
#include "tests/cuda/gpu.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

TEST(FaultTest, AFailedKernelIsInternalAtTheLatestAtSynchronize) {
  HLM_NEEDS_GPU(NoGpu());
  constexpr int kWork = 20;
  PluginDeviceOptions options;
  options.fail_work = 7;
  {
    const std::unique_ptr<Device> device = CudaPlugin().Create(0, options);
    const std::unique_ptr<Stream> stream = device->CreateStream("compute"), other = device->CreateStream("copy");
    const std::unique_ptr<Event> event = device->CreateEvent();
    const Buffer x = device->Allocate(1 << 20), y = device->Allocate(1 << 20), host = device->AllocateHost(1 << 20);
    CastArgs args;
    args.x_type = DType::kF32;
    args.y_type = DType::kBF16;
    args.n = 1 << 18;
    args.x = x.data();
    args.y = y.data();
    std::string message;
    const auto run = [&] {
      for (int i = 0; i < kWork; ++i) device->ops().Cast(*stream, args);
      stream->Record(*event);
      other->Wait(*event, "result is there");
      other->Copy(host.data(), y.data(), host.bytes() / 2);
      stream->Synchronize();
    };
    EXPECT_EQ(CodeOf(run, &message), Code::kInternal);
    EXPECT_NE(message.find("cudaError"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    // It stays so, on every stream and event, and nothing hangs.
    EXPECT_EQ(CodeOf([&] { stream->Synchronize(); }), Code::kInternal);
    EXPECT_EQ(CodeOf([&] { other->Synchronize(); }), Code::kInternal);
    CodeOf([&] { event->Synchronize(); });  // whether it was recorded depends on when the error was seen
    EXPECT_EQ(CodeOf([&] { device->ops().Cast(*stream, args), stream->Synchronize(); }), Code::kInternal);
    // Host memory is the process's own still.
    host.data()[0] = std::byte{1};
  }  // everything is given back, without an exception out of a destructor
  // A new device in the same process is refused, not a crash.
  EXPECT_NE(CodeOf([] { CudaPlugin().Create(0, {})->Allocate(100); }), Code::kOk);
}

}  // namespace
}  // namespace hlm
