#include "core/cpu/workspace.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/cpu/attention.h"
#include "core/cpu/cpu_device.h"
#include "core/cpu/kernels.h"
#include "core/cpu/product.h"

namespace hlm {
namespace {

size_t Bytes(size_t floats) { return floats * sizeof(float); }

}  // namespace

// The bf16 products count as converted ones also where the processor has bf16: a plan is then the same for every processor.
size_t WorkspaceBytes(const LinearArgs& args) {
  if (args.type == DType::kF32) return 0;
  return Bytes(args.y_type == DType::kF32 ? ConvertedProductFloats(args.tokens, args.out, args.in)
                                          : ConvertedRoundedProductFloats(args.tokens, args.out, args.in));
}
size_t WorkspaceBytes(const LinearBackwardInputArgs& args) {
  return args.type == DType::kF32 ? 0 : Bytes(ConvertedRoundedProductFloats(args.tokens, args.in, args.out));
}
size_t WorkspaceBytes(const LinearBackwardWeightArgs& args) {
  return args.type == DType::kF32 ? 0 : Bytes(ConvertedProductFloats(args.out, args.in, args.tokens));
}
size_t WorkspaceBytes(const RmsNormBackwardArgs& args) { return Bytes(RmsNormBackwardFloats(args.rows, args.width)); }
size_t WorkspaceBytes(const QkRotaryBackwardArgs& args) {
  return args.q_norm == nullptr ? 0 : Bytes(QkRotaryBackwardFloats(args.tokens, args.head_dim));
}
size_t WorkspaceBytes(const AttentionArgs& args, int64_t threads) {
  return Bytes(AttentionFloats(args.type, args.head_dim, threads));
}
size_t WorkspaceBytes(const AttentionBackwardArgs& args, int64_t threads) {
  return Bytes(AttentionBackwardFloats(args.type, args.documents.longest, args.head_dim, threads));
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
    most = std::max({most, WorkspaceBytes(forward), WorkspaceBytes(input), WorkspaceBytes(weight)});
  };
  const int64_t query_width = CheckedMul(s.heads, s.head_dim);
  linear(s.tokens, s.hidden, CheckedAdd(query_width, CheckedMul(2 * s.kv_heads, s.head_dim)), s.type);
  linear(s.tokens, query_width, s.hidden, s.type);
  linear(s.tokens, s.hidden, CheckedMul(2, s.intermediate), s.type);
  linear(s.tokens, s.intermediate, s.hidden, s.type);
  linear(s.head_chunk, s.hidden, s.vocab, DType::kF32);
  most = std::max({most, Bytes(RmsNormBackwardFloats(s.tokens, s.hidden)), Bytes(QkRotaryBackwardFloats(s.tokens, s.head_dim)),
                   Bytes(AttentionFloats(s.type, s.head_dim, s.threads)),
                   Bytes(AttentionBackwardFloats(s.type, s.longest_document, s.head_dim, s.threads))});
  return static_cast<size_t>(RoundUp(static_cast<int64_t>(most), 4096));
}

}  // namespace hlm
