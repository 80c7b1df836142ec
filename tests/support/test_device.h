// The device that tests of whole runs use: $HLM_TEST_DEVICE ("cpu", "cuda:0"), by default the CPU.
#ifndef HORIZON_LM_TESTS_SUPPORT_TEST_DEVICE_H_
#define HORIZON_LM_TESTS_SUPPORT_TEST_DEVICE_H_

#include <cstdlib>
#include <memory>
#include <string>

#include "core/cpu/cpu_device.h"
#include "core/device/load_plugin.h"

namespace hlm {

inline std::string TestDeviceName() {
  const char* name = std::getenv("HLM_TEST_DEVICE");
  return name == nullptr ? "cpu" : name;
}
inline bool TestsOnCpu() { return TestDeviceName() == "cpu"; }

// With the options for tests, as far as the device has them.
inline std::unique_ptr<Device> MakeTestDevice(const CpuDeviceOptions& options) {
  if (TestsOnCpu()) return CreateCpuDevice(options);
  PluginDeviceOptions gpu;
  gpu.drop_wait = options.drop_wait;
  gpu.fail_allocation = options.fail_allocation;
  gpu.fail_work = options.fail_work;
  gpu.delay_seed = options.delay_seed;
  gpu.max_delay_us = options.max_delay_us;
  return CudaPlugin().Create(0, gpu);
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_SUPPORT_TEST_DEVICE_H_
