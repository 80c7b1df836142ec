// The CUDA device's operations: each takes its scratch of the workspace and is enqueued.
#ifndef HORIZON_LM_CORE_CUDA_CUDA_OPS_H_
#define HORIZON_LM_CORE_CUDA_CUDA_OPS_H_

#include <memory>
#include <string>

#include "core/cuda/attention_cudnn.h"
#include "core/cuda/context.h"
#include "core/cuda/products.h"
#include "core/device/facts.h"

namespace hlm::cuda {

class CudaOps final : public Ops {
 public:
  explicit CudaOps(std::shared_ptr<Context> context);

  size_t WorkspaceBytes(const Call& call) const override;
  Fallbacks fallbacks() const override { return cudnn_.refused(); }

 protected:
  void Do(Stream& stream, const Call& call, OpFacts facts) override;

 private:
  struct OneCall;

  const std::shared_ptr<Context> context_;
  Products products_;
  CudnnAttention cudnn_;
};

// Workspace that a call wants, and all operations for these shapes, on a GPU that lends a block so many bytes of shared memory; pure.
// UNIMPLEMENTED where its kernels need more.
size_t CudaWorkspaceBytes(const Call& call, size_t shared);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_CUDA_OPS_H_
