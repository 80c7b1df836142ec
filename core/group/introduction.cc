#include "core/group/introduction.h"

#include <unistd.h>

#include <fstream>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {
namespace {

// A line for each member but the last, which may hold anything.
Introduction Unpack(const std::string& packed) {
  std::string lines[3];
  size_t at = 0;
  for (std::string& line : lines) {
    const size_t end = packed.find('\n', at);
    HLM_CHECK(end != std::string::npos, "a rank's introduction of ", packed.size(), " bytes");
    line = packed.substr(at, end - at);
    at = end + 1;
  }
  return {.carrier = lines[0], .missing = packed.substr(at), .machine = lines[1], .several_per_machine = lines[2] == "several"};
}

void CheckCarriers(const std::vector<Introduction>& all) {
  for (size_t r = 1; r < all.size(); ++r) {
    if (all[r].carrier == all[0].carrier) continue;
    throw FailedPrecondition("the carrier is ", all[r].carrier, " on rank ", r, " and ", all[0].carrier,
                             " on rank 0; give all the same");
  }
  for (size_t r = 0; r < all.size(); ++r) {
    if (!all[r].missing.empty()) throw Error(Code::kUnavailable, StrCat("rank ", r, ": ", all[r].missing));
  }
}

void CheckMachines(const std::vector<Introduction>& all) {
  for (size_t r = 0; r < all.size(); ++r) {
    for (size_t other = 0; other < r; ++other) {
      if (all[r].machine != all[other].machine || (all[r].several_per_machine && all[other].several_per_machine)) continue;
      RefuseSeveralPerMachine(StrCat("ranks ", other, " and ", r, " are processes of one machine"));
    }
  }
}

}  // namespace

std::string MachineName() {
  std::string kernel;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), kernel);  // none in some sandboxes: the host's name has to do
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  return StrCat(kernel, " ", host);
}

void RefuseSeveralPerMachine(const std::string& who) {
  throw FailedPrecondition(
      who,
      "; one process drives all devices of a machine: start one on each (torchrun --nproc-per-node=1, srun "
      "--ntasks-per-node=1, mpirun --map-by ppr:1:node), or, with the CPU as device, allow several_per_machine");
}

std::string Pack(const Introduction& own) {
  return StrCat(own.carrier, "\n", own.machine, "\n", own.several_per_machine ? "several" : "one", "\n", own.missing);
}

std::vector<Introduction> ReadIntroductions(const std::vector<std::string>& packed) {
  std::vector<Introduction> all;
  for (const std::string& one : packed) all.push_back(Unpack(one));
  CheckCarriers(all);
  CheckMachines(all);
  return all;
}

int64_t RanksOfMachine(const std::vector<Introduction>& all, int64_t rank) {
  int64_t ranks = 0;
  for (const Introduction& one : all) ranks += one.machine == all[static_cast<size_t>(rank)].machine ? 1 : 0;
  return ranks;
}

}  // namespace hlm
