// GlooLink: a link by Gloo's connections over TCP, one between each two ranks.
#ifndef HORIZON_LM_CORE_GLOO_GLOO_LINK_H_
#define HORIZON_LM_CORE_GLOO_GLOO_LINK_H_

#include <gloo/rendezvous/context.h>
#include <gloo/transport/device.h>
#include <gloo/transport/unbound_buffer.h>

#include <memory>
#include <mutex>
#include <set>

#include "core/group/link.h"

namespace hlm {

class GlooLink final : public Link {
 public:
  explicit GlooLink(const LinkOptions& options);
  ~GlooLink() override;
  Result Move(const Transfer& transfer, double seconds) override;
  void Abort() override;

 private:
  using Buffer = gloo::transport::UnboundBuffer;
  class Waiting;  // a buffer that Abort can wake

  std::shared_ptr<gloo::transport::Device> device_;
  std::shared_ptr<gloo::rendezvous::Context> context_;
  std::mutex mutex_;
  std::set<Buffer*> waiting_;
  bool aborted_ = false;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GLOO_GLOO_LINK_H_
