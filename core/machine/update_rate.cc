#include "core/machine/update_rate.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "core/base/c_locale.h"
#include "core/base/error.h"
#include "core/machine/calibration.h"

namespace hlm {
namespace {

constexpr double kWorthIt = 1.05;

}  // namespace

double MeasureUpdateRate(UpdatePath path, bool split, int threads) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kElements = int64_t{1} << 24;  // 14 or 16 bytes each
  constexpr int kRounds = 4;
  HostPool pool(threads);
  const OptimizerOptions options{.path = path};
  const size_t n = kElements;
  std::vector<float> weight(split ? 0 : n, 0.5f), gradient(split ? 0 : n, 1e-3f), first(n), second(n);
  std::vector<bf16_t> hi(split ? n : 0, FloatToBf16(0.5f)), narrow(split ? n : 0, FloatToBf16(1e-3f));
  std::vector<uint16_t> lo(hi.size());
  UpdateArrays arrays;
  arrays.n = kElements;
  if (split) {
    arrays.master = {nullptr, hi.data(), lo.data()};
  } else {
    arrays.master.weight = weight.data();
  }
  arrays.first.values = first.data();
  arrays.second.values = second.data();
  arrays.gradient = split ? static_cast<const void*>(narrow.data()) : gradient.data();
  arrays.gradient_type = split ? DType::kBF16 : DType::kF32;
  arrays.decay = true;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {  // the first one touches pages and makes code
    const Clock::time_point begin = Clock::now();
    Update(pool, options, {round + 1, 1e-4, 1.0}, arrays);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (round > 0) best = std::max(best, static_cast<double>(kElements) / seconds);
  }
  return best;
}

UpdatePath FasterUpdate(bool split, int threads) {
  CalibrationFile file;
  if (file.path().empty()) return UpdatePath::kFused;
  const auto measure = [&] {
    const double fused = MeasureUpdateRate(UpdatePath::kFused, split, threads);
    const double onednn = MeasureUpdateRate(UpdatePath::kOneDnn, split, threads);
    char line[64];
    const CLocale point;
    std::snprintf(line, sizeof line, "%.6g %.6g", fused, onednn);
    return std::string(line);
  };
  bool kept = false;
  const std::string line = file.Get(StrCat("update|", split ? "split" : "f32", "|", threads, " threads|",
                                           OptimizerPath(UpdatePath::kFused), "|", OptimizerPath(UpdatePath::kOneDnn)),
                                    measure, &kept);
  double fused = 0, onednn = 0;
  const CLocale point;
  const bool read = std::sscanf(line.c_str(), "%lg %lg", &fused, &onednn) == 2;
  return kept && read && onednn > kWorthIt * fused ? UpdatePath::kOneDnn : UpdatePath::kFused;
}

}  // namespace hlm
