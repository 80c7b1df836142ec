#include "core/device/load_plugin.h"

#include <dlfcn.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>

#include "core/base/error.h"
#include "core/device/plugin_stamp.h"

namespace hlm {
namespace {

constexpr char kLibrary[] = "libhorizonlm_cuda.so";

Error Unavailable(const std::string& why) { return Error(Code::kUnavailable, why); }

// The folder of the file that this code was loaded from, with a slash; empty where the loader does not know.
std::string OwnFolder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&OwnFolder), &info) == 0 || info.dli_fname == nullptr) return "";
  // Where a link leads: build trees and packages link to the library from elsewhere.
  const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(info.dli_fname, nullptr), &std::free);
  const std::string file = resolved != nullptr ? resolved.get() : info.dli_fname;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

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
