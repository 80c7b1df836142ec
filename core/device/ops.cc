#include "core/device/ops.h"

#include "core/base/error.h"
#include "core/device/facts.h"

namespace hlm {

void* Ops::Workspace(const char* operation, size_t bytes) const {
  if (bytes > workspace_bytes_) throw Internal(operation, " needs ", bytes, " bytes of workspace, there are ", workspace_bytes_);
  return workspace_;
}

void Ops::Run(Stream& stream, const Call& call) {
  OpFacts facts = FactsOf(call);
  ++counts_.calls;
  counts_.product_flops += facts.product_flops;
  counts_.moved_bytes += facts.moved_bytes;
  Do(stream, call, std::move(facts));
}

}  // namespace hlm
