// What a source may say of records whose keys alone do not say how they are read: the way on that an error offers.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_OFFER_SOURCE_H_
#define HORIZON_LM_CORE_TEXT_DATASET_OFFER_SOURCE_H_

#include <string>

#include "core/io/json_value.h"
#include "core/text/dataset/example.h"

namespace hlm::dataset {

// Of a record of no known format. Begins with "; ".
std::string OfferSource(const JsonValue& record, Task task);

// Of a record of a format that is of no use for the task. Begins with "; ", or is empty where there is nothing to offer.
std::string OfferForTask(const JsonValue& record, Task task);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_OFFER_SOURCE_H_
