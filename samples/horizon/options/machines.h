// Machines by name for plan's --machine, the files of samples/machines.
#ifndef HORIZON_LM_SAMPLES_HORIZON_OPTIONS_MACHINES_H_
#define HORIZON_LM_SAMPLES_HORIZON_OPTIONS_MACHINES_H_

#include <string>
#include <vector>

namespace horizon {

std::vector<std::string> MachineNames();

// Empty for the name of a machine and for a file; else what is wrong with it, with the nearest name. Whoever writes a folder or ".json"
// means a file, whether it is there or not.
std::string CheckMachine(const std::string& name);

// The text of the machine's file; nullptr where the name is none of a machine.
const char* MachineText(const std::string& name);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_OPTIONS_MACHINES_H_
