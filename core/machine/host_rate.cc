#include "core/machine/host_rate.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "core/base/c_locale.h"
#include "core/base/error.h"
#include "core/machine/calibration.h"
#include "cpu_optim/host_pool.h"

namespace hlm {

double MeasureHostRate(int threads) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kElements = int64_t{1} << 26, kTile = int64_t{1} << 16;  // of each array: 256 MiB
  constexpr int kRounds = 5;
  HostPool pool(threads);
  const std::unique_ptr<float[]> sum(new float[kElements]),
      x(new float[kElements]);  // touched first by the threads that use them
  const auto each_tile = [&](const auto& work) {
    pool.ParallelFor(kElements / kTile, [&](int64_t tile) { work(sum.get() + tile * kTile, x.get() + tile * kTile); });
  };
  each_tile([](float* s, float* y) {
    std::fill(s, s + kTile, 0.0f);
    std::fill(y, y + kTile, 1.0f);
  });
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Clock::time_point begin = Clock::now();
    each_tile([](float* __restrict s, const float* __restrict y) {
      for (int64_t i = 0; i < kTile; ++i) s[i] = 0.5f * s[i] + y[i];
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    best = std::max(best, 3.0 * sizeof(float) * kElements / seconds);
  }
  // What was computed is looked at, or a compiler may leave it out: 1, 1.5, 1.75, ...
  HLM_CHECK(sum[kElements - 1] > 1.9f && sum[0] < 2.0f, sum[0]);
  return best;
}

double CalibratedHostRate(const std::string& key, int threads) {
  const auto text = [threads] {
    char line[32];
    const double rate = MeasureHostRate(threads);
    const CLocale point;
    std::snprintf(line, sizeof line, "%.6g", rate);
    return std::string(line);
  };
  bool kept = false;
  const std::string line = CalibrationFile().Get(StrCat("host memory|", threads, " threads|", key), text, &kept);
  double rate = 0;
  const CLocale point;
  if (std::sscanf(line.c_str(), "%lg", &rate) == 1 && rate > 0) return rate;
  return MeasureHostRate(threads);  // a damaged file
}

}  // namespace hlm
