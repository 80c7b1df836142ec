// What the processes of a group bring to a call that all of them take part in: they agree that they do the same, and their batches, one
// rank's behind the other's, become the step's.
#ifndef HORIZON_LM_CORE_TRAIN_GROUP_BATCH_H_
#define HORIZON_LM_CORE_TRAIN_GROUP_BATCH_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/data/batch.h"
#include "core/group/group.h"

namespace hlm {

// Every rank's `payload`. Where a rank cannot take part, for the reason `own`, all throw: it its own error, the others the same code with
// its rank. FAILED_PRECONDITION where `same`, which says what a rank is about to do, is not the same everywhere.
std::vector<std::string> Agree(ProcessGroup& group, const std::optional<Error>& own, const std::string& same,
                               const std::string& payload = "");

// The batches of all ranks as one. A rank may bring an empty one. Labels, weights and entropy weights that only some ranks give are filled
// in where they are missing with what their absence means.
class GroupBatch {
 public:
  // `own_error`, `same`: as in Agree. A batch of the wrong shape is an error of its own.
  GroupBatch(ProcessGroup& group, const Batch& own, const std::optional<Error>& own_error, const std::string& same);
  Batch batch() const;

 private:
  std::vector<int32_t> ids_, labels_;
  std::vector<int64_t> offsets_ = {0};
  std::vector<float> weights_, entropy_weights_;
  double denominator_ = 0, temperature_ = 0;
};

// An array of which each rank has a share, one rank's behind the other's. None where no rank gives any; INVALID_ARGUMENT naming it where
// a rank whose share is not empty (`wanted` elements) gives none and another does.
template <class T>
std::vector<T> GatherArray(ProcessGroup& group, std::span<const T> own, const char* name, bool wanted);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_GROUP_BATCH_H_
