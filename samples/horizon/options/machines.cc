#include "samples/horizon/options/machines.h"

#include <unistd.h>

#include "samples/horizon/base/nearest.h"
#include "samples/horizon/options/machine_files.h"

namespace horizon {

std::vector<std::string> MachineNames() {
  std::vector<std::string> names;
  for (const auto& machine : kMachineFiles) names.push_back(machine.name);
  return names;
}

std::string CheckMachine(const std::string& name) {
  const bool is_file = name.find('/') != std::string::npos || name.ends_with(".json") || access(name.c_str(), F_OK) == 0;
  if (is_file || MachineText(name) != nullptr) return "";
  std::string known;
  for (const auto& machine : kMachineFiles) known += std::string(known.empty() ? "" : ", ") + machine.name;
  return "'" + name + "' is no file, and not one of " + known + DidYouMean(name, MachineNames());
}

const char* MachineText(const std::string& name) {
  for (const auto& machine : kMachineFiles) {
    if (name == machine.name) return machine.text;
  }
  return nullptr;
}

}  // namespace horizon
