#include "core/cpu/cpu_ops.h"

#include "core/base/error.h"
#include "core/cpu/attention.h"
#include "core/cpu/kernels.h"
#include "core/cpu/linear.h"
#include "core/cpu/recurrence.h"
#include "core/cpu/scan.h"

namespace hlm {
namespace {

// What one call has while it runs.
struct Means {
  int64_t threads;
  float* scratch;  // as many bytes as CpuWorkspaceBytes says; null where that is 0
};

void RunCall(const LinearArgs& a, const Means& m) { RunLinear(a, m.scratch); }
void RunCall(const LinearBackwardInputArgs& a, const Means& m) { RunLinearBackwardInput(a, m.scratch); }
void RunCall(const LinearBackwardWeightArgs& a, const Means& m) { RunLinearBackwardWeight(a, m.scratch); }
void RunCall(const RmsNormArgs& a, const Means&) { RmsNormKernel(a); }
void RunCall(const RmsNormBackwardArgs& a, const Means& m) { RmsNormBackwardKernel(a, m.scratch); }
void RunCall(const QkRotaryArgs& a, const Means&) { QkRotaryKernel(a); }
void RunCall(const QkRotaryBackwardArgs& a, const Means& m) { QkRotaryBackwardKernel(a, m.scratch); }
void RunCall(const AttentionArgs& a, const Means& m) { RunAttention(AsViews(a), m.threads, m.scratch); }
void RunCall(const AttentionBackwardArgs& a, const Means& m) { RunAttentionBackward(AsViews(a), m.threads, m.scratch); }
void RunCall(const ViewAttentionArgs& a, const Means& m) { RunAttention(a, m.threads, m.scratch); }
void RunCall(const ViewAttentionBackwardArgs& a, const Means& m) { RunAttentionBackward(a, m.threads, m.scratch); }
void RunCall(const NormArgs& a, const Means&) { NormKernel(a); }
void RunCall(const NormBackwardArgs& a, const Means& m) { NormBackwardKernel(a, m.scratch); }
void RunCall(const RotaryArgs& a, const Means&) { RotaryKernel(a); }
void RunCall(const SumHeadsArgs& a, const Means&) { SumHeadsKernel(a); }
void RunCall(const ActivateArgs& a, const Means&) { ActivateKernel(a); }
void RunCall(const ActivateBackwardArgs& a, const Means& m) { ActivateBackwardKernel(a, m.scratch); }
void RunCall(const ClampedGluArgs& a, const Means&) { ClampedGluKernel(a); }
void RunCall(const ClampedGluBackwardArgs& a, const Means&) { ClampedGluBackwardKernel(a); }
void RunCall(const GateHeadsArgs& a, const Means&) { GateHeadsKernel(a); }
void RunCall(const GateHeadsBackwardArgs& a, const Means&) { GateHeadsBackwardKernel(a); }
void RunCall(const ScaleAddArgs& a, const Means&) { ScaleAddKernel(a); }
void RunCall(const CausalConvArgs& a, const Means&) { CausalConvKernel(a); }
void RunCall(const CausalConvBackwardArgs& a, const Means& m) { CausalConvBackwardKernel(a, m.scratch); }
void RunCall(const DecayGatesArgs& a, const Means&) { DecayGatesKernel(a); }
void RunCall(const DecayGatesBackwardArgs& a, const Means& m) { DecayGatesBackwardKernel(a, m.scratch); }
void RunCall(const DeltaRuleArgs& a, const Means& m) { RunDeltaRule(a, m.threads, m.scratch); }
void RunCall(const DeltaRuleBackwardArgs& a, const Means& m) { RunDeltaRuleBackward(a, m.threads, m.scratch); }
void RunCall(const StateSpaceArgs& a, const Means& m) { RunStateSpace(a, m.threads, m.scratch); }
void RunCall(const StateSpaceBackwardArgs& a, const Means& m) { RunStateSpaceBackward(a, m.threads, m.scratch); }
void RunCall(const SelectiveScanArgs& a, const Means& m) { RunSelectiveScan(a, m.threads, m.scratch); }
void RunCall(const SelectiveScanBackwardArgs& a, const Means& m) { RunSelectiveScanBackward(a, m.threads, m.scratch); }
void RunCall(const GatedRecurrenceArgs& a, const Means& m) { RunGatedRecurrence(a, m.threads); }
void RunCall(const GatedRecurrenceBackwardArgs& a, const Means& m) { RunGatedRecurrenceBackward(a, m.threads, m.scratch); }
void RunCall(const BlockLinearArgs& a, const Means& m) { RunBlockLinear(a, m.threads, m.scratch); }
void RunCall(const BlockLinearBackwardArgs& a, const Means& m) { RunBlockLinearBackward(a, m.threads, m.scratch); }
void RunCall(const CapLogitsArgs& a, const Means&) { CapLogitsKernel(a); }
void RunCall(const SwiGluArgs& a, const Means&) { SwiGluKernel(a); }
void RunCall(const SwiGluBackwardArgs& a, const Means&) { SwiGluBackwardKernel(a); }
void RunCall(const EmbeddingArgs& a, const Means&) { EmbeddingKernel(a); }
void RunCall(const EmbeddingBackwardArgs& a, const Means&) { EmbeddingBackwardKernel(a); }
void RunCall(const CrossEntropyArgs& a, const Means& m) { CrossEntropyKernel(a, m.scratch); }
void RunCall(const RouteArgs& a, const Means&) { RouteKernel(a); }
void RunCall(const RouteBackwardArgs& a, const Means&) { RouteBackwardKernel(a); }
void RunCall(const ScaleChoicesArgs& a, const Means&) { ScaleChoicesKernel(a); }
void RunCall(const ScaleChoicesBackwardArgs& a, const Means&) { ScaleChoicesBackwardKernel(a); }
void RunCall(const RouteLoadArgs& a, const Means& m) { RouteLoadKernel(a, m.scratch); }
void RunCall(const SortChoicesArgs& a, const Means&) { SortChoicesKernel(a); }
void RunCall(const GatherRowsArgs& a, const Means&) { GatherRowsKernel(a); }
void RunCall(const CombineRowsArgs& a, const Means&) { CombineRowsKernel(a); }
void RunCall(const RowDotsArgs& a, const Means&) { RowDotsKernel(a); }
void RunCall(const GroupedLinearArgs& a, const Means& m) { RunGroupedLinear(a, m.scratch); }
void RunCall(const GroupedLinearBackwardInputArgs& a, const Means& m) { RunGroupedLinearBackwardInput(a, m.scratch); }
void RunCall(const GroupedLinearBackwardWeightArgs& a, const Means& m) { RunGroupedLinearBackwardWeight(a, m.scratch); }
void RunCall(const CastArgs& a, const Means&) { CastKernel(a); }

}  // namespace

size_t CpuOps::WorkspaceBytes(const Call& call) const { return CpuWorkspaceBytes(call, context_->threads); }

void CpuOps::Do(Stream& stream, const Call& call, OpFacts facts) {
  const size_t bytes = WorkspaceBytes(call);
  const Means means{context_->threads, bytes == 0 ? nullptr : static_cast<float*>(Workspace(facts.operation, bytes))};
  facts.accesses.push_back(Writes("workspace", means.scratch, bytes));
  static_cast<CpuStream&>(stream).Enqueue(std::move(facts.accesses), [call, means, &context = *context_] {
    if (context.leaves_out && context.leaves_out()) return;
    if (context.options.before_operation) context.options.before_operation(context.begun++);
    std::visit([&](const auto& args) { RunCall(args, means); }, call);
  });
}

}  // namespace hlm
