// The CUDA device: a full device on one GPU.
#ifndef HORIZON_LM_CORE_CUDA_CUDA_DEVICE_H_
#define HORIZON_LM_CORE_CUDA_CUDA_DEVICE_H_

#include <memory>

#include "core/device/device.h"
#include "core/device/plugin.h"

namespace hlm::cuda {

int DeviceCount();  // throws UNAVAILABLE with the driver's reason where there is none
DeviceFacts DescribeDevice(int index);
std::unique_ptr<Device> CreateCudaDevice(int index, const PluginDeviceOptions& options);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_CUDA_DEVICE_H_
