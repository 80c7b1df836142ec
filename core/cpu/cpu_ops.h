// The CPU device's operations: each checks its arguments on the caller's thread, says what it touches, and is enqueued.
#ifndef HORIZON_LM_CORE_CPU_CPU_OPS_H_
#define HORIZON_LM_CORE_CPU_CPU_OPS_H_

#include <memory>

#include "core/cpu/cpu_stream.h"
#include "core/device/ops.h"

namespace hlm {

class CpuOps final : public Ops {
 public:
  explicit CpuOps(std::shared_ptr<CpuContext> context) : context_(std::move(context)) {}

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

 private:
  // The workspace for an operation that needs this many bytes of it; null where it needs none.
  float* Scratch(const char* operation, size_t bytes) const;

  const std::shared_ptr<CpuContext> context_;
  void* workspace_ = nullptr;
  size_t workspace_bytes_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_CPU_OPS_H_
