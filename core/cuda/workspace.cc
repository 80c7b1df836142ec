// How much of the compute stream's workspace each operation wants. Pure: of the call and of the shared memory that the GPU lends a block;
// never falls when a dimension grows.
#include <algorithm>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/cuda/attention.h"
#include "core/cuda/cuda_ops.h"
#include "core/cuda/experts/experts.h"
#include "core/cuda/kernels.h"
#include "core/cuda/products.h"
#include "core/cuda/shared_memory.h"
#include "core/device/same_call.h"

namespace hlm::cuda {
namespace {

size_t BytesOf(const LinearArgs&) { return kProductWorkspaceBytes; }
size_t BytesOf(const LinearBackwardInputArgs&) { return kProductWorkspaceBytes; }
size_t BytesOf(const LinearBackwardWeightArgs& a) {
  return std::max(kProductWorkspaceBytes, a.dbias == nullptr ? 0 : ColumnSumsBytes(a.tokens, a.out));
}
size_t BytesOf(const RmsNormBackwardArgs& a) { return RmsNormBackwardBytes(a.rows, a.width); }
size_t BytesOf(const QkRotaryBackwardArgs& a) {
  return a.q_norm == nullptr ? 0 : QkRotaryBackwardBytes(a.tokens, a.heads, a.kv_heads, a.head_dim);
}
size_t BytesOf(const ViewAttentionArgs& a) {
  return AttentionWorkspaceBytes({a.type, a.tokens, a.documents.longest, a.heads, a.kv_heads, a.head_dim, a.value_dim});
}
size_t BytesOf(const ViewAttentionBackwardArgs& a) {
  return std::max(AttentionWorkspaceBytes({a.type, a.tokens, a.documents.longest, a.heads, a.kv_heads, a.head_dim, a.value_dim}),
                  a.dsinks == nullptr ? 0 : SinkGradientBytes(a.heads));
}
size_t BytesOf(const AttentionArgs& a) { return BytesOf(AsViews(a)); }
size_t BytesOf(const AttentionBackwardArgs& a) { return BytesOf(AsViews(a)); }
size_t BytesOf(const NormBackwardArgs& a) { return std::max(NormBackwardBytes(a), RmsNormBackwardBytes(a.rows, a.width)); }
size_t BytesOf(const ActivateBackwardArgs& a) { return ActivateBackwardBytes(a); }
size_t BytesOf(const CausalConvBackwardArgs& a) { return CausalConvBackwardBytes(a); }
size_t BytesOf(const EmbeddingBackwardArgs& a) { return EmbeddingBackwardBytes(a.tokens, a.vocab); }
size_t BytesOf(const DecayGatesBackwardArgs& a) { return DecayGatesBackwardBytes(a); }
size_t BytesOf(const DeltaRuleArgs& a, size_t shared) { return DeltaRuleBytes(a, shared); }
size_t BytesOf(const DeltaRuleBackwardArgs& a, size_t shared) { return DeltaRuleBackwardBytes(a, shared); }
size_t BytesOf(const StateSpaceArgs& a, size_t shared) { return StateSpaceBytes(a, shared); }
size_t BytesOf(const StateSpaceBackwardArgs& a, size_t shared) { return StateSpaceBackwardBytes(a, shared); }
size_t BytesOf(const SelectiveScanArgs& a) {
  CheckSelectiveScan(a.state_dim);
  return 0;
}
size_t BytesOf(const SelectiveScanBackwardArgs& a) { return SelectiveScanBackwardBytes(a); }
size_t BytesOf(const GatedRecurrenceBackwardArgs& a) { return GatedRecurrenceBackwardBytes(a); }
size_t BytesOf(const BlockLinearBackwardArgs& a) { return BlockLinearBackwardBytes(a); }
// What these kernels do not take: a plan that needs it is refused.
template <class Args>
void CheckExperts(const Args& a) {
  if (a.experts > kMostExperts) {
    throw Unimplemented("a router of ", a.experts, " experts; device cuda takes at most ", kMostExperts,
                        ", device cpu takes any");
  }
}
size_t BytesOf(const RouteArgs& a) {
  CheckExperts(a);
  return 0;
}
size_t BytesOf(const RouteBackwardArgs& a) {
  CheckExperts(a);
  return 0;
}
size_t BytesOf(const RouteLoadArgs& a) {
  CheckExperts(a);
  return RouteLoadBytes(a);
}
size_t BytesOf(const SortChoicesArgs& a) {
  CheckExperts(a);
  return SortChoicesBytes(a);
}
size_t BytesOf(const GroupedLinearArgs& a) { return GroupedLinearBytes(a); }
size_t BytesOf(const GroupedLinearBackwardInputArgs& a) { return GroupedLinearBytes(a); }
size_t BytesOf(const GroupedLinearBackwardWeightArgs& a) { return GroupedLinearBytes(a); }
// The others take none.
size_t BytesOf(const GatherRowsArgs&) { return 0; }
size_t BytesOf(const CombineRowsArgs&) { return 0; }
size_t BytesOf(const RowDotsArgs&) { return 0; }
size_t BytesOf(const RmsNormArgs&) { return 0; }
size_t BytesOf(const QkRotaryArgs&) { return 0; }
size_t BytesOf(const NormArgs&) { return 0; }
size_t BytesOf(const RotaryArgs&) { return 0; }
size_t BytesOf(const SumHeadsArgs&) { return 0; }
size_t BytesOf(const ActivateArgs&) { return 0; }
size_t BytesOf(const ClampedGluArgs&) { return 0; }
size_t BytesOf(const ClampedGluBackwardArgs&) { return 0; }
size_t BytesOf(const ScaleAddArgs&) { return 0; }
size_t BytesOf(const CapLogitsArgs&) { return 0; }
size_t BytesOf(const SwiGluArgs&) { return 0; }
size_t BytesOf(const SwiGluBackwardArgs&) { return 0; }
size_t BytesOf(const CausalConvArgs&) { return 0; }
size_t BytesOf(const DecayGatesArgs&) { return 0; }
size_t BytesOf(const GatedRecurrenceArgs&) { return 0; }
size_t BytesOf(const BlockLinearArgs&) { return 0; }
size_t BytesOf(const EmbeddingArgs&) { return 0; }
size_t BytesOf(const CrossEntropyArgs&) { return 0; }
size_t BytesOf(const CastArgs&) { return 0; }
size_t BytesOf(const GateHeadsArgs&) { return 0; }
size_t BytesOf(const GateHeadsBackwardArgs&) { return 0; }
size_t BytesOf(const ScaleChoicesArgs&) { return 0; }
size_t BytesOf(const ScaleChoicesBackwardArgs&) { return 0; }
}  // namespace

size_t CudaWorkspaceBytes(const Call& call, size_t shared) {
  // Kernels without another form for less.
  if (shared < kLeastShared) {
    throw Unimplemented("the device lends a block ", shared, " bytes of shared memory; device cuda needs ", kLeastShared,
                        ", which GPUs of compute capability 8.0 and above have");
  }
  return std::visit(
      [shared](const auto& args) {
        if constexpr (requires { BytesOf(args, shared); }) {
          return BytesOf(args, shared);
        } else {
          return BytesOf(args);
        }
      },
      call);
}

}  // namespace hlm::cuda
