#include "core/device/product_calls.h"

namespace hlm {

std::vector<Call> ProductCalls(const OpShapes& s) {
  static std::byte given{};
  std::vector<Call> calls;
  const auto linear = [&](int64_t tokens, int64_t in, int64_t out, bool bias, bool addend, DType y_type) {
    calls.push_back(LinearArgs{.type = s.type,
                               .y_type = y_type,
                               .tokens = tokens,
                               .in = in,
                               .out = out,
                               .bias = bias ? &given : nullptr,
                               .addend = addend ? &given : nullptr});
    calls.push_back(LinearBackwardInputArgs{.type = s.type, .tokens = tokens, .in = in, .out = out});
    for (const bool accumulate : {false, true}) {
      calls.push_back(LinearBackwardWeightArgs{.type = s.type, .tokens = tokens, .in = in, .out = out, .accumulate = accumulate});
    }
  };
  const int64_t query = s.heads * s.head_dim, qkv = query + 2 * s.kv_heads * s.head_dim;
  linear(s.tokens, s.hidden, qkv, s.qkv_bias, false, s.type);
  linear(s.tokens, query, s.hidden, s.o_bias, true, s.type);
  linear(s.tokens, s.hidden, 2 * s.intermediate, s.mlp_bias, false, s.type);
  linear(s.tokens, s.intermediate, s.hidden, s.mlp_bias, true, s.type);
  linear(s.head_chunk, s.hidden, s.vocab, false, false, DType::kF32);
  return calls;
}

}  // namespace hlm
