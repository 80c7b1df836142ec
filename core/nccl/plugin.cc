// The link of libhorizonlm_cuda.so: its entry point for arrays between processes.
#include <cstring>

#include "core/base/error.h"
#include "core/group/link.h"
#include "core/group/link_stamp.h"

#if __has_include(<nccl.h>)
#include "core/nccl/nccl_link.h"
#endif

namespace hlm {
namespace {

class NcclPluginImpl final : public LinkPlugin {
 public:
  std::unique_ptr<Link> Connect(const LinkOptions& options) override {
#if __has_include(<nccl.h>)
    return std::make_unique<NcclLink>(options);
#else
    throw Error(Code::kUnavailable, StrCat("rank ", options.rank, ": this library was compiled without nccl.h"));
#endif
  }
};

}  // namespace
}  // namespace hlm

hlm::LinkPlugin* hlm_link_plugin(const char* stamp) {
  static hlm::NcclPluginImpl* const plugin = new hlm::NcclPluginImpl();
  return stamp != nullptr && std::strcmp(stamp, HLM_LINK_STAMP) == 0 ? plugin : nullptr;
}
