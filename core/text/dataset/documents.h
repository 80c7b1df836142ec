// Documents: what of the stored documents is handed out, cut to length, one behind the other; and which of it is of which part.
//
//   store      | d0 | d1 (too long) | d2 | ...           records are runs of consecutive documents
//   documents  | d0 | d1 cut or in pieces | d2 | ...     a pair is two, next to each other
//   units      by source: a document, or a pair; those of the records that this part uses
#ifndef HORIZON_LM_CORE_TEXT_DATASET_DOCUMENTS_H_
#define HORIZON_LM_CORE_TEXT_DATASET_DOCUMENTS_H_

#include <cstdint>
#include <vector>

#include "core/text/dataset/options.h"
#include "core/text/dataset/token_store.h"

namespace hlm::dataset {

// All of a stored document, or a part of it.
struct Document {
  int64_t begin;  // in the store's tokens
  int32_t length;
  int32_t trained;  // labels
  int32_t stored;   // the number of the stored document
  uint32_t source : 31;
  uint32_t desirable : 1;
};

class Documents {
 public:
  struct Counts {
    int64_t truncated = 0, split = 0, too_long = 0, untrained = 0;
  };

  // Throws where a document is too long and the options call that an error.
  Documents(const DatasetOptions& options, const TokenStore& store);

  int64_t size() const { return static_cast<int64_t>(all_.size()); }
  const Document& operator[](int64_t number) const { return all_[static_cast<size_t>(number)]; }
  const Counts& counts() const { return counts_; }

  // Unit u is the documents from u * per_unit() on.
  int64_t per_unit() const { return per_unit_; }  // 2 for pairs
  int64_t units() const { return size() / per_unit_; }
  int64_t UnitLength(int64_t unit) const;
  int64_t UnitTrained(int64_t unit) const;

 private:
  bool Cut(size_t stored, std::vector<Document>& out);

  const DatasetOptions& options_;
  const TokenStore& store_;
  const int64_t per_unit_;
  std::vector<Document> all_;
  Counts counts_;
};

// Which records are used, and which of them are this part's. SelectUnits throws where nothing is left, with what became of the records.
struct Selection {
  std::vector<std::vector<int64_t>> units;    // of this part, by source
  std::vector<int64_t> selected, evaluation;  // records, by source: of both parts, of the evaluation part
};
Selection SelectUnits(const DatasetOptions& options, const TokenStore& store, const Documents& documents);

// What was read, over all sources.
StoredSource SumOfSources(const TokenStore& store);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_DOCUMENTS_H_
