#include "samples/horizon/data/order.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace horizon {
namespace {

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;

}  // namespace

uint64_t RandomBits(int64_t seed, uint64_t stream, uint64_t index) {
  const uint64_t key = Mix(Mix(static_cast<uint64_t>(seed) + kGolden) + (stream + 1) * kGolden);
  return Mix(key + (index + 1) * kGolden);
}

double RandomUniform(int64_t seed, uint64_t stream, uint64_t index) {
  return static_cast<double>(RandomBits(seed, stream, index) >> 11) * 0x1p-53;
}

uint64_t RandomBelow(int64_t seed, uint64_t stream, uint64_t index, uint64_t limit) {
  // The upper half of the 128-bit product; its bias is below limit / 2^64.
  return static_cast<uint64_t>((static_cast<unsigned __int128>(RandomBits(seed, stream, index)) * limit) >> 64);
}

RowOrder::RowOrder(int64_t rows, int64_t batch_size, int64_t seed, bool shuffle)
    : rows_(rows), batch_size_(batch_size), seed_(seed), shuffle_(shuffle), order_(static_cast<size_t>(rows)) {}

std::span<const int64_t> RowOrder::Batch(int64_t index) {
  const int64_t epoch = index / batches_per_epoch();
  if (epoch != epoch_) Arrange(epoch);
  const int64_t begin = index % batches_per_epoch() * batch_size_;
  const int64_t end = std::min(begin + batch_size_, rows_);
  return std::span(order_).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

void RowOrder::Arrange(int64_t epoch) {
  // From the identity each time, so that an epoch's order depends on its number and not on the epochs before it.
  std::iota(order_.begin(), order_.end(), int64_t{0});
  epoch_ = epoch;
  if (!shuffle_) return;
  for (size_t i = order_.size(); i > 1; --i) {  // Fisher and Yates
    std::swap(order_[i - 1], order_[RandomBelow(seed_, static_cast<uint64_t>(epoch), i, i)]);
  }
}

}  // namespace horizon
