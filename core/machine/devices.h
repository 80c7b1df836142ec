// The devices of this machine, by name.
#ifndef HORIZON_LM_CORE_MACHINE_DEVICES_H_
#define HORIZON_LM_CORE_MACHINE_DEVICES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/device/device.h"
#include "core/plan/machine.h"
#include "core/plan/plan.h"

namespace hlm {

// A JSON array of all devices, the CPU last.
std::string DeviceListJson();

// One device as a JSON object; "reason" says why "auto" took it. Of a list the first, and "devices". NOT_FOUND for a name that is none,
// UNAVAILABLE for one not usable.
std::string DeviceDescribeJson(const std::string& name);

// What a plan for the named devices ("auto", "cpu:2", "cuda:0,cuda:1"; device_list.h) must know.
MachineSpec DescribeMachine(const std::string& name);

// The machine of a JSON text (machine_file.h), for a plan that is to be read. `device`: "auto" for all of the text's, or some of them;
// INVALID_ARGUMENT for others.
MachineSpec DescribeMachineFile(std::string_view json, const std::string& device);

// This machine with the named device, in the format of DescribeMachineFile.
std::string DescribeMachineJson(const std::string& name);

// Seconds that one step's matrix products take alone, at the plan's shapes and threads, as JSON.
std::string TimeProductsJson(const Plan& plan);

// The devices that a plan was made for, or one like them. FAILED_PRECONDITION for a plan of a machine that is not this one.
std::vector<std::unique_ptr<Device>> MakeDevices(const Plan& plan);
std::unique_ptr<Device> MakeDevice(const Plan& plan, size_t number = 0);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_DEVICES_H_
