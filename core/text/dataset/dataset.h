// A data set as training takes it: steps of documents, in an order that follows from the seed, from any position on.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_DATASET_H_
#define HORIZON_LM_CORE_TEXT_DATASET_DATASET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/dataset/build_store.h"
#include "core/text/dataset/documents.h"
#include "core/text/dataset/epoch.h"
#include "core/text/dataset/options.h"
#include "core/text/dataset/turn_ends.h"

namespace hlm::dataset {

// Documents one behind the other, as core/data/batch.h has them.
struct Step {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets = {0};  // documents + 1
  std::vector<int32_t> labels;         // -100 where nothing is trained, and at a document's first token
  std::vector<int64_t> documents;      // the number of each: its place in a column
  std::vector<int32_t> desirable;      // of each: 1, or 0 where its label says so; a pair is 1, 0
  std::vector<int64_t> rows = {0};     // row r has the documents from rows[r] up to rows[r + 1]
  int64_t trained = 0;                 // labels that are not -100
  int64_t epoch = 0;                   // from 0
};

class Dataset {
 public:
  static std::unique_ptr<Dataset> Open(DatasetOptions options, const TextPipeline& pipeline);

  // The next step: as many rows as fit into `rows` rows of seq_len tokens. A row of a preference task holds pairs and is twice as
  // long, so it takes two. A step does not reach into the next epoch. No documents: the last epoch has ended. Valid until the
  // next call. INVALID_ARGUMENT where not one row fits.
  const Step& Next(int64_t rows);

  // The step that Next gave last with its answers moved on by one document, or by as many as leave the fewest with an answer to their
  // own prompt, which are left out; cut to seq_len (KTO estimates how far the model is from its reference on these). No documents
  // where the step has one prompt.
  // FAILED_PRECONDITION for other tasks.
  Step Mismatched() const;

  // Where the next step begins, as JSON; and to such a position. Order, packing and options must be the same.
  std::string Position() const;
  void Seek(std::string_view position_json);

  // Numbers of what was read, cut and dropped, as JSON.
  std::string Describe();

  // All documents, of both parts, used or not: the length of a column.
  int64_t documents() const { return documents_.size(); }
  // A number for each document, as the log-probability that a reference gives it, kept in the cache. `key` says what it was
  // computed with (a hash of the weights); documents that are cut otherwise have another column.
  void WriteColumn(const std::string& name, const std::string& key, std::span<const float> values) const;
  std::optional<std::vector<float>> ReadColumn(const std::string& name, const std::string& key) const;

 private:
  struct EpochRow {
    int64_t epoch = 0, row = 0;
  };

  explicit Dataset(DatasetOptions options, BuiltStore built);
  void AppendDocument(int64_t number);
  std::string ColumnName(const std::string& name, const std::string& key) const;

  const DatasetOptions options_;
  const BuiltStore built_;
  TextPipeline pipeline_;         // as far as it is asked what ends the turns
  std::optional<TurnEnds> ends_;  // once somebody has asked
  const Documents documents_;
  const Selection selection_;
  std::string order_key_;
  Epoch epoch_;
  EpochRow next_;                 // where the next step begins
  std::vector<uint8_t> trained_;  // of the document that is read
  Step step_;
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_DATASET_H_
