// Finds and loads a device library.
#ifndef HORIZON_LM_CORE_DEVICE_LOAD_PLUGIN_H_
#define HORIZON_LM_CORE_DEVICE_LOAD_PLUGIN_H_

#include "core/device/plugin.h"

namespace hlm {

// libhorizonlm_cuda.so, which lies beside the library (or program) that holds this code; loaded at the first call and kept.
// Throws UNAVAILABLE with the reason: no driver, no such library, a library that it needs, another build.
DevicePlugin& CudaPlugin();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_LOAD_PLUGIN_H_
