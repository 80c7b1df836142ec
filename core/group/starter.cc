#include "core/group/starter.h"

#include <cstdlib>
#include <fstream>
#include <string_view>

namespace hlm {
namespace {

// 0 where it cannot be read: there is no such process, or nobody says.
int64_t ParentOf(int64_t pid, const std::string& proc) {
  std::ifstream status(proc + "/" + std::to_string(pid) + "/status");
  constexpr std::string_view kName = "PPid:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(kName)) return std::strtoll(line.c_str() + kName.size(), nullptr, 10);
  }
  return 0;
}

// It was started with the variable. False where its environment cannot be read: another user's.
bool WasGiven(int64_t pid, const std::string& variable, const std::string& proc) {
  std::ifstream environment(proc + "/" + std::to_string(pid) + "/environ", std::ios::binary);
  for (std::string one; std::getline(environment, one, '\0');) {
    if (one.starts_with(variable + "=")) return true;
  }
  return false;
}

}  // namespace

int64_t StarterOf(int64_t pid, const std::string& variable, const std::string& proc) {
  int64_t starter = ParentOf(pid, proc);
  while (starter > 1 && WasGiven(starter, variable, proc)) {
    const int64_t above = ParentOf(starter, proc);
    if (above < 1) break;
    starter = above;
  }
  return starter;
}

}  // namespace hlm
