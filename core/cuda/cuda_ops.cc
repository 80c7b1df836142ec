#include "core/cuda/cuda_ops.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/cuda/cuda_stream.h"
#include "core/cuda/kernels.h"
#include "core/device/arguments.h"

namespace hlm::cuda {
namespace {

cudaStream_t Enqueue(Stream& stream) { return static_cast<CudaStream&>(stream).Enqueue(); }

// The planner refuses models of other widths by name; this is the last line.
void CheckWidth(const char* operation, int64_t width) {
  HLM_CHECK(width % 8 == 0, operation, " of width ", width, ", no multiple of 8");
}

}  // namespace

CudaOps::CudaOps(std::shared_ptr<Context> context)
    : context_(std::move(context)), products_(context_->options.product_algorithms) {}

void CudaOps::SetWorkspace(void* data, size_t bytes) {
  workspace_ = data;
  workspace_bytes_ = bytes;
}

void* CudaOps::Scratch(const char* operation, size_t bytes) const {
  if (bytes > workspace_bytes_) throw Internal(operation, " needs ", bytes, " bytes of workspace, there are ", workspace_bytes_);
  return workspace_;
}

void CudaOps::Linear(Stream& stream, const LinearArgs& a) {
  CheckType("Linear", a.type);
  HLM_CHECK(a.y_type == a.type || a.y_type == DType::kF32, "Linear of ", Name(a.type), " with a result of ", Name(a.y_type));
  CheckSizes("Linear", {a.tokens, a.in, a.out});
  CheckPointers("Linear", {a.x, a.w, a.y});
  const cudaStream_t to = Enqueue(stream);
  // The library adds a bias of the result's own type only.
  const bool bias_apart = a.bias != nullptr && a.y_type != a.type;
  products_.Run(to,
                {.type = a.type,
                 .c_type = a.y_type,
                 .m = a.tokens,
                 .n = a.out,
                 .k = a.in,
                 .b_transposed = true,
                 .bias = a.bias != nullptr && !bias_apart,
                 .addend = a.addend != nullptr},
                {.a = a.x, .b = a.w, .bias = a.bias, .addend = a.addend, .c = a.y}, workspace_, workspace_bytes_);
  if (bias_apart) AddBias(to, a.type, a.bias, a.tokens, a.out, static_cast<float*>(a.y));
}

void CudaOps::LinearBackwardInput(Stream& stream, const LinearBackwardInputArgs& a) {
  CheckType("LinearBackwardInput", a.type);
  CheckSizes("LinearBackwardInput", {a.tokens, a.in, a.out});
  CheckPointers("LinearBackwardInput", {a.dy, a.w, a.dx});
  products_.Run(Enqueue(stream), {.type = a.type, .c_type = a.type, .m = a.tokens, .n = a.in, .k = a.out},
                {.a = a.dy, .b = a.w, .c = a.dx}, workspace_, workspace_bytes_);
}

void CudaOps::LinearBackwardWeight(Stream& stream, const LinearBackwardWeightArgs& a) {
  CheckType("LinearBackwardWeight", a.type);
  CheckSizes("LinearBackwardWeight", {a.tokens, a.in, a.out});
  CheckPointers("LinearBackwardWeight", {a.dy, a.x, a.dw});
  const cudaStream_t to = Enqueue(stream);
  products_.Run(
      to,
      {.type = a.type, .c_type = DType::kF32, .m = a.out, .n = a.in, .k = a.tokens, .a_transposed = true, .addend = a.accumulate},
      {.a = a.dy, .b = a.x, .addend = a.dw, .c = a.dw}, workspace_, workspace_bytes_);
  if (a.dbias == nullptr) return;
  void* scratch = Scratch("LinearBackwardWeight", ColumnSumsBytes(a.tokens, a.out));
  ColumnSums(to, a.type, a.dy, a.tokens, a.out, a.accumulate, a.dbias, scratch);
}

void CudaOps::RmsNorm(Stream& stream, const RmsNormArgs& a) {
  CheckType("RmsNorm", a.type);
  CheckSizes("RmsNorm", {a.rows, a.width});
  CheckWidth("RmsNorm", a.width);
  CheckPointers("RmsNorm", {a.x, a.w, a.y, a.rstd});
  cuda::RmsNorm(Enqueue(stream), a);
}

void CudaOps::RmsNormBackward(Stream& stream, const RmsNormBackwardArgs& a) {
  CheckType("RmsNormBackward", a.type);
  CheckSizes("RmsNormBackward", {a.rows, a.width});
  CheckWidth("RmsNormBackward", a.width);
  CheckPointers("RmsNormBackward", {a.x, a.w, a.rstd, a.dy, a.dx, a.dw});
  cuda::RmsNormBackward(Enqueue(stream), a, Scratch("RmsNormBackward", RmsNormBackwardBytes(a.rows, a.width)));
}

void CudaOps::QkRotary(Stream& stream, const QkRotaryArgs& a) {
  CheckType("QkRotary", a.type);
  CheckSizes("QkRotary", {a.tokens, a.heads, a.kv_heads, a.head_dim});
  CheckWidth("QkRotary", a.head_dim);
  CheckPointers("QkRotary", {a.qkv, a.positions, a.table});
  CheckHeads("QkRotary", a.heads, a.kv_heads);
  if (a.q_norm != nullptr) CheckPointers("QkRotary", {a.k_norm, a.qk_raw, a.qk_rstd});
  cuda::QkRotary(Enqueue(stream), a);
}

void CudaOps::QkRotaryBackward(Stream& stream, const QkRotaryBackwardArgs& a) {
  CheckType("QkRotaryBackward", a.type);
  CheckSizes("QkRotaryBackward", {a.tokens, a.heads, a.kv_heads, a.head_dim});
  CheckWidth("QkRotaryBackward", a.head_dim);
  CheckPointers("QkRotaryBackward", {a.dqkv, a.positions, a.table});
  CheckHeads("QkRotaryBackward", a.heads, a.kv_heads);
  size_t bytes = 0;
  if (a.q_norm != nullptr) {
    CheckPointers("QkRotaryBackward", {a.k_norm, a.qk_raw, a.qk_rstd, a.dq_norm, a.dk_norm});
    bytes = QkRotaryBackwardBytes(a.tokens, a.heads, a.kv_heads, a.head_dim);
  }
  cuda::QkRotaryBackward(Enqueue(stream), a, Scratch("QkRotaryBackward", bytes));
}

// cuDNN's attention in bf16 where it takes the shape, else our own. Forward and backward decide alike: what cuDNN's backward pass
// does not take, its forward pass must not have made.
void CudaOps::Attention(Stream& stream, const AttentionArgs& a) {
  CheckType("Attention", a.type);
  CheckSizes("Attention", {a.tokens, a.heads, a.kv_heads, a.head_dim});
  CheckWidth("Attention", a.head_dim);
  CheckPointers("Attention", {a.qkv, a.out, a.lse});
  CheckHeads("Attention", a.heads, a.kv_heads);
  CheckDocuments("Attention", a.documents, a.tokens);
  const cudaStream_t to = Enqueue(stream);
  if (a.type == DType::kBF16 && cudnn_.Forward(to, a, workspace_, workspace_bytes_)) return;
  TileAttention(to, a);
}

void CudaOps::AttentionBackward(Stream& stream, const AttentionBackwardArgs& a) {
  CheckType("AttentionBackward", a.type);
  CheckSizes("AttentionBackward", {a.tokens, a.heads, a.kv_heads, a.head_dim});
  CheckWidth("AttentionBackward", a.head_dim);
  CheckPointers("AttentionBackward", {a.qkv, a.out, a.dout, a.lse, a.dqkv});
  CheckHeads("AttentionBackward", a.heads, a.kv_heads);
  CheckDocuments("AttentionBackward", a.documents, a.tokens);
  const cudaStream_t to = Enqueue(stream);
  if (a.type == DType::kBF16 && cudnn_.Backward(to, a, workspace_, workspace_bytes_)) return;
  TileAttentionBackward(to, a, Scratch("AttentionBackward", TileAttentionBackwardBytes(a.tokens, a.heads)));
}

void CudaOps::SwiGlu(Stream& stream, const SwiGluArgs& a) {
  CheckType("SwiGlu", a.type);
  CheckSizes("SwiGlu", {a.tokens, a.width});
  CheckWidth("SwiGlu", a.width);
  CheckPointers("SwiGlu", {a.gate_up, a.y});
  cuda::SwiGlu(Enqueue(stream), a);
}

void CudaOps::SwiGluBackward(Stream& stream, const SwiGluBackwardArgs& a) {
  CheckType("SwiGluBackward", a.type);
  CheckSizes("SwiGluBackward", {a.tokens, a.width});
  CheckWidth("SwiGluBackward", a.width);
  CheckPointers("SwiGluBackward", {a.gate_up, a.dy, a.dgate_up});
  cuda::SwiGluBackward(Enqueue(stream), a);
}

void CudaOps::Embedding(Stream& stream, const EmbeddingArgs& a) {
  CheckType("Embedding", a.type);
  CheckSizes("Embedding", {a.tokens, a.width, a.vocab});
  CheckWidth("Embedding", a.width);
  CheckPointers("Embedding", {a.ids, a.table, a.y});
  cuda::Embedding(Enqueue(stream), a);
}

void CudaOps::EmbeddingBackward(Stream& stream, const EmbeddingBackwardArgs& a) {
  CheckType("EmbeddingBackward", a.type);
  CheckSizes("EmbeddingBackward", {a.tokens, a.width, a.vocab});
  CheckWidth("EmbeddingBackward", a.width);
  CheckPointers("EmbeddingBackward", {a.ids, a.dy, a.dtable});
  cuda::EmbeddingBackward(Enqueue(stream), a, Scratch("EmbeddingBackward", EmbeddingBackwardBytes(a.tokens, a.vocab)));
}

void CudaOps::CrossEntropy(Stream& stream, const CrossEntropyArgs& a) {
  CheckType("CrossEntropy", a.type);
  CheckSizes("CrossEntropy", {a.rows, a.vocab});
  CheckPointers("CrossEntropy", {a.logits, a.targets, a.nll});
  if (a.dlogits != nullptr) CheckPointers("CrossEntropy", {a.weights});
  cuda::CrossEntropy(Enqueue(stream), a);
}

void CudaOps::Cast(Stream& stream, const CastArgs& a) {
  CheckType("Cast", a.x_type);
  CheckType("Cast", a.y_type);
  CheckSizes("Cast", {a.n});
  CheckPointers("Cast", {a.x, a.y});
  cuda::Cast(Enqueue(stream), a);
}

size_t CudaWorkspaceBytes(const OpShapes& s) {
  const int64_t qkv = CheckedMul(s.heads + 2 * s.kv_heads, s.head_dim);
  size_t most = std::max({kProductWorkspaceBytes, AttentionWorkspaceBytes(s), TileAttentionBackwardBytes(s.tokens, s.heads),
                          RmsNormBackwardBytes(s.tokens, s.hidden), EmbeddingBackwardBytes(s.tokens, s.vocab),
                          QkRotaryBackwardBytes(s.tokens, s.heads, s.kv_heads, s.head_dim)});
  for (const int64_t width : {qkv, s.hidden, 2 * s.intermediate}) most = std::max(most, ColumnSumsBytes(s.tokens, width));
  return static_cast<size_t>(RoundUp(static_cast<int64_t>(most), 4096));
}

}  // namespace hlm::cuda
