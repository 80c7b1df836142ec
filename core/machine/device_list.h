// Names of devices, as people write them: "auto", "cpu", "cpu:4", "cuda", "cuda:1", "cuda:0,cuda:2", "cuda:0-3".
#ifndef HORIZON_LM_CORE_MACHINE_DEVICE_LIST_H_
#define HORIZON_LM_CORE_MACHINE_DEVICE_LIST_H_

#include <functional>
#include <string>
#include <vector>

namespace hlm {

// Devices that a run uses together: all of one kind.
struct DeviceList {
  std::vector<int> cuda;                     // indices; empty: the CPU's
  int cpus = 1;                              // of the CPU's, each with its share of the processors
  std::string reason = "asked for by name";  // why these

  std::vector<std::string> Names() const;
};

bool IsAuto(const std::string& text);

// Capitals say the same as small letters. `count`: of CUDA devices; called where all of them are asked for, throws where there is
// none. "auto" is not among the names. NOT_FOUND for a name that is none, INVALID_ARGUMENT for a device that is named twice and for
// the CPU beside a GPU.
DeviceList ParseDeviceList(const std::string& text, const std::function<int()>& count);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_DEVICE_LIST_H_
