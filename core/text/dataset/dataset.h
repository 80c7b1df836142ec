// A data set as training takes it: steps of documents, in an order that follows from the seed, from any place on.
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
#include "core/text/dataset/options.h"
#include "core/text/dataset/order.h"
#include "core/text/dataset/packing.h"
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

  // The step that Next gave last with its answers moved on by one document: each prompt with the next one's answer, cut to
  // seq_len (KTO estimates how far the model is from its reference on these). No documents where the step has fewer than two.
  // FAILED_PRECONDITION for other tasks.
  Step Mismatched() const;

  // Where the next step begins, as JSON; and to such a place. Order, packing and options must be the same.
  std::string Position() const;
  void Seek(std::string_view position_json);

  // Numbers of what was read, cut and dropped, as JSON.
  std::string Describe();

  // All documents, of both parts, used or not: the length of a column.
  int64_t documents() const { return static_cast<int64_t>(pieces_.size()); }
  // A number for each document, as the log-probability that a reference gives it, kept in the cache. `key` says what it was
  // computed with (a hash of the weights); documents that are cut otherwise have another column.
  void WriteColumn(const std::string& name, const std::string& key, std::span<const float> values) const;
  std::optional<std::vector<float>> ReadColumn(const std::string& name, const std::string& key) const;

 private:
  // A document as it is handed out: all of a stored one, or a part of it.
  struct Piece {
    int64_t begin;  // in the store's tokens
    int32_t length;
    int32_t trained;  // labels
    int32_t stored;   // the number of the stored document
    uint32_t source : 31;
    uint32_t desirable : 1;
  };

  explicit Dataset(DatasetOptions options, BuiltStore built);
  void CutDocuments();
  void AddPair(size_t stored);
  void AddSingle(size_t stored);
  bool MakePiece(size_t stored, std::vector<Piece>& out);
  void SelectUnits();
  void CheckNotEmpty() const;
  void EnterEpoch(int64_t epoch);
  void AppendDocument(int64_t piece);
  std::string ColumnName(const std::string& name, const std::string& key) const;
  int64_t UnitLength(int64_t unit) const;
  int64_t Capacity() const { return options_.seq_len * per_unit_; }

  DatasetOptions options_;
  BuiltStore built_;
  TextPipeline pipeline_;         // as far as it is asked what ends the turns
  std::optional<TurnEnds> ends_;  // once somebody has asked
  int64_t per_unit_;              // documents of a unit: 2 for pairs
  std::vector<Piece> pieces_;
  std::vector<std::vector<int64_t>> units_;  // of this part, by source; unit u is the pieces from u * per_unit_ on
  std::optional<Order> order_;
  std::string order_key_;
  int64_t truncated_ = 0, split_ = 0, too_long_ = 0, untrained_ = 0;
  std::vector<int64_t> selected_records_, evaluation_records_;

  int64_t epoch_ = 0, row_ = 0;  // where the next step begins
  int64_t planned_epoch_ = -1;   // which epoch the following are of
  std::vector<int64_t> epoch_units_;
  Rows rows_;
  std::vector<int64_t> row_order_;
  std::vector<uint8_t> trained_;  // of the document that is read
  Step step_;
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_DATASET_H_
