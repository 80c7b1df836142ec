// One record of a data set as its format reads it, before it is rendered or tokenized: for people to look at.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_READ_RECORD_H_
#define HORIZON_LM_CORE_TEXT_DATASET_READ_RECORD_H_

#include <cstdint>
#include <string>

#include "core/text/dataset/options.h"

namespace hlm::dataset {

// Record `index`, from 0, of all files in their order, in the format that its own keys speak for where none is given, as
// c_api/horizon_lm.h (hlm_dataset_read_record) describes it. NOT_FOUND where there are fewer; INVALID_ARGUMENT and UNIMPLEMENTED
// as for the data set.
std::string ReadRecordAsJson(const DatasetOptions& options, int64_t index);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_READ_RECORD_H_
