// The tests of operations, once for all devices: a case is a forward operation with its backward one, on arrays of one type,
// beside plain loops in double. Three modes: the value against the loops, the gradient against central differences of the loops,
// speed.
#ifndef HORIZON_LM_TESTS_OPS_OP_CASE_H_
#define HORIZON_LM_TESTS_OPS_OP_CASE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/dtype.h"
#include "core/base/random.h"
#include "core/device/device.h"
#include "core/device/facts.h"

namespace hlm::ops_test {

using Doubles = std::vector<double>;

// An array on a device between two guards.
class DeviceArray {
 public:
  static constexpr size_t kGuard = 256;  // bytes: keeps the payload's alignment
  DeviceArray(Device& device, Stream& stream, DType type, size_t n);
  void* data() const { return buffer_.data() + kGuard; }
  float* floats() const { return static_cast<float*>(data()); }
  DType type() const { return type_; }
  size_t size() const { return n_; }

  void Put(const Doubles& values);  // rounded to the type
  void PutInts(const std::vector<int32_t>& values);
  Doubles Get() const;  // throws where a guard was written
  std::vector<std::byte> Bytes() const;

 private:
  Stream& stream_;
  DType type_;
  size_t n_;
  Buffer buffer_;
};

// A device with one stream and a workspace full of NaNs or of large numbers, which runs operations one at a time. The workspace grows to
// what an operation says that it needs.
class Rig {
 public:
  explicit Rig(std::unique_ptr<Device> device, size_t workspace_bytes = size_t{96} << 20);

  Ops& ops() { return device_->ops(); }
  Stream& stream() { return *stream_; }
  size_t workspace_bytes() const { return workspace_.bytes(); }
  void Litter(unsigned char byte);

  // Arrays live as long as the rig's last Clear.
  DeviceArray& New(DType type, size_t n);  // of NaNs: what is only written
  DeviceArray& Put(DType type, const Doubles& values);
  const int32_t* PutInts(const std::vector<int32_t>& values);
  void Clear() { arrays_.clear(); }

  template <class Args>
  void Run(void (Ops::*operation)(Stream&, const Args&), const Args& args) {
    MakeRoom(ops().WorkspaceBytes(Call(args)));
    const double before = timed_ ? Time([&] { (ops().*operation)(*stream_, args); }) : 0;
    if (!timed_) (ops().*operation)(*stream_, args);
    stream_->Synchronize();
    if (timed_) Report(FactsOf(Call(args)), before);
  }
  // Operations are run several times, and their rates are printed.
  void set_timed(bool timed) { timed_ = timed; }

 private:
  void MakeRoom(size_t bytes);
  double Time(const std::function<void()>& work);  // seconds of one run
  void Report(const OpFacts& facts, double seconds);

  std::unique_ptr<Device> device_;
  std::unique_ptr<Stream> stream_;
  Buffer workspace_;
  unsigned char litter_ = 0xff;
  std::vector<std::unique_ptr<DeviceArray>> arrays_;
  bool timed_ = false;
};

struct Results {
  DeviceArray* y = nullptr;
  std::vector<DeviceArray*> gradients;  // of the inputs, in their order; null: that one has none
};

struct OpCase {
  std::string name;
  DType type = DType::kF32;
  std::vector<Doubles> inputs;
  // y in double, of inputs as they are stored.
  std::function<Doubles(const std::vector<Doubles>&)> exact;
  // Gradients of y . dy in double, where central differences of `exact` would take too long; of an input without one: anything.
  std::function<std::vector<Doubles>(const std::vector<Doubles>&, const Doubles& dy)> exact_gradients;
  // The operation, and, where dy is not null, its backward one behind it. Inputs are put by the case, dy has the type of y.
  std::function<Results(Rig&, const std::vector<Doubles>& inputs, const Doubles* dy)> run;
  // How often a bf16 result is rounded on its way: each time it may fall to a neighbour.
  int roundings = 1;
  double inner = 0;             // how far roundings inside the operation may move a value, as a part of the largest
  bool may_be_refused = false;  // by a device, as UNIMPLEMENTED
};
inline std::ostream& operator<<(std::ostream& out, const OpCase& c) { return out << c.name; }

// All cases of this file's folder.
std::vector<OpCase> AllCases();
// Larger ones with `part` in their names, for the third mode: only `run` counts.
std::vector<OpCase> SpeedCases(size_t tokens, const std::string& part);

// The modes. What is wrong is a test failure; rates are printed.
void CheckValue(Rig& rig, const OpCase& c);
void CheckGradient(Rig& rig, const OpCase& c);
void CheckSameBits(Rig& rig, const OpCase& c);  // whatever lies in the workspace

void PrintSpeed(Rig& rig, const OpCase& c);

// RmsNorm and Attention beside the wide operations that they are forms of: the same bits.
void CheckNarrowForms(Rig& rig, DType type);

// Standard normals times scale, by name.
Doubles Normals(size_t n, const std::string& name, double scale = 1);
Doubles Stored(DType type, const Doubles& values);

}  // namespace hlm::ops_test

#endif  // HORIZON_LM_TESTS_OPS_OP_CASE_H_
