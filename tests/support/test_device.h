// The devices that tests of whole runs use: $HLM_TEST_DEVICE ("cpu", "cuda:0", "cuda:0,cuda:1"), by default the CPU.
#ifndef HORIZON_LM_TESTS_SUPPORT_TEST_DEVICE_H_
#define HORIZON_LM_TESTS_SUPPORT_TEST_DEVICE_H_

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/cpu/cpu_device.h"
#include "core/device/load_plugin.h"

namespace hlm {

inline std::string TestDeviceList() {
  const char* name = std::getenv("HLM_TEST_DEVICE");
  return name == nullptr ? "cpu" : name;
}
// One of them, the first.
inline std::string TestDeviceName() { return TestDeviceList().substr(0, TestDeviceList().find(',')); }
inline bool TestsOnCpu() { return TestDeviceName() == "cpu"; }
// How many devices a test may ask for: any number of the CPU's.
inline int64_t TestDeviceCount() {
  if (TestsOnCpu()) return 64;
  int64_t count = 1;
  for (const char c : TestDeviceList()) count += c == ',';
  return count;
}
// So many of them, as a plan's options name them.
inline std::string TestDeviceNames(int64_t count) {
  if (count == 1) return TestDeviceName();
  if (TestsOnCpu()) return "cpu:" + std::to_string(count);
  const std::string all = TestDeviceList();
  size_t end = 0;
  for (int64_t i = 0; i < count; ++i) end = all.find(',', end + (i > 0));
  return all.substr(0, end);
}

// The `number`th, with the options for tests, as far as the device has them.
inline std::unique_ptr<Device> MakeTestDevice(const CpuDeviceOptions& options, int64_t number = 0) {
  if (TestsOnCpu()) return CreateCpuDevice(options);
  PluginDeviceOptions gpu;
  gpu.check_races = options.check_races;
  gpu.races = options.races;
  gpu.drop_wait = options.drop_wait;
  gpu.fail_allocation = options.fail_allocation;
  gpu.fail_work = options.fail_work;
  gpu.delay_seed = options.delay_seed;
  gpu.max_delay_us = options.max_delay_us;
  const std::string names = TestDeviceNames(number + 1);  // "cuda:0,cuda:1": the last is the one
  return CudaPlugin().Create(std::atoi(names.c_str() + names.rfind(':') + 1), gpu);
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_SUPPORT_TEST_DEVICE_H_
