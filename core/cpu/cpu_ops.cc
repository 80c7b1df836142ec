#include "core/cpu/cpu_ops.h"

#include "core/base/error.h"
#include "core/cpu/attention.h"
#include "core/cpu/kernels.h"
#include "core/cpu/linear.h"
#include "core/cpu/workspace.h"
#include "core/device/arguments.h"

namespace hlm {
namespace {

CpuStream& Cpu(Stream& stream) { return static_cast<CpuStream&>(stream); }

size_t Elements(int64_t n, DType type) { return static_cast<size_t>(n) * SizeOf(type); }
size_t Floats(int64_t n) { return static_cast<size_t>(n) * sizeof(float); }
size_t Ints(int64_t n) { return static_cast<size_t>(n) * sizeof(int32_t); }

}  // namespace

void CpuOps::SetWorkspace(void* data, size_t bytes) {
  workspace_ = data;
  workspace_bytes_ = bytes;
}

float* CpuOps::Scratch(const char* operation, size_t bytes) const {
  if (bytes == 0) return nullptr;
  if (bytes > workspace_bytes_) throw Internal(operation, " needs ", bytes, " bytes of workspace, there are ", workspace_bytes_);
  return static_cast<float*>(workspace_);
}

void CpuOps::Linear(Stream& stream, const LinearArgs& a) {
  CheckType("Linear", a.type);
  HLM_CHECK(a.y_type == a.type || a.y_type == DType::kF32, "Linear of ", Name(a.type), " with a result of ", Name(a.y_type));
  CheckSizes("Linear", {a.tokens, a.in, a.out});
  CheckPointers("Linear", {a.x, a.w, a.y});
  const size_t bytes = WorkspaceBytes(a);
  float* scratch = Scratch("Linear", bytes);
  Cpu(stream).Enqueue(
      {Reads("Linear.x", a.x, Elements(a.tokens * a.in, a.type)), Reads("Linear.w", a.w, Elements(a.out * a.in, a.type)),
       Reads("Linear.bias", a.bias, Elements(a.out, a.type)),
       Reads("Linear.addend", a.addend, Elements(a.tokens * a.out, a.y_type)), Writes("workspace", scratch, bytes),
       Writes("Linear.y", a.y, Elements(a.tokens * a.out, a.y_type))},
      [=] { RunLinear(a, scratch); });
}

void CpuOps::LinearBackwardInput(Stream& stream, const LinearBackwardInputArgs& a) {
  CheckType("LinearBackwardInput", a.type);
  CheckSizes("LinearBackwardInput", {a.tokens, a.in, a.out});
  CheckPointers("LinearBackwardInput", {a.dy, a.w, a.dx});
  const size_t bytes = WorkspaceBytes(a);
  float* scratch = Scratch("LinearBackwardInput", bytes);
  Cpu(stream).Enqueue({Reads("LinearBackwardInput.dy", a.dy, Elements(a.tokens * a.out, a.type)),
                       Reads("LinearBackwardInput.w", a.w, Elements(a.out * a.in, a.type)), Writes("workspace", scratch, bytes),
                       Writes("LinearBackwardInput.dx", a.dx, Elements(a.tokens * a.in, a.type))},
                      [=] { RunLinearBackwardInput(a, scratch); });
}

void CpuOps::LinearBackwardWeight(Stream& stream, const LinearBackwardWeightArgs& a) {
  CheckType("LinearBackwardWeight", a.type);
  CheckSizes("LinearBackwardWeight", {a.tokens, a.in, a.out});
  CheckPointers("LinearBackwardWeight", {a.dy, a.x, a.dw});
  const size_t bytes = WorkspaceBytes(a);
  float* scratch = Scratch("LinearBackwardWeight", bytes);
  Cpu(stream).Enqueue({Reads("LinearBackwardWeight.dy", a.dy, Elements(a.tokens * a.out, a.type)),
                       Reads("LinearBackwardWeight.x", a.x, Elements(a.tokens * a.in, a.type)),
                       Writes("workspace", scratch, bytes), Writes("LinearBackwardWeight.dw", a.dw, Floats(a.out * a.in)),
                       Writes("LinearBackwardWeight.dbias", a.dbias, Floats(a.out))},
                      [=] { RunLinearBackwardWeight(a, scratch); });
}

void CpuOps::RmsNorm(Stream& stream, const RmsNormArgs& a) {
  CheckType("RmsNorm", a.type);
  CheckSizes("RmsNorm", {a.rows, a.width});
  CheckPointers("RmsNorm", {a.x, a.w, a.y, a.rstd});
  const size_t all = Elements(a.rows * a.width, a.type);
  Cpu(stream).Enqueue({Reads("RmsNorm.x", a.x, all), Reads("RmsNorm.w", a.w, Elements(a.width, a.type)),
                       Writes("RmsNorm.y", a.y, all), Writes("RmsNorm.rstd", a.rstd, Floats(a.rows))},
                      [=] { RmsNormKernel(a); });
}

void CpuOps::RmsNormBackward(Stream& stream, const RmsNormBackwardArgs& a) {
  CheckType("RmsNormBackward", a.type);
  CheckSizes("RmsNormBackward", {a.rows, a.width});
  CheckPointers("RmsNormBackward", {a.x, a.w, a.rstd, a.dy, a.dx, a.dw});
  const size_t all = Elements(a.rows * a.width, a.type), bytes = WorkspaceBytes(a);
  float* scratch = Scratch("RmsNormBackward", bytes);
  Cpu(stream).Enqueue({Reads("RmsNormBackward.x", a.x, all), Reads("RmsNormBackward.w", a.w, Elements(a.width, a.type)),
                       Reads("RmsNormBackward.rstd", a.rstd, Floats(a.rows)), Reads("RmsNormBackward.dy", a.dy, all),
                       Reads("RmsNormBackward.residual", a.residual, all), Writes("workspace", scratch, bytes),
                       Writes("RmsNormBackward.dx", a.dx, all), Writes("RmsNormBackward.dw", a.dw, Floats(a.width))},
                      [=] { RmsNormBackwardKernel(a, scratch); });
}

void CpuOps::QkRotary(Stream& stream, const QkRotaryArgs& a) {
  CheckType("QkRotary", a.type);
  CheckSizes("QkRotary", {a.tokens, a.heads, a.kv_heads, a.head_dim});
  CheckPointers("QkRotary", {a.qkv, a.positions, a.table});
  CheckHeads("QkRotary", a.heads, a.kv_heads);
  HLM_CHECK(a.head_dim % 2 == 0, "QkRotary with an odd head_dim of ", a.head_dim);
  if (a.q_norm != nullptr) CheckPointers("QkRotary", {a.k_norm, a.qk_raw, a.qk_rstd});
  const int64_t turned = a.heads + a.kv_heads;
  // The table's length is not known here: it is never written while a model runs, and not declared.
  Cpu(stream).Enqueue(
      {Reads("QkRotary.positions", a.positions, Ints(a.tokens)), Reads("QkRotary.q_norm", a.q_norm, Elements(a.head_dim, a.type)),
       Reads("QkRotary.k_norm", a.k_norm, Elements(a.head_dim, a.type)),
       Writes("QkRotary.qkv", a.qkv, Elements(a.tokens * (turned + a.kv_heads) * a.head_dim, a.type)),
       Writes("QkRotary.qk_raw", a.qk_raw, Elements(a.tokens * turned * a.head_dim, a.type)),
       Writes("QkRotary.qk_rstd", a.qk_rstd, Floats(a.tokens * turned))},
      [=] { QkRotaryKernel(a); });
}

void CpuOps::QkRotaryBackward(Stream& stream, const QkRotaryBackwardArgs& a) {
  CheckType("QkRotaryBackward", a.type);
  CheckSizes("QkRotaryBackward", {a.tokens, a.heads, a.kv_heads, a.head_dim});
  CheckPointers("QkRotaryBackward", {a.dqkv, a.positions, a.table});
  CheckHeads("QkRotaryBackward", a.heads, a.kv_heads);
  HLM_CHECK(a.head_dim % 2 == 0, "QkRotaryBackward with an odd head_dim of ", a.head_dim);
  if (a.q_norm != nullptr) CheckPointers("QkRotaryBackward", {a.k_norm, a.qk_raw, a.qk_rstd, a.dq_norm, a.dk_norm});
  const size_t bytes = WorkspaceBytes(a);
  float* scratch = Scratch("QkRotaryBackward", bytes);
  const int64_t turned = a.heads + a.kv_heads;
  Cpu(stream).Enqueue(
      {Reads("QkRotaryBackward.positions", a.positions, Ints(a.tokens)),
       Reads("QkRotaryBackward.q_norm", a.q_norm, Elements(a.head_dim, a.type)),
       Reads("QkRotaryBackward.k_norm", a.k_norm, Elements(a.head_dim, a.type)),
       Reads("QkRotaryBackward.qk_raw", a.qk_raw, Elements(a.tokens * turned * a.head_dim, a.type)),
       Reads("QkRotaryBackward.qk_rstd", a.qk_rstd, Floats(a.tokens * turned)), Writes("workspace", scratch, bytes),
       Writes("QkRotaryBackward.dqkv", a.dqkv, Elements(a.tokens * (turned + a.kv_heads) * a.head_dim, a.type)),
       Writes("QkRotaryBackward.dq_norm", a.dq_norm, Floats(a.head_dim)),
       Writes("QkRotaryBackward.dk_norm", a.dk_norm, Floats(a.head_dim))},
      [=] { QkRotaryBackwardKernel(a, scratch); });
}

void CpuOps::Attention(Stream& stream, const AttentionArgs& a) {
  CheckType("Attention", a.type);
  CheckSizes("Attention", {a.tokens, a.heads, a.kv_heads, a.head_dim});
  CheckPointers("Attention", {a.qkv, a.out, a.lse});
  CheckHeads("Attention", a.heads, a.kv_heads);
  CheckDocuments("Attention", a.documents, a.tokens);
  const int64_t threads = context_->threads;
  const size_t bytes = WorkspaceBytes(a, threads);
  float* scratch = Scratch("Attention", bytes);
  const size_t offsets = Ints(a.documents.count + 1);
  Cpu(stream).Enqueue({Reads("Attention.qkv", a.qkv, Elements(a.tokens * (a.heads + 2 * a.kv_heads) * a.head_dim, a.type)),
                       Reads("Attention.offsets", a.documents.offsets, offsets),
                       Reads("Attention.host_offsets", a.documents.host_offsets, offsets), Writes("workspace", scratch, bytes),
                       Writes("Attention.out", a.out, Elements(a.tokens * a.heads * a.head_dim, a.type)),
                       Writes("Attention.lse", a.lse, Floats(a.tokens * a.heads))},
                      [=] { RunAttention(a, threads, scratch); });
}

void CpuOps::AttentionBackward(Stream& stream, const AttentionBackwardArgs& a) {
  CheckType("AttentionBackward", a.type);
  CheckSizes("AttentionBackward", {a.tokens, a.heads, a.kv_heads, a.head_dim});
  CheckPointers("AttentionBackward", {a.qkv, a.out, a.dout, a.lse, a.dqkv});
  CheckHeads("AttentionBackward", a.heads, a.kv_heads);
  CheckDocuments("AttentionBackward", a.documents, a.tokens);
  const int64_t threads = context_->threads;
  const size_t bytes = WorkspaceBytes(a, threads);
  float* scratch = Scratch("AttentionBackward", bytes);
  const size_t offsets = Ints(a.documents.count + 1);
  const size_t qkv = Elements(a.tokens * (a.heads + 2 * a.kv_heads) * a.head_dim, a.type);
  const size_t out = Elements(a.tokens * a.heads * a.head_dim, a.type);
  Cpu(stream).Enqueue(
      {Reads("AttentionBackward.qkv", a.qkv, qkv), Reads("AttentionBackward.offsets", a.documents.offsets, offsets),
       Reads("AttentionBackward.host_offsets", a.documents.host_offsets, offsets), Reads("AttentionBackward.out", a.out, out),
       Reads("AttentionBackward.dout", a.dout, out), Reads("AttentionBackward.lse", a.lse, Floats(a.tokens * a.heads)),
       Writes("workspace", scratch, bytes), Writes("AttentionBackward.dqkv", a.dqkv, qkv)},
      [=] { RunAttentionBackward(a, threads, scratch); });
}

void CpuOps::SwiGlu(Stream& stream, const SwiGluArgs& a) {
  CheckType("SwiGlu", a.type);
  CheckSizes("SwiGlu", {a.tokens, a.width});
  CheckPointers("SwiGlu", {a.gate_up, a.y});
  Cpu(stream).Enqueue({Reads("SwiGlu.gate_up", a.gate_up, Elements(a.tokens * 2 * a.width, a.type)),
                       Writes("SwiGlu.y", a.y, Elements(a.tokens * a.width, a.type))},
                      [=] { SwiGluKernel(a); });
}

void CpuOps::SwiGluBackward(Stream& stream, const SwiGluBackwardArgs& a) {
  CheckType("SwiGluBackward", a.type);
  CheckSizes("SwiGluBackward", {a.tokens, a.width});
  CheckPointers("SwiGluBackward", {a.gate_up, a.dy, a.dgate_up});
  Cpu(stream).Enqueue({Reads("SwiGluBackward.gate_up", a.gate_up, Elements(a.tokens * 2 * a.width, a.type)),
                       Reads("SwiGluBackward.dy", a.dy, Elements(a.tokens * a.width, a.type)),
                       Writes("SwiGluBackward.dgate_up", a.dgate_up, Elements(a.tokens * 2 * a.width, a.type))},
                      [=] { SwiGluBackwardKernel(a); });
}

void CpuOps::Embedding(Stream& stream, const EmbeddingArgs& a) {
  CheckType("Embedding", a.type);
  CheckSizes("Embedding", {a.tokens, a.width, a.vocab});
  CheckPointers("Embedding", {a.ids, a.table, a.y});
  Cpu(stream).Enqueue(
      {Reads("Embedding.ids", a.ids, Ints(a.tokens)), Reads("Embedding.table", a.table, Elements(a.vocab * a.width, a.type)),
       Writes("Embedding.y", a.y, Elements(a.tokens * a.width, a.type))},
      [=] { EmbeddingKernel(a); });
}

void CpuOps::EmbeddingBackward(Stream& stream, const EmbeddingBackwardArgs& a) {
  CheckType("EmbeddingBackward", a.type);
  CheckSizes("EmbeddingBackward", {a.tokens, a.width, a.vocab});
  CheckPointers("EmbeddingBackward", {a.ids, a.dy, a.dtable});
  Cpu(stream).Enqueue({Reads("EmbeddingBackward.ids", a.ids, Ints(a.tokens)),
                       Reads("EmbeddingBackward.dy", a.dy, Elements(a.tokens * a.width, a.type)),
                       Writes("EmbeddingBackward.dtable", a.dtable, Floats(a.vocab * a.width))},
                      [=] { EmbeddingBackwardKernel(a); });
}

void CpuOps::CrossEntropy(Stream& stream, const CrossEntropyArgs& a) {
  CheckType("CrossEntropy", a.type);
  CheckSizes("CrossEntropy", {a.rows, a.vocab});
  CheckPointers("CrossEntropy", {a.logits, a.targets, a.nll});
  if (a.dlogits != nullptr) CheckPointers("CrossEntropy", {a.weights});
  const int64_t all = a.rows * a.vocab;
  Cpu(stream).Enqueue(
      {Reads("CrossEntropy.logits", a.logits, Floats(all)), Reads("CrossEntropy.targets", a.targets, Ints(a.rows)),
       Reads("CrossEntropy.weights", a.weights, Floats(a.rows)),
       Reads("CrossEntropy.entropy_weights", a.entropy_weights, Floats(a.rows)), Writes("CrossEntropy.nll", a.nll, Floats(a.rows)),
       Writes("CrossEntropy.entropies", a.entropies, Floats(a.rows)), Writes("CrossEntropy.best", a.best, Floats(a.rows)),
       Writes("CrossEntropy.dlogits", a.dlogits, Elements(all, a.type))},
      [=] { CrossEntropyKernel(a); });
}

void CpuOps::Cast(Stream& stream, const CastArgs& a) {
  CheckType("Cast", a.x_type);
  CheckType("Cast", a.y_type);
  CheckSizes("Cast", {a.n});
  CheckPointers("Cast", {a.x, a.y});
  Cpu(stream).Enqueue({Reads("Cast.x", a.x, Elements(a.n, a.x_type)), Writes("Cast.y", a.y, Elements(a.n, a.y_type))},
                      [=] { CastKernel(a); });
}

}  // namespace hlm
