#include "core/device/load_plugin.h"

#include <dlfcn.h>

#include <mutex>
#include <optional>

#include "core/base/error.h"
#include "core/base/own_folder.h"
#include "core/device/plugin_stamp.h"

namespace hlm {
namespace {

constexpr char kLibrary[] = "libhorizonlm_cuda.so";

Error Unavailable(const std::string& why) { return Error(Code::kUnavailable, why); }

DevicePlugin* Load() {
  // The driver first: without one the plugin is of no use, and this reason is the one people understand.
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) throw Unavailable("there is no NVIDIA driver: libcuda.so.1 cannot be loaded");
  dlclose(driver);
  const std::string path = OwnFolder() + kLibrary;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();
    throw Unavailable(StrCat("the CUDA device's library cannot be loaded: ", why != nullptr ? why : path.c_str()));
  }
  const auto entry = reinterpret_cast<decltype(&hlm_device_plugin)>(dlsym(library, "hlm_device_plugin"));
  DevicePlugin* plugin = entry != nullptr ? entry(HLM_PLUGIN_STAMP) : nullptr;
  if (plugin == nullptr) throw Unavailable(StrCat(path, " belongs to another build of this library"));
  return plugin;
}

}  // namespace

DevicePlugin& CudaPlugin() {
  static std::mutex mutex;
  static DevicePlugin* plugin = nullptr;
  static std::optional<Error> failure;  // looked for once: what is missing does not appear while a process runs
  std::lock_guard lock(mutex);
  if (failure) throw *failure;
  if (plugin == nullptr) {
    try {
      plugin = Load();
    } catch (const Error& error) {
      failure = error;
      throw;
    }
  }
  return *plugin;
}

}  // namespace hlm
