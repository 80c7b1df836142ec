#include "core/machine/host_rate.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <vector>

namespace hlm {
namespace {

// A plain copy of 128 MiB in this thread, the best of three: another way to the same order of magnitude.
double CopyRate() {
  const size_t bytes = size_t{128} << 20;
  std::vector<char> from(bytes, 1), to(bytes, 2);
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    std::memcpy(to.data(), from.data(), bytes);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (to[bytes / 2] == 1) best = std::max(best, 2.0 * static_cast<double>(bytes) / seconds);
  }
  return best;
}

TEST(HostRate, IsOfTheOrderOfACopy) {
  const double copy = CopyRate(), rate = MeasureHostRate(1);
  EXPECT_GT(rate, copy / 8);
  EXPECT_LT(rate, copy * 8);
}

}  // namespace
}  // namespace hlm
