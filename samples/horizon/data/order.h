// The order in which a run sees the rows of its data.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_ORDER_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_ORDER_H_

#include <cstdint>
#include <span>
#include <vector>

namespace horizon {

// Random bits as a function of (seed, stream, index) alone: the same on every machine, and any element can be drawn by itself.
uint64_t RandomBits(int64_t seed, uint64_t stream, uint64_t index);
double RandomUniform(int64_t seed, uint64_t stream, uint64_t index);                  // in [0, 1)
uint64_t RandomBelow(int64_t seed, uint64_t stream, uint64_t index, uint64_t limit);  // in [0, limit), limit >= 1

// Batches of rows, epoch after epoch without end. Each epoch is a new permutation (a function of the seed and the epoch's
// number), or the file's order. An epoch's incomplete last batch is handed out as it is; no batch reaches over two epochs.
class RowOrder {
 public:
  RowOrder(int64_t rows, int64_t batch_size, int64_t seed, bool shuffle);

  int64_t batches_per_epoch() const { return (rows_ + batch_size_ - 1) / batch_size_; }

  // The rows of batch `index` (from 0, over all epochs), valid until the next call.
  std::span<const int64_t> Batch(int64_t index);

 private:
  void Arrange(int64_t epoch);

  int64_t rows_;
  int64_t batch_size_;
  int64_t seed_;
  bool shuffle_;
  int64_t epoch_ = -1;
  std::vector<int64_t> order_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_ORDER_H_
