// SaveRanks: the processes that write one checkpoint together, each what it owns; rank 0 begins the folder and finishes it.
#ifndef HORIZON_LM_CORE_SAVE_SAVE_RANKS_H_
#define HORIZON_LM_CORE_SAVE_SAVE_RANKS_H_

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "core/save/writer.h"

namespace hlm {

struct SaveRanks {
  int64_t rank = 0, size = 1;
  std::function<std::vector<std::string>(const std::string& own)> all_gather = nullptr;  // everybody's bytes, by rank
};

// Every rank calls it when it has written, or has `failed` to. Throws on all of them where one has failed.
void FinishTogether(const SaveRanks& ranks, CheckpointWriter& writer, std::exception_ptr failed);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_SAVE_RANKS_H_
