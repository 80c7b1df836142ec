// The plugin's one exported symbol and what stands behind it.
#include "core/device/plugin.h"

#include <cstring>

#include "core/cuda/cuda_device.h"
#include "core/cuda/cuda_ops.h"
#include "core/cuda/tune.h"
#include "core/device/plugin_stamp.h"

namespace hlm::cuda {
namespace {

class Plugin final : public DevicePlugin {
 public:
  int Count() override { return DeviceCount(); }
  DeviceFacts Describe(int index) override { return DescribeDevice(index); }
  size_t WorkspaceBytes(const Call& call, int64_t shared_bytes) override {
    return CudaWorkspaceBytes(call, static_cast<size_t>(shared_bytes));
  }
  std::string TuneProducts(int index, const std::vector<Call>& calls) override { return cuda::TuneProducts(index, calls); }
  std::unique_ptr<Device> Create(int index, const PluginDeviceOptions& options) override {
    return CreateCudaDevice(index, options);
  }
};

}  // namespace
}  // namespace hlm::cuda

hlm::DevicePlugin* hlm_device_plugin(const char* stamp) {
  if (std::strcmp(stamp, HLM_PLUGIN_STAMP) != 0) return nullptr;
  static hlm::cuda::Plugin plugin;
  return &plugin;
}
