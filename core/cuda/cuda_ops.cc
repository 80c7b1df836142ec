#include "core/cuda/cuda_ops.h"

#include <algorithm>

#include "core/cuda/attention.h"
#include "core/cuda/cuda_stream.h"
#include "core/cuda/experts/experts.h"
#include "core/cuda/factors.h"
#include "core/cuda/kernels.h"
#include "core/cuda/product_forms.h"
#include "core/device/same_call.h"

namespace hlm::cuda {
namespace {

// The planner refuses models of other widths by name; this is the last line.
void CheckWidth(const char* operation, int64_t width) {
  HLM_CHECK(width % 8 == 0, operation, " of width ", width, ", no multiple of 8");
}

// Tiles are loaded 8 elements at a time.
void CheckStep(const char* what, const View& view, int64_t heads, int64_t width) {
  const View v = Resolved(view, heads, width);
  HLM_CHECK(v.row % 8 == 0 && v.head % 8 == 0 && reinterpret_cast<uintptr_t>(v.data) % 16 == 0, what, " whose rows lie ", v.row,
            " and heads ", v.head, " elements apart, not at multiples of 8");
}
template <class Args>
void CheckViews(const Args& a) {
  CheckStep("q", a.q, a.heads, a.head_dim);
  CheckStep("k", a.k, a.kv_heads, a.head_dim);
  CheckStep("v", a.v, a.kv_heads, a.value_dim);
  CheckStep("out", a.out, a.heads, a.value_dim);
  if constexpr (requires { a.dq; }) {
    CheckStep("dout", a.dout, a.heads, a.value_dim);
    CheckStep("dq", a.dq, a.heads, a.head_dim);
    CheckStep("dk", a.dk, a.kv_heads, a.head_dim);
    CheckStep("dv", a.dv, a.kv_heads, a.value_dim);
  }
}

// Chunks that no document is longer than change nothing.
template <class Args>
Args WithoutIdleChunks(Args a) {
  if (a.kind.chunk >= a.documents.longest) a.kind.chunk = 0;
  return a;
}

}  // namespace

// One call on its way to a stream. Widths are checked before anything is enqueued.
struct CudaOps::OneCall {
  CudaOps& ops;
  CudaStream& stream;
  const OpFacts& facts;

  cudaStream_t Enqueue() const { return stream.Enqueue(facts.accesses); }
  void* Scratch(size_t bytes) const { return ops.Workspace(facts.operation, bytes); }
  size_t Shared() const { return ops.context_->shared_bytes; }
  void Width(int64_t width) const { CheckWidth(facts.operation, width); }
  void Multiply(cudaStream_t to, const ProductForm& form, const ProductOperands& operands) const {
    ops.products_.Run(to, form, operands, ops.workspace(), ops.workspace_bytes());
  }

  void operator()(const LinearArgs& a) const {
    const cudaStream_t to = Enqueue();
    Multiply(to, FormOf(a), {.a = a.x, .b = a.w, .bias = a.bias, .addend = a.addend, .c = a.y});
    if (BiasApart(a)) AddBias(to, a.type, a.bias, a.tokens, a.out, static_cast<float*>(a.y));
  }
  void operator()(const LinearBackwardInputArgs& a) const { Multiply(Enqueue(), FormOf(a), {.a = a.dy, .b = a.w, .c = a.dx}); }
  void operator()(const LinearBackwardWeightArgs& a) const {
    void* scratch = a.dbias == nullptr ? nullptr : Scratch(ColumnSumsBytes(a.tokens, a.out));
    const cudaStream_t to = Enqueue();
    Multiply(to, FormOf(a), {.a = a.dy, .b = a.x, .addend = a.dw, .c = a.dw});
    if (a.dbias != nullptr) ColumnSums(to, a.type, a.dy, a.tokens, a.out, a.accumulate, a.dbias, scratch);
  }
  void operator()(const RmsNormArgs& a) const {
    Width(a.width);
    cuda::RmsNorm(Enqueue(), a);
  }
  void operator()(const RmsNormBackwardArgs& a) const {
    Width(a.width);
    void* scratch = Scratch(RmsNormBackwardBytes(a.rows, a.width));
    cuda::RmsNormBackward(Enqueue(), a, scratch);
  }
  void operator()(const QkRotaryArgs& a) const {
    Width(a.head_dim);
    cuda::QkRotary(Enqueue(), a);
  }
  void operator()(const QkRotaryBackwardArgs& a) const {
    Width(a.head_dim);
    void* scratch = Scratch(a.q_norm == nullptr ? 0 : QkRotaryBackwardBytes(a.tokens, a.heads, a.kv_heads, a.head_dim));
    cuda::QkRotaryBackward(Enqueue(), a, scratch);
  }
  void operator()(const NormArgs& a) const {
    if (IsRmsNorm(a) && a.width % 8 == 0) return (*this)(AsRmsNorm(a));
    cuda::Norm(Enqueue(), a);
  }
  void operator()(const NormBackwardArgs& a) const {
    if (IsRmsNorm(a) && a.width % 8 == 0) return (*this)(AsRmsNorm(a));
    void* scratch = Scratch(NormBackwardBytes(a));
    cuda::NormBackward(Enqueue(), a, scratch);
  }
  void operator()(const RotaryArgs& a) const { cuda::Rotary(Enqueue(), a); }
  void operator()(const SumHeadsArgs& a) const { cuda::SumHeads(Enqueue(), a); }
  // cuDNN's attention in bf16 where it takes the shape, else our own. Forward and backward decide alike: what cuDNN's backward
  // pass does not take, its forward pass must not have made.
  // Sinks stand beside cuDNN's attention: behind its forward pass, and apart from its backward pass.
  void operator()(const ViewAttentionArgs& call) const {
    const ViewAttentionArgs a = WithoutIdleChunks(call);
    CheckViews(a);
    const cudaStream_t to = Enqueue();
    if (a.type == DType::kBF16 && ops.cudnn_.Forward(to, a, ops.workspace(), ops.workspace_bytes())) {
      if (a.sinks != nullptr) ApplySinks(to, a);
    } else {
      TileAttention(to, a);
    }
  }
  void operator()(const ViewAttentionBackwardArgs& call) const {
    const ViewAttentionBackwardArgs a = WithoutIdleChunks(call);
    CheckViews(a);
    const cudaStream_t to = Enqueue();
    if (a.type != DType::kBF16 || !ops.cudnn_.Backward(to, a, ops.workspace(), ops.workspace_bytes())) {
      TileAttentionBackward(to, a, Shared(), Scratch(TileAttentionBackwardBytes(a.tokens, a.heads)));
    }
    if (a.dsinks != nullptr) SinkGradients(to, a, Scratch(SinkGradientBytes(a.heads)));
  }
  void operator()(const AttentionArgs& a) const {
    Width(a.head_dim);
    (*this)(AsViews(a));
  }
  void operator()(const AttentionBackwardArgs& a) const {
    Width(a.head_dim);
    (*this)(AsViews(a));
  }
  void operator()(const ActivateArgs& a) const { cuda::Activate(Enqueue(), a); }
  void operator()(const ActivateBackwardArgs& a) const {
    void* scratch = Scratch(ActivateBackwardBytes(a));
    cuda::ActivateBackward(Enqueue(), a, scratch);
  }
  void operator()(const ClampedGluArgs& a) const { cuda::ClampedGlu(Enqueue(), a); }
  void operator()(const ClampedGluBackwardArgs& a) const { cuda::ClampedGluBackward(Enqueue(), a); }
  void operator()(const GateHeadsArgs& a) const { cuda::GateHeads(Enqueue(), a); }
  void operator()(const GateHeadsBackwardArgs& a) const { cuda::GateHeadsBackward(Enqueue(), a); }
  void operator()(const ScaleAddArgs& a) const { cuda::ScaleAdd(Enqueue(), a); }
  void operator()(const CausalConvArgs& a) const { cuda::CausalConv(Enqueue(), a); }
  void operator()(const CausalConvBackwardArgs& a) const {
    void* scratch = Scratch(CausalConvBackwardBytes(a));
    cuda::CausalConvBackward(Enqueue(), a, scratch);
  }
  void operator()(const DecayGatesArgs& a) const { cuda::DecayGates(Enqueue(), a); }
  void operator()(const DecayGatesBackwardArgs& a) const {
    void* scratch = Scratch(DecayGatesBackwardBytes(a));
    cuda::DecayGatesBackward(Enqueue(), a, scratch);
  }
  void operator()(const DeltaRuleArgs& a) const {
    void* scratch = Scratch(DeltaRuleBytes(a, Shared()));
    cuda::DeltaRule(Enqueue(), a, Shared(), scratch);
  }
  void operator()(const DeltaRuleBackwardArgs& a) const {
    void* scratch = Scratch(DeltaRuleBackwardBytes(a, Shared()));
    cuda::DeltaRuleBackward(Enqueue(), a, Shared(), scratch);
  }
  void operator()(const StateSpaceArgs& a) const {
    void* scratch = Scratch(StateSpaceBytes(a, Shared()));
    cuda::StateSpace(Enqueue(), a, Shared(), scratch);
  }
  void operator()(const StateSpaceBackwardArgs& a) const {
    void* scratch = Scratch(StateSpaceBackwardBytes(a, Shared()));
    cuda::StateSpaceBackward(Enqueue(), a, Shared(), scratch);
  }
  void operator()(const SelectiveScanArgs& a) const { cuda::SelectiveScan(Enqueue(), a); }
  void operator()(const SelectiveScanBackwardArgs& a) const {
    void* scratch = Scratch(SelectiveScanBackwardBytes(a));
    cuda::SelectiveScanBackward(Enqueue(), a, scratch);
  }
  void operator()(const GatedRecurrenceArgs& a) const { cuda::GatedRecurrence(Enqueue(), a); }
  void operator()(const GatedRecurrenceBackwardArgs& a) const {
    void* scratch = Scratch(GatedRecurrenceBackwardBytes(a));
    cuda::GatedRecurrenceBackward(Enqueue(), a, scratch);
  }
  void operator()(const BlockLinearArgs& a) const { cuda::BlockLinear(Enqueue(), a); }
  void operator()(const BlockLinearBackwardArgs& a) const {
    void* scratch = Scratch(BlockLinearBackwardBytes(a));
    cuda::BlockLinearBackward(Enqueue(), a, scratch);
  }
  void operator()(const CapLogitsArgs& a) const { cuda::CapLogits(Enqueue(), a); }
  void operator()(const SwiGluArgs& a) const {
    Width(a.width);
    cuda::SwiGlu(Enqueue(), a);
  }
  void operator()(const SwiGluBackwardArgs& a) const {
    Width(a.width);
    cuda::SwiGluBackward(Enqueue(), a);
  }
  void operator()(const EmbeddingArgs& a) const {
    Width(a.width);
    cuda::Embedding(Enqueue(), a);
  }
  void operator()(const EmbeddingBackwardArgs& a) const {
    Width(a.width);
    void* scratch = Scratch(EmbeddingBackwardBytes(a.tokens, a.vocab));
    cuda::EmbeddingBackward(Enqueue(), a, scratch);
  }
  void operator()(const CrossEntropyArgs& a) const { cuda::CrossEntropy(Enqueue(), a); }
  void operator()(const RouteArgs& a) const { cuda::Route(Enqueue(), a); }
  void operator()(const RouteBackwardArgs& a) const { cuda::RouteBackward(Enqueue(), a); }
  void operator()(const ScaleChoicesArgs& a) const { cuda::ScaleChoices(Enqueue(), a); }
  void operator()(const ScaleChoicesBackwardArgs& a) const { cuda::ScaleChoicesBackward(Enqueue(), a); }
  void operator()(const RouteLoadArgs& a) const {
    void* scratch = Scratch(RouteLoadBytes(a));
    cuda::RouteLoad(Enqueue(), a, scratch);
  }
  void operator()(const SortChoicesArgs& a) const {
    void* scratch = Scratch(SortChoicesBytes(a));
    cuda::SortChoices(Enqueue(), a, scratch);
  }
  void operator()(const GatherRowsArgs& a) const { cuda::GatherRows(Enqueue(), a); }
  void operator()(const CombineRowsArgs& a) const { cuda::CombineRows(Enqueue(), a); }
  void operator()(const RowDotsArgs& a) const { cuda::RowDots(Enqueue(), a); }
  void operator()(const GroupedLinearArgs& a) const {
    void* scratch = Scratch(GroupedLinearBytes(a));
    cuda::GroupedLinear(Enqueue(), a, scratch);
  }
  void operator()(const GroupedLinearBackwardInputArgs& a) const {
    void* scratch = Scratch(GroupedLinearBytes(a));
    cuda::GroupedLinearBackwardInput(Enqueue(), a, scratch);
  }
  void operator()(const GroupedLinearBackwardWeightArgs& a) const {
    void* scratch = Scratch(GroupedLinearBytes(a));
    cuda::GroupedLinearBackwardWeight(Enqueue(), a, scratch);
  }
  void operator()(const CastArgs& a) const { cuda::Cast(Enqueue(), a); }
};

CudaOps::CudaOps(std::shared_ptr<Context> context)
    : context_(std::move(context)), products_(context_->options.product_algorithms) {}

size_t CudaOps::WorkspaceBytes(const Call& call) const { return CudaWorkspaceBytes(call, context_->shared_bytes); }

void CudaOps::Do(Stream& stream, const Call& call, OpFacts facts) {
  facts.accesses.push_back(Writes("workspace", workspace(), std::min(WorkspaceBytes(call), workspace_bytes())));
  std::visit(OneCall{*this, static_cast<CudaStream&>(stream), facts}, call);
}

}  // namespace hlm::cuda
