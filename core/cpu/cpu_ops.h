// The CPU device's operations: a call becomes work of the stream's thread.
#ifndef HORIZON_LM_CORE_CPU_CPU_OPS_H_
#define HORIZON_LM_CORE_CPU_CPU_OPS_H_

#include <memory>

#include "core/cpu/cpu_stream.h"
#include "core/device/facts.h"

namespace hlm {

class CpuOps final : public Ops {
 public:
  explicit CpuOps(std::shared_ptr<CpuContext> context) : context_(std::move(context)) {}

  size_t WorkspaceBytes(const Call& call) const override;

 protected:
  void Do(Stream& stream, const Call& call, OpFacts facts) override;

 private:
  const std::shared_ptr<CpuContext> context_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_CPU_OPS_H_
