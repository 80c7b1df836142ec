#if __has_include(<nccl.h>)

#include "core/nccl/nccl_api.h"

#include <dlfcn.h>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr char kLibrary[] = "libnccl.so.2";

NcclApi Load() {
  // By name: a copy that the process has already (PyTorch's) is taken, else one beside this library, the system's, or pip's.
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();
    throw Error(Code::kUnavailable, StrCat("NCCL cannot be loaded: ", why != nullptr ? why : kLibrary));
  }
  NcclApi api;
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    if (function == nullptr) throw Error(Code::kUnavailable, StrCat(kLibrary, " has no ", name, ": it is too old"));
  };
  find("ncclGetUniqueId", api.GetUniqueId);
  find("ncclCommInitRankConfig", api.CommInitRankConfig);
  find("ncclCommGetAsyncError", api.CommGetAsyncError);
  find("ncclCommAbort", api.CommAbort);
  find("ncclSend", api.Send);
  find("ncclRecv", api.Recv);
  find("ncclGroupStart", api.GroupStart);
  find("ncclGroupEnd", api.GroupEnd);
  find("ncclGetErrorString", api.GetErrorString);
  find("ncclGetLastError", api.GetLastError);
  return api;
}

}  // namespace

const NcclApi& Nccl() {
  static const NcclApi api = Load();
  return api;
}

}  // namespace hlm

#endif
