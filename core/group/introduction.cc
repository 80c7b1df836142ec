#include "core/group/introduction.h"

#include <unistd.h>

#include <fstream>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {
namespace {

// A line for each member but the last, which may hold anything.
Introduction Unpack(const std::string& packed) {
  std::string lines[2];
  size_t at = 0;
  for (std::string& line : lines) {
    const size_t end = packed.find('\n', at);
    HLM_CHECK(end != std::string::npos, "a rank's introduction of ", packed.size(), " bytes");
    line = packed.substr(at, end - at);
    at = end + 1;
  }
  return {.carrier = lines[0], .missing = packed.substr(at), .machine = lines[1]};
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

}  // namespace

std::string MachineName() {
  std::string kernel;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), kernel);  // none in some sandboxes: the host's name has to do
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  return StrCat(kernel, " ", host);
}

std::string Pack(const Introduction& own) { return StrCat(own.carrier, "\n", own.machine, "\n", own.missing); }

std::vector<Introduction> ReadIntroductions(const std::vector<std::string>& packed) {
  std::vector<Introduction> all;
  for (const std::string& one : packed) all.push_back(Unpack(one));
  CheckCarriers(all);
  return all;
}

int64_t RanksOfMachine(const std::vector<Introduction>& all, int64_t rank) {
  int64_t ranks = 0;
  for (const Introduction& one : all) ranks += one.machine == all[static_cast<size_t>(rank)].machine ? 1 : 0;
  return ranks;
}

}  // namespace hlm
