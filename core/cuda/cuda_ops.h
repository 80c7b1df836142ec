// The CUDA device's operations: each checks its arguments, takes its scratch of the workspace, and is enqueued.
#ifndef HORIZON_LM_CORE_CUDA_CUDA_OPS_H_
#define HORIZON_LM_CORE_CUDA_CUDA_OPS_H_

#include <memory>
#include <string>

#include "core/cuda/attention.h"
#include "core/cuda/context.h"
#include "core/cuda/products.h"
#include "core/device/ops.h"

namespace hlm::cuda {

class CudaOps final : public Ops {
 public:
  explicit CudaOps(std::shared_ptr<Context> context);

  void SetWorkspace(void* data, size_t bytes) override;
  void Linear(Stream& stream, const LinearArgs& args) override;
  void LinearBackwardInput(Stream& stream, const LinearBackwardInputArgs& args) override;
  void LinearBackwardWeight(Stream& stream, const LinearBackwardWeightArgs& args) override;
  void RmsNorm(Stream& stream, const RmsNormArgs& args) override;
  void RmsNormBackward(Stream& stream, const RmsNormBackwardArgs& args) override;
  void QkRotary(Stream& stream, const QkRotaryArgs& args) override;
  void QkRotaryBackward(Stream& stream, const QkRotaryBackwardArgs& args) override;
  void Attention(Stream& stream, const AttentionArgs& args) override;
  void AttentionBackward(Stream& stream, const AttentionBackwardArgs& args) override;
  void SwiGlu(Stream& stream, const SwiGluArgs& args) override;
  void SwiGluBackward(Stream& stream, const SwiGluBackwardArgs& args) override;
  void Embedding(Stream& stream, const EmbeddingArgs& args) override;
  void EmbeddingBackward(Stream& stream, const EmbeddingBackwardArgs& args) override;
  void CrossEntropy(Stream& stream, const CrossEntropyArgs& args) override;
  void Cast(Stream& stream, const CastArgs& args) override;
  Fallbacks fallbacks() const override { return cudnn_.refused(); }

 private:
  void* Scratch(const char* operation, size_t bytes) const;

  const std::shared_ptr<Context> context_;
  Products products_;
  CudnnAttention cudnn_;
  void* workspace_ = nullptr;
  size_t workspace_bytes_ = 0;
};

// Workspace of all operations for these shapes; pure.
size_t CudaWorkspaceBytes(const OpShapes& shapes);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_CUDA_OPS_H_
