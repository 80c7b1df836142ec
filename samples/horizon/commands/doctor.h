// What `horizon doctor` looks at.
#ifndef HORIZON_LM_SAMPLES_HORIZON_COMMANDS_DOCTOR_H_
#define HORIZON_LM_SAMPLES_HORIZON_COMMANDS_DOCTOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "samples/horizon/options/options.h"

namespace horizon {

enum class Health { kGood, kWarning, kBad };

struct Finding {
  std::string name;
  Health health = Health::kGood;
  std::string value;
  std::string advice;  // what to do; "": nothing
};

// Memory and its limits, huge pages, locked memory, the disk of a folder.
std::vector<Finding> LookAtMachine(const std::string& folder, bool has_gpu);

// Each in a file of its own, so that a test can lay them out: `root` stands before /proc and /sys.
Finding MemoryFinding(const std::string& root);
Finding HugePagesFinding(const std::string& root);
Finding LockedMemoryFinding(bool has_gpu);  // without one nothing is locked
Finding DiskFinding(const std::string& folder);
Finding DiskFinding(const std::string& folder, int64_t free, double rate);  // bytes, and bytes a second

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_COMMANDS_DOCTOR_H_
