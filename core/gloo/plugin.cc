// The entry point of libhorizonlm_gloo.so.
#include <cstring>

#include "core/gloo/gloo_link.h"
#include "core/group/link_stamp.h"

namespace hlm {
namespace {

class GlooPluginImpl final : public LinkPlugin {
 public:
  std::unique_ptr<Link> Connect(const LinkOptions& options) override { return std::make_unique<GlooLink>(options); }
};

}  // namespace
}  // namespace hlm

hlm::LinkPlugin* hlm_link_plugin(const char* stamp) {
  static hlm::GlooPluginImpl* const plugin =
      new hlm::GlooPluginImpl();  // for ever: connections may outlive the library's statics
  return stamp != nullptr && std::strcmp(stamp, HLM_LINK_STAMP) == 0 ? plugin : nullptr;
}
