// How much scratch each operation takes of the compute stream's workspace. Pure; never falls when a dimension grows, so that the
// largest shapes of a plan bound all others.

#include <algorithm>

#include "core/base/checked.h"
#include "core/cpu/attention.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/kernels.h"
#include "core/cpu/product.h"
#include "core/cpu/recurrence.h"
#include "core/cpu/scan.h"

namespace hlm {
namespace {

size_t Bytes(size_t floats) { return floats * sizeof(float); }

// The bf16 products count as converted ones also where the processor has bf16: a plan is then the same for every processor.
size_t BytesOf(const LinearArgs& args, int64_t) {
  if (args.type == DType::kF32) return 0;
  return Bytes(args.y_type == DType::kF32 ? ConvertedProductFloats(args.tokens, args.out, args.in)
                                          : ConvertedRoundedProductFloats(args.tokens, args.out, args.in));
}
size_t BytesOf(const LinearBackwardInputArgs& args, int64_t) {
  return args.type == DType::kF32 ? 0 : Bytes(ConvertedRoundedProductFloats(args.tokens, args.in, args.out));
}
size_t BytesOf(const LinearBackwardWeightArgs& args, int64_t) {
  return args.type == DType::kF32 ? 0 : Bytes(ConvertedProductFloats(args.out, args.in, args.tokens));
}
size_t BytesOf(const RmsNormBackwardArgs& args, int64_t) { return Bytes(RmsNormBackwardFloats(args.rows, args.width)); }
size_t BytesOf(const QkRotaryBackwardArgs& args, int64_t) {
  return args.q_norm == nullptr ? 0 : Bytes(QkRotaryBackwardFloats(args.tokens, args.head_dim));
}
size_t BytesOf(const NormBackwardArgs& args, int64_t) { return Bytes(NormBackwardFloats(args)); }
size_t BytesOf(const ViewAttentionArgs& args, int64_t threads) { return Bytes(AttentionFloats(args, threads)); }
size_t BytesOf(const ViewAttentionBackwardArgs& args, int64_t threads) { return Bytes(AttentionBackwardFloats(args, threads)); }
size_t BytesOf(const AttentionArgs& args, int64_t threads) { return BytesOf(AsViews(args), threads); }
size_t BytesOf(const AttentionBackwardArgs& args, int64_t threads) { return BytesOf(AsViews(args), threads); }
size_t BytesOf(const ActivateBackwardArgs& args, int64_t) { return Bytes(ActivateBackwardFloats(args)); }
size_t BytesOf(const CrossEntropyArgs& args, int64_t threads) { return Bytes(CrossEntropyFloats(args, threads)); }
size_t BytesOf(const CausalConvBackwardArgs& args, int64_t) { return Bytes(CausalConvBackwardFloats(args)); }
size_t BytesOf(const DecayGatesBackwardArgs& args, int64_t) { return Bytes(DecayGatesBackwardFloats(args)); }
size_t BytesOf(const DeltaRuleArgs& args, int64_t threads) { return Bytes(DeltaRuleFloats(args, threads)); }
size_t BytesOf(const DeltaRuleBackwardArgs& args, int64_t threads) { return Bytes(DeltaRuleBackwardFloats(args, threads)); }
size_t BytesOf(const StateSpaceArgs& args, int64_t threads) { return Bytes(StateSpaceFloats(args, threads)); }
size_t BytesOf(const StateSpaceBackwardArgs& args, int64_t threads) { return Bytes(StateSpaceBackwardFloats(args, threads)); }
size_t BytesOf(const SelectiveScanArgs& args, int64_t threads) { return Bytes(SelectiveScanFloats(args, threads)); }
size_t BytesOf(const SelectiveScanBackwardArgs& args, int64_t) { return Bytes(SelectiveScanBackwardFloats(args)); }
size_t BytesOf(const GatedRecurrenceBackwardArgs& args, int64_t threads) {
  return Bytes(GatedRecurrenceBackwardFloats(args, threads));
}
size_t BytesOf(const BlockLinearArgs& args, int64_t threads) { return Bytes(BlockLinearFloats(args, threads)); }
size_t BytesOf(const BlockLinearBackwardArgs& args, int64_t threads) { return Bytes(BlockLinearBackwardFloats(args, threads)); }
size_t BytesOf(const RouteLoadArgs& args, int64_t) { return Bytes(static_cast<size_t>(args.tokens)); }
size_t BytesOf(const GroupedLinearArgs& args, int64_t) {
  return args.type == DType::kF32 ? 0 : Bytes(ConvertedRoundedProductFloats(args.rows, args.out, args.in));
}
size_t BytesOf(const GroupedLinearBackwardInputArgs& args, int64_t) {
  return args.type == DType::kF32 ? 0 : Bytes(ConvertedRoundedProductFloats(args.rows, args.in, args.out));
}
size_t BytesOf(const GroupedLinearBackwardWeightArgs& args, int64_t) {
  return args.type == DType::kF32 ? 0 : Bytes(ConvertedProductFloats(args.out, args.in, args.rows));
}
// The others take none.
size_t BytesOf(const RmsNormArgs&, int64_t) { return 0; }
size_t BytesOf(const QkRotaryArgs&, int64_t) { return 0; }
size_t BytesOf(const NormArgs&, int64_t) { return 0; }
size_t BytesOf(const RotaryArgs&, int64_t) { return 0; }
size_t BytesOf(const SumHeadsArgs&, int64_t) { return 0; }
size_t BytesOf(const ActivateArgs&, int64_t) { return 0; }
size_t BytesOf(const ClampedGluArgs&, int64_t) { return 0; }
size_t BytesOf(const ClampedGluBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const GateHeadsArgs&, int64_t) { return 0; }
size_t BytesOf(const GateHeadsBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const ScaleAddArgs&, int64_t) { return 0; }
size_t BytesOf(const CausalConvArgs&, int64_t) { return 0; }
size_t BytesOf(const DecayGatesArgs&, int64_t) { return 0; }
size_t BytesOf(const CapLogitsArgs&, int64_t) { return 0; }
size_t BytesOf(const SwiGluArgs&, int64_t) { return 0; }
size_t BytesOf(const SwiGluBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const EmbeddingArgs&, int64_t) { return 0; }
size_t BytesOf(const EmbeddingBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const GatedRecurrenceArgs&, int64_t) { return 0; }
size_t BytesOf(const RouteArgs&, int64_t) { return 0; }
size_t BytesOf(const RouteBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const ScaleChoicesArgs&, int64_t) { return 0; }
size_t BytesOf(const ScaleChoicesBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const SortChoicesArgs&, int64_t) { return 0; }
size_t BytesOf(const GatherRowsArgs&, int64_t) { return 0; }
size_t BytesOf(const CombineRowsArgs&, int64_t) { return 0; }
size_t BytesOf(const RowDotsArgs&, int64_t) { return 0; }
size_t BytesOf(const CastArgs&, int64_t) { return 0; }

}  // namespace

size_t CpuWorkspaceBytes(const Call& call, int64_t threads) {
  return std::visit([&](const auto& args) { return BytesOf(args, threads); }, call);
}

}  // namespace hlm
