// Every case on the CPU device.
#include "core/cpu/cpu_device.h"
#include "tests/ops/modes.h"

namespace hlm::ops_test {

Rig* TheRig() {
  static Rig rig([] {
    CpuDeviceOptions options;
    options.threads = 3;
    return CreateCpuDevice(options);
  }());
  return &rig;
}
std::string NoRig() { return ""; }

TEST(CpuOps, FindTheRoomThatTheySayTheyNeed) {
  Rig small(CreateCpuDevice(CpuDeviceOptions()), 256);
  size_t most = 0;
  for (const OpCase& c : AllCases()) {
    if (!c.name.starts_with("StateSpace_f32")) continue;
    small.Clear();
    std::vector<Doubles> inputs;
    for (const Doubles& input : c.inputs) inputs.push_back(Stored(c.type, input));
    c.run(small, inputs, nullptr);
    most = std::max(most, small.workspace_bytes());
  }
  EXPECT_GT(most, size_t{256});
}

// The sums over rows are cut alike whatever the team.
TEST(CpuOps, HaveTheSameBitsWithOneThread) {
  CpuDeviceOptions options;
  options.threads = 1;
  Rig one(CreateCpuDevice(options));
  for (const OpCase& c : AllCases()) {
    // oneDNN cuts products of that size by the number of threads; and, on some processors, those of a lone head of a state space.
    if (c.exact_gradients || c.name.starts_with("StateSpace")) continue;
    std::vector<Doubles> inputs;
    for (const Doubles& input : c.inputs) inputs.push_back(Stored(c.type, input));
    const Doubles dy = Stored(c.type, Normals(c.exact(inputs).size(), "dy"));
    std::vector<std::vector<std::byte>> bits[2];
    for (const int r : {0, 1}) {
      Rig& rig = r == 0 ? one : *TheRig();
      rig.Clear();
      const Results results = c.run(rig, inputs, &dy);
      bits[r].push_back(results.y->Bytes());
      for (const DeviceArray* gradient : results.gradients) {
        if (gradient != nullptr) bits[r].push_back(gradient->Bytes());
      }
    }
    EXPECT_TRUE(bits[0] == bits[1]) << c.name;
  }
}

}  // namespace hlm::ops_test
