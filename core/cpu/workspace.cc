// How much scratch each operation takes of the compute stream's workspace. Pure; never falls when a dimension grows, so that the
// largest shapes of a plan bound all others.

#include <algorithm>

#include "core/base/checked.h"
#include "core/cpu/attention.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/kernels.h"
#include "core/cpu/product.h"

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
// The others take none.
size_t BytesOf(const RmsNormArgs&, int64_t) { return 0; }
size_t BytesOf(const QkRotaryArgs&, int64_t) { return 0; }
size_t BytesOf(const NormArgs&, int64_t) { return 0; }
size_t BytesOf(const RotaryArgs&, int64_t) { return 0; }
size_t BytesOf(const SumHeadsArgs&, int64_t) { return 0; }
size_t BytesOf(const ActivateArgs&, int64_t) { return 0; }
size_t BytesOf(const ClampedGluArgs&, int64_t) { return 0; }
size_t BytesOf(const ClampedGluBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const ScaleAddArgs&, int64_t) { return 0; }
size_t BytesOf(const CapLogitsArgs&, int64_t) { return 0; }
size_t BytesOf(const SwiGluArgs&, int64_t) { return 0; }
size_t BytesOf(const SwiGluBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const EmbeddingArgs&, int64_t) { return 0; }
size_t BytesOf(const EmbeddingBackwardArgs&, int64_t) { return 0; }
size_t BytesOf(const CastArgs&, int64_t) { return 0; }

}  // namespace

size_t CpuWorkspaceBytes(const Call& call, int64_t threads) {
  return std::visit([&](const auto& args) { return BytesOf(args, threads); }, call);
}

size_t CpuWorkspaceBytes(const OpShapes& s) {
  size_t most = 0;
  const auto linear = [&](int64_t tokens, int64_t in, int64_t out, DType y_type) {
    LinearArgs forward;
    forward.type = s.type;
    forward.y_type = y_type;
    LinearBackwardInputArgs input;
    LinearBackwardWeightArgs weight;
    input.type = weight.type = s.type;
    forward.tokens = input.tokens = weight.tokens = tokens;
    forward.in = input.in = weight.in = in;
    forward.out = input.out = weight.out = out;
    most = std::max({most, BytesOf(forward, s.threads), BytesOf(input, s.threads), BytesOf(weight, s.threads)});
  };
  const int64_t query_width = CheckedMul(s.heads, s.head_dim);
  linear(s.tokens, s.hidden, CheckedAdd(query_width, CheckedMul(2 * s.kv_heads, s.head_dim)), s.type);
  linear(s.tokens, query_width, s.hidden, s.type);
  linear(s.tokens, s.hidden, CheckedMul(2, s.intermediate), s.type);
  linear(s.tokens, s.intermediate, s.hidden, s.type);
  linear(s.head_chunk, s.hidden, s.vocab, DType::kF32);
  ViewAttentionArgs forward;
  ViewAttentionBackwardArgs backward;
  forward.type = backward.type = s.type;
  forward.head_dim = forward.value_dim = backward.head_dim = backward.value_dim = s.head_dim;
  backward.documents.longest = s.longest_document;
  most = std::max({most, Bytes(RmsNormBackwardFloats(s.tokens, s.hidden)), Bytes(QkRotaryBackwardFloats(s.tokens, s.head_dim)),
                   BytesOf(forward, s.threads), BytesOf(backward, s.threads)});
  return static_cast<size_t>(RoundUp(static_cast<int64_t>(most), 4096));
}

}  // namespace hlm
