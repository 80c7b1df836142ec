#include "core/text/dataset/order.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/random.h"

namespace hlm::dataset {
namespace {

uint64_t Draw(uint64_t key, uint64_t identity) {
  const auto r = Philox(key, identity, 0x64617461);
  return (uint64_t{r[1]} << 32) | r[0];
}

// One byte a record: 1 for the `count` with the smallest draw; equal draws (equal records) in their order.
std::vector<uint8_t> Smallest(std::span<const uint64_t> identities, int64_t count, uint64_t key) {
  std::vector<std::pair<uint64_t, int64_t>> draws(identities.size());
  for (size_t i = 0; i < identities.size(); ++i) draws[i] = {Draw(key, identities[i]), static_cast<int64_t>(i)};
  std::vector<uint8_t> chosen(identities.size());
  const auto n = static_cast<std::ptrdiff_t>(std::min<int64_t>(count, static_cast<int64_t>(draws.size())));
  std::nth_element(draws.begin(), draws.begin() + n, draws.end());
  for (std::ptrdiff_t i = 0; i < n; ++i) chosen[static_cast<size_t>(draws[static_cast<size_t>(i)].second)] = 1;
  return chosen;
}

template <class T>
void Shuffle(std::vector<T>& values, uint64_t key) {
  for (size_t left = values.size(); left > 1; --left) {
    std::swap(values[left - 1], values[static_cast<size_t>(RandomBelow(key, left, left))]);
  }
}

uint64_t KeyOf(int64_t seed, std::string_view what, int64_t index) {
  return RandomKey(seed, what) ^ Draw(RandomKey(seed, "epoch"), static_cast<uint64_t>(index));
}

}  // namespace

std::vector<int64_t> Permutation(int64_t n, int64_t seed, std::string_view what, int64_t index) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Shuffle(order, KeyOf(seed, what, index));
  return order;
}

bool InEvaluation(uint64_t identity, double fraction, int64_t seed) {
  return static_cast<double>(Draw(RandomKey(seed, "evaluation"), identity) >> 11) * 0x1p-53 < fraction;
}

std::vector<uint8_t> EvaluationRecords(std::span<const uint64_t> identities, int64_t count, int64_t seed) {
  return Smallest(identities, count, RandomKey(seed, "evaluation"));
}

std::vector<uint8_t> SampledRecords(std::span<const uint64_t> identities, int64_t count, int64_t seed) {
  return Smallest(identities, count, RandomKey(seed, "samples"));
}

Order::Order(std::vector<int64_t> sizes, std::vector<double> weights, bool shuffle, int64_t seed)
    : sizes_(std::move(sizes)), weights_(std::move(weights)), shuffle_(shuffle), seed_(seed) {
  HLM_CHECK(weights_.size() == sizes_.size());
  per_epoch_ = std::accumulate(sizes_.begin(), sizes_.end(), int64_t{0});
  weighted_ = std::any_of(weights_.begin(), weights_.end(), [](double weight) { return weight >= 0; });
  if (!weighted_) {
    shares_ = sizes_;
    return;
  }
  // A source without a weight among others with one counts 1; an empty source has nothing to give.
  double sum = 0;
  for (size_t s = 0; s < sizes_.size(); ++s) {
    if (weights_[s] < 0) weights_[s] = 1;
    if (sizes_[s] == 0) weights_[s] = 0;
    sum += weights_[s];
  }
  shares_.assign(sizes_.size(), 0);
  if (per_epoch_ == 0) return;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t given = 0;
  for (size_t s = 0; s < sizes_.size(); ++s) {
    const double exact = static_cast<double>(per_epoch_) * (weights_[s] / sum);
    shares_[s] = static_cast<int64_t>(exact);
    given += shares_[s];
    if (weights_[s] > 0) remainders.push_back({static_cast<double>(shares_[s]) - exact, s});
  }
  std::stable_sort(remainders.begin(), remainders.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; given < per_epoch_; i = (i + 1) % remainders.size(), ++given) ++shares_[remainders[i].second];
}

// The source of each place of an epoch.
std::vector<int32_t> Order::Interleave(int64_t epoch) const {
  std::vector<int32_t> sources;
  sources.reserve(static_cast<size_t>(per_epoch_));
  if (shuffle_ || !weighted_) {
    for (size_t s = 0; s < shares_.size(); ++s)
      sources.insert(sources.end(), static_cast<size_t>(shares_[s]), static_cast<int32_t>(s));
    if (shuffle_) Shuffle(sources, KeyOf(seed_, "mix", epoch));
    return sources;
  }
  // Without chance, evenly: always the source that is furthest behind its share.
  std::vector<int64_t> taken(shares_.size());
  for (int64_t place = 0; place < per_epoch_; ++place) {
    size_t best = shares_.size();
    double furthest = 0;
    for (size_t s = 0; s < shares_.size(); ++s) {
      if (taken[s] == shares_[s]) continue;
      const double behind = static_cast<double>(place + 1) * static_cast<double>(shares_[s]) / static_cast<double>(per_epoch_) -
                            static_cast<double>(taken[s]);
      if (best == shares_.size() || behind > furthest) best = s, furthest = behind;
    }
    ++taken[best];
    sources.push_back(static_cast<int32_t>(best));
  }
  return sources;
}

std::vector<Order::Place> Order::Epoch(int64_t epoch) const {
  std::vector<std::vector<int64_t>> passes(sizes_.size());
  std::vector<int64_t> pass_of(sizes_.size(), -1), next(sizes_.size());
  for (size_t s = 0; s < sizes_.size(); ++s) next[s] = epoch * shares_[s];
  std::vector<Place> places;
  places.reserve(static_cast<size_t>(per_epoch_));
  for (const int32_t source : Interleave(epoch)) {
    const auto s = static_cast<size_t>(source);
    const int64_t pass = next[s] / sizes_[s], at = next[s] % sizes_[s];
    ++next[s];
    if (!shuffle_) {
      places.push_back({source, at});
      continue;
    }
    if (pass_of[s] != pass) {
      passes[s] = Permutation(sizes_[s], seed_, "source " + std::to_string(s), pass);
      pass_of[s] = pass;
    }
    places.push_back({source, passes[s][static_cast<size_t>(at)]});
  }
  return places;
}

}  // namespace hlm::dataset
