// Epoch: the rows of one epoch, in the order in which they are handed out; it follows from the options and the epoch's number.
//
//   units_of_epoch  | u7 | u2 | u9 | u0 | u4 | ..   the units that it takes, all sources' in one shuffled order  (Order)
//   rows            | 0 3 | 1 | 2 4 | ..           places in the line above; those of a row fit seq_len together  (Rows)
//   row_order       | 2 | 0 | 1 | ..               rows in the order in which they are handed out
#ifndef HORIZON_LM_CORE_TEXT_DATASET_EPOCH_H_
#define HORIZON_LM_CORE_TEXT_DATASET_EPOCH_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/text/dataset/documents.h"
#include "core/text/dataset/options.h"
#include "core/text/dataset/order.h"
#include "core/text/dataset/packing.h"

namespace hlm::dataset {

class Epoch {
 public:
  Epoch(const DatasetOptions& options, const Documents& documents, const std::vector<std::vector<int64_t>>& units);

  void Enter(int64_t epoch);  // the following are of it
  int64_t rows() const { return rows_.size(); }
  int64_t tokens() const;
  // work(unit) for each unit of the row at a place in the order.
  template <class Work>
  void EachUnit(int64_t place, const Work& work) const {
    for (const int64_t item : rows_[row_order_[static_cast<size_t>(place)]]) work(units_of_epoch_[static_cast<size_t>(item)]);
  }

  int64_t Capacity() const { return options_.seq_len * documents_.per_unit(); }  // tokens of a row
  std::span<const int64_t> units_per_epoch() const { return order_.shares(); }   // by source

 private:
  const DatasetOptions& options_;
  const Documents& documents_;
  const std::vector<std::vector<int64_t>>& units_;  // by source
  const Order order_;
  int64_t entered_ = -1;
  std::vector<int64_t> units_of_epoch_;
  Rows rows_;
  std::vector<int64_t> row_order_;
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_EPOCH_H_
