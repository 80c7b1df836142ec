#include <dlfcn.h>

#include <mutex>

#include "core/base/error.h"
#include "core/base/own_folder.h"
#include "core/group/link.h"
#include "core/group/link_stamp.h"

namespace hlm {
namespace {

// A library, loaded once.
class Library {
 public:
  explicit Library(const char* name) : name_(name) {}
  LinkPlugin& Plugin() {
    std::lock_guard lock(mutex_);
    if (plugin_ == nullptr) plugin_ = Load();
    return *plugin_;
  }

 private:
  LinkPlugin* Load() const {
    const std::string path = OwnFolder() + name_;
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

  const char* const name_;
  std::mutex mutex_;
  LinkPlugin* plugin_ = nullptr;
};

}  // namespace

LinkPlugin& GlooPlugin() {
  static Library library("libhorizonlm_gloo.so");
  return library.Plugin();
}

LinkPlugin& NcclPlugin() {
  static Library library("libhorizonlm_cuda.so");
  return library.Plugin();
}

}  // namespace hlm
