#include "core/base/own_folder.h"

#include <dlfcn.h>

#include <cstdlib>
#include <memory>

namespace hlm {

std::string OwnFolder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&OwnFolder), &info) == 0 || info.dli_fname == nullptr) return "";
  // Where a link leads: build trees and packages link to the library from elsewhere.
  const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(info.dli_fname, nullptr), &std::free);
  const std::string file = resolved != nullptr ? resolved.get() : info.dli_fname;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

}  // namespace hlm
