// LongDocuments: the rows of rotary tables that long documents of a batch take. Each length may have rows of its own, behind those of all
// other documents.
#ifndef HORIZON_LM_CORE_TRAIN_LONG_DOCUMENTS_H_
#define HORIZON_LM_CORE_TRAIN_LONG_DOCUMENTS_H_

#include <cstdint>
#include <vector>

#include "core/data/batch.h"
#include "core/plan/plan.h"

namespace hlm {

// Documents of one length: their rows, counted from the first that is a long document's.
struct LengthRows {
  int64_t length = 0, first = 0;
  bool operator==(const LengthRows&) const = default;
};

class LongDocuments {
 public:
  LongDocuments(const Plan& plan, const Tokens& tokens);

  // Where each length has rows of its own.
  const std::vector<LengthRows>& lengths() const { return lengths_; }
  // Rows of all lengths together.
  int64_t Rows() const { return lengths_.empty() ? 0 : lengths_.back().first + lengths_.back().length; }
  // Where documents may be long: by token its row in the tables.
  void FillTurns(const Tokens& tokens, int32_t* turns) const;
  bool any() const { return above_ > 0; }

 private:
  const int64_t above_, offset_;  // the rows of documents above so many tokens begin at the offset; 0: none is long
  std::vector<LengthRows> lengths_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_LONG_DOCUMENTS_H_
