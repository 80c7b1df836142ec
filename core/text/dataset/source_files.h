// What a data set is read from: the sources of its configuration, dataset_info.json looked up, folders listed, contents hashed.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_SOURCE_FILES_H_
#define HORIZON_LM_CORE_TEXT_DATASET_SOURCE_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/text/dataset/example.h"

namespace hlm::dataset {

struct Source {
  std::string name;                // for messages and reports
  std::vector<std::string> files;  // in order
  FormatSpec spec;                 // kAuto: found from each file's first record
  double weight = -1;              // share of an epoch; -1: by its size
  int64_t num_samples = 0;         // records that are used, chosen by the seed; 0: all
};

// One source of the configuration, read from JSON:
//   "a.jsonl" or {"path": "a.jsonl" | a folder, "format", "columns": {...}, "tags": {...}, "ranking", "weight", "num_samples"}
//   {"dataset_info": "dataset_info.json" | its folder, "name": "...", "weight", "num_samples"}
// `where` begins the messages. Unknown keys are refused.
Source ReadSource(const JsonValue& config, const std::string& where);

// A hash of a file's bytes. Where `memory_folder` is not empty it is kept there with the file's size and time of change, and read
// from there while these are the same.
std::string HashOfFile(const std::string& path, const std::string& memory_folder);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_SOURCE_FILES_H_
