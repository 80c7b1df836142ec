#include "core/text/dataset/epoch.h"

#include <algorithm>
#include <numeric>

namespace hlm::dataset {
namespace {

Order OrderOf(const DatasetOptions& options, const std::vector<std::vector<int64_t>>& units) {
  std::vector<int64_t> sizes;
  std::vector<double> weights;
  for (size_t s = 0; s < options.sources.size(); ++s) {
    sizes.push_back(static_cast<int64_t>(units[s].size()));
    weights.push_back(options.sources[s].weight);
  }
  return Order(std::move(sizes), std::move(weights), options.shuffle, options.seed);
}

}  // namespace

Epoch::Epoch(const DatasetOptions& options, const Documents& documents, const std::vector<std::vector<int64_t>>& units)
    : options_(options), documents_(documents), units_(units), order_(OrderOf(options, units)) {}

void Epoch::Enter(int64_t epoch) {
  if (entered_ == epoch) return;
  entered_ = -1;
  units_of_epoch_.clear();
  std::vector<int64_t> lengths;
  for (const Order::Place& place : order_.Epoch(epoch)) {
    units_of_epoch_.push_back(units_[static_cast<size_t>(place.source)][static_cast<size_t>(place.unit)]);
    lengths.push_back(documents_.UnitLength(units_of_epoch_.back()));
  }
  rows_ = options_.packing ? PackBestFit(lengths, Capacity()) : OneEach(static_cast<int64_t>(lengths.size()));
  if (options_.packing && options_.shuffle) {
    row_order_ = Permutation(rows_.size(), options_.seed, "rows", epoch);
  } else {
    row_order_.resize(static_cast<size_t>(rows_.size()));
    std::iota(row_order_.begin(), row_order_.end(), 0);
    if (options_.packing) {  // by the first document of each
      std::sort(row_order_.begin(), row_order_.end(), [&](int64_t a, int64_t b) { return rows_[a].front() < rows_[b].front(); });
    }
  }
  entered_ = epoch;
}

int64_t Epoch::tokens() const {
  int64_t sum = 0;
  for (const int64_t unit : units_of_epoch_) sum += documents_.UnitLength(unit);
  return sum;
}

}  // namespace hlm::dataset
