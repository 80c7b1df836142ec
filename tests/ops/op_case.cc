#include "tests/ops/op_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/base/error.h"

namespace hlm::ops_test {
namespace {

constexpr std::byte kBlank{0xff};  // a NaN in both types, -1 as an int

std::vector<std::byte> Encode(DType type, const Doubles& values) {
  std::vector<std::byte> bytes(values.size() * SizeOf(type));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto f = static_cast<float>(values[i]);
    const bf16_t b = FloatToBf16(f);
    type == DType::kF32 ? std::memcpy(&bytes[4 * i], &f, 4) : std::memcpy(&bytes[2 * i], &b, 2);
  }
  return bytes;
}

Doubles Decode(DType type, const std::vector<std::byte>& bytes) {
  Doubles values(bytes.size() / SizeOf(type));
  for (size_t i = 0; i < values.size(); ++i) {
    float f = 0;
    bf16_t b = 0;
    type == DType::kF32 ? std::memcpy(&f, &bytes[4 * i], 4) : std::memcpy(&b, &bytes[2 * i], 2);
    values[i] = static_cast<double>(type == DType::kF32 ? f : Bf16ToFloat(b));
  }
  return values;
}

double MaxAbs(const Doubles& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

double Dot(const Doubles& a, const Doubles& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

std::vector<Doubles> StoredInputs(const OpCase& c) {
  std::vector<Doubles> inputs;
  for (const Doubles& input : c.inputs) inputs.push_back(Stored(c.type, input));
  return inputs;
}

// |actual - expected| <= own |expected| + scale * the largest.
void ExpectNear(const Doubles& actual, const Doubles& expected, double own, double scale, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  const double most = MaxAbs(expected);
  size_t worst = 0;
  double excess = -1;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double over = std::abs(actual[i] - expected[i]) - (own * std::abs(expected[i]) + scale * (most + 1e-3));
    if (!(over <= excess)) excess = over, worst = i;
    if (std::isnan(over)) break;
  }
  EXPECT_LE(excess, 0) << what << "[" << worst << "] is " << actual[worst] << ", not " << expected[worst] << "; the largest is "
                       << most;
}

// The gradient of input `a` by central differences.
Doubles Differences(const OpCase& c, std::vector<Doubles>& inputs, size_t a, const Doubles& dy) {
  constexpr double kStep = 1e-4;
  Doubles gradient(inputs[a].size());
  for (size_t i = 0; i < gradient.size(); ++i) {
    const double at = inputs[a][i];
    inputs[a][i] = at + kStep;
    const double above = Dot(c.exact(inputs), dy);
    inputs[a][i] = at - kStep;
    gradient[i] = (above - Dot(c.exact(inputs), dy)) / (2 * kStep);
    inputs[a][i] = at;
  }
  return gradient;
}

}  // namespace

DeviceArray::DeviceArray(Device& device, Stream& stream, DType type, size_t n)
    : stream_(stream), type_(type), n_(n), buffer_(device.Allocate(n * SizeOf(type) + 2 * kGuard)) {
  const std::vector<std::byte> blank(buffer_.bytes(), kBlank);
  stream_.Copy(buffer_.data(), blank.data(), blank.size());
  stream_.Synchronize();
}

void DeviceArray::Put(const Doubles& values) {
  const std::vector<std::byte> bytes = Encode(type_, values);
  stream_.Copy(data(), bytes.data(), bytes.size());
  stream_.Synchronize();
}

void DeviceArray::PutInts(const std::vector<int32_t>& values) {
  stream_.Copy(data(), values.data(), values.size() * sizeof(int32_t));
  stream_.Synchronize();
}

std::vector<std::byte> DeviceArray::Bytes() const {
  std::vector<std::byte> all(buffer_.bytes());
  stream_.Copy(all.data(), buffer_.data(), all.size());
  stream_.Synchronize();
  for (size_t i = 0; i < kGuard; ++i) {
    HLM_CHECK(all[i] == kBlank && all[all.size() - 1 - i] == kBlank, "an array was written outside of its range");
  }
  return {all.begin() + kGuard, all.end() - kGuard};
}
Doubles DeviceArray::Get() const { return Decode(type_, Bytes()); }

Rig::Rig(std::unique_ptr<Device> device, size_t workspace_bytes)
    : device_(std::move(device)), stream_(device_->CreateStream("compute")), workspace_(device_->Allocate(workspace_bytes)) {
  ops().SetWorkspace(workspace_.data(), workspace_.bytes());
  Litter(litter_);
}

void Rig::MakeRoom(size_t bytes) {
  if (bytes <= workspace_.bytes()) return;
  workspace_ = device_->Allocate(bytes);
  ops().SetWorkspace(workspace_.data(), workspace_.bytes());
  Litter(litter_);
}

void Rig::Litter(unsigned char byte) {
  litter_ = byte;
  const std::vector<std::byte> litter(size_t{1} << 20, std::byte{byte});
  for (size_t at = 0; at < workspace_.bytes(); at += litter.size()) {
    stream_->Copy(workspace_.data() + at, litter.data(), std::min(litter.size(), workspace_.bytes() - at));
  }
  stream_->Synchronize();
}

DeviceArray& Rig::New(DType type, size_t n) {
  arrays_.push_back(std::make_unique<DeviceArray>(*device_, *stream_, type, n));
  return *arrays_.back();
}
DeviceArray& Rig::Put(DType type, const Doubles& values) {
  DeviceArray& array = New(type, values.size());
  array.Put(values);
  return array;
}
const int32_t* Rig::PutInts(const std::vector<int32_t>& values) {
  DeviceArray& array = New(DType::kF32, values.size());
  array.PutInts(values);
  return static_cast<const int32_t*>(array.data());
}

double Rig::Time(const std::function<void()>& work) {
  constexpr int kRuns = 10;
  work();
  const auto begin = stream_->Stamp();
  for (int i = 0; i < kRuns; ++i) work();
  const auto end = stream_->Stamp();
  stream_->Synchronize();
  return (end->Microseconds() - begin->Microseconds()) * 1e-6 / kRuns;
}

void Rig::Report(const OpFacts& facts, double seconds) {
  std::printf("  %-22s %9.3f ms", facts.operation, 1e3 * seconds);
  if (facts.product_flops > 0) std::printf(" %9.1f GFLOP/s", 1e-9 * facts.product_flops / seconds);
  if (facts.moved_bytes > 0) std::printf(" %9.1f GB/s", 1e-9 * facts.moved_bytes / seconds);
  std::printf("\n");
}

// Arrays that are larger are for speed alone, and repeat: drawing them takes minutes.
constexpr size_t kMostDrawn = size_t{1} << 20;

Doubles Normals(size_t n, const std::string& name, double scale) {
  const uint64_t key = RandomKey(1, name);
  Doubles values(n);
  const size_t drawn = std::min(n, kMostDrawn);
  for (size_t i = 0; i < drawn; ++i) values[i] = scale * RandomNormal(key, i);
  for (size_t i = drawn; i < n; ++i) values[i] = values[i - drawn];
  return values;
}

Doubles Stored(DType type, const Doubles& values) { return Decode(type, Encode(type, values)); }

// fp32: a few roundings of the terms of a sum, and another library's exp. bf16: a unit of rounding, 2^-8, for each time that a
// result is rounded; what is a small difference of large terms is off by their fp32 errors.
void CheckValue(Rig& rig, const OpCase& c) {
  rig.Clear();
  const std::vector<Doubles> inputs = StoredInputs(c);
  const Results results = c.run(rig, inputs, nullptr);
  const bool floats = results.y->type() == DType::kF32 && c.type == DType::kF32;
  ExpectNear(results.y->Get(), c.exact(inputs), floats ? 1e-5 : c.roundings * 0x1p-8, floats ? 1e-6 : 0x1p-13 + c.inner,
             c.name + " y");
}

// The step's truncation is about its square, double's rounding 1e-12. In bf16 a backward pass sees intermediate results that were
// rounded: off by a few units of the largest.
void CheckGradient(Rig& rig, const OpCase& c) {
  rig.Clear();
  std::vector<Doubles> inputs = StoredInputs(c);
  const Doubles y = c.exact(inputs);
  const Doubles dy = Stored(c.type, Normals(y.size(), "dy"));
  const Results results = c.run(rig, inputs, &dy);
  ASSERT_EQ(results.gradients.size(), inputs.size());
  std::vector<Doubles> exact(inputs.size());
  if (c.exact_gradients) exact = c.exact_gradients(inputs, dy);
  for (size_t a = 0; a < inputs.size(); ++a) {
    if (results.gradients[a] == nullptr) continue;
    const Doubles expected = c.exact_gradients ? exact[a] : Differences(c, inputs, a, dy);
    const bool floats = c.type == DType::kF32;
    ExpectNear(results.gradients[a]->Get(), expected, floats ? 2e-5 : 0x1p-7, floats ? 1e-5 : c.roundings * 0x1p-7,
               StrCat(c.name, " gradient of input ", a));
  }
}

void CheckSameBits(Rig& rig, const OpCase& c) {
  const std::vector<Doubles> inputs = StoredInputs(c);
  const Doubles dy = Stored(c.type, Normals(c.exact(inputs).size(), "dy"));
  std::vector<std::vector<std::byte>> first;
  for (const unsigned char litter : {0xff, 0x3e}) {  // NaNs, then finite numbers
    rig.Clear();
    rig.Litter(litter);
    const Results results = c.run(rig, inputs, &dy);
    std::vector<std::vector<std::byte>> bits{results.y->Bytes()};
    for (const DeviceArray* gradient : results.gradients) {
      if (gradient != nullptr) bits.push_back(gradient->Bytes());
    }
    if (first.empty()) {
      first = bits;
    } else {
      EXPECT_TRUE(bits == first) << c.name << " has other bits in a second run";
    }
  }
  rig.Litter(0xff);
}

void PrintSpeed(Rig& rig, const OpCase& c) {
  rig.Clear();
  std::printf("%s\n", c.name.c_str());
  rig.set_timed(false);
  const Results forward = c.run(rig, c.inputs, nullptr);
  rig.set_timed(true);
  const Doubles dy = Normals(forward.y->size(), "dy");
  c.run(rig, c.inputs, &dy);
}

}  // namespace hlm::ops_test
