// The calls of one micro-batch that want workspace, for shapes given as numbers.
#ifndef HORIZON_LM_TESTS_SUPPORT_STEP_CALLS_H_
#define HORIZON_LM_TESTS_SUPPORT_STEP_CALLS_H_

#include <algorithm>
#include <vector>

#include "core/base/checked.h"
#include "core/device/ops.h"

namespace hlm {

// Of a plain block and head.
struct StepShapes {
  DType type = DType::kF32;
  int64_t tokens = 0;            // of a micro-batch
  int64_t longest_document = 0;  // tokens
  int64_t hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate = 0, vocab = 0;
  int64_t head_chunk = 0;  // rows of logits at a time
  int64_t threads = 1;     // of the compute team (CPU device)
};

inline std::vector<Call> StepCalls(const StepShapes& s) {
  static float given = 0;
  std::vector<Call> calls;
  const auto linear = [&](int64_t tokens, int64_t in, int64_t out, DType y_type) {
    calls.push_back(LinearArgs{.type = s.type, .y_type = y_type, .tokens = tokens, .in = in, .out = out});
    calls.push_back(LinearBackwardInputArgs{.type = s.type, .tokens = tokens, .in = in, .out = out});
    calls.push_back(LinearBackwardWeightArgs{.type = s.type, .tokens = tokens, .in = in, .out = out, .dbias = &given});
  };
  const int64_t query = CheckedMul(s.heads, s.head_dim);
  linear(s.tokens, s.hidden, CheckedAdd(query, CheckedMul(2 * s.kv_heads, s.head_dim)), s.type);
  linear(s.tokens, query, s.hidden, s.type);
  linear(s.tokens, s.hidden, CheckedMul(2, s.intermediate), s.type);
  linear(s.tokens, s.intermediate, s.hidden, s.type);
  linear(s.head_chunk, s.hidden, s.vocab, DType::kF32);
  const Documents documents{.count = 1, .longest = s.longest_document};
  calls.push_back(RmsNormBackwardArgs{.type = s.type, .rows = s.tokens, .width = s.hidden});
  calls.push_back(QkRotaryBackwardArgs{
      .type = s.type, .tokens = s.tokens, .heads = s.heads, .kv_heads = s.kv_heads, .head_dim = s.head_dim, .q_norm = &given});
  calls.push_back(AttentionArgs{.type = s.type,
                                .tokens = s.tokens,
                                .heads = s.heads,
                                .kv_heads = s.kv_heads,
                                .head_dim = s.head_dim,
                                .documents = documents});
  calls.push_back(AttentionBackwardArgs{.type = s.type,
                                        .tokens = s.tokens,
                                        .heads = s.heads,
                                        .kv_heads = s.kv_heads,
                                        .head_dim = s.head_dim,
                                        .documents = documents});
  calls.push_back(EmbeddingBackwardArgs{.type = s.type, .tokens = s.tokens, .width = s.hidden, .vocab = s.vocab});
  return calls;
}

// The most that any of them wants. of(call): what one does.
template <class Of>
size_t StepWorkspace(const StepShapes& shapes, const Of& of) {
  size_t most = 0;
  for (const Call& call : StepCalls(shapes)) most = std::max(most, of(call));
  return static_cast<size_t>(RoundUp(static_cast<int64_t>(most), 4096));
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_SUPPORT_STEP_CALLS_H_
