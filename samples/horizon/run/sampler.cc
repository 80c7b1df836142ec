#include "samples/horizon/run/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

// The ids of the k largest logits, in falling order of logits and then rising order of ids: an order without ties, so that a draw
// means the same everywhere.
std::vector<int32_t> Largest(std::span<const float> logits, size_t k) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto before = [logits](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  };
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(k), ids.end(), before);
  ids.resize(k);
  return ids;
}

}  // namespace

int32_t ChooseToken(std::span<const float> logits, double temperature, int64_t top_k, double uniform) {
  for (size_t id = 0; id < logits.size(); ++id) {
    if (!(logits[id] < INFINITY)) throw Error("the logit of id " + std::to_string(id) + " is not finite");
  }
  const auto largest = std::max_element(logits.begin(), logits.end());  // the first of equals
  if (*largest == -INFINITY) throw Error("no logit is finite");
  if (temperature == 0) return static_cast<int32_t>(largest - logits.begin());

  const size_t k = top_k == 0 ? logits.size() : std::min(logits.size(), static_cast<size_t>(top_k));
  const std::vector<int32_t> ids = Largest(logits, k);
  std::vector<double> sums;  // running sums of the weights
  double sum = 0;
  for (const int32_t id : ids) {
    sum += std::exp((static_cast<double>(logits[static_cast<size_t>(id)]) - static_cast<double>(*largest)) / temperature);
    sums.push_back(sum);
  }
  const auto chosen = std::upper_bound(sums.begin(), sums.end(), uniform * sum);
  return ids[std::min(static_cast<size_t>(chosen - sums.begin()), k - 1)];
}

}  // namespace horizon
