// A record that is token ids already.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_READ_IDS_H_
#define HORIZON_LM_CORE_TEXT_DATASET_READ_IDS_H_

#include <string>

#include "core/text/dataset/example.h"

namespace hlm::dataset {

// The lists of such a record, nullptr where it has none of this name.
struct IdLists {
  const JsonValue* ids = nullptr;  // needed
  const JsonValue *labels = nullptr, *completion_mask = nullptr, *assistant_masks = nullptr, *attention_mask = nullptr;
  std::string ids_name, labels_name;
};

// INVALID_ARGUMENT, beginning with `where`, for lists of other kinds and lengths.
Dropped ReadIds(const IdLists& lists, const std::string& where, Example* out);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_READ_IDS_H_
