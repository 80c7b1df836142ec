// The recurrences' and attention's kernels, threads emulated on the CPU, on the cases that the CUDA device has.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "core/cuda/attention.h"
#include "core/cuda/kernels.h"
#include "core/cuda/shared_memory.h"
#include "core/cuda/views/delta_any.h"
#include "core/cuda/views/delta_channel_mma.h"
#include "core/cuda/views/delta_mma.h"
#include "core/cuda/views/state_any.h"
#include "core/cuda/views/state_mma.h"
#include "core/device/same_call.h"
#include "tests/ops/op_case.h"

namespace hlm::ops_test {
namespace {

// The CPU device's operations, but for those that have kernels here.
class EmulatedOps : public Ops {
 public:
  // shared: bytes of shared memory that the GPU lends a block.
  EmulatedOps(Ops& cpu, size_t shared) : cpu_(cpu), shared_(shared) {}
  size_t WorkspaceBytes(const Call& call) const override { return cpu_.WorkspaceBytes(call); }

 protected:
  void Do(Stream& stream, const Call& call, OpFacts) override {
    cpu_.SetWorkspace(workspace(), workspace_bytes());
    stream.Synchronize();
    if (!std::visit([&](const auto& args) { return Emulated(stream, args); }, call)) cpu_.Run(stream, call);
  }

 private:
  template <class Args>
  bool Emulated(Stream&, const Args&) {
    return false;
  }
  bool Emulated(Stream&, const DeltaRuleArgs& a) {
    if (TensorCoresTake(a) && cuda::DeltaMmaShared(a.key_dim) <= shared_) {
      cuda::DeltaMmaRule(nullptr, a, Scratch(cuda::DeltaMmaBytes(a)));
    } else if (TensorCoresTakeChannels(a)) {
      cuda::DeltaChannelMmaRule(nullptr, a, Scratch(cuda::DeltaChannelMmaBytes(a)));
    } else if (a.type == DType::kBF16 || a.by_channel || a.key_dim > cuda::kMostMmaKeys) {
      cuda::DeltaAnyRule(nullptr, a, Scratch(cuda::DeltaAnyBytes(a)));
    } else {
      return false;
    }
    return true;
  }
  bool Emulated(Stream&, const DeltaRuleBackwardArgs& a) {
    if (TensorCoresTake(a) && cuda::DeltaMmaShared(a.key_dim) <= shared_) {
      cuda::DeltaMmaRuleBackward(nullptr, a, Scratch(cuda::DeltaMmaBackwardBytes(a)));
    } else if (TensorCoresTakeChannels(a)) {
      cuda::DeltaChannelMmaRuleBackward(nullptr, a, Scratch(cuda::DeltaChannelMmaBackwardBytes(a)));
    } else if (a.type == DType::kBF16 || a.by_channel || a.key_dim > cuda::kMostMmaKeys) {
      cuda::DeltaAnyRuleBackward(nullptr, a, Scratch(cuda::DeltaAnyBackwardBytes(a)));
    } else {
      return false;
    }
    return true;
  }
  bool Emulated(Stream&, const StateSpaceArgs& a) {
    if (TensorCoresTakeState(a)) {
      cuda::StateMmaSpace(nullptr, a, Scratch(cuda::StateMmaBytes(a)));
    } else {
      cuda::StateAnySpace(nullptr, a, Scratch(cuda::StateAnyBytes(a)));
    }
    return true;
  }
  bool Emulated(Stream&, const StateSpaceBackwardArgs& a) {
    if (TensorCoresTakeState(a)) {
      cuda::StateMmaSpaceBackward(nullptr, a, Scratch(cuda::StateMmaBackwardBytes(a)));
    } else {
      cuda::StateAnySpaceBackward(nullptr, a, Scratch(cuda::StateAnyBackwardBytes(a)));
    }
    return true;
  }
  bool Emulated(Stream&, const SelectiveScanArgs& a) { return cuda::SelectiveScan(nullptr, a), true; }
  bool Emulated(Stream&, const SelectiveScanBackwardArgs& a) {
    return cuda::SelectiveScanBackward(nullptr, a, Scratch(cuda::SelectiveScanBackwardBytes(a))), true;
  }
  bool Emulated(Stream&, const GatedRecurrenceArgs& a) { return cuda::GatedRecurrence(nullptr, a), true; }
  bool Emulated(Stream&, const GatedRecurrenceBackwardArgs& a) {
    return cuda::GatedRecurrenceBackward(nullptr, a, Scratch(cuda::GatedRecurrenceBackwardBytes(a))), true;
  }
  bool Emulated(Stream&, const BlockLinearArgs& a) { return cuda::BlockLinear(nullptr, a), true; }
  bool Emulated(Stream&, const BlockLinearBackwardArgs& a) {
    return cuda::BlockLinearBackward(nullptr, a, Scratch(cuda::BlockLinearBackwardBytes(a))), true;
  }
  bool Emulated(Stream&, const ViewAttentionArgs& a) {
    if (a.type != DType::kBF16) return false;
    cuda::MmaAttention(nullptr, a);
    return true;
  }
  bool Emulated(Stream& stream, const ViewAttentionBackwardArgs& a) {
    if (a.type != DType::kBF16) return false;
    if (a.dsinks != nullptr) {  // whose gradient is another kernel's
      cpu_.Run(stream, a);
      stream.Synchronize();
    }
    cuda::MmaAttentionBackward(nullptr, a, shared_, Scratch(static_cast<size_t>(a.tokens * a.heads) * sizeof(float)));
    return true;
  }
  bool Emulated(Stream& stream, const AttentionArgs& a) { return Emulated(stream, AsViews(a)); }
  bool Emulated(Stream& stream, const AttentionBackwardArgs& a) { return Emulated(stream, AsViews(a)); }

  static bool TensorCoresTake(const auto& a) {
    return a.type == DType::kBF16 && !a.by_channel && a.key_dim <= cuda::kMostMmaKeys;
  }
  bool TensorCoresTakeChannels(const auto& a) const {
    return a.type == DType::kBF16 && a.by_channel && a.key_heads == a.heads && a.key_dim <= cuda::kMostMmaKeys &&
           cuda::DeltaChannelMmaShared(a.key_dim) <= shared_;
  }
  bool TensorCoresTakeState(const auto& a) const {
    return a.type == DType::kBF16 && a.state_dim <= cuda::kMostMmaRows && cuda::StateMmaShared(a.state_dim) <= shared_;
  }
  // NaNs and finite numbers in turn.
  void* Scratch(size_t bytes) {
    scratch_.assign(bytes + 256, ++calls_ % 2 == 0 ? '\x3e' : '\xff');
    return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(scratch_.data()) + 255) / 256 * 256);
  }

  Ops& cpu_;
  const size_t shared_;
  std::vector<char> scratch_;
  int calls_ = 0;
};

class EmulatedDevice : public Device {
 public:
  EmulatedDevice(std::unique_ptr<Device> cpu, size_t shared) : cpu_(std::move(cpu)), ops_(cpu_->ops(), shared) {}
  const DeviceInfo& info() const override { return cpu_->info(); }
  Buffer Allocate(size_t bytes) override { return cpu_->Allocate(bytes); }
  Buffer AllocateHost(size_t bytes) override { return cpu_->AllocateHost(bytes); }
  DeviceUsage usage() const override { return cpu_->usage(); }
  std::unique_ptr<Stream> CreateStream(const std::string& name) override { return cpu_->CreateStream(name); }
  std::unique_ptr<Event> CreateEvent() override { return cpu_->CreateEvent(); }
  Ops& ops() override { return ops_; }

 private:
  const std::unique_ptr<Device> cpu_;
  EmulatedOps ops_;
};

Rig& TheRig() {
  static Rig rig(std::make_unique<EmulatedDevice>(CreateCpuDevice({.threads = 1}), size_t{227} << 10));
  return rig;
}
// Of a GPU whose blocks have the least.
Rig& SmallRig() {
  static Rig rig(std::make_unique<EmulatedDevice>(CreateCpuDevice({.threads = 1}), cuda::kLeastShared));
  return rig;
}

std::vector<OpCase> Cases() {
  std::vector<OpCase> cases;
  for (OpCase& c : AllCases()) {
    for (const char* kind :
         {"DeltaRule_", "StateSpace_", "SelectiveScan_", "GatedRecurrence_", "BlockLinear_", "Attention_bf16"}) {
      if (c.name.starts_with(kind)) cases.push_back(std::move(c));
    }
  }
  return cases;
}

class EmulatedTest : public testing::TestWithParam<OpCase> {};
TEST_P(EmulatedTest, GivesWhatThePlainLoopGives) { CheckValue(TheRig(), GetParam()); }
TEST_P(EmulatedTest, HasTheGradientOfThePlainLoop) { CheckGradient(TheRig(), GetParam()); }
TEST_P(EmulatedTest, HasTheSameBitsInWhateverOrderThreadsRun) { CheckSameBits(TheRig(), GetParam()); }
// What has other kernels there: wide heads, and states that tensor cores take elsewhere.
std::vector<OpCase> SmallCases() {
  std::vector<OpCase> cases;
  for (OpCase& c : Cases()) {
    const auto has = [&](const char* text) { return c.name.find(text) != std::string::npos; };
    if (c.name.starts_with("Selective") || c.name.starts_with("Gated") || c.name.starts_with("Block")) continue;
    const bool other = c.name.starts_with("Attention") ? has("x136_") : !has("of136") && !has("of264");
    if (c.type == DType::kBF16 && other) cases.push_back(std::move(c));
  }
  return cases;
}
class SmallEmulatedTest : public testing::TestWithParam<OpCase> {};
TEST_P(SmallEmulatedTest, GivesWhatThePlainLoopGives) { CheckValue(SmallRig(), GetParam()); }
TEST_P(SmallEmulatedTest, HasTheGradientOfThePlainLoop) { CheckGradient(SmallRig(), GetParam()); }
TEST_P(SmallEmulatedTest, HasTheSameBitsInWhateverOrderThreadsRun) { CheckSameBits(SmallRig(), GetParam()); }
INSTANTIATE_TEST_SUITE_P(Kernels, SmallEmulatedTest, testing::ValuesIn(SmallCases()),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(Kernels, EmulatedTest, testing::ValuesIn(Cases()), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hlm::ops_test
