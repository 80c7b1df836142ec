// Token files as rows to train on.
//
//   2-D .npy   a row is a sequence of S ids and gives S - 1 predictions.
//   1-D .npy,  a stream cut into rows of L inputs (--seq-len) with stride L, each input predicting the next id: row r is the ids
//   .txt       [r L, r L + L], L + 1 of them, and its last target is the first id of row r + 1. An incomplete last row is
//   dropped.
//
// Labels have the shape of the ids and are aligned with them: labels[t] is what is predicted at t from the ids before t. A row's
// first label is never used.
//
// A row becomes one document of a batch, so a document of a stream has L + 1 tokens, and a plan for it has rows of L + 1.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_DATASET_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_DATASET_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "samples/horizon/data/tokens.h"

namespace horizon {

// By which ranks name what they hold against each other's.
inline constexpr char kHashOfData[] = "the hash of the data", kHashOfHeldOut[] = "the hash of the held-out data";

// What hlm_batch points to. Vectors are reused from batch to batch.
struct Batch {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets;
  std::vector<int32_t> labels;  // empty: the ids themselves
  int64_t predictions = 0;      // tokens that are predicted
};

class Dataset {
 public:
  // `labels_path` may be empty. `seq_len` is the inputs of a row of a stream; 2-D files have their own. Every id and label is
  // checked against the vocabulary here, before anything expensive begins.
  // `text` makes ids of .txt files; without it their bytes are the ids.
  Dataset(const std::string& data_path, const std::string& labels_path, int64_t seq_len, int64_t vocab_size,
          const TextReader& text = nullptr);

  int64_t rows() const { return rows_; }
  int64_t row_tokens() const { return row_tokens_; }  // S, or L + 1
  // In hexadecimal digits, of all ids and labels of the files.
  const std::string& hash() const { return hash_; }

  // Puts these rows into `batch`, one document each, in this order.
  void Fill(std::span<const int64_t> rows, Batch& batch) const;

 private:
  uint64_t CheckLabelFile(int64_t vocab_size) const;  // their hash

  TokenFile ids_;
  std::optional<TokenFile> labels_;
  int64_t rows_ = 0;
  int64_t row_tokens_ = 0;
  int64_t stride_ = 0;
  std::string hash_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_DATASET_H_
