#include "core/machine/link_rates.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/cpu/cpu_device.h"

namespace hlm {
namespace {

// The CPU's devices copy in host memory: a rate of its order, and the sum of all links is not below what one peer gets.
TEST(LinkRates, OfTwoDevices) {
  CpuDeviceOptions options;
  options.threads = 1;
  const auto first = CreateCpuDevice(options), second = CreateCpuDevice(options);
  Device* const devices[] = {first.get(), second.get()};
  const LinkRates rates = MeasureLinks(devices);
  for (const double rate : {rates.links, rates.peer}) {
    EXPECT_TRUE(std::isfinite(rate));
    EXPECT_GT(rate, 1e7);
    EXPECT_LT(rate, 1e13);
  }
  EXPECT_EQ(first->usage().device_bytes, 0u);
}

}  // namespace
}  // namespace hlm
