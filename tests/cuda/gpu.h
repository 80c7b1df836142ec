// What tests of the CUDA device share: one GPU and one CPU device for the whole program, arrays that exist on both, and the
// comparison of what an operation makes of them here and there.
#ifndef HORIZON_LM_TESTS_CUDA_GPU_H_
#define HORIZON_LM_TESTS_CUDA_GPU_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/dtype.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/cpu/cpu_device.h"
#include "core/device/device.h"
#include "core/device/load_plugin.h"
#include "core/device/ops.h"

namespace hlm {

using Floats = std::vector<float>;
using Bytes = std::vector<std::byte>;

// Where there is no GPU a test is skipped, unless the environment says that there must be one.
#define HLM_NEEDS_GPU(reason)                                      \
  do {                                                             \
    if (const std::string& why = (reason); !why.empty()) {         \
      const char* required = std::getenv("HLM_REQUIRE_GPU");       \
      if (required != nullptr && *required != '\0') FAIL() << why; \
      GTEST_SKIP() << why;                                         \
    }                                                              \
  } while (false)

// Empty where a CUDA device can be made, else the reason why not. Other errors are errors.
inline const std::string& NoGpu() {
  static const std::string reason = [] {
    try {
      CudaPlugin().Describe(0);
      return std::string();
    } catch (const Error& error) {
      if (error.code() != Code::kUnavailable) throw;
      return error.message();
    }
  }();
  return reason;
}

// A buffer on a device between two guards of NaNs. It is uploaded and downloaded whole.
class DeviceArray {
 public:
  static constexpr size_t kGuard = 256;  // bytes: the payload keeps that alignment

  DeviceArray(Device& device, Stream& stream, size_t bytes) : stream_(stream), buffer_(device.Allocate(bytes + 2 * kGuard)) {}

  std::byte* data() const { return buffer_.data() + kGuard; }

  void Upload(const Bytes& payload) {
    Bytes all(buffer_.bytes(), std::byte{0xff});
    std::copy(payload.begin(), payload.end(), all.begin() + kGuard);
    stream_.Copy(buffer_.data(), all.data(), all.size());
    stream_.Synchronize();
  }
  Bytes Download(const std::string& what) {
    Bytes all(buffer_.bytes());
    stream_.Copy(all.data(), buffer_.data(), all.size());
    stream_.Synchronize();
    const auto is_guard = [](std::byte byte) { return byte == std::byte{0xff}; };
    EXPECT_TRUE(std::all_of(all.begin(), all.begin() + kGuard, is_guard)) << what << " was written in front of its range";
    EXPECT_TRUE(std::all_of(all.end() - kGuard, all.end(), is_guard)) << what << " was written behind its range";
    return Bytes(all.begin() + kGuard, all.end() - kGuard);
  }

 private:
  Stream& stream_;
  Buffer buffer_;
};

// The devices of the program. Never freed: the order in which statics and the CUDA runtime end is not ours.
class Devices {
 public:
  static Devices& Get() {
    static auto* devices = new Devices;
    return *devices;
  }

  Device& gpu() { return *gpu_; }
  Stream& gpu_stream() { return *gpu_stream_; }

  template <class Args>
  void RunOnCpu(void (Ops::*operation)(Stream&, const Args&), const Args& args) {
    (cpu_->ops().*operation)(*cpu_stream_, args);
    cpu_stream_->Synchronize();
  }
  template <class Args>
  void RunOnGpu(void (Ops::*operation)(Stream&, const Args&), const Args& args) {
    (gpu_->ops().*operation)(*gpu_stream_, args);
    gpu_stream_->Synchronize();
  }

  // Fills the GPU's workspace with one of two kinds of garbage: NaNs (as ints -1), or finite floats (as ints out of any range).
  void Litter(int kind) {
    const Buffer& from = litter_[kind];
    for (size_t at = 0; at < workspace_.bytes(); at += from.bytes()) {
      gpu_stream_->Copy(workspace_.data() + at, from.data(), std::min(from.bytes(), workspace_.bytes() - at));
    }
  }

  void UseOwnWorkspace() { gpu_->ops().SetWorkspace(workspace_.data(), workspace_.bytes()); }

 private:
  Devices() {
    CpuDeviceOptions options;
    options.threads = std::min(16, AvailableThreads());
    cpu_ = CreateCpuDevice(options);
    cpu_stream_ = cpu_->CreateStream("compute");
    cpu_workspace_ = cpu_->Allocate(size_t{1} << 30);
    cpu_->ops().SetWorkspace(cpu_workspace_.data(), cpu_workspace_.bytes());

    gpu_ = CudaPlugin().Create(0, {});
    gpu_stream_ = gpu_->CreateStream("compute");
    workspace_ = gpu_->Allocate(size_t{256} << 20);
    UseOwnWorkspace();
    for (int kind = 0; kind < 2; ++kind) {
      const Bytes garbage(size_t{32} << 20, std::byte{static_cast<unsigned char>(kind == 0 ? 0xff : 0x3e)});
      litter_[kind] = gpu_->Allocate(garbage.size());
      gpu_stream_->Copy(litter_[kind].data(), garbage.data(), garbage.size());
      gpu_stream_->Synchronize();
    }
  }

  std::unique_ptr<Device> cpu_, gpu_;
  Buffer cpu_workspace_, workspace_, litter_[2];
  std::unique_ptr<Stream> cpu_stream_, gpu_stream_;
};

enum class Side { kCpu, kGpu };

// Standard normals times scale, by name; by many threads where there are many.
inline Floats Randoms(int64_t n, const std::string& name, double scale = 1) {
  const uint64_t key = RandomKey(1, name);
  Floats values(static_cast<size_t>(n));
  const size_t share = std::max(values.size() / static_cast<size_t>(std::min(16, AvailableThreads())) + 1, size_t{1} << 18);
  std::vector<std::thread> threads;
  for (size_t at = 0; at < values.size(); at += share) {
    threads.emplace_back(
        [&values, key, at, share, scale] { RandomNormals(key, at, std::min(share, values.size() - at), scale, &values[at]); });
  }
  for (std::thread& thread : threads) thread.join();
  return values;
}

inline Bytes Encode(DType type, const Floats& values) {
  Bytes bytes(values.size() * SizeOf(type));
  if (type == DType::kF32) {
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const bf16_t value = FloatToBf16(values[i]);
    std::memcpy(&bytes[2 * i], &value, 2);
  }
  return bytes;
}
inline Floats Decode(DType type, const Bytes& bytes) {
  Floats values(bytes.size() / SizeOf(type));
  if (type == DType::kF32) {
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    bf16_t value;
    std::memcpy(&value, &bytes[2 * i], 2);
    values[i] = Bf16ToFloat(value);
  }
  return values;
}

// One array on both devices. Inputs must not change; what is only written starts as NaNs, so that an element that is forgotten
// or read is seen.
class Twin {
 public:
  enum class Role { kInput, kOutput, kBoth };

  static Twin Input(DType type, const Floats& values) { return Twin(Role::kInput, type, Encode(type, values)); }
  static Twin Input(const std::vector<int32_t>& values) {
    Bytes bytes(values.size() * sizeof(int32_t));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return Twin(Role::kInput, DType::kF32, std::move(bytes));
  }
  static Twin Random(DType type, int64_t n, const std::string& name, double scale = 1) {
    return Input(type, Randoms(n, name, scale));
  }
  static Twin Output(DType type, int64_t n) {
    return Twin(Role::kOutput, type, Bytes(static_cast<size_t>(n) * SizeOf(type), std::byte{0xff}));
  }
  // Read and written, from these values.
  static Twin Both(DType type, const Floats& values) { return Twin(Role::kBoth, type, Encode(type, values)); }

  DType type() const { return type_; }
  size_t size() const { return start_.size() / SizeOf(type_); }
  void* on(Side side) { return side == Side::kCpu ? host_.data() + DeviceArray::kGuard : Device().data(); }
  float* floats(Side side) { return static_cast<float*>(on(side)); }
  int32_t* ints(Side side) { return static_cast<int32_t*>(on(side)); }

  Floats start() const { return Decode(type_, start_); }
  Floats cpu() const { return Decode(type_, cpu_); }
  Floats gpu() const { return Decode(type_, gpu_); }
  const Bytes& cpu_bytes() const { return cpu_; }
  const Bytes& gpu_bytes() const { return gpu_; }

  void Start(Side side) {
    if (side == Side::kCpu) {
      std::copy(start_.begin(), start_.end(), host_.begin() + DeviceArray::kGuard);
    } else if (role_ != Role::kInput || !uploaded_) {
      Device().Upload(start_);
      uploaded_ = true;
    }
  }
  void End(Side side, bool first, const std::string& what) {
    if (side == Side::kCpu) {
      cpu_.assign(host_.begin() + DeviceArray::kGuard, host_.end() - DeviceArray::kGuard);
      return;
    }
    constexpr size_t kMany = size_t{16} << 20;  // large inputs are not looked at again: time
    if (role_ == Role::kInput && start_.size() > kMany) return;
    Bytes now = Device().Download(what);
    if (role_ == Role::kInput) {
      EXPECT_TRUE(now == start_) << what << " is an input and was changed";
    } else if (first) {
      gpu_ = std::move(now);
    } else {
      EXPECT_TRUE(now == gpu_) << what << " has other bits in a second run";
    }
  }

 private:
  Twin(Role role, DType type, Bytes start)
      : role_(role), type_(type), start_(std::move(start)), host_(start_.size() + 2 * DeviceArray::kGuard, std::byte{0xff}) {}
  DeviceArray& Device() {
    if (device_ == nullptr) {
      device_ = std::make_unique<DeviceArray>(Devices::Get().gpu(), Devices::Get().gpu_stream(), start_.size());
    }
    return *device_;
  }

  Role role_;
  DType type_;
  Bytes start_, host_, cpu_, gpu_;
  std::unique_ptr<DeviceArray> device_;
  bool uploaded_ = false;
};

// Runs an operation once on the CPU device and twice on the GPU, with other garbage in the workspace: the bits must be the same.
// `args` makes the arguments for a side; `twins` are all the arrays in them.
template <class Args, class Make>
void RunBoth(void (Ops::*operation)(Stream&, const Args&), std::vector<Twin*> twins, const Make& args) {
  Devices& devices = Devices::Get();
  for (Twin* twin : twins) twin->Start(Side::kCpu);
  devices.RunOnCpu(operation, static_cast<const Args&>(args(Side::kCpu)));
  for (size_t i = 0; i < twins.size(); ++i) twins[i]->End(Side::kCpu, true, "");
  for (const int run : {0, 1}) {
    for (Twin* twin : twins) twin->Start(Side::kGpu);
    devices.Litter(run);
    devices.RunOnGpu(operation, static_cast<const Args&>(args(Side::kGpu)));
    for (size_t i = 0; i < twins.size(); ++i) twins[i]->End(Side::kGpu, run == 0, StrCat("array ", i));
  }
}

// How far the GPU's result may be from the CPU's: each element by `own` times its own size plus `scale` times the largest
// element's, and all together by `norm` times their norm.
struct Bound {
  double own = 0, scale = 0, norm = 0;
};
// fp32 results: sums in another order, and exp of another library.
inline constexpr Bound kFloatBound{0, 1e-5, 1e-5};
// bf16 results from the same bf16 inputs. Both sides sum in fp32 and round once: two numbers that are close may be rounded to
// neighbours, 2^-7 of their size apart at most. `scale`: elements that are small differences of large terms are off by the
// fp32 errors of those. Few elements lie so close to the middle between two neighbours: the norm of the difference is far below
// half a unit.
inline constexpr Bound RoundedBound(double neighbours = 1, double scale = 0x1p-14) { return {neighbours * 0x1p-7, scale, 4e-3}; }
inline constexpr Bound BoundOf(DType type) { return type == DType::kF32 ? kFloatBound : RoundedBound(); }

// `terms`: the size of terms that cancel, where a whole result may do so.
inline void ExpectClose(const Floats& actual, const Floats& expected, const Bound& bound, const std::string& what,
                        double terms = 0) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double most = terms, square = 0, difference = 0;
  for (const float value : expected) {
    if (!std::isfinite(value)) continue;
    most = std::max(most, std::abs(double{value}));
    square += double{value} * value;
  }
  size_t worst = 0;
  double excess = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < expected.size(); ++i) {
    const double e = expected[i], a = actual[i];
    if (!std::isfinite(e)) {
      ASSERT_TRUE(std::isnan(e) ? std::isnan(a) : a == e) << what << "[" << i << "] is " << a << ", not " << e;
      continue;
    }
    ASSERT_TRUE(std::isfinite(a)) << what << "[" << i << "] is " << a << ", not " << e;
    const double over = std::abs(a - e) - (bound.own * std::abs(e) + bound.scale * most);
    if (over > excess) excess = over, worst = i;
    difference += (a - e) * (a - e);
  }
  if (excess > 0) {
    ADD_FAILURE() << what << "[" << worst << "] is " << actual[worst] << ", not " << expected[worst] << " within "
                  << bound.own * std::abs(double{expected[worst]}) + bound.scale * most << "; the largest is " << most;
  }
  const double norm = std::max(std::sqrt(square), terms * std::sqrt(static_cast<double>(expected.size())));
  EXPECT_LE(std::sqrt(difference), bound.norm * norm)
      << what << ": norm of difference over norm " << (norm > 0 ? std::sqrt(difference) / norm : 0);
}
inline void ExpectClose(const Twin& twin, const Bound& bound, const std::string& what, double terms = 0) {
  ExpectClose(twin.gpu(), twin.cpu(), bound, what, terms);
}
inline void ExpectSame(const Twin& twin, const std::string& what) {
  EXPECT_TRUE(twin.gpu_bytes() == twin.cpu_bytes()) << what << " differs from the CPU's";
}

inline double MaxAbs(const Floats& values) {
  double most = 0;
  for (const float value : values) most = std::max(most, std::abs(double{value}));
  return most;
}

// The fixture of tests of operations.
class OpsTest : public testing::Test {
 protected:
  void SetUp() override { HLM_NEEDS_GPU(NoGpu()); }
};

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_CUDA_GPU_H_
