// What tests of operations share: a device with a stream and a workspace, and arrays in either type with their values as stored.
#ifndef HORIZON_LM_TESTS_CPU_RIG_H_
#define HORIZON_LM_TESTS_CPU_RIG_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/base/dtype.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/cpu/cpu_device.h"
#include "core/device/device.h"
#include "core/device/ops.h"

namespace hlm {

using Doubles = std::vector<double>;

// Units of rounding: half the distance from 1 to the next number.
inline constexpr double kFloatUnit = 0x1p-24;
inline constexpr double kBf16Unit = 0x1p-8;
inline double UnitOf(DType type) { return type == DType::kF32 ? kFloatUnit : kBf16Unit; }

// n elements of a type. Arrays that an operation overwrites start as NaN, so that an element it forgets or reads is seen. A few
// NaN guard elements lie on both sides.
class Array {
 public:
  static constexpr size_t kGuard = 19;

  Array(DType type, int64_t n)
      : type_(type), n_(static_cast<size_t>(n)), bytes_((n_ + 2 * kGuard) * SizeOf(type), std::byte{0xff}) {}
  Array(DType type, const Doubles& values) : Array(type, static_cast<int64_t>(values.size())) {
    for (size_t i = 0; i < n_; ++i) Set(i, values[i]);
  }

  DType type() const { return type_; }
  size_t size() const { return n_; }
  void* data() { return bytes_.data() + kGuard * SizeOf(type_); }
  float* floats() { return static_cast<float*>(data()); }
  size_t bytes() const { return n_ * SizeOf(type_); }

  double operator[](size_t i) const {
    if (type_ == DType::kF32) return At<float>(i);
    return Bf16ToFloat(At<bf16_t>(i));
  }
  Doubles values() const {
    Doubles result(n_);
    for (size_t i = 0; i < n_; ++i) result[i] = (*this)[i];
    return result;
  }
  bool GuardsIntact() const {
    const size_t edge = kGuard * SizeOf(type_);
    for (size_t i = 0; i < edge; ++i) {
      if (bytes_[i] != std::byte{0xff} || bytes_[bytes_.size() - 1 - i] != std::byte{0xff}) return false;
    }
    return true;
  }
  bool SameBits(const Array& other) const { return bytes_ == other.bytes_; }

 private:
  template <class T>
  T At(size_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + (kGuard + i) * sizeof(T), sizeof(T));
    return value;
  }
  void Set(size_t i, double value) {
    const float f = static_cast<float>(value);
    const bf16_t b = FloatToBf16(f);
    if (type_ == DType::kF32) {
      std::memcpy(bytes_.data() + (kGuard + i) * 4, &f, 4);
    } else {
      std::memcpy(bytes_.data() + (kGuard + i) * 2, &b, 2);
    }
  }

  DType type_;
  size_t n_;
  std::vector<std::byte> bytes_;
};

// Standard normal times scale, by seed and name of the array.
inline Doubles Normals(int64_t n, const std::string& name, double scale = 1, int64_t seed = 1) {
  const uint64_t key = RandomKey(seed, name);
  Doubles values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) values[i] = scale * RandomNormal(key, i);
  return values;
}
inline Array RandomArray(DType type, int64_t n, const std::string& name, double scale = 1) {
  return Array(type, Normals(n, name, scale));
}

class Rig {
 public:
  explicit Rig(int threads = 2, size_t workspace_bytes = size_t{64} << 20) {
    CpuDeviceOptions options;
    options.threads = threads;
    device_ = CreateCpuDevice(options);
    stream_ = device_->CreateStream("compute");
    workspace_ = device_->Allocate(workspace_bytes);
    std::memset(workspace_.data(), 0xff, std::min<size_t>(workspace_bytes, size_t{1} << 20));  // NaNs: nobody may rely on zeros
    device_->ops().SetWorkspace(workspace_.data(), workspace_bytes);
  }

  Ops& ops() { return device_->ops(); }
  Stream& stream() { return *stream_; }
  template <class Args>
  void Run(void (Ops::*operation)(Stream&, const Args&), const Args& args) {
    (ops().*operation)(*stream_, args);
    stream_->Synchronize();
  }

 private:
  std::unique_ptr<Device> device_;
  Buffer workspace_;
  std::unique_ptr<Stream> stream_;
};

// |actual - expected| <= bound(i) for every i; says the worst element.
inline void ExpectWithin(const Array& actual, const Doubles& expected, const std::function<double(size_t)>& bound,
                         const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  size_t worst = 0;
  double excess = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < expected.size(); ++i) {
    const double over = std::abs(actual[i] - expected[i]) - bound(i);
    if (!(over <= excess)) {  // also where it is NaN
      excess = over;
      worst = i;
      if (std::isnan(over)) break;
    }
  }
  EXPECT_LE(excess, 0) << what << "[" << worst << "] is " << actual[worst] << ", not " << expected[worst] << " within "
                       << bound(worst);
  EXPECT_TRUE(actual.GuardsIntact()) << what << " was written outside of its range";
}

// Within `units` rounding units of the element's own size (in the array's type) plus `floats` fp32 units of `scale`.
inline void ExpectNear(const Array& actual, const Doubles& expected, double units, double floats, double scale,
                       const std::string& what) {
  const double unit = UnitOf(actual.type());
  ExpectWithin(
      actual, expected, [&](size_t i) { return units * unit * std::abs(expected[i]) + floats * kFloatUnit * scale + 1e-37; },
      what);
}

inline double MaxAbs(const Doubles& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_CPU_RIG_H_
