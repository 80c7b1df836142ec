// What a data set is made of and how it is handed out.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_OPTIONS_H_
#define HORIZON_LM_CORE_TEXT_DATASET_OPTIONS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/dataset/example.h"
#include "core/text/dataset/pipeline.h"
#include "core/text/dataset/record_reader.h"
#include "core/text/dataset/source_files.h"

namespace hlm::dataset {

// What becomes of a document of more than seq_len tokens.
enum class TooLong {
  kTruncate,  // its start is kept
  kSplit,     // pieces of seq_len tokens, each a document
  kDrop,
  kError,
};

enum class Part { kTrain, kEvaluation };

struct DatasetOptions {
  std::vector<Source> sources;
  Task task = Task::kSft;
  std::string task_name = "sft";
  TrainOn train_on = TrainOn::kAuto;
  int64_t seq_len = 512;
  bool packing = true;
  TooLong too_long = TooLong::kTruncate;
  bool shuffle = true;
  int64_t seed = 0;
  double eval_fraction = 0;  // of the records; or
  int64_t eval_count = 0;    // so many of them
  Part part = Part::kTrain;
  int64_t epochs = 0;  // 0: without end
  bool drop_last = false;
  bool skip_bad_records = false;
  ReadOptions read;
  int64_t max_record_bytes = kMostRecordBytes;
  int64_t threads = 0;  // 0: as many as the machine has
  bool keep_cache = true;
  std::string cache_dir;  // empty: .horizon-cache beside the first file, or where that cannot be written, a temporary one
};

// The configuration that c_api/horizon_lm.h (hlm_dataset_open) describes key by key. Unknown keys are refused; INVALID_ARGUMENT
// names the key, its value and the legal ones.
DatasetOptions ReadDatasetOptions(std::string_view config_json);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_OPTIONS_H_
