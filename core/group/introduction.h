// Introduction: what each rank tells the others of itself once they are connected, and what must hold of all of them before they go on.
#ifndef HORIZON_LM_CORE_GROUP_INTRODUCTION_H_
#define HORIZON_LM_CORE_GROUP_INTRODUCTION_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hlm {

struct Introduction {
  std::string carrier;       // by its name
  std::string missing = {};  // why this rank cannot load it; empty: it has
  std::string machine = {};  // the same on ranks of one machine
};

// The kernel that this process runs on, by what it was named when it started, and the name of the host: containers of one kernel that have
// names of their own count as machines, as they do to NCCL.
std::string MachineName();

std::string Pack(const Introduction& own);
// Throws the same on every rank. UNAVAILABLE: one lacks its carrier. FAILED_PRECONDITION: carriers differ.
std::vector<Introduction> ReadIntroductions(const std::vector<std::string>& packed);
// Ranks on the machine of `rank`, itself as well.
int64_t RanksOfMachine(const std::vector<Introduction>& all, int64_t rank);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_INTRODUCTION_H_
