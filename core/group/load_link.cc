#include <dlfcn.h>

#include <mutex>

#include "core/base/error.h"
#include "core/base/own_folder.h"
#include "core/group/link.h"
#include "core/group/link_stamp.h"

namespace hlm {
namespace {

constexpr char kLibrary[] = "libhorizonlm_gloo.so";

LinkPlugin* Load() {
  const std::string path = OwnFolder() + kLibrary;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();
    throw Error(Code::kUnavailable,
                StrCat("the library that joins processes cannot be loaded: ", why != nullptr ? why : path.c_str()));
  }
  const auto entry = reinterpret_cast<decltype(&hlm_link_plugin)>(dlsym(library, "hlm_link_plugin"));
  LinkPlugin* plugin = entry != nullptr ? entry(HLM_LINK_STAMP) : nullptr;
  if (plugin == nullptr) throw Error(Code::kUnavailable, StrCat(path, " belongs to another build of this library"));
  return plugin;
}

}  // namespace

LinkPlugin& GlooPlugin() {
  static std::mutex mutex;
  static LinkPlugin* plugin = nullptr;
  std::lock_guard lock(mutex);
  if (plugin == nullptr) plugin = Load();
  return *plugin;
}

}  // namespace hlm
